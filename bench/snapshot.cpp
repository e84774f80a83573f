// How fast a shard streams from one state store to another: reading, packing, checking and importing, without a network.

#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include "bench/bench_folder.hpp"
#include "cluster/snapshot/snapshot_streams.hpp"
#include "persistence/lmdb/environment.hpp"
#include "persistence/lmdb/lmdb_state_store.hpp"
#include "persistence/log/configuration_codec.hpp"
#include "persistence/state/mutation.hpp"
#include "persistence/state/shard_state.hpp"
#include "tests/cluster/snapshot/fake_network.hpp"
#include "tests/support/thread_loop.hpp"

namespace {

using namespace godwit;
using namespace godwit::persistence;
using clock_type = std::chrono::steady_clock;

constexpr shard_id shard{0};

double seconds_since(clock_type::time_point begin) {
  return std::chrono::duration<double>(clock_type::now() - begin).count();
}

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// A value that several threads wait for.
class progress final : public state_sink {
public:
  void state_flushed(std::span<const flush_completion> done) override { reach(done.back().written.point.index); }
  void state_failed(const storage_error& why) override {
    std::fprintf(stderr, "%s\n", why.message.c_str());
    std::exit(1);
  }
  void state_recovered() override {}

  void reach(std::uint64_t value) {
    const std::lock_guard lock(mutex_);
    value_ = std::max(value_, value);
    changed_.notify_all();
  }
  void wait_for(std::uint64_t value) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return value_ >= value; });
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t value_ = 0;
};

struct node {
  node(cluster::home_loop& loop, test::fake_wires& wires, std::uint64_t number, const std::filesystem::path& folder,
       std::uint64_t rate)
      : network(wires, node_id{number}) {
    lmdb::environment_options options;
    options.folder = folder;
    options.no_meta_sync = true;
    auto opened = lmdb::environment::open(options);
    if (!opened) {
      throw std::runtime_error(opened.error().message);
    }
    env = *std::move(opened);
    lmdb::lmdb_state_store_options quick; // filling waits for each entry
    quick.flush_interval = std::chrono::milliseconds(1);
    auto made = lmdb::lmdb_state_store::open(*env, sink, quick);
    if (!made) {
      throw std::runtime_error(made.error().message);
    }
    store = *std::move(made);
    cluster::snapshot_streams::options with;
    with.self = node_id{number};
    with.bytes_per_second = rate;
    with.leader_of = [](shard_id) { return node_id{1}; };
    with.address_of = [](node_id which) { return test::fake_wires::address_of(which); };
    streams = std::make_unique<cluster::snapshot_streams>(loop, network, *store, std::move(with));
    network.take_with([this](auto connection, auto, node_id from) { streams->take(std::move(connection), from); });
  }

  void stop() {
    progress done;
    streams->stop([&] { done.reach(1); });
    done.wait_for(1);
  }

  progress sink;
  std::unique_ptr<lmdb::environment> env;
  std::unique_ptr<lmdb::lmdb_state_store> store;
  test::fake_network network;
  std::unique_ptr<cluster::snapshot_streams> streams;
};

/// Rows of that size, in entries of about a megabyte.
void fill(node& which, std::size_t bytes, std::size_t row_bytes) {
  shard_state state(shard, *which.store, {}, {});
  const auto write = [&](entry_kind kind, std::string payload) {
    const index_t index = state.applied().index + 1;
    if (!state.apply(index, {1, kind, slice::adopt(std::move(payload))})) {
      throw std::runtime_error("an entry was refused");
    }
    state.flush(1, index, true);
    which.store->kick();
    which.sink.wait_for(index);
    state.flushed({shard, {state.applied(), 0}, index});
  };
  write(entry_kind::change, encode_configuration({{{node_id{1}, member_role::voter}}}));
  std::uint64_t entity = 0;
  for (std::size_t written = 0; written < bytes;) {
    std::string mutation;
    mutation_writer writer(mutation);
    for (std::size_t entry = 0; entry < (1 << 20); entry += row_bytes) {
      ++entity;
      writer.put(table_id{7}, entity_id{entity}, "row", std::string(row_bytes, static_cast<char>('a' + entity % 26)));
      written += row_bytes;
    }
    std::string payload;
    append_mutation(payload, mutation);
    write(entry_kind::command, std::move(payload));
  }
}

} // namespace

int main(int argc, char** argv) {
  std::string parent = "/tmp";
  std::size_t megabytes = 1024;
  std::size_t row_bytes = 500;
  std::uint64_t rate = 0;
  CLI::App app{"Streams one shard from a state store to another, in one process."};
  app.add_option("--folder", parent, "where the data folders are made")->capture_default_str();
  app.add_option("--mb", megabytes, "megabytes of rows")->capture_default_str();
  app.add_option("--row-bytes", row_bytes, "bytes of a row")->capture_default_str();
  app.add_option("--rate", rate, "bytes per second; 0: no bound")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    const bench::bench_folder folder(parent);
    caf::actor_system_config config;
    caf::actor_system system{config};
    test::thread_loop loop(system);
    test::fake_wires wires(loop);
    node from(loop, wires, 1, folder.path() / "from", rate);
    node to(loop, wires, 2, folder.path() / "to", rate);
    fill(from, megabytes << 20, row_bytes);

    progress arrived;
    const double cpu = cpu_seconds();
    const clock_type::time_point begin = clock_type::now();
    to.streams->fetch(shard, node_id{1}, {1, 1, {}, 0}, [&](const flushed_state&) { arrived.reach(1); });
    arrived.wait_for(1);
    const double seconds = seconds_since(begin);
    const double used = cpu_seconds() - cpu;
    const auto sent = static_cast<double>(to.streams->counters().received_bytes.value()) / (1 << 20);
    std::printf("snapshot_mb %.0f\nsnapshot_rows %llu\nsnapshot_seconds %.2f\nsnapshot_mb_per_second %.1f\n"
                "snapshot_cpu_ms_per_mb %.2f\n",
                sent, static_cast<unsigned long long>(to.streams->counters().received_rows.value()), seconds,
                sent / seconds, used * 1000 / sent);
    from.stop();
    to.stop();
    return 0;
  } catch (const std::exception& why) {
    std::fprintf(stderr, "snapshot_bench: %s\n", why.what());
    return 1;
  }
}
