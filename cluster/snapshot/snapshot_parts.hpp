#pragma once

#include <cstdint>
#include <memory>

#include "cluster/base/entity.hpp"
#include "cluster/base/home_loop.hpp"
#include "cluster/snapshot/loop_gate.hpp"
#include "cluster/snapshot/snapshot_streams.hpp"
#include "cluster/snapshot/transfer_record.hpp"

namespace godwit::cluster {

/// What both directions of snapshot_streams work with. On the loop, but for the board and the counters.
struct snapshot_parts {
  snapshot_parts(home_loop& at, peer_network& wires, persistence::state_store& rows, snapshot_streams::options with)
      : loop(at),
        network(wires),
        store(rows),
        options(std::move(with)),
        gate(std::make_shared<loop_gate>(at)),
        drawn(options.seed) {}

  /// SplitMix64.
  std::uint64_t draw() { return scattered(drawn += 0x9e3779b97f4a7c15ULL).value(); }

  /// Who leads and is another node; no_node: nobody known.
  [[nodiscard]] node_id leader_elsewhere(shard_id shard) const {
    const node_id leader = options.leader_of ? options.leader_of(shard) : persistence::no_node;
    return leader == options.self ? persistence::no_node : leader;
  }

  home_loop& loop;
  peer_network& network;
  persistence::state_store& store;
  const snapshot_streams::options options;
  const std::shared_ptr<loop_gate> gate;
  std::uint64_t drawn;
  transfer_board board;
  snapshot_counters counters;
};

} // namespace godwit::cluster
