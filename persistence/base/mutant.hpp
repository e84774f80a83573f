#pragma once

#include <cstdint>

#ifdef GODWIT_MUTANTS
#include <bitset>
#endif

namespace godwit::persistence {

/// Rules that a test build can switch off one at a time, to prove that a test notices. A product
/// build is compiled without GODWIT_MUTANTS: there every question is answered `false` by the
/// compiler and no switch exists.
enum class mutant : std::uint8_t {
  // the adapter over the consensus library, by the number of its rule in persistence/raft/README.md
  accept_stale_answer = 0, ///< 4: answers to messages of an older term keep their claims
  pass_low_rejection,      ///< 5: rejections at or below match reach the library
  pass_below_trim,         ///< 5: appends below the trim point reach the library
  unsplit_change,          ///< 6: a change inside a longer append reaches the library
  change_without_wait,     ///< 7: the next change does not wait for all voters
  change_without_barrier,  ///< 7b: no barrier at election, no committed entry of the own term asked
  batched_change,          ///< 8: a change is submitted together with a command
  reordered_members,       ///< 8: members change their order
  hidden_voter_term,       ///< 9: a pre-vote denial hides the voter's term
  unlimited_snapshots,     ///< 10: several snapshots in flight to one peer
  unclamped_timer,         ///< 11: the timer may lie in the past
  commit_regression,       ///< 12: the commit index may go back
  completion_by_index,     ///< 2: completions matched by (index, term), not by generation
  apply_during_install,    ///< 3: entries are applied while a snapshot is installed
  keep_mismatched_log,     ///< 3: a log that does not match the snapshot survives a restart
  lease_from_receipt,      ///< leases run from the receipt of an answer
  lease_over_transfer,     ///< a transfer does not end the lease
  vote_after_restart,      ///< a restarted voter answers at once
  sole_voter_keeps_term,   ///< 13: the only voter makes itself leader in the term it already has
  nonvoter_refuses,        ///< 14: a node that is no voter in its own configuration refuses its vote
  unsynced_demotion,       ///< 13: a change that leaves one voter is sent before that one has it
  installing_refuses,      ///< 15: a node that installs a snapshot keeps a silent leader and its vote
  snapshot_of_first_entry, ///< 16: a snapshot may end at entry 1
  forgotten_answers,       ///< 17: a timeout between two heartbeats finds nobody reachable
  // the replica and the stores
  send_before_hard_state, ///< 1: messages leave before term and vote are durable
  split_hard_state,       ///< 1: term and vote are written one after the other
  acknowledge_before_majority,
  vote_unsynced, ///< term and vote are reported durable without a sync
  no_term_fence,
  flush_beyond_log,  ///< state is flushed beyond the locally persisted log
  trim_beyond_state, ///< the log is trimmed beyond the synced state
  // entities and lanes
  no_inbox_position,    ///< an accepted delivery leaves no position in the inbox
  answer_before_commit, ///< entities answer before what they proposed is applied
  no_entity_fence,      ///< entities go on into the next term with what they have in memory
  answer_without_lease, ///< applied rows are answered from whoever may lead meanwhile
  // boxes
  short_sent_window,           ///< random_ids are forgotten after two days
  subscription_without_replay, ///< a session that listens anew is not told what it missed
  count_
};

#ifdef GODWIT_MUTANTS

/// The rules that are switched off now. Tests set and clear it; nothing else touches it.
inline std::bitset<static_cast<std::size_t>(mutant::count_)> mutants_on;

inline bool mutated(mutant which) { return mutants_on.test(static_cast<std::size_t>(which)); }

#else

constexpr bool mutated(mutant /*which*/) { return false; }

#endif

} // namespace godwit::persistence
