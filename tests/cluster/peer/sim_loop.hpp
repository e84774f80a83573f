#pragma once

#include <stdexcept>

#include "cluster/base/home_loop.hpp"

namespace godwit::test {

/// A home loop that whoever drives it tells the time: of a node whose clock may be wrong, and whose process may have
/// stood still. The thread that made it is its thread. End what was spawned on it before it goes.
class sim_loop final : public cluster::home_loop {
public:
  explicit sim_loop(caf::actor_system& system) : cluster::home_loop(system) { attach(); }

  /// Rounds at this time until there is nothing more to do.
  void run_at(cluster::monotonic_ms now) {
    for (int rounds = 0; rounds < 100'000; ++rounds) {
      const bool more = run_round(now, wall_at(now));
      if (!more && idle_at(now)) {
        return;
      }
    }
    throw std::runtime_error("the loop does not come to rest");
  }

  /// When it wants to run by itself; 0: not at all.
  [[nodiscard]] cluster::monotonic_ms due() const { return next_due(); }
  [[nodiscard]] bool idle_at(cluster::monotonic_ms now) {
    const cluster::monotonic_ms due = next_due();
    return (due == 0 || due > now) && prepare_sleep();
  }

  /// Its wall clock begins in November 2023 and goes along with the time it is told, plus this.
  void skew(unix_ms by) { skew_ = by; }
  [[nodiscard]] unix_ms wall_at(cluster::monotonic_ms now) const {
    return 1'700'000'000'000 + static_cast<unix_ms>(now) + skew_;
  }

protected:
  void wake() override {}

private:
  unix_ms skew_ = 0;
};

} // namespace godwit::test
