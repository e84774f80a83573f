// What leaves for other replicas, and the rules on it after the library has spoken.

#include <algorithm>
#include <variant>

#include "persistence/base/mutant.hpp"
#include "persistence/raft/consensus_impl.hpp"

namespace godwit::persistence::raft {

void consensus::impl::send(const raft_library_message& what) {
  message out{options_.self, node_id{what.peer}, what.term, append_entries{}};
  if (what.kind == raft_library_append_entries || what.kind == raft_library_install_snapshot) {
    const auto sent =
      std::find_if(sent_at_.begin(), sent_at_.end(), [&out](const auto& one) { return one.first == out.to; });
    if (sent == sent_at_.end()) {
      sent_at_.emplace_back(out.to, now_);
    } else {
      sent->second = now_;
    }
  }
  switch (what.kind) {
  case raft_library_append_entries: out.body = fill(what); break;
  case raft_library_append_result: {
    append_result result{what.rejected, what.last_index, echo_.answer(out.to, what.term)};
    rejected_ = result.rejected != 0;
    if (stale_ && !mutated(mutant::accept_stale_answer)) {
      // Rule 4 (F1). The library answers an install of an older term with success and whatever lay
      // in memory. The term alone is what such an answer is for.
      result.rejected = 0;
      result.last_index = 0;
    }
    out.body = result;
    break;
  }
  case raft_library_request_vote:
    // Only the election that the leader itself asked for may disturb one that is alive; the library
    // says so in every later one as well.
    out.body = request_vote{what.last_index, what.last_term, what.disrupt_leader && what.term == timeout_now_term_ + 1,
                            what.pre_vote};
    break;
  case raft_library_vote_result:
    // Rule 9 (F5). A denied pre-vote names the term that was asked for: a candidate that is behind
    // would never learn of the newer one.
    if (what.pre_vote && !what.granted && !mutated(mutant::hidden_voter_term)) {
      out.term = std::max<term_t>(what.term, view_.term);
    }
    out.body = vote_result{what.granted, what.pre_vote};
    break;
  case raft_library_install_snapshot:
    // Rule 10.
    if (what.snapshot_index != snapshot_.index || what.snapshot_term != snapshot_.term ||
        !offers_.offer(out.to, what.snapshot_index, now_)) {
      return;
    }
    out.body = install_snapshot{snapshot_};
    break;
  case raft_library_timeout_now: out.body = timeout_now{what.last_index, what.last_term}; break;
  }
  out_.messages.push_back(std::move(out));
}

append_entries consensus::impl::fill(const raft_library_message& what) const {
  append_entries out;
  out.prev_index = what.prev_index;
  out.prev_term = what.prev_term;
  out.leader_commit = what.leader_commit;
  out.sent_at = now_;
  index_t last = what.prev_index + what.entry_count;
  if (view_.sole_voter && view_.change_uncommitted > view_.stored_index && !mutated(mutant::unsynced_demotion)) {
    // Rule 13. A change that leaves one voter is committed once that one has it, and must not reach
    // the voter it demotes before: should this disk lose it, the two would refuse each other.
    last = std::min(last, std::max(what.prev_index, view_.change_uncommitted - 1));
  }
  index_t next = what.prev_index + 1;
  for (; next <= last; ++next) {
    const log_entry* const entry = log_.entry(next);
    if (entry == nullptr) {
      break;
    }
    out.entries.push_back(*entry);
  }
  // The rest is in the log store, as far as it is there. What is not follows after a rejection.
  last = std::min<index_t>(last, view_.stored_index);
  out.entries_missing = next <= last ? static_cast<std::uint32_t>(last - next + 1) : 0;
  return out;
}

} // namespace godwit::persistence::raft
