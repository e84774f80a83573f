#include "persistence/raft/snapshot_offers.hpp"

#include <algorithm>

#include "persistence/base/mutant.hpp"

namespace godwit::persistence::raft {

bool snapshot_offers::offer(node_id to, index_t index, monotonic_ms now) {
  const auto known = std::find_if(offers_.begin(), offers_.end(), [to](const in_flight& one) { return one.to == to; });
  if (known == offers_.end()) {
    offers_.push_back({to, index, index, now});
    return true;
  }
  known->wished = index;
  if (now - known->sent_at < install_timeout_ && !mutated(mutant::unlimited_snapshots)) {
    return false;
  }
  known->index = index;
  known->sent_at = now;
  return true;
}

std::optional<index_t> snapshot_offers::answered(node_id from, index_t rejected, index_t last_index, monotonic_ms echo,
                                                 monotonic_ms now) {
  const auto known =
    std::find_if(offers_.begin(), offers_.end(), [from](const in_flight& one) { return one.to == from; });
  if (known == offers_.end()) {
    return std::nullopt;
  }
  if (rejected == 0) {
    if (last_index >= known->index) {
      offers_.erase(known);
    }
    return std::nullopt;
  }
  // A follower that installs has the offered point as the end of its log. One that answers later
  // messages without it never got the offer, or forgot it in a restart: waiting for the install
  // timeout would leave it behind for a minute. Its own log may by chance be as long, hence the
  // second, longer patience; an offer too many is ignored by who installs.
  const monotonic_ms patience = last_index < known->index ? election_timeout_ : 4 * election_timeout_;
  if (echo <= known->sent_at || now - known->sent_at < patience) {
    return std::nullopt;
  }
  const index_t wished = known->wished;
  offers_.erase(known);
  return wished;
}

} // namespace godwit::persistence::raft
