#pragma once

#include <cstdint>
#include <string_view>

namespace godwit::persistence::raft {

enum class raft_errc : std::uint8_t {
  not_leader = 1,   ///< only a leader can do this; ask the one that consensus::leader names
  change_pending,   ///< an earlier change of members is not finished, or the leader is too new
  bad_member,       ///< no such member, or a role in which it cannot do this
  transfer_pending, ///< leadership is being handed over
  stale_term,       ///< the proposal was made in another term than the current one
  not_ready,        ///< leader, but what its log held at the election is not applied yet
  too_many,         ///< a bound is reached; wait for completions
  too_large,        ///< more than limits::mutation_bytes_max; waiting does not help
  corrupt,          ///< the log contradicts what was committed; the replica has to stop
};

/// A sentence for logs and operators.
std::string_view to_string(raft_errc code);

} // namespace godwit::persistence::raft
