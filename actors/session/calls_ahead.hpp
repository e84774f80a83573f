#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>

#include "cluster/base/entity.hpp"
#include "cluster/base/loop_timer.hpp"

namespace godwit::actors {

/// What stands between a call and its entity: the earlier calls of its session to the same one, which it must not
/// overtake. One waits behind those that wait to be asked again, and, when its shard has another leader now than the
/// one that an earlier call was sent to, until that call ended: it may lie at the former leader, or in a queue from
/// which it is sent on, while this one would go to the new leader straight.
///
/// What was sent under one leadership goes one way and is taken in order; it is not called back. So two that are under
/// way at once can still change places when the earlier one is refused, or takes longer, and the later one is not:
/// their node lost the shard and won it back in between, the leader changed between the look at it and the sending, or
/// the link to it came up while the earlier one goes by way of another node. And an earlier call that was given up may
/// be carried out late: its client heard that it failed.
class calls_ahead {
public:
  /// Of a call that waits for an earlier one to end, whenever that is.
  static constexpr cluster::monotonic_ms held = std::numeric_limits<cluster::monotonic_ms>::max();

  /// The next of them, in the order of their making. `way`: router::way_to() when it was sent; `again_at`: when it is
  /// asked again, 0: it is under way.
  void pass(const cluster::entity_ref& to, std::uint64_t way, cluster::monotonic_ms again_at) {
    if (to != to_) { // its session has another login
      *this = {};
      to_ = to;
    }
    if (again_at != 0) {
      waits_until_ = std::max(waits_until_, again_at);
    } else {
      ways_differ_ = ways_differ_ || (way_ && *way_ != way);
      way_ = way;
    }
  }

  /// When one behind them may be sent by this way; 0: at once.
  [[nodiscard]] cluster::monotonic_ms turn(const cluster::entity_ref& to, std::uint64_t way) const {
    if (to != to_) {
      return 0;
    }
    return ways_differ_ || (way_ && *way_ != way) ? held : waits_until_;
  }

private:
  cluster::entity_ref to_;
  std::optional<std::uint64_t> way_; ///< of those that are under way
  bool ways_differ_ = false;
  cluster::monotonic_ms waits_until_ = 0;
};

} // namespace godwit::actors
