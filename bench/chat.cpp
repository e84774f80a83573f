// Private messages: what one costs the node that carries it, how many there are in a second, and how long each takes
// from its author's call until the receiver's client hears of it.

#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/load/chat_load.hpp"
#include "bench/load/node_cluster.hpp"

namespace {

using namespace godwit;
using namespace godwit::bench;

struct options {
  unsigned nodes = 1;
  chat_options chat{.connections = 1000};
  bool pair = false;
  double settle_seconds = 15;
  double warm_up_seconds = 2;
  double seconds = 10;
  double patience_seconds = 10;
  std::filesystem::path folder = std::filesystem::temp_directory_path();
  std::vector<std::string> settings;
  std::vector<std::string> wrapper;
};

/// Open files beside the sockets of clients, of the node and of this program.
constexpr std::uint64_t other_files = 256;

void print(const char* name, double value) {
  std::printf("%s %.3f\n", name, value);
  std::fflush(stdout);
}

double own_cpu_seconds() {
  rusage use{};
  ::getrusage(RUSAGE_SELF, &use);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(use.ru_utime) + seconds(use.ru_stime);
}

/// What the node counted. The load stands still while it is asked.
struct counted {
  double log_commits;
  double proposals;
  double pushes;
  double sends;
  double reads;
  double turns;
  double rounds;

