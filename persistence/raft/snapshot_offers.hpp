#pragma once

#include <optional>
#include <vector>

#include "persistence/base/types.hpp"

namespace godwit::persistence::raft {

/// Which followers a leader has offered a snapshot, so that each is offered one at a time. The
/// library offers again at every rejected heartbeat, about nine times while one is on its way.
class snapshot_offers {
public:
  snapshot_offers(monotonic_ms install_timeout, monotonic_ms election_timeout)
      : install_timeout_(install_timeout), election_timeout_(election_timeout) {}

  /// A new term as leader.
  void begin() { offers_.clear(); }

  /// Whether the library's wish to offer may go out; if so it counts as sent.
  bool offer(node_id to, index_t index, monotonic_ms now);

  /// An answer to an append sent at `echo` came. The index at which the library takes an offer to be on its way, when
  /// the answer shows that it is lost.
  std::optional<index_t> answered(node_id from, index_t rejected, index_t last_index, monotonic_ms echo,
                                  monotonic_ms now);

private:
  struct in_flight {
    node_id to;
    index_t index;
    index_t wished; ///< by the library, whether it was sent or not
    monotonic_ms sent_at;
  };

  monotonic_ms install_timeout_;
  monotonic_ms election_timeout_;
  std::vector<in_flight> offers_;
};

} // namespace godwit::persistence::raft
