// What live traffic notices while a node whose disk was lost gets a large shard back from the others.

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "bench/load/chat_load.hpp"
#include "bench/load/local_ports.hpp"
#include "bench/load/node_cluster.hpp"
#include "bench/shard_rows.hpp"
#include "bench/shard_watch.hpp"
#include "tests/cluster/faults/compare_state.hpp"

namespace {

using namespace godwit;
using namespace godwit::bench;

struct options {
  chat_options chat{.connections = 64, .per_second = 300};
  std::size_t megabytes = 1024;
  std::size_t row_bytes = 2000;
  std::uint16_t shard = 5;
  double settle_seconds = 15;
  double quiet_seconds = 20;
  double away_seconds = 10;
  double patience_seconds = 600;
  std::filesystem::path folder = std::filesystem::temp_directory_path();
  std::vector<std::string> settings;
};

/// Clients are with the first node. The last one loses its disk; at the end the one between them is killed, so that
/// nothing goes on without the vote of the one that came back.
constexpr unsigned nodes = 3;
constexpr unsigned emptied = 3;
constexpr unsigned killed = 2;
constexpr double warm_up_seconds = 3;
constexpr double away_max_seconds = 10;

void print(const std::string& name, double value) {
  std::printf("%s %.3f\n", name.c_str(), value);
  std::fflush(stdout);
}

void say(const std::string& what) { std::fprintf(stderr, "%s\n", what.c_str()); }

class refill {
public:
  explicit refill(const options& with)
      : with_(with), cluster_({.parent = with.folder, .nodes = nodes, .settings = settings(with), .wrapper = {}}) {}

  int run() {
    try {
      fill();
      chat_load load(loop_, cluster_.layout().target(1), with_.chat);
      load.sign_up();
      loop_.run_for(std::chrono::duration<double>(with_.settle_seconds));
      load.begin();
      loop_.run_for(std::chrono::duration<double>(warm_up_seconds));
      const double quiet = phase(load, "quiet", [&] { pause(with_.quiet_seconds); });
      cluster_.stop(emptied);
      pause(warm_up_seconds); // clients notice the loss of leaders; that is another bench's subject
      phase(load, "away", [&] { pause(with_.away_seconds); });
      beside([&] {
        try_without_log();
        cluster_.replace(emptied, 1);
      });
      const double loaded = phase(load, "refill", [&] { bring_back(); });
      print("refill_p99_ratio", loaded / quiet);
      vote(load);
      load.end(with_.patience_seconds);
      take(load.verify());
      check(load.delivered() > 0, "no message was delivered");
    } catch (const std::exception&) {
      say(cluster_.condition());
      throw;
    }
    compare();
    for (const std::string& each : faults_) {
      say("FAULT " + each);
    }
    return faults_.empty() ? 0 : 1;
  }

private:
  using clock = socket_loop::clock;

  static std::vector<std::string> settings(const options& with) {
    std::vector<std::string> all{"auth.codes_per_number_day=10000", "limits.calls_per_session_second=1000000",
                                 "limits.calls_per_account_second=1000000"};
    all.insert(all.end(), with.settings.begin(), with.settings.end());
    return all;
  }

  void pause(double seconds) { loop_.run_for(std::chrono::duration<double>(seconds)); }

  void check(bool right, const std::string& fault) {
    if (!right) {
      faults_.push_back(fault);
    }
  }
  void take(const std::vector<std::string>& faults) { faults_.insert(faults_.end(), faults.begin(), faults.end()); }

  /// What blocks, while clients go on.
  void beside(const std::function<void()>& work) {
    std::atomic<bool> done = false;
    std::exception_ptr failure;
    std::thread thread([&] {
      try {
        work();
      } catch (...) {
        failure = std::current_exception();
      }
      done = true;
    });
    loop_.run_until([&] { return done.load(); });
    thread.join();
    if (failure) {
      std::rethrow_exception(failure);
    }
  }

  void wait_for(const std::function<bool()>& done, const std::string& what) {
    const auto until = clock::now() + std::chrono::duration<double>(with_.patience_seconds);
    loop_.run_until([&] {
      if (clock::now() > until) {
        throw std::runtime_error("in vain: " + what);
      }
      return done();
    });
  }

  void fill() {
    {
      const shard_watch watch(cluster_.layout(), 1);
      wait_for([&] { return watch.all_vote(nodes); }, "each node has a vote in every shard");
    }
    cluster_.stop_all();
    say("filling the shard on every node");
    std::vector<std::thread> at_work;
    std::vector<std::exception_ptr> failures(nodes);
    for (unsigned node = 1; node <= nodes; ++node) {
      at_work.emplace_back([this, node, &failure = failures[node - 1]] {
        try {
          add_rows(cluster_.layout().data(node) / "storage", persistence::shard_id{with_.shard}, with_.megabytes << 20,
                   with_.row_bytes);
        } catch (...) {
          failure = std::current_exception();
        }
      });
    }
    for (std::thread& each : at_work) {
      each.join();
    }
    for (const std::exception_ptr& each : failures) {
      if (each) {
        std::rethrow_exception(each);
      }
    }
    for (unsigned node = 1; node <= nodes; ++node) {
      cluster_.start(node);
    }
    for (unsigned node = 1; node <= nodes; ++node) {
      cluster_.wait_ready(node);
    }
  }

