#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cluster/base/entity.hpp"
#include "cluster/snapshot/snapshot_frames.hpp"
#include "cluster/snapshot/snapshot_streams.hpp"
#include "persistence/state/row_key.hpp"
#include "tests/cluster/snapshot/fake_network.hpp"
#include "tests/cluster/snapshot/memory_state_store.hpp"

namespace godwit::test {

using cluster::snapshot_streams;

inline constexpr shard_id the_shard{3};

inline std::string row_key_of(int number) {
  std::string sub_key = std::to_string(1'000'000 + number);
  return row_key(table_id{7}, entity_id{1}, sub_key);
}

inline memory_rows some_rows(int count, std::size_t bytes, char fill = 'v') {
  memory_rows out;
  for (int i = 0; i < count; ++i) {
    out[row_key_of(i)] = std::string(bytes, fill) + std::to_string(i);
  }
  return out;
}

inline snapshot_point point_at(index_t index, term_t term = 2) {
  return {index, term, {{{node_id{1}, member_role::voter}, {node_id{2}, member_role::standby}}}, 1};
}

/// Nodes with stores and streams on one loop and virtual time. Node 1 leads until the test says otherwise.
class snapshot_fixture : public ::testing::Test {
protected:
  struct node {
    node(snapshot_fixture& of, std::uint64_t number) : id(number), store(of.loop) {}
    node_id id;
    memory_state_store store;
    std::unique_ptr<fake_network> network;
    std::unique_ptr<snapshot_streams> streams;
  };

  ~snapshot_fixture() override {
    for (auto& [id, each] : nodes) {
      stop(*each);
    }
  }

  node& start(std::uint64_t number) {
    std::unique_ptr<node>& place = nodes[node_id{number}];
    if (!place) {
      place = std::make_unique<node>(*this, number);
    }
    node& made = *place;
    snapshot_streams::options options;
    options.self = made.id;
    options.shards = 64;
    options.bytes_per_second = bytes_per_second;
    options.seed = ++seed;
    options.chunk_bytes = chunk_bytes;
    options.leader_of = [this](shard_id) { return leader; };
    options.address_of = [](node_id which) { return fake_wires::address_of(which); };
    options.stale = [this](shard_id which) { stale.push_back(which); };
    made.network = std::make_unique<fake_network>(wires, made.id);
    made.streams = std::make_unique<snapshot_streams>(loop, *made.network, made.store, std::move(options));
    made.network->take_with([&made](auto connection, peer_stream what, node_id certified) {
      EXPECT_EQ(what, peer_stream::bulk);
      made.streams->take(std::move(connection), certified);
    });
    return made;
  }

  /// As the end of its process does: nobody is told but by broken connections.
  void stop(node& which) {
    if (which.streams) {
      which.streams->stop({});
      loop.run();
      which.streams.reset();
      which.network.reset();
      which.store.crash();
    }
  }

  static void fill(node& which, memory_rows rows, index_t index, shard_id shard = the_shard) {
    which.store.shards[shard] = {{point_at(index), 0}, std::move(rows)};
  }

  void fetch(node& which, index_t at_least = 1, shard_id shard = the_shard) {
    which.streams->fetch(shard, node_id{1}, point_at(at_least),
                         [this, shard](const flushed_state& state) { arrived.emplace_back(shard, state); });
  }

  /// Lets time pass until so many snapshots have arrived.
  bool wait_for(std::size_t count, monotonic_ms patience = 300'000) {
    loop.run();
    for (monotonic_ms passed = 0; arrived.size() < count && passed < patience; passed += 10) {
      loop.advance(10);
    }
    return arrived.size() >= count;
  }

  static void expect_equal(node& to, node& from, shard_id shard = the_shard) {
    EXPECT_EQ(to.store.shards[shard].at.point, from.store.shards[shard].at.point);
    EXPECT_TRUE(to.store.shards[shard].rows == from.store.shards[shard].rows) << "rows differ";
  }

  /// A chunk in a frame, or nothing.
  static std::optional<cluster::wire::SnapshotFrame> chunk_in(const std::string& frame) {
    cluster::wire::SnapshotFrame in;
    return in.ParseFromString(frame) && in.has_chunk() ? std::optional(in) : std::nullopt;
  }

  caf::actor_system_config config;
  caf::actor_system system{config};
  test_loop loop{system};
  fake_wires wires{loop};
  node_id leader{1};
  std::uint64_t bytes_per_second = 0;
  std::uint64_t seed = 1;
  std::size_t chunk_bytes = 1000;
  std::map<node_id, std::unique_ptr<node>> nodes;
  std::vector<std::pair<shard_id, flushed_state>> arrived;
  std::vector<shard_id> stale;
};

} // namespace godwit::test
