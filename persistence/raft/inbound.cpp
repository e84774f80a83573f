// What arrives from other replicas, and the rules on it before the library sees it.

#include <algorithm>
#include <variant>

#include "persistence/base/mutant.hpp"
#include "persistence/raft/consensus_impl.hpp"

namespace godwit::persistence::raft {

namespace {

/// Heartbeats for which a follower's last answer counts as contact with it.
constexpr monotonic_ms answer_holds = 3;

raft_library_message begin_message(raft_library_message_kind kind, const message& from) {
  raft_library_message out{};
  out.kind = kind;
  out.peer = from.from.value();
  out.term = from.term;
  return out;
}

/// A message that can have been made by a replica. Others would find no assertion in the library,
/// only its memory.
bool plausible(const message& from, const append_entries& what) {
  if ((what.prev_index == 0) != (what.prev_term == 0) || what.prev_term > from.term || what.entries_missing != 0) {
    return false;
  }
  term_t last = std::max<term_t>(what.prev_term, 1);
  for (const log_entry& entry : what.entries) {
    if (entry.term < last || entry.term > from.term) {
      return false;
    }
    last = entry.term;
  }
  return what.prev_index < what.prev_index + what.entries.size() + 1;
}

} // namespace

consensus::impl::outcome consensus::impl::on(received& what) {
  message& from = what.what;
  if (from.to != options_.self || from.from == options_.self || from.from == no_node || from.term == 0) {
    return {};
  }
  stale_ = from.term < view_.term;
  const outcome done = std::visit([this, &from](auto& body) { return receive(from, body); }, from.body);
  stale_ = false;
  return done;
}

// --- from leaders ---------------------------------------------------------------------------------

consensus::impl::outcome consensus::impl::receive(message& from, append_entries& what) {
  if (!plausible(from, what) || (view_.role == raft_library_leader && from.term == view_.term)) {
    return {};
  }
  if (!stale_) {
    echo_.received(from.from, from.term, what.sent_at);
    if (!installing_ && !mutated(mutant::pass_below_trim)) {
      strip_trimmed(what);
    }
    if (installing_ && !mutated(mutant::installing_refuses)) {
      // Rule 15. Entries the library would drop without a word; the leader would step down for want of
      // answers. As a heartbeat the message gets one, which claims nothing.
      what.entries.clear();
    }
  }
  if (mutated(mutant::unsplit_change)) {
    return deliver(from, what, 0, what.entries.size());
  }
  return deliver_split(from, what);
}

/// Rule 5 (F3). The library appends entries below its own trim point as if they were new. All up to
/// the snapshot is committed, so the same in every leader's log: the message may as well begin there.
void consensus::impl::strip_trimmed(append_entries& what) const {
  if (what.prev_index >= log_.first() || (what.prev_index == 0 && log_.first() == 1) ||
      what.prev_index >= snapshot_.index) {
    return;
  }
  const index_t skipped = std::min<index_t>(snapshot_.index - what.prev_index, what.entries.size());
  what.entries.erase(what.entries.begin(), what.entries.begin() + static_cast<std::ptrdiff_t>(skipped));
  what.prev_index = snapshot_.index;
  what.prev_term = snapshot_.term;
}

/// Rule 6 (F4). The library books a change at the index of the first new entry of the message it came
/// with, so that each change goes alone.
consensus::impl::outcome consensus::impl::deliver_split(const message& from, const append_entries& what) {
  std::size_t begin = 0;
  rejected_ = false;
  for (std::size_t i = 0; i < what.entries.size(); ++i) {
    if (what.entries[i].kind != entry_kind::change) {
      continue;
    }
    outcome done = i > begin ? deliver(from, what, begin, i) : commit_first(from, what, i);
    if (done && !rejected_) {
      done = confirm_older_change(from, what, i);
    }
    if (done && !rejected_) {
      done = deliver(from, what, i, i + 1);
    }
    if (!done || rejected_) {
      return done; // what follows a rejected part is rejected as well
    }
    begin = i + 1;
  }
  return begin < what.entries.size() || what.entries.empty() ? deliver(from, what, begin, what.entries.size())
                                                             : outcome{};
}

/// Rule 6. A change makes the library forget the one before it, so what the message says about that
/// one's commitment comes first.
consensus::impl::outcome consensus::impl::commit_first(const message& from, const append_entries& what,
                                                       std::size_t change) {
  const index_t before = what.prev_index + change;
  const term_t term = change > 0 ? what.entries[change - 1].term : what.prev_term;
  if (stale_ || installing_ || before <= commit_ || what.leader_commit <= commit_ || term_of(before) != term) {
    return {};
  }
  return deliver(from, what, change, change);
}

/// Rule 6. Whoever wrote a change had committed the one before it. A follower that has that older
/// one, and whose log matches up to the newer, may not have heard so yet.
consensus::impl::outcome consensus::impl::confirm_older_change(const message& from, const append_entries& what,
                                                               std::size_t change) {
  const index_t before = what.prev_index + change;
  const term_t term = change > 0 ? what.entries[change - 1].term : what.prev_term;
  const index_t older = view_.change_uncommitted;
  if (installing_ || view_.role != raft_library_follower || from.term < view_.term || older == 0 || older > before ||
      term_of(before) != term) {
    return {};
  }
  return confirm_change_at(older);
}

/// Hands entries [begin, end) of the message to the library.
consensus::impl::outcome consensus::impl::deliver(const message& from, const append_entries& what, std::size_t begin,
                                                  std::size_t end) {
  const std::span<const log_entry> piece{what.entries.data() + begin, end - begin};
  const std::optional<library_entries> entries = library_entries::from(piece);
  if (!entries) {
    return {}; // a change that is none; nobody of this version wrote it
  }
  raft_library_message in = begin_message(raft_library_append_entries, from);
  in.prev_index = what.prev_index + begin;
  in.prev_term = begin > 0 ? what.entries[begin - 1].term : what.prev_term;
  in.leader_commit = what.leader_commit;
  in.entries = entries->data();
  in.entry_count = static_cast<unsigned>(entries->size());
  return settle(raft_library_receive(library_.get(), now_, &in), piece);
}

consensus::impl::outcome consensus::impl::receive(message& from, install_snapshot& what) {
  if (what.point.index == 0 || what.point.term == 0 || what.point.members.members.empty() ||
      (view_.role == raft_library_leader && from.term == view_.term)) {
    return {};
  }
  const library_snapshot snapshot{what.point};
  raft_library_message in = begin_message(raft_library_install_snapshot, from);
  in.snapshot = snapshot.get();
  offered_ = &what;
  offered_by_ = from.from;
  const outcome done = settle(raft_library_receive(library_.get(), now_, &in));
  offered_ = nullptr;
  return done;
}

/// Rule 3. From here to the end of the installation there is no log: completions of what was written
/// to it mean nothing, and nothing is applied.
void consensus::impl::begin_install(const snapshot_point& point, node_id from) {
  installing_ = point;
  log_.reset(point.index + 1);
  writes_.forget();
  dirty_ = 0;
  out_.install = point;
  out_.install_from = from;
}

consensus::impl::outcome consensus::impl::receive(message& from, timeout_now& what) {
  timeout_now_term_ = from.term;
  if (view_.sole_voter && !mutated(mutant::sole_voter_keeps_term)) {
    return {}; // rule 13; its own timer makes it leader soon enough
  }
  raft_library_message in = begin_message(raft_library_timeout_now, from);
  in.last_index = what.last_index;
  in.last_term = what.last_term;
  return settle(raft_library_receive(library_.get(), now_, &in));
}

// --- from followers, candidates and voters --------------------------------------------------------

consensus::impl::outcome consensus::impl::receive(message& from, append_result& what) {
  if (view_.role == raft_library_leader && from.term == view_.term) {
    if (what.echo != 0 && what.echo <= now_) {
      lease_.acknowledged(from.from, mutated(mutant::lease_from_receipt) ? now_ : what.echo);
    }
    note_answer(from.from);
    // Rule 10. When the log was trimmed since the offer, the follower rejects a heartbeat of the later snapshot, and the
    // library, which waits for a rejection of the earlier one, would not offer again before the install timeout.
    if (const auto lost = offers_.answered(from.from, what.rejected, what.last_index, what.echo, now_)) {
      what.rejected = *lost;
      what.last_index = std::min(what.last_index, *lost - 1);
    }
    // Rule 5 (F2). What is known to match cannot be rejected: the answer is an old one. The library
    // would go back below the match, and then send nothing but heartbeats.
    const index_t match = match_index(from.from);
    if (what.rejected != 0 && what.rejected <= match && !mutated(mutant::pass_low_rejection)) {
      what.rejected = 0;
      what.last_index = match;
    }
  }
  raft_library_message in = begin_message(raft_library_append_result, from);
  in.rejected = what.rejected;
  in.last_index = what.last_index;
  return settle(raft_library_receive(library_.get(), now_, &in));
}

void consensus::impl::note_answer(node_id from) {
  const auto known =
    std::find_if(answered_at_.begin(), answered_at_.end(), [from](const auto& each) { return each.first == from; });
  if (known == answered_at_.end()) {
    answered_at_.emplace_back(from, now_);
  } else {
    known->second = now_;
  }
}

/// Rule 17. At each timeout the library asks who answered since the last one, and takes others for unreachable: new
/// entries reach those no sooner than their next heartbeat. With a member that is down, timeouts come more often than
/// heartbeats to those that are up, who then had nothing to answer. What they said last is said again; it claims
/// nothing new.
consensus::impl::outcome consensus::impl::recall_answers() {
  if (view_.role != raft_library_leader || mutated(mutant::forgotten_answers)) {
    return {};
  }
  for (const member& each : members_.members) {
    const auto known =
      std::find_if(answered_at_.begin(), answered_at_.end(), [&each](const auto& one) { return one.first == each.id; });
    if (known == answered_at_.end() || now_ - known->second > answer_holds * options_.heartbeat_ms) {
      continue;
    }
    raft_library_message again{};
    again.kind = raft_library_append_result;
    again.peer = each.id.value();
    again.term = view_.term;
    again.last_index = match_index(each.id);
    if (const outcome done = settle(raft_library_receive(library_.get(), now_, &again)); !done) {
      return done;
    }
  }
  return {};
}

consensus::impl::outcome consensus::impl::receive(message& from, request_vote& what) {
  // Leases. Before its restart this voter may have acknowledged a leader that counts on its silence
  // for one election timeout.
  if (now_ < silent_until_ && !mutated(mutant::vote_after_restart)) {
    return {};
  }
  raft_library_message in = begin_message(raft_library_request_vote, from);
  in.last_index = what.last_index;
  in.last_term = what.last_term;
  in.disrupt_leader = what.disrupt_leader;
  in.pre_vote = what.pre_vote;
  // Rule 14 (F6). Whether this node's vote counts is for the candidate's configuration to say; its own
  // may lack the change that made it a voter, or hold one that nobody else has. A node in no
  // configuration it knows of stays silent, for it may have lost its log.
  // Rule 15. A voter that installs a snapshot would refuse its vote until the rows are there, which they
  // never are when their leader is gone and the only other voter needs this vote. What it says of its
  // log is the snapshot's end: all that it may have acknowledged before lies below.
  in.while_installing = !mutated(mutant::installing_refuses);
  in.as_voter = view_.role != raft_library_leader && view_.member && !mutated(mutant::nonvoter_refuses);
  return settle(raft_library_receive(library_.get(), now_, &in));
}

consensus::impl::outcome consensus::impl::receive(message& from, vote_result& what) {
  raft_library_message in = begin_message(raft_library_vote_result, from);
  in.granted = what.granted;
  in.pre_vote = what.pre_vote;
  return settle(raft_library_receive(library_.get(), now_, &in));
}

} // namespace godwit::persistence::raft
