#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "persistence/log/log_entry.hpp"

namespace godwit::persistence::raft {

/// AppendEntries (Raft, figure 2). `entries` is complete when the message leaves its node.
struct append_entries {
  index_t prev_index = 0;
  term_t prev_term = 0;
  index_t leader_commit = 0;
  std::vector<log_entry> entries;
  /// Entries that belong behind `entries` and are not in memory: the sender reads them from the
  /// log store, from prev_index + 1 + entries.size() on, before it sends. 0 on the wire.
  std::uint32_t entries_missing = 0;
  /// Leader's clock when it made the message. Echoed in the answer; leases run from it.
  monotonic_ms sent_at = 0;
};

struct append_result {
  index_t rejected = 0;   ///< 0, or the prev_index that did not match
  index_t last_index = 0; ///< stored and matching up to here, or a hint where to retry
  monotonic_ms echo = 0;  ///< `sent_at` of the newest append this answer covers, 0: none
};

struct request_vote {
  index_t last_index = 0;
  term_t last_term = 0;
  bool disrupt_leader = false; ///< the leader itself asked for this election
  bool pre_vote = false;
};

struct vote_result {
  bool granted = false;
  bool pre_vote = false;
};

/// Tells a follower that what it needs is no longer in the leader's log. The rows travel out of
/// band; the state that arrives may stand later than `point`, never earlier.
struct install_snapshot {
  snapshot_point point;
};

struct timeout_now {
  index_t last_index = 0;
  term_t last_term = 0;
};

using message_body =
  std::variant<append_entries, append_result, request_vote, vote_result, install_snapshot, timeout_now>;

/// One message between two replicas of the same shard.
struct message {
  node_id from;
  node_id to;
  term_t term = 0;
  message_body body;
};

} // namespace godwit::persistence::raft
