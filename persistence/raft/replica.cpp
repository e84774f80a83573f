#include "persistence/raft/replica.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "persistence/base/mutant.hpp"
#include "persistence/log/configuration_codec.hpp"

namespace godwit::persistence::raft {

namespace {

std::string in_shard(shard_id shard) { return "shard " + std::to_string(shard.value()); }

} // namespace

replica::replica(shard_id shard, const replica_options& options, log_store& log, shard_state& state, replica_host& host)
    : shard_(shard),
      options_(options),
      log_(log),
      state_(state),
      host_(host),
      core_(options.consensus),
      next_write_((write_generation{options.incarnation} << 40) + 1) {}

log_write replica::bootstrap(shard_id shard, const configuration& members) {
  log_write first;
  first.shard = shard;
  first.hard = hard_state{1, no_node};
  first.first = 1;
  first.entries.push_back({1, entry_kind::change, slice::adopt(encode_configuration(members))});
  return first;
}

storage_result<void> replica::start(monotonic_ms now, recovered_log recovered) {
  const snapshot_point& point = state_.applied();
  if (recovered.first > point.index + 1) {
    failed_ = true;
    return fail(persistence_errc::corrupt,
                in_shard(shard_) + ": the log begins at entry " + std::to_string(recovered.first) +
                  " but the state ends at " + std::to_string(point.index) +
                  ": the log and state folders are not of the same time; put back the two that belong together");
  }
  started begin;
  begin.hard = recovered.hard;
  // A crash may fall between the import of a later leader's state and the log's next write.
  begin.hard.term = std::max(begin.hard.term, point.term);
  if (begin.hard.term != recovered.hard.term) {
    begin.hard.vote = no_node;
  }
  if (point.index > 0) {
    begin.snapshot = point;
  }
  begin.first_index = recovered.first;
  begin.entries = std::move(recovered.entries);
  log_bytes_ = payload_bytes(begin.entries);
  applied_ = commit_ = snapshot_index_ = point.index;
  expected<effects, raft_errc> todo = core_.step(now, std::move(begin));
  if (!todo) {
    failed_ = true;
    return fail(persistence_errc::corrupt, in_shard(shard_) + ": the log contradicts the state");
  }
  carry_out(now, std::move(*todo));
  return {};
}

// --- events ---------------------------------------------------------------------------------------

bool replica::round(monotonic_ms now) {
  if (failed_) {
    return false;
  }
  submit_gathered(now);
  advance_handover(now);
  if (!installing() && state_.flush(now, core_.persisted_index())) {
    handed_to_store_ = true;
  }
  flush_blocked_ = state_.flush_due() != 0 && state_.flush_due() <= now;
  return std::exchange(handed_to_store_, false);
}

void replica::receive(monotonic_ms now, message what) {
  // A follower whose disk has fallen behind takes a leader's entries for lost on the way and hears the
  // rest, so that neither memory grows nor an election comes; the leader sends them again.
  if (append_entries* const append = std::get_if<append_entries>(&what.body); append != nullptr && overloaded()) {
    append->entries.clear();
  }
  if (core_.current_role() == role::leader) {
    const auto known =
      std::find_if(heard_.begin(), heard_.end(), [&](const auto& each) { return each.first == what.from; });
    if (known != heard_.end()) {
      known->second = now;
    }
  }
  step(now, received{std::move(what)});
}

bool replica::overloaded() const { return state_.full() || write_bytes_ > options_.proposals_in_flight_bytes_max; }

void replica::timer(monotonic_ms now) {
  if (failed_) {
    return;
  }
  if (now >= timer_at_) {
    step(now, timer_expired{});
  }
  leave_hung_disk(now);
  advance_handover(now);
}

monotonic_ms replica::due() const {
  if (failed_) {
    return 0;
  }
  monotonic_ms next = timer_at_;
  const monotonic_ms flush = state_.flush_due();
  if (flush != 0 && !flush_blocked_ && (next == 0 || flush < next)) {
    next = flush;
  }
  return next;
}

void replica::log_written(monotonic_ms now, write_generation generation) {
  while (!failed_ && !writes_.empty() && writes_.front().generation <= generation) {
    const write_in_flight done = writes_.front();
    writes_.pop_front();
    write_bytes_ -= done.bytes;
    if (done.hard && --hard_in_flight_ == 0) {
      for (message& waiting : std::exchange(held_, {})) {
        host_.send(shard_, std::move(waiting));
      }
    }
    if (done.append != 0) {
      step(now, append_persisted{done.append});
    }
  }
}

void replica::state_flushed(monotonic_ms now, const flush_completion& done) {
  if (failed_) {
    return;
  }
  state_.flushed(done);
  trim_log(now);
}

void replica::snapshot_arrived(monotonic_ms now, const flushed_state& state) {
  if (failed_ || !install_ || state.point.index < install_->index) {
    return;
  }
  const index_t accepted = install_->index;
  install_.reset();
  state_.installed(state);
  std::vector<finished_proposal> finished;
  proposals_.skipped(state.point.index, state.point.term, finished);
  report(finished);
  // The state may stand later than what consensus accepted. Entries in between arrive again and are
  // passed over, for which reason the count goes on from the accepted index.
  applied_ = std::max(applied_, accepted);
  commit_ = std::max(commit_, accepted);
  snapshot_index_ = accepted;
  log_bytes_ = 0;
  // The state is complete and durable, so that the old log may go; what follows is written behind it.
  effects emptied;
  emptied.log_reset = accepted + 1;
  write(now, emptied);
  step(now, snapshot_installed{});
}

// --- steps ----------------------------------------------------------------------------------------

expected<void, raft_errc> replica::try_step(monotonic_ms now, event what) {
  expected<effects, raft_errc> todo = core_.step(now, std::move(what));
  if (!todo) {
    if (todo.error() == raft_errc::corrupt) {
      fail_corrupt();
    }
    return unexpected(todo.error());
  }
  carry_out(now, std::move(*todo));
  return {};
}

bool replica::step(monotonic_ms now, event what) {
  if (failed_) {
    return false;
  }
  const expected<void, raft_errc> done = try_step(now, std::move(what));
  if (!done && !failed_) {
    fail_corrupt();
  }
  return done.has_value();
}

void replica::carry_out(monotonic_ms now, effects todo) {
  write(now, todo);
  for (message& outgoing : todo.messages) {
    send(std::move(outgoing));
  }
  commit_ = mutated(mutant::commit_regression) ? todo.commit : std::max(commit_, todo.commit);
  timer_at_ = todo.timer_at;
  if (todo.install) {
    install_ = std::move(todo.install);
    host_.fetch_snapshot(shard_, todo.install_from, *install_);
  }
  follow_role(todo.role_changed);
  apply_committed();
}

void replica::write(monotonic_ms now, effects& todo) {
  log_write out;
  out.shard = shard_;
  out.reset = todo.log_reset;
  out.hard = todo.hard;
  out.trim_below = todo.trim_below;
  write_in_flight flight;
  flight.since = now;
  flight.hard = todo.hard.has_value();
  if (todo.append) {
    flight.append = todo.append->generation;
    flight.bytes = payload_bytes(todo.append->entries);
    write_bytes_ += flight.bytes;
    log_bytes_ += flight.bytes;
    out.first = todo.append->first;
    out.entries = std::move(todo.append->entries);
  }
  if (out.reset || out.hard || todo.append) {
    flight.generation = out.generation = next_write_++;
    hard_in_flight_ += flight.hard ? 1 : 0;
    writes_.push_back(flight);
  } else if (out.trim_below == 0) {
    return;
  }
  log_.submit(std::move(out));
  handed_to_store_ = true;
}

// --- applying -------------------------------------------------------------------------------------

void replica::apply_committed() {
  if (installing() && !mutated(mutant::apply_during_install)) {
    return;
  }
  finished_.clear();
  const index_t before = applied_;
  bool became_ready = false;
  while (!failed_ && applied_ < commit_) {
    const index_t index = applied_ + 1;
    const term_t term = core_.term_of(index);
    if (index > state_.applied().index) {
      const log_entry* const entry = core_.entry(index);
      if (entry == nullptr) {
        fail_with({persistence_errc::corrupt,
                   in_shard(shard_) + ": committed entry " + std::to_string(index) + " is not in the log"});
        break;
      }
      if (const storage_result<void> done = state_.apply(index, *entry); !done) {
        fail_with(done.error());
        break;
      }
    }
    applied_ = index;
    proposals_.applied(index, term, finished_);
    if (term == core_.term() && core_.current_role() == role::leader && ready_term_ != term) {
      // The first entry of a leader's own term is its barrier: all that its log held before is
      // applied now (Raft dissertation, 6.4).
      ready_term_ = term;
      became_ready = true;
    }
  }
  if (applied_ != before) {
    core_.evictable(applied_);
    report(finished_);
  }
  if (became_ready) {
    host_.role_changed(shard_);
  }
}

void replica::report(const std::vector<finished_proposal>& finished) {
  for (const finished_proposal& one : finished) {
    host_.proposal_done(shard_, one.token, one.outcome, one.index);
  }
}

void replica::follow_role(bool changed) {
  if (!changed) {
    return;
  }
  const bool leads = core_.current_role() == role::leader;
  if (!leads) {
    heard_.clear();
  }
  if (!leads || core_.term() != ready_term_) {
    ready_term_ = 0;
    handover_.reset();
    std::vector<finished_proposal> finished;
    proposals_.drop_gathered(finished);
    report(finished);
  }
  host_.role_changed(shard_);
}

// --- the log's tail -------------------------------------------------------------------------------

void replica::trim_log(monotonic_ms now) {
  const snapshot_point& point = mutated(mutant::trim_beyond_state) ? state_.applied() : state_.durable();
  if (installing() || point.index <= snapshot_index_ || point.index > applied_ || core_.term_of(point.index) == 0) {
    return;
  }
  const index_t entries = point.index + 1 - core_.first_index();
  index_t trailing = entries_of(options_.trailing_entries, options_.trailing_bytes);
  if (core_.current_role() == role::leader) {
    trailing = std::max(trailing, std::min(spared_for_followers(now, point.index),
                                           entries_of(options_.spared_entries, options_.spared_bytes)));
  }
  if (entries <= trailing + trailing / 4) {
    return; // not worth the deletions yet
  }
  const index_t kept = core_.last_index() + 1 - core_.first_index() - (entries - trailing);
  log_bytes_ = log_bytes_ * kept / std::max<index_t>(kept + entries - trailing, 1);
  snapshot_index_ = point.index;
  step(now, snapshot_taken{point, static_cast<std::uint32_t>(trailing)});
}

/// As many entries as both bounds allow, by the average size of those in the log.
index_t replica::entries_of(std::uint32_t entries_max, std::size_t bytes_max) const {
  if (log_bytes_ <= bytes_max) {
    return entries_max;
  }
  const index_t all = core_.last_index() + 1 - core_.first_index();
  return std::min<index_t>(entries_max, all * bytes_max / log_bytes_);
}

/// What followers lack that are alive, or were not long ago: one that starts again, or installs a snapshot and goes on
/// behind the point that was offered, should find the rest in the log. For one that stays away a snapshot is cheaper.
index_t replica::spared_for_followers(monotonic_ms now, index_t below) {
  index_t spared = 0;
  for (const member& each : core_.members().members) {
    if (each.role == member_role::spare || each.id == options_.consensus.self) {
      continue;
    }
    auto heard = std::find_if(heard_.begin(), heard_.end(), [&each](const auto& one) { return one.first == each.id; });
    if (heard == heard_.end()) {
      heard = heard_.insert(heard_.end(), {each.id, now}); // from here on it is waited for
    }
    if (now - heard->second <= options_.spared_ms) {
      const index_t match = core_.match_index(each.id);
      spared = std::max(spared, match < below ? below - match : 0);
    }
  }
  return spared;
}

// --- failure --------------------------------------------------------------------------------------

void replica::fail_corrupt() {
  fail_with({persistence_errc::corrupt,
             in_shard(shard_) + ": its log contradicts what was committed; remove the node from the cluster and add it "
                                "again as a new one with an empty folder"});
}

void replica::fail_with(storage_error why) {
  failed_ = true;
  ready_term_ = 0;
  std::vector<finished_proposal> finished;
  proposals_.drop_gathered(finished);
  proposals_.skipped(std::numeric_limits<index_t>::max(), 0, finished);
  report(finished);
  host_.replica_failed(shard_, why);
}

} // namespace godwit::persistence::raft
