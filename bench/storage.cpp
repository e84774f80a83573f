// Mutations per second, CPU and latency of a node's storage: Raft, log and state over real files.

#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <thread>

#include "bench/bench_folder.hpp"
#include "bench/mutation_load.hpp"
#include "persistence/lmdb/storage.hpp"

namespace {

using namespace godwit;
using namespace godwit::persistence;

struct arguments {
  std::uint16_t shards = 16;
  std::uint32_t replicas = 1;
  double seconds = 5;
  double warm_up = 1;
  bool state = true;
  std::filesystem::path folder;
  bench::mutation_load::options load;
  std::uint32_t appends_in_flight = 2;
  std::uint32_t flush_ms = limits::flush_interval_ms;
};

/// One node: its folder, stores, loop and load.
struct bench_node {
  bench_node(const arguments& args, std::uint64_t id, std::vector<std::unique_ptr<bench_node>>& all) {
    test::storage_node::options options;
    options.self = node_id{id};
    options.shards = args.shards;
    options.members.members.clear();
    for (std::uint64_t each = 1; each <= args.replicas; ++each) {
      options.members.members.push_back({node_id{each}, member_role::voter});
    }
    options.replica.appends_in_flight_max = args.appends_in_flight;
    options.state.flush_interval_ms = args.flush_ms;
    test::storage_node::hooks on;
    on.ready = [this](shard_id shard, term_t term) { load->ready(shard, term); };
    on.done = [this](shard_id shard, raft::proposal_token token, raft::proposal_outcome outcome, index_t) {
      load->done(shard, token, outcome);
    };
    on.round = [this] { load->round(); };
    on.send = [&all](shard_id shard, raft::message what) {
      const std::uint64_t to = what.to.value();
      all[to - 1]->node->deliver(shard, std::move(what));
    };
    on.failed = [](const storage_error& why) { std::fprintf(stderr, "%s\n", why.message.c_str()); };
    node = std::make_unique<test::storage_node>(options, on);
    load = std::make_unique<bench::mutation_load>(args.load, *node);
    null_state = std::make_unique<test::null_state_store>(*node);
  }

  storage_result<void> open(const arguments& args, const std::filesystem::path& folder) {
    if (const auto made = lmdb::storage::create(folder, {node_id{1}, args.shards}); !made) {
      return made;
    }
    lmdb::storage_options options;
    options.state.flush_interval = std::chrono::milliseconds(4 * args.flush_ms); // as without the argument
    auto opened = lmdb::storage::open(folder, *node, *node, options);
    if (!opened) {
      return unexpected(opened.error());
    }
    storage = std::move(*opened);
    return {};
  }

  storage_result<void> start(const arguments& args) {
    state_store& state = args.state ? static_cast<state_store&>(storage->state()) : *null_state;
    return node->start(storage->log(), state);
  }

  std::unique_ptr<test::storage_node> node; // first: it hears of the stores until they are gone
  std::unique_ptr<bench::mutation_load> load;
  std::unique_ptr<test::null_state_store> null_state;
  std::unique_ptr<lmdb::storage> storage;
};

double cpu_seconds() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(use.ru_utime) + seconds(use.ru_stime);
}

/// Runs `job` on the node's loop and waits for it.
template <class Job>
void on_loop(test::storage_node& node, Job job) {
  std::atomic<bool> finished = false;
  node.post([&] {
    job();
    finished = true;
    finished.notify_one();
  });
  finished.wait(false);
}

int run(const arguments& args, const std::filesystem::path& folder) {
  std::vector<std::unique_ptr<bench_node>> nodes;
  for (std::uint64_t id = 1; id <= args.replicas; ++id) {
    nodes.push_back(std::make_unique<bench_node>(args, id, nodes));
    if (const auto opened = nodes.back()->open(args, folder / std::to_string(id)); !opened) {
      std::fprintf(stderr, "%s\n", opened.error().message.c_str());
      return 1;
    }
  }
  for (auto& each : nodes) {
    if (const auto started = each->start(args); !started) {
      std::fprintf(stderr, "%s\n", started.error().message.c_str());
      return 1;
    }
  }
  const double settle = args.replicas > 1 ? 3 : 0;
  std::this_thread::sleep_for(std::chrono::duration<double>(args.warm_up + settle));
  std::uint64_t syncs = 0;
  for (auto& each : nodes) {
    on_loop(*each->node, [&] { each->load->measure(); });
    syncs += each->storage->usage().log.transactions;
  }
  const double cpu_before = cpu_seconds();
  const auto begin = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(std::chrono::duration<double>(args.seconds));
  const double cpu = cpu_seconds() - cpu_before;
  const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::uint64_t answered = 0;
  std::uint64_t syncs_after = 0;
  std::vector<std::uint32_t> latencies;
  for (auto& each : nodes) {
    on_loop(*each->node, [&] {
      answered += each->load->answered();
      latencies.insert(latencies.end(), each->load->latencies().begin(), each->load->latencies().end());
    });
    syncs_after += each->storage->usage().log.transactions;
    each->node->stop();
  }
  if (answered == 0) {
    std::fprintf(stderr, "nothing was answered\n");
    return 1;
  }
  std::sort(latencies.begin(), latencies.end());
  const auto percentile = [&](double p) {
    return latencies[static_cast<std::size_t>(p * static_cast<double>(latencies.size() - 1))] / 1000.0;
  };
  std::printf("mutations_per_second %.0f\n", static_cast<double>(answered) / took);
  std::printf("cpu_us_per_mutation %.2f\n", cpu * 1e6 / static_cast<double>(answered));
  std::printf("p50_ms %.3f\np99_ms %.3f\n", percentile(0.5), percentile(0.99));
  std::printf("log_syncs_per_second %.0f\n", static_cast<double>(syncs_after - syncs) / took);
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  arguments args;
  args.folder = std::filesystem::temp_directory_path();
  CLI::App app{"Measures a node's storage over real files with real syncs. Starts its own nodes in this process,\n"
               "each with a loop thread, in a folder that it removes afterwards, and prints one figure a line.\n"
               "CPU is that of the whole process, the load included."};
  app.add_option("--shards", args.shards, "Shards, one Raft group each")->capture_default_str();
  app.add_option("--replicas", args.replicas, "Nodes in this process, each with a replica of every shard")
    ->check(CLI::Range(1, 5))
    ->capture_default_str();
  app.add_option("--in-flight", args.load.in_flight, "Proposals not yet answered, over all shards")
    ->capture_default_str();
  app.add_option("--bytes", args.load.mutation_bytes, "Size of a mutation")->capture_default_str();
  app.add_option("--rows", args.load.rows, "Rows of a mutation: one of a growing key, the others overwritten")
    ->check(CLI::Range(1, 8))
    ->capture_default_str();
  app.add_option("--users", args.load.users, "Users per shard whose rows are written")->capture_default_str();
  app.add_option("--appends-in-flight", args.appends_in_flight, "Log entries of a shard being written at once")
    ->capture_default_str();
  app
    .add_option("--flush-ms", args.flush_ms,
                "Age at which rows go to the state store, which writes them in four times that")
    ->capture_default_str();
  app.add_option("--seconds", args.seconds, "Measured time")->capture_default_str();
  app.add_option("--warm-up", args.warm_up, "Seconds before it")->capture_default_str();
  app.add_flag("--state,!--no-state", args.state, "Write applied rows to the state store");
  app.add_option("--folder", args.folder, "Where the data goes: the disk to measure")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  const bench::bench_folder folder(args.folder);
  return run(args, folder.path());
}
