// What signed-in clients cost that do nothing: memory of the node for each, and its CPU.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/load/node_cluster.hpp"
#include "bench/load/session_farm.hpp"

namespace {

using namespace godwit;
using namespace godwit::bench;

struct options {
  farm_options farm{.connections = 10'000, .keys = 0, .accounts = 0};
  unsigned nodes = 1;
  double settle_seconds = 90;
  double seconds = 30;
  double ping_seconds = 60;
  bool resume = false;
  std::filesystem::path folder = std::filesystem::temp_directory_path();
  std::vector<std::string> settings;
  std::vector<std::string> wrapper;
};

void print(const char* name, double value) {
  std::printf("%s %.2f\n", name, value);
  std::fflush(stdout);
}

double megabytes(std::size_t bytes) { return static_cast<double>(bytes) / 1e6; }

double load_average() {
  double load = 0;
  ::getloadavg(&load, 1);
  return load;
}

int run(const options& opts) {
  raise_open_files();
  std::vector<std::string> settings = {"auth.codes_per_number_day=10000"};
  settings.insert(settings.end(), opts.settings.begin(), opts.settings.end());
  node_cluster node({.parent = opts.folder, .nodes = opts.nodes, .settings = settings, .wrapper = opts.wrapper});
  socket_loop loop;
  const auto idle_cpu = [&] {
    const cluster_cpu meter(node);
    loop.run_for(std::chrono::duration<double>(opts.seconds));
    return meter.percent();
  };

  loop.run_for(std::chrono::seconds(3)); // first flushes
  process_figures fresh = node.figures();
  print("fresh_rss_mb", megabytes(fresh.rss_bytes));
  print("fresh_anonymous_mb", megabytes(fresh.anonymous_bytes));
  print("fresh_idle_cpu_percent", idle_cpu());
  if (opts.farm.connections == 0) {
    return 0;
  }

  session_farm farm(loop, node.layout().target(), opts.farm);
  const cluster_cpu signing_in(node);
  try {
    farm.sign_in_all();
  } catch (const std::exception&) {
    std::fprintf(stderr, "%s\n", node.condition().c_str());
    throw;
  }
  print("signed_in", farm.signed_in());
  print("sign_in_seconds", signing_in.elapsed());
  print("sign_in_cpu_ms_each", signing_in.seconds() * 1e3 / farm.signed_in());
  if (opts.resume) {
    farm.disconnect_all();
    for (unsigned each = 1; each <= node.nodes(); ++each) {
      node.stop(each);
    }
    for (unsigned each = 1; each <= node.nodes(); ++each) {
      node.start(each);
    }
    for (unsigned each = 1; each <= node.nodes(); ++each) {
      node.wait_ready(each);
    }
    loop.run_for(std::chrono::seconds(3));
    fresh = node.figures();
    const cluster_cpu resuming(node);
    farm.resume_all();
    print("resume_seconds", resuming.elapsed());
    print("resume_cpu_ms_each", resuming.seconds() * 1e3 / farm.signed_in());
  }
  farm.ping_every(opts.ping_seconds);
  loop.run_for(std::chrono::duration<double>(opts.settle_seconds));

  const process_figures settled = node.figures();
  const auto each = [&](std::size_t now, std::size_t before) {
    return (static_cast<double>(now) - static_cast<double>(before)) / farm.signed_in();
  };
  print("rss_bytes_per_session", each(settled.rss_bytes, fresh.rss_bytes));
  print("anonymous_bytes_per_session", each(settled.anonymous_bytes, fresh.anonymous_bytes));
  print("rss_mb", megabytes(settled.rss_bytes));
  print("idle_cpu_percent_pinging", idle_cpu());
  farm.ping_every(0);
  loop.run_for(std::chrono::seconds(2));
  print("idle_cpu_percent_silent", idle_cpu());
  print("sessions_at_the_end", node.metric("godwit_sessions"));
  print("entities_at_the_end", node.metric("godwit_entities"));
  print("connections_lost", farm.lost());
  print("load_average", load_average());
  return farm.lost() == 0 ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
  options opts;
  CLI::App app{
    "Signs clients in at nodes of its own, leaves them idle, and measures what the nodes spend on them: memory "
    "for each session (with and without mapped files), CPU in percent of one core with no client at all, with "
    "clients that ping, and with silent ones."};
  app
    .add_option("--connections", opts.farm.connections, "Sessions, each on a connection of its own; 0: the nodes alone")
    ->check(CLI::Range(0, 200'000))
    ->capture_default_str();
  app.add_option("--nodes", opts.nodes, "Nodes of the cluster; figures are sums over them")
    ->check(CLI::Range(1, 9))
    ->capture_default_str();
  app.add_option("--accounts", opts.farm.accounts, "Accounts they belong to; 0: one for four sessions")
    ->capture_default_str();
  app
    .add_option("--keys", opts.farm.keys,
                "Authorization keys they share, at most 64 sessions each; 0: one for each session")
    ->capture_default_str();
  app.add_option("--at-once", opts.farm.at_once, "Clients that sign in side by side")->capture_default_str();
  app
    .add_option("--settle", opts.settle_seconds,
                "Seconds from the last sign-in to the measurement of memory; after 60 keys and phone numbers that "
                "nobody asks for have left it")
    ->capture_default_str();
  app.add_option("--seconds", opts.seconds, "Length of each measurement of CPU")->capture_default_str();
  app.add_option("--ping", opts.ping_seconds, "Seconds between two pings of a client")->capture_default_str();
  app.add_flag("--resume", opts.resume,
               "Restarts the node when all are signed in, and measures what it is like when they have come back");
  app.add_option("--folder", opts.folder, "Where the node's data goes")->capture_default_str();
  app.add_option("--set", opts.settings, "More settings of the node, section.key=value");
  app.add_option("--under", opts.wrapper, "A program to run the node under, and its arguments");
  CLI11_PARSE(app, argc, argv);
  if (opts.farm.accounts == 0) {
    opts.farm.accounts = (opts.farm.connections + 3) / 4;
  }
  try {
    return run(opts);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