  explicit counted(const node_cluster& node)
      : log_commits(node.metric("godwit_log_commits_total")),
        proposals(node.metric("godwit_proposals_total{result=\"applied\"}")),
        pushes(node.metric("godwit_pushes_total")),
        sends(node.metric("godwit_client_socket_calls_total{call=\"send\"}")),
        reads(node.metric("godwit_client_socket_calls_total{call=\"read\"}")),
        turns(node.metric("godwit_actor_turns_total")),
        rounds(node.metric("godwit_loop_rounds_total")) {}
};

void measure(const options& opts, const node_cluster& nodes, socket_loop& loop, chat_load& load) {
  for (unsigned node = 1; node <= nodes.nodes(); ++node) {
    std::fprintf(stderr, "measuring process %d\n", static_cast<int>(nodes.pid(node)));
  }
  const counted before(nodes);
  load.measure();
  const std::uint64_t delivered_before = load.delivered();
  const double client_before = own_cpu_seconds();
  const cluster_cpu meter(nodes);
  loop.run_for(std::chrono::duration<double>(opts.seconds));
  const double cpu = meter.seconds();
  const double elapsed = meter.elapsed();
  const double client_cpu = own_cpu_seconds() - client_before;
  const auto delivered = static_cast<double>(load.delivered() - delivered_before);
  std::vector<double> times = load.milliseconds();
  if (!load.is_connected()) {
    return; // verify() tells it
  }
  const counted after(nodes);

  const double each = delivered > 0 ? delivered : 1;
  print("cpu_us_per_message", cpu * 1e6 / each);
  print("messages_per_second", delivered / elapsed);
  print("p50_ms", quantile(times, 0.5));
  print("p99_ms", quantile(times, 0.99));
  print("fsyncs_per_second", (after.log_commits - before.log_commits) / elapsed);
  double load_average = 0;
  ::getloadavg(&load_average, 1);
  std::fprintf(
    stderr,
    "for each message: clients' CPU %.1f us, mutations %.2f, pushes %.2f, reads of sockets %.2f, sends %.2f, "
    "turns of actors %.1f\n",
    client_cpu * 1e6 / each, (after.proposals - before.proposals) / each, (after.pushes - before.pushes) / each,
    (after.reads - before.reads) / each, (after.sends - before.sends) / each, (after.turns - before.turns) / each);
  std::fprintf(stderr,
               "nodes %.0f %% and clients %.0f %% of a core, %.0f rounds of loops a second, load average %.1f\n",
               cpu * 100 / elapsed, client_cpu * 100 / elapsed, (after.rounds - before.rounds) / elapsed, load_average);
}

int run(const options& opts) {
  raise_open_files(opts.chat.connections + other_files);
  std::vector<std::string> settings = {"auth.codes_per_number_day=10000", "limits.calls_per_session_second=1000000",
                                       "limits.calls_per_account_second=1000000"};
  settings.insert(settings.end(), opts.settings.begin(), opts.settings.end());
  node_cluster nodes({.parent = opts.folder, .nodes = opts.nodes, .settings = settings, .wrapper = opts.wrapper});
  socket_loop loop;
  chat_load load(loop, nodes.layout().target(), opts.chat);
  std::vector<std::string> faults;
  try {
    load.sign_up();
    if (opts.nodes > 1) {
      loop.run_for(std::chrono::duration<double>(opts.settle_seconds));
    }
    load.begin();
    loop.run_for(std::chrono::duration<double>(opts.warm_up_seconds));
    measure(opts, nodes, loop, load);
    load.end(opts.patience_seconds);
    faults = load.verify();
  } catch (const std::exception&) {
    std::fprintf(stderr, "%s\n", nodes.condition().c_str());
    throw;
  }
  for (const std::string& fault : faults) {
    std::fprintf(stderr, "FAULT %s\n", fault.c_str());
  }
  std::fprintf(stderr, "%llu messages acknowledged, %llu delivered, %llu of them by %llu differences; %s\n",
               static_cast<unsigned long long>(load.acknowledged()), static_cast<unsigned long long>(load.delivered()),
               static_cast<unsigned long long>(load.by_difference()), static_cast<unsigned long long>(load.catch_ups()),
               faults.empty() ? "all are there" : "there are FAULTS");
  return faults.empty() && load.delivered() > 0 ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
  options opts;
  CLI::App app{
    "Pairs of accounts write texts to each other over nodes of its own, which sync as they always do. A message "
    "has its author's call answered and is heard of by its receiver's client before another takes its place in the "
    "window; its time is that from the call to the hearing. CPU is that of all nodes, user and system, for each "
    "message heard of. A commit of the log counts as one fsync. Afterwards every message is looked for where it should "
    "be, "
    "live and in the histories of both, and the exit code is 1 when one is not, or not in order."};
  app.add_option("--nodes", opts.nodes, "Nodes of the cluster; the clients are spread over them")
    ->check(CLI::Range(1, 9))
    ->capture_default_str();
  app.add_option("--connections", opts.chat.connections, "Accounts, each with one connection; an even number")
    ->check(CLI::Range(2, 200'000))
    ->capture_default_str();
  app.add_option("--window", opts.chat.window, "Messages of one account on their way")
    ->check(CLI::Range(1, 100))
    ->capture_default_str();
  app.add_flag("--pair", opts.pair, "Two connections and a window of one");
  app.add_option("--seconds", opts.seconds, "Length of the measurement")
    ->check(CLI::PositiveNumber)
    ->capture_default_str();
  app.add_option("--warm-up", opts.warm_up_seconds, "Seconds of the same load before it")->capture_default_str();
  app.add_option("--settle", opts.settle_seconds, "Seconds for leaders to spread over several nodes before that")
    ->capture_default_str();
  app.add_option("--bytes", opts.chat.text_bytes, "Length of a text")
    ->check(CLI::Range(40, 4096))
    ->capture_default_str();
  app.add_option("--at-once", opts.chat.at_once, "Clients that sign up side by side")->capture_default_str();
  app.add_option("--patience", opts.patience_seconds, "Seconds without any message until the last ones are given up")
    ->capture_default_str();
  app.add_option("--folder", opts.folder, "Where the node's data goes")->capture_default_str();
  app.add_option("--set", opts.settings, "More settings of the node, section.key=value");
  app.add_option("--under", opts.wrapper, "A program to run the node under, and its arguments");
  CLI11_PARSE(app, argc, argv);
  if (opts.pair) {
    opts.chat.connections = 2;
    opts.chat.window = 1;
  }
  if (opts.chat.connections % 2 != 0) {
    std::fprintf(stderr, "--connections %u: accounts come in pairs; name an even number.\n", opts.chat.connections);
    return 1;
  }
  try {
    return run(opts);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