  /// Times of messages meanwhile; the 99th percentile.
  double phase(chat_load& load, const std::string& name, const std::function<void()>& work) {
    load.measure();
    work();
    std::vector<double> times = load.milliseconds();
    check(load.is_connected(), "a client lost its connection: " + name);
    const double p99 = quantile(times, 0.99);
    print(name + "_p50_ms", quantile(times, 0.5));
    print(name + "_p99_ms", p99);
    print(name + "_max_ms", times.empty() ? 0 : times.back());
    return p99;
  }

  /// Under its old number a node that has lost what it promised does not start.
  void try_without_log() {
    std::filesystem::remove_all(cluster_.layout().data(emptied) / "storage");
    cluster_.start(emptied);
    try {
      cluster_.wait_ready(emptied);
      check(false, "a node without its log was let in under its old number");
    } catch (const std::exception& error) {
      check(std::string(error.what()).find("invite --replace") != std::string::npos, error.what());
    }
    cluster_.stop(emptied); // for whatever reason it did not get ready, it may still run
  }

  void bring_back() {
    const auto begin = clock::now();
    const auto seconds = [&] { return std::chrono::duration<double>(clock::now() - begin).count(); };
    const shard_watch watch(cluster_.layout(), 1);
    cluster_.start(emptied);
    wait_for([&] { return watch.votes(with_.shard, nodes + 1); }, "the node that was emptied has a vote");
    const double took = seconds();
    wait_for([&] { return watch.all_vote(nodes); }, "it has a vote in every shard");
    const double megabytes = received_bytes() / (1 << 20);
    check(megabytes >= static_cast<double>(with_.megabytes), "the shard did not come as a snapshot");
    print("refill_megabytes", megabytes);
    print("refill_seconds", took);
    print("refill_megabytes_per_second", megabytes / took);
  }

  /// Bytes of rows that came to the node in snapshots.
  [[nodiscard]] double received_bytes() const {
    return metric_at(cluster_.layout().metrics_port(), R"(godwit_snapshot_bytes_total{direction="in"})", emptied);
  }

  /// Two are left of three, one of them the one that came back: what goes on has its vote.
  void vote(chat_load& load) {
    pause(warm_up_seconds);
    cluster_.kill(killed);
    const auto at = clock::now();
    std::uint64_t before = 0;
    // What was on its way may still arrive.
    while (before != load.delivered() || clock::now() < at + std::chrono::milliseconds(200)) {
      before = load.delivered();
      pause(0.2);
      if (clock::now() > at + std::chrono::duration<double>(away_max_seconds)) {
        break;
      }
    }
    wait_for([&] { return load.delivered() > before + with_.chat.connections; }, "messages with the new node's vote");
    cluster_.start(killed);
    beside([&] { cluster_.wait_ready(killed); });
    const shard_watch watch(cluster_.layout(), 1);
    wait_for([&] { return watch.all_vote(nodes); }, "all nodes have all there is");
  }

  void compare() {
    cluster_.stop_all();
    std::vector<std::filesystem::path> folders;
    for (unsigned node = 1; node <= nodes; ++node) {
      folders.push_back(cluster_.layout().data(node) / "storage");
    }
    const auto found = cluster_faults::compare_states(folders);
    take(found.differences);
    check(found.rows >= (with_.megabytes << 20) / with_.row_bytes, "rows are missing on all nodes");
    say("compared " + std::to_string(found.rows) + " rows on each node");
  }

  options with_;
  node_cluster cluster_;
  socket_loop loop_;
  std::vector<std::string> faults_;
};

} // namespace

int main(int argc, char** argv) {
  options with;
  CLI::App app{
    "Three nodes of their own, one shard of which is large, carry a steady traffic of private messages. One node is "
    "stopped, its data folder removed, and a new one invited in its place. Figures: times of messages from call to "
    "hearing with all nodes, with one away, and from the new node's start until it votes in every shard; how long the "
    "large shard took, and how it came. Then another node is killed, so that nothing goes on without the new one's "
    "vote; in the end every message is looked for and the nodes' rows are compared. The exit code is 1 when something "
    "is not as it should be."};
  app.add_option("--megabytes", with.megabytes, "Size of the large shard")
    ->check(CLI::Range(1, 1 << 20))
    ->capture_default_str();
  app.add_option("--row-bytes", with.row_bytes, "Size of one of its rows")
    ->check(CLI::Range(16, 1 << 16))
    ->capture_default_str();
  app.add_option("--shard", with.shard, "Its number")->check(CLI::Range(0, 15))->capture_default_str();
  app.add_option("--rate", with.chat.per_second, "Messages a second, over all shards")
    ->check(CLI::Range(1, 100'000))
    ->capture_default_str();
  app.add_option("--connections", with.chat.connections, "Accounts, in pairs, each with one connection")
    ->check(CLI::Range(2, 10'000))
    ->capture_default_str();
  app.add_option("--settle", with.settle_seconds, "Seconds for leaders to spread")->capture_default_str();
  app.add_option("--quiet", with.quiet_seconds, "Seconds measured before anything happens")->capture_default_str();
  app.add_option("--away", with.away_seconds, "Seconds measured with two nodes")->capture_default_str();
  app.add_option("--patience", with.patience_seconds, "Seconds until something that does not come is given up")
    ->capture_default_str();
  app.add_option("--folder", with.folder, "Where the nodes' data goes")->capture_default_str();
  app.add_option("--set", with.settings, "More settings of the nodes, section.key=value");
  CLI11_PARSE(app, argc, argv);
  with.chat.connections += with.chat.connections % 2;
  try {
    raise_open_files(with.chat.connections + 256);
    return refill(with).run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
