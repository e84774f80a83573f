// Proposals: from an entity to the replica, and their ends back.

#include "cluster/shard/shard_host.hpp"

#include <caf/send.hpp>

#include <limits>
#include <utility>

#include "cluster/shard/messages.hpp"
#include "cluster/shard/shard_log.hpp"
#include "persistence/base/mutant.hpp"

namespace godwit::cluster {

using persistence::mutant;
using persistence::mutated;
using persistence::raft::proposal_outcome;
using persistence::raft::proposal_token;
using persistence::raft::raft_errc;

void shard_host::propose(const entity_ref& from, std::string_view mutation, std::uint64_t token, lane_parts& lanes) {
  const auto found = slots_.find(from);
  if (term_ == 0 || found == slots_.end() || found->second.lost ||
      (found->second.at != phase::running && found->second.at != phase::resting)) {
    counters_.lost.add(); // the entity is about to end
    return;
  }
  slot& of = found->second;
  submitted end = submitted::no_room;
  if (kept_.empty()) {
    end = submit(&of, mutation, token, lanes);
  }
  if (end == submitted::no_room) {
    if (kept_bytes_ + mutation.size() <= setup_.limits.proposals_kept_bytes_max) {
      kept_.push_back({&of, token, std::string(mutation), std::move(lanes)});
      kept_bytes_ += mutation.size();
      counters_.proposals_kept_bytes.add(static_cast<std::int64_t>(mutation.size()));
      ++of.proposals;
      return;
    }
    end = submitted::refused;
  }
  if (end == submitted::refused) {
    counters_.lost.add();
    of.lost = true;
    leave(of);
  }
}

/// `from` nullptr: the host's own.
shard_host::submitted shard_host::submit(slot* from, std::string_view mutation, std::uint64_t token, lane_parts& lanes,
                                         bool as_barrier) {
  for (const lane_accept& each : lanes.in) {
    if (lanes_broken_ || !receiver_.expects(each)) {
      return submitted::refused; // it was taken already, or rests on one that was lost
    }
  }
  const proposal_token number = first_proposal_ + proposals_.size();
  const auto taken = replica_.propose(term_, mutation, number);
  if (taken) {
    proposals_.push_back({from, token, false, as_barrier});
    if (from != nullptr) {
      ++from->proposals;
    }
    counters_.proposals.add();
    counters_.proposals_open.add(1);
    note_lanes(number, lanes);
    return submitted::taken;
  }
  if (taken.error() == raft_errc::too_large) {
    for (const lane_accept& each : lanes.in) {
      receiver_.refused(each);
    }
  }
  // While leadership is handed over nothing is taken. Whoever leads then loads what is committed; when this replica
  // still does, there is room again.
  const bool wait = taken.error() == raft_errc::too_many || taken.error() == raft_errc::transfer_pending;
  return wait ? submitted::no_room : submitted::refused;
}

void shard_host::proposal_done(proposal_token token, proposal_outcome outcome) {
  const std::uint64_t place = token - first_proposal_;
  if (token < first_proposal_ || place >= proposals_.size() || proposals_[place].ended) {
    return;
  }
  proposal& which = proposals_[place];
  which.ended = true;
  counters_.proposals_open.add(-1);
  (outcome == proposal_outcome::applied ? counters_.applied : counters_.lost).add();
  lanes_done(token, outcome == proposal_outcome::applied);
  if (which.barrier) {
    barrier_done(which.token, outcome == proposal_outcome::applied);
  }
  if (slot* const of = which.from) {
    --of->proposals;
    if (outcome == proposal_outcome::applied) {
      of->applied = which.token;
    } else {
      of->lost = true;
    }
    if (!std::exchange(of->settled, true)) {
      settled_.push_back(of);
    }
  }
  while (!proposals_.empty() && proposals_.front().ended) {
    proposals_.pop_front();
    ++first_proposal_;
  }
}

void shard_host::proposals_forgotten() {
  const proposal_token end = first_proposal_ + proposals_.size();
  for (proposal_token each = first_proposal_; each < end; ++each) {
    proposal_done(each, proposal_outcome::unknown);
  }
}

void shard_host::proposals_settled() {
  if (lanes_broken_) {
    end_term();
  }
  if (term_ == 0) {
    begin_term(); // may have waited for these
    return;
  }
  release_barriers(); // before entities hear of what was proposed behind them
  for (slot* const of : std::exchange(settled_, {})) {
    of->settled = false;
    settle(*of);
  }
  submit_kept();
  forward_waiting();
  sender_.flush();
}

void shard_host::settle(slot& of) {
  if (of.at == phase::ended) {
    if (of.proposals == 0) {
      remove(of);
    }
  } else if (of.lost) {
    if (of.at != phase::leaving) {
      leave(of);
    }
  } else {
    caf::anon_send(of.actor, proposals_applied{of.applied});
  }
}

void shard_host::submit_kept() {
  while (!kept_.empty()) {
    kept_proposal& next = kept_.front();
    if (next.from == nullptr) {
      const submitted end = submit(nullptr, {}, next.token, next.lanes, true);
      if (end == submitted::no_room) {
        return;
      }
      if (end == submitted::refused) {
        barrier_done(next.token, false);
      }
      kept_.pop_front();
      continue;
    }
    slot& of = *next.from;
    --of.proposals;
    const submitted end = of.lost ? submitted::refused : submit(&of, next.mutation, next.token, next.lanes);
    if (end == submitted::no_room) {
      ++of.proposals;
      return;
    }
    if (end == submitted::refused) {
      counters_.lost.add();
      of.lost = true;
    }
    kept_bytes_ -= next.mutation.size();
    counters_.proposals_kept_bytes.add(-static_cast<std::int64_t>(next.mutation.size()));
    kept_.pop_front();
    if (end == submitted::refused) {
      settle(of); // the last thing done with it: it may go
    }
  }
}

void shard_host::drop_kept(const slot& of) {
  std::erase_if(kept_, [&](const kept_proposal& each) {
    if (each.from != &of) {
      return false;
    }
    kept_bytes_ -= each.mutation.size();
    counters_.proposals_kept_bytes.add(-static_cast<std::int64_t>(each.mutation.size()));
    counters_.lost.add();
    --slots_.at(of.who).proposals;
    return true;
  });
}

// --- answers that rest on no proposal ---------------------------------------------------------------

void shard_host::answer_read(const entity_request_ptr& request, entity_reply what) {
  constexpr monotonic_ms always = std::numeric_limits<monotonic_ms>::max();
  const monotonic_ms lease = replica_.lease_until();
  const bool held = lease == always || lease > home().fresh_now() || mutated(mutant::answer_without_lease);
  if ((held && barriers_.empty()) || !ledger_.holds(*request)) {
    answer(request, std::move(what));
    return;
  }
  // Who begins to listen waits as well: what it is told of later proposals leaves behind the barrier.
  if (!held && !begin_barrier()) {
    what = {};
    what.status = reply_status::unavailable;
    answer(request, std::move(what));
    return;
  }
  barriers_.back().answers.emplace_back(request, std::move(what));
}

/// There is a barrier at the end of the queue that will be in the log behind this moment. False: there cannot be one.
bool shard_host::begin_barrier() {
  if (barrier_round_.open) {
    return true;
  }
  lane_parts none;
  submitted end = submitted::no_room;
  const std::uint64_t number = ++last_barrier_;
  if (kept_.empty()) {
    end = submit(nullptr, {}, number, none, true);
  }
  if (end == submitted::refused || term_ == 0) {
    return false;
  }
  if (end == submitted::no_room) {
    kept_.push_back({nullptr, number, {}, {}});
  }
  counters_.barriers.add();
  barriers_.push_back({number, false, {}});
  barrier_round_.open = true;
  home().defer(round_phase::shards, barrier_round_);
  return true;
}

void shard_host::barrier_done(std::uint64_t number, bool applied) {
  for (barrier& each : barriers_) {
    if (each.number != number) {
      continue;
    }
    if (applied) {
      each.applied = true;
      return;
    }
    for (const auto& [request, reply] : std::exchange(each.answers, {})) {
      entity_reply none;
      none.status = reply_status::unavailable;
      answer(request, std::move(none));
    }
    each.applied = true; // nothing waits in it
  }
}

void shard_host::release_barriers() {
  while (!barriers_.empty() && barriers_.front().applied) {
    const barrier front = std::move(barriers_.front());
    barriers_.pop_front();
    for (const auto& [request, reply] : front.answers) {
      answer(request, reply);
    }
  }
}

} // namespace godwit::cluster
