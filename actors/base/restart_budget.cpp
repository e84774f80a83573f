#include "actors/base/restart_budget.hpp"

namespace godwit::actors {

bool restart_counter::take(persistence::monotonic_ms now) {
  while (!at_.empty() && now - at_.front() >= budget_.within_ms) {
    at_.pop_front();
  }
  if (at_.size() >= budget_.restarts) {
    return false;
  }
  at_.push_back(now);
  return true;
}

} // namespace godwit::actors
