#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <algorithm>
#include <stdexcept>

#include "cluster/base/home_loop.hpp"

namespace godwit::test {

/// A home loop on virtual time: the thread that made it is its thread, and nothing runs but in run() and
/// advance(). Make the caf::actor_system first; end what was spawned before this goes.
class test_loop : public cluster::home_loop {
public:
  using monotonic_ms = cluster::monotonic_ms;

  explicit test_loop(caf::actor_system& system) : cluster::home_loop(system) { attach(); }

  /// Rounds until there is nothing more to do now. Fires timers that are due, but lets no time pass.
  void run() {
    for (int rounds = 0; rounds < 100'000; ++rounds) {
      const bool more = run_round(time_, wall_at(time_));
      const monotonic_ms due = next_due();
      if (!more && (due == 0 || due > time_) && prepare_sleep()) {
        return;
      }
    }
    throw std::runtime_error("the loop does not come to rest");
  }

  /// Lets time pass, stopping at every timer on the way.
  void advance(monotonic_ms by) {
    const monotonic_ms end = time_ + by;
    run();
    for (monotonic_ms due = next_due(); due != 0 && due <= end; due = next_due()) {
      time_ = std::max(time_, due);
      run();
    }
    time_ = end;
    run();
  }

  [[nodiscard]] monotonic_ms time() const { return time_; }
  /// The wall clock now; begins in November 2023 and goes along with time().
  [[nodiscard]] unix_ms wall_time() const { return wall_at(time_); }

protected:
  void wake() override {}

private:
  static unix_ms wall_at(monotonic_ms time) { return 1'700'000'000'000 + static_cast<unix_ms>(time); }

  monotonic_ms time_ = 1'000'000;
};

} // namespace godwit::test
