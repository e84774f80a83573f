#include "cluster/base/cluster_clock.hpp"

#include <algorithm>
#include <cstdlib>

#include "config/cluster_limits.hpp"

namespace godwit::cluster {

namespace {

/// After a pause of the process the clock catches up no faster than otherwise.
constexpr monotonic_ms passed_ms_max = 1000;

std::int64_t difference(monotonic_ms steady, unix_ms wall) { return wall - static_cast<std::int64_t>(steady); }

} // namespace

cluster_clock::cluster_clock(monotonic_ms steady, unix_ms wall)
    : offset_us_(difference(steady, wall) * 1000),
      last_(wall),
      looked_at_(steady),
      difference_ms_(difference(steady, wall)) {}

unix_ms cluster_clock::now(monotonic_ms steady, unix_ms wall) {
  const std::lock_guard lock(mutex_);
  if (steady >= looked_at_ + limits::clock_look_ms) {
    look(steady, wall);
  }
  // A reading of the steady clock may be older than that of another thread, and the offset may go down.
  last_ = std::max(last_, static_cast<unix_ms>(steady) + offset_us_ / 1000);
  return last_;
}

void cluster_clock::trust(monotonic_ms steady, clock_trust how) {
  const std::lock_guard lock(mutex_);
  trust_ = how;
  trusted_at_ = steady;
  was_disputed_ = was_disputed_ || how == clock_trust::disputed;
}

void cluster_clock::look(monotonic_ms steady, unix_ms wall) {
  const std::int64_t seen = difference(steady, wall);
  if (std::abs(seen - difference_ms_) > limits::clock_jump_ms) {
    ++jumps_;
    if (jumped_at_ == 0) {
      before_jump_ms_ = difference_ms_;
    }
    jumped_at_ = steady;
  }
  if (jumped_at_ != 0 && std::abs(seen - before_jump_ms_) <= limits::clock_jump_ms) {
    jumped_at_ = 0; // and back
  }
  difference_ms_ = seen;
  const bool asked_since = trust_ == clock_trust::agreed && trusted_at_ >= jumped_at_ + limits::clock_settle_ms;
  if (trust_ == clock_trust::alone || asked_since) {
    jumped_at_ = 0;
  }
  if (jumped_at_ == 0 && trust_ != clock_trust::disputed) {
    follow(std::min(steady - looked_at_, passed_ms_max));
  }
  looked_at_ = steady;
}

void cluster_clock::follow(monotonic_ms passed_ms) {
  const bool far = std::abs(ahead_us()) > limits::clock_jump_ms * 1000;
  // Of a clock that nobody can judge, a jump before the dispute may be all that it shows.
  if (was_disputed_ && (trust_ == clock_trust::agreed || trust_ == clock_trust::alone)) {
    was_disputed_ = false;
    if (far) {
      offset_us_ = difference_ms_ * 1000;
      last_ = 0;
      return;
    }
  }
  const std::int64_t rate = far ? limits::clock_slew_far_ms_per_s : limits::clock_slew_ms_per_s;
  const std::int64_t step_us = rate * static_cast<std::int64_t>(passed_ms);
  offset_us_ += std::clamp(ahead_us(), -step_us, step_us);
}

bool cluster_clock::settled() const {
  const std::lock_guard lock(mutex_);
  return !was_disputed_;
}

std::int64_t cluster_clock::wall_ahead_ms() const {
  const std::lock_guard lock(mutex_);
  return ahead_us() / 1000;
}

std::uint64_t cluster_clock::jumps() const {
  const std::lock_guard lock(mutex_);
  return jumps_;
}

} // namespace godwit::cluster
