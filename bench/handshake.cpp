// Key exchanges: how many a node makes in a second, what each costs it, and what a flood of them does to clients that
// are signed in.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "bench/load/key_flood.hpp"
#include "bench/load/node_process.hpp"
#include "bench/load/session_farm.hpp"

namespace {

using namespace godwit;
using namespace godwit::bench;

struct options {
  farm_options farm{.connections = 200, .keys = 0, .accounts = 50};
  double ping_seconds = 0.5;
  unsigned flood_threads = 1;
  std::uint32_t flood_at_once = 64;
  double seconds = 10;
  int rounds = 3;
  std::filesystem::path folder = std::filesystem::temp_directory_path();
  std::vector<std::string> settings;
};

/// A stretch of time with or without a flood.
struct stretch {
  double p50_ms = 0;
  double p99_ms = 0;
  double cpu_per_second = 0;
  double exchanges_per_second = 0;
  double failed_per_second = 0;
  double pool_ms_per_exchange = 0;
  double client_ms_per_exchange = 0;
};

void print(const char* name, double value) { std::printf("%s %.3f\n", name, value); }

/// The best of several, for other work on the machine makes figures worse and never better.
template <class Rounds, class Member>
double least(const Rounds& rounds, Member member) {
  double found = std::numeric_limits<double>::max();
  for (const stretch& each : rounds) {
    found = std::min(found, each.*member);
  }
  return found;
}

class measurement {
public:
  measurement(const options& opts, node_process& node)
      : opts_(opts), node_(node), farm_(loop_, {.port = node.port(), .server_key = node.key()}, opts.farm) {}

  void prepare() {
    farm_.sign_in_all();
    farm_.ping_every(opts_.ping_seconds, [this](double seconds) { pings_.push_back(seconds * 1e3); });
    loop_.run_for(std::chrono::seconds(2));
  }

  stretch quiet() {
    stretch found;
    run(found);
    return found;
  }

  stretch flooded() {
    stretch found;
    key_flood flood({.port = node_.port(), .server_key = node_.key()}, opts_.flood_threads, opts_.flood_at_once);
    loop_.run_for(std::chrono::seconds(1)); // until exchanges are in every step
    const double pool_before = pool_seconds();
    const double client_before = flood.client_seconds();
    const std::uint64_t before = flood.made();
    const std::uint64_t failed_before = flood.failed();
    const double elapsed = run(found);
    const auto made = static_cast<double>(flood.made() - before);
    found.exchanges_per_second = made / elapsed;
    found.failed_per_second = static_cast<double>(flood.failed() - failed_before) / elapsed;
    found.pool_ms_per_exchange = (pool_seconds() - pool_before) * 1e3 / made;
    found.client_ms_per_exchange = (flood.client_seconds() - client_before) * 1e3 / made;
    return found;
  }

  void settle() { loop_.run_for(std::chrono::seconds(2)); }
  [[nodiscard]] std::uint32_t lost() const { return farm_.lost(); }

private:
  [[nodiscard]] double pool_seconds() const { return node_.metric("godwit_handshake_cpu_seconds_total"); }

  double run(stretch& found) {
    pings_.clear();
    const cpu_meter meter(node_.pid());
    loop_.run_for(std::chrono::duration<double>(opts_.seconds));
    const double elapsed = meter.elapsed();
    found.cpu_per_second = meter.seconds() / elapsed;
    found.p50_ms = quantile(pings_, 0.5);
    found.p99_ms = quantile(pings_, 0.99);
    return elapsed;
  }

  const options& opts_;
  node_process& node_;
  socket_loop loop_;
  std::vector<double> pings_;
  session_farm farm_;
};

int run(const options& opts) {
  raise_open_files();
  std::vector<std::string> settings = {"auth.codes_per_number_day=10000"};
  settings.insert(settings.end(), opts.settings.begin(), opts.settings.end());
  node_process node(opts.folder, settings);
  measurement measured(opts, node);
  measured.prepare();

  std::vector<stretch> quiet;
  std::vector<stretch> flooded;
  for (int round = 0; round < opts.rounds; ++round) {
    quiet.push_back(measured.quiet());
    flooded.push_back(measured.flooded());
    measured.settle();
  }
  const auto best = std::max_element(flooded.begin(), flooded.end(), [](const stretch& a, const stretch& b) {
    return a.exchanges_per_second < b.exchanges_per_second;
  });
  const double idle = least(quiet, &stretch::cpu_per_second);
  print("handshakes_per_second", best->exchanges_per_second);
  print("handshakes_failed_per_second", best->failed_per_second);
  print("cpu_ms_per_handshake", (best->cpu_per_second - idle) * 1e3 / best->exchanges_per_second);
  print("cpu_ms_per_handshake_in_pool", least(flooded, &stretch::pool_ms_per_exchange));
  print("client_cpu_ms_per_handshake", least(flooded, &stretch::client_ms_per_exchange));
  print("ping_p50_ms_quiet", least(quiet, &stretch::p50_ms));
  print("ping_p50_ms_flood", least(flooded, &stretch::p50_ms));
  print("ping_p99_ms_quiet", least(quiet, &stretch::p99_ms));
  print("ping_p99_ms_flood", least(flooded, &stretch::p99_ms));
  double load = 0;
  ::getloadavg(&load, 1);
  print("load_average", load);
  return measured.lost() == 0 ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
  options opts;
  CLI::App app{
    "Floods a node of its own with key exchanges while signed-in clients ping it. Prints exchanges per second, "
    "CPU of the node for each (as the kernel counts it, less what the pings cost) and of the client, and ping "
    "times without and with the flood. Of several rounds the best is told."};
  app.add_option("--connections", opts.farm.connections, "Signed-in clients that ping")->capture_default_str();
  app.add_option("--ping", opts.ping_seconds, "Seconds between two pings of a client")->capture_default_str();
  app.add_option("--flood-threads", opts.flood_threads, "Threads that play clients without a key")
    ->capture_default_str();
  app.add_option("--flood-at-once", opts.flood_at_once, "Exchanges side by side on each of them")
    ->capture_default_str();
  app.add_option("--seconds", opts.seconds, "Length of each measurement")->capture_default_str();
  app.add_option("--rounds", opts.rounds, "Measurements of each kind")
    ->check(CLI::Range(1, 100))
    ->capture_default_str();
  app.add_option("--folder", opts.folder, "Where the node's data goes")->capture_default_str();
  app.add_option("--set", opts.settings, "More settings of the node, section.key=value");
  CLI11_PARSE(app, argc, argv);
  try {
    return run(opts);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
