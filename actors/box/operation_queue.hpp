#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "actors/entity/entity_logic.hpp"

namespace godwit::box {

using entity::continuation;
using entity::entity_effects;

/// The changes of one box, one at a time: what one of them read holds until it has written. Its end is when its rows
/// are in the effects, not when they are applied.
class operation_queue {
public:
  /// Runs `begin` as soon as no other operation is under way, at once if there is none. It calls done() exactly once,
  /// then or later. False: limits::box_operations_max wait already, and `begin` is dropped.
  bool run(unix_time now, entity_effects& out, continuation begin);
  /// For deliveries, which come one at a time for each lane: whatever waits, and before the changes of clients, so that
  /// a lane does not stand as long as one account is busy. Now and then a client's change goes between.
  void run_always(unix_time now, entity_effects& out, continuation begin);
  /// The operation under way has put its rows; the next one begins.
  void done(unix_time now, entity_effects& out);
  /// Nothing is under way and nothing waits.
  [[nodiscard]] bool idle() const { return !running_ && waiting_.empty() && arriving_.empty(); }
  /// Counts operations; that of the one under way.
  [[nodiscard]] std::uint64_t number() const { return number_; }

private:
  void go_on(unix_time now, entity_effects& out);
  [[nodiscard]] continuation take_next();

  std::deque<continuation> waiting_;
  std::deque<continuation> arriving_; ///< deliveries
  std::size_t arrived_in_a_row_ = 0;
  std::uint64_t number_ = 0;
  bool running_ = false;
  bool going_ = false;  ///< go_on is below on the stack
  bool paused_ = false; ///< the next one begins with effects of its own
};

} // namespace godwit::box
