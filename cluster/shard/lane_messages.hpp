#pragma once

#include <caf/allowed_unsafe_message_type.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include "cluster/base/entity.hpp"
#include "protocol/ids.hpp"

namespace godwit::cluster {

// A lane is the way of deliveries from one shard to another. Its items have positions, which go up and may have gaps:
// what was proposed and lost.

/// One delivery.
struct lane_item {
  std::uint64_t position = 0;
  entity_ref to;
  unix_time date = 0; ///< when it was proposed
  std::string body;
};

/// A delivery that its entity is done with, once the mutation it belongs to is applied.
struct lane_accept {
  shard_id lane; ///< where it came from
  std::uint64_t position = 0;
};

/// What a mutation has to do with lanes, beside its rows.
struct lane_parts {
  std::vector<lane_item> out;
  std::vector<lane_accept> in;

  [[nodiscard]] bool empty() const { return out.empty() && in.empty(); }
  void clear() {
    out.clear();
    in.clear();
  }
};

/// Crosses between nodes: never renumber.
enum class lane_step : std::uint8_t {
  items = 1,  ///< source to destination: `items`, of which the first follows the one at `position`
  ask = 2,    ///< source to destination: where are you?
  report = 3, ///< destination to source: everything up to `applied` is done for ever
  ready = 4,  ///< destination to source: a new leader; ask
};

/// Between the hosts of two shards, which may be the same. Each may be lost, come twice, late or out of order.
struct lane_message {
  lane_step step = lane_step::items;
  shard_id from;
  shard_id to;
  term_t term = 0;            ///< of the source; reports bring it back
  std::uint64_t stream = 0;   ///< counts the source's fresh starts within its term; reports bring it back
  std::uint64_t position = 0; ///< of items: the one before them; of a report: the last one that is there
  std::uint64_t applied = 0;  ///< of a report
  bool resume = false;        ///< of a report: go on behind `position`
  std::vector<lane_item> items;
};

} // namespace godwit::cluster

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::cluster::lane_message)
