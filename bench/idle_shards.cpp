// What shards cost that nobody uses: CPU of their timers and heartbeats, and memory.

#include <malloc.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <thread>
#include <vector>

#include "bench/bench_folder.hpp"
#include "persistence/lmdb/storage.hpp"
#include "tests/support/storage_node.hpp"

namespace {

using namespace godwit;
using namespace godwit::persistence;

struct idle_node {
  std::unique_ptr<test::storage_node> node;
  std::unique_ptr<lmdb::storage> storage;
};

double cpu_seconds() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  return static_cast<double>(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
         static_cast<double>(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

int run(std::uint16_t shards, std::uint64_t replicas, double seconds, const std::filesystem::path& folder) {
  std::vector<idle_node> nodes(replicas);
  configuration members;
  for (std::uint64_t id = 1; id <= replicas; ++id) {
    members.members.push_back({node_id{id}, member_role::voter});
  }
  std::size_t heap_before = 0;
  for (std::uint64_t id = 1; id <= replicas; ++id) {
    test::storage_node::options options;
    options.self = node_id{id};
    options.members = members;
    options.shards = shards;
    test::storage_node::hooks on;
    on.send = [&nodes](shard_id shard, raft::message what) {
      const std::uint64_t to = what.to.value();
      nodes[to - 1].node->deliver(shard, std::move(what));
    };
    idle_node& each = nodes[id - 1];
    each.node = std::make_unique<test::storage_node>(options, on);
    const std::filesystem::path own = folder / std::to_string(id);
    if (const auto made = lmdb::storage::create(own, {node_id{id}, shards}); !made) {
      std::fprintf(stderr, "%s\n", made.error().message.c_str());
      return 1;
    }
    auto opened = lmdb::storage::open(own, *each.node, *each.node);
    if (!opened) {
      std::fprintf(stderr, "%s\n", opened.error().message.c_str());
      return 1;
    }
    each.storage = std::move(*opened);
  }
  heap_before = mallinfo2().uordblks;
  for (idle_node& each : nodes) {
    if (const auto started = each.node->start(each.storage->log(), each.storage->state()); !started) {
      std::fprintf(stderr, "%s\n", started.error().message.c_str());
      return 1;
    }
  }
  std::this_thread::sleep_for(std::chrono::seconds(5)); // elections, first flushes
  const std::size_t heap = mallinfo2().uordblks - heap_before;
  const double before = cpu_seconds();
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  const double used = cpu_seconds() - before;
  std::printf("idle_cpu_percent %.2f\n", used / seconds * 100);
  std::printf("heap_bytes_per_idle_replica %zu\n", heap / (replicas * shards));
  for (idle_node& each : nodes) {
    each.node->stop();
  }
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  std::uint16_t shards = 64;
  std::uint64_t replicas = 1;
  double seconds = 10;
  std::filesystem::path parent = std::filesystem::temp_directory_path();
  CLI::App app{"Measures what idle shards cost: percent of one core for all nodes together, and heap per replica."};
  app.add_option("--shards", shards, "Shards of a node")->capture_default_str();
  app.add_option("--replicas", replicas, "Nodes in this process")->check(CLI::Range(1, 5))->capture_default_str();
  app.add_option("--seconds", seconds, "Measured time")->capture_default_str();
  app.add_option("--folder", parent, "Where the data goes")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const bench::bench_folder folder(parent);
  return run(shards, replicas, seconds, folder.path());
}
