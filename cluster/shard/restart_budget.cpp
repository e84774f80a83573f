#include "cluster/shard/restart_budget.hpp"

namespace godwit::cluster {

bool restart_budget::failed(const entity_ref& who, persistence::monotonic_ms now) {
  std::erase_if(records_, [&](const auto& each) { return expired(each.second, now); });
  record& of = records_[who];
  if (of.failures == 0) {
    of.since = now;
  }
  if (++of.failures < options_.failures_max) {
    return false;
  }
  of = {0, now, now + options_.refusal_ms};
  return true;
}

bool restart_budget::refused(const entity_ref& who, persistence::monotonic_ms now) const {
  const auto found = records_.find(who);
  return found != records_.end() && now < found->second.refused_until;
}

} // namespace godwit::cluster
