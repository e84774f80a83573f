#include "persistence/raft/raft_errc.hpp"

namespace godwit::persistence::raft {

std::string_view to_string(raft_errc code) {
  switch (code) {
  case raft_errc::not_leader: return "this replica does not lead its shard";
  case raft_errc::change_pending: return "an earlier change of members is not finished, or the leader is too new";
  case raft_errc::bad_member: return "no such member, or a role in which it cannot do this";
  case raft_errc::transfer_pending: return "leadership is being handed over";
  case raft_errc::stale_term: return "the proposal was made in another term";
  case raft_errc::not_ready: return "the leader has not yet applied what its log held at the election";
  case raft_errc::too_many: return "too much waits for completion";
  case raft_errc::too_large: return "the mutation is larger than one request may write";
  case raft_errc::corrupt: return "the log contradicts what was committed";
  }
  return "unknown error";
}

} // namespace godwit::persistence::raft
