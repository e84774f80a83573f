#pragma once

#include <cstdint>
#include <mutex>

#include "cluster/base/loop_timer.hpp"
#include "protocol/ids.hpp"

namespace godwit::cluster {

/// What is known of this node's wall clock, from outside.
enum class clock_trust : std::uint8_t {
  alone,    ///< there is no other node to compare it with
  unheard,  ///< too few nodes are heard, or they cannot tell
  agreed,   ///< the majority's clocks say the same
  disputed, ///< they do not
};

/// The time that a node tells its clients: dates and msg_ids come from it. It runs with the steady clock and follows
/// the wall clock slowly, so that a jump of the wall clock reaches nobody.
///
///   now = steady + offset
///
/// The offset moves towards (wall - steady) by clock_slew_ms_per_s at most, and by clock_slew_far_ms_per_s while it is
/// far from it. A wall clock that jumped by more than clock_jump_ms is not followed until the majority of nodes, asked
/// after the jump, agrees with it; a node alone follows. A disputed wall clock is not followed at all. When it comes to
/// agree again, this clock is set to it at once, for a node whose clock was disputed serves no clients: until then the
/// clock is not settled, and such a node must not take any.
///
/// Time does not go back, but in that one case. Pure: the readings of both clocks are inputs. Any thread.
class cluster_clock {
public:
  cluster_clock(monotonic_ms steady, unix_ms wall);
  cluster_clock(const cluster_clock&) = delete;
  cluster_clock& operator=(const cluster_clock&) = delete;

  /// The time now.
  unix_ms now(monotonic_ms steady, unix_ms wall);
  /// What is known of the wall clock, as often as it is asked (clock_guard). A clock begins as `alone`.
  void trust(monotonic_ms steady, clock_trust how);

  /// False from the moment at which the wall clock is disputed until this clock is right again.
  [[nodiscard]] bool settled() const;
  /// How far the wall clock was ahead of this one at the last look.
  [[nodiscard]] std::int64_t wall_ahead_ms() const;
  /// Jumps of the wall clock since the beginning.
  [[nodiscard]] std::uint64_t jumps() const;

private:
  void look(monotonic_ms steady, unix_ms wall);
  void follow(monotonic_ms passed_ms);
  [[nodiscard]] std::int64_t ahead_us() const { return difference_ms_ * 1000 - offset_us_; }

  mutable std::mutex mutex_;
  std::int64_t offset_us_;
  unix_ms last_;
  monotonic_ms looked_at_;
  std::int64_t difference_ms_;      ///< wall - steady at the last look
  std::int64_t before_jump_ms_ = 0; ///< the same before the jump that is not confirmed
  monotonic_ms jumped_at_ = 0;      ///< 0: there is no such jump
  clock_trust trust_ = clock_trust::alone;
  monotonic_ms trusted_at_ = 0; ///< when trust_ was told last
  bool was_disputed_ = false;
  std::uint64_t jumps_ = 0;
};

} // namespace godwit::cluster
