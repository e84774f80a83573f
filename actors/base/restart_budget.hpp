#pragma once

#include <cstdint>
#include <deque>
#include <string_view>

#include "persistence/base/types.hpp"

namespace godwit::actors {

/// How often a supervisor starts a child again before it tells its own supervisor.
struct restart_budget {
  std::uint32_t restarts = 0;              ///< 0: never started again by its supervisor
  persistence::monotonic_ms within_ms = 0; ///< counted over this time, which moves along
};

/// What one child has used of its budget.
class restart_counter {
public:
  explicit restart_counter(restart_budget budget) : budget_(budget) {}

  /// A child failed now: whether it may be started again. True is counted.
  bool take(persistence::monotonic_ms now);
  /// Restarts within the time that moves along.
  [[nodiscard]] std::size_t used() const { return at_.size(); }

private:
  restart_budget budget_;
  std::deque<persistence::monotonic_ms> at_; // oldest first, at most `restarts`
};

} // namespace godwit::actors
