#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "persistence/log/log_entry.hpp"

namespace godwit::persistence::raft {

/// A follower's half of leases: which of the leader's sendings an answer covers.
class append_echo {
public:
  void received(node_id from, term_t term, monotonic_ms sent_at);
  /// What an answer of this term to `to` echoes; 0 when it has nothing to echo.
  [[nodiscard]] monotonic_ms answer(node_id to, term_t term) const;

private:
  node_id from_;
  term_t term_ = 0;
  monotonic_ms sent_at_ = 0;
};

/// A leader's half. A majority that received something sent at a time elects nobody else for one
/// election timeout after it.
class leader_lease {
public:
  /// A new term as leader.
  void begin();
  /// `who` answered, in this term, something sent at `sent_at`.
  void acknowledged(node_id who, monotonic_ms sent_at);
  /// No lease until the next term: somebody may have been asked to start an election at once.
  void give_up() { given_up_ = true; }
  /// 0: none. The greatest time there is for a sole voter.
  [[nodiscard]] monotonic_ms until(const configuration& members, node_id self, monotonic_ms election_timeout,
                                   monotonic_ms drift) const;

private:
  std::vector<std::pair<node_id, monotonic_ms>> acknowledged_;
  bool given_up_ = false;
};

} // namespace godwit::persistence::raft
