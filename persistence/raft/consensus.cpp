#include "persistence/raft/consensus.hpp"

#include <algorithm>
#include <new>

#include "persistence/base/mutant.hpp"
#include "persistence/log/configuration_codec.hpp"
#include "persistence/raft/consensus_impl.hpp"

namespace godwit::persistence::raft {

namespace {

raft_library_settings settings_of(const consensus_options& options) {
  raft_library_settings out{};
  out.self = options.self.value();
  out.election_timeout_ms = options.election_timeout_ms;
  out.heartbeat_ms = options.heartbeat_ms;
  out.install_timeout_ms = options.install_timeout_ms;
  out.catch_up_round_ms = options.catch_up_round_ms;
  out.inflight_entries_max = options.inflight_entries_max;
  out.seed = options.seed;
  out.trace = options.trace;
  out.trace_arg = options.trace_arg;
  return out;
}

/// A log that can be one: terms begin at 1, never go back, and none is beyond the stored term.
bool terms_in_order(const started& what) {
  term_t last = 1;
  for (const log_entry& entry : what.entries) {
    if (entry.term < last) {
      return false;
    }
    last = entry.term;
  }
  return (what.entries.empty() || last <= what.hard.term) &&
         (!what.snapshot || (what.snapshot->term > 0 && what.snapshot->term <= what.hard.term));
}

/// Rule 3. The log goes on behind the snapshot: it holds the snapshot's last entry, with the same
/// term, or begins right behind it.
bool matches_snapshot(const started& what) {
  const snapshot_point& point = *what.snapshot;
  if (what.first_index == point.index + 1) {
    return true;
  }
  const index_t at = point.index - what.first_index;
  return at < what.entries.size() && what.entries[at].term == point.term;
}

bool votes(const configuration& members, node_id who) {
  return std::any_of(members.members.begin(), members.members.end(),
                     [who](const member& each) { return each.id == who && each.role == member_role::voter; });
}

bool only_voter(const configuration& members, node_id self) {
  const auto voters = std::count_if(members.members.begin(), members.members.end(),
                                    [](const member& each) { return each.role == member_role::voter; });
  return voters == 1 && votes(members, self);
}

/// The configuration a node starts with: the newest in its log, else the snapshot's.
configuration configuration_at_start(const started& what) {
  for (auto entry = what.entries.rbegin(); entry != what.entries.rend(); ++entry) {
    if (entry->kind == entry_kind::change) {
      return decode_configuration(entry->payload.view()).value_or(configuration{});
    }
  }
  return what.snapshot ? what.snapshot->members : configuration{};
}

} // namespace

consensus::impl::impl(const consensus_options& options)
    : options_(options),
      log_(options.cache_bytes_max),
      offers_(options.install_timeout_ms, options.election_timeout_ms) {
  const raft_library_settings settings = settings_of(options);
  library_.reset(raft_library_new(&settings));
  if (library_ == nullptr) {
    throw std::bad_alloc();
  }
}

// --- one step -------------------------------------------------------------------------------------

expected<effects, raft_errc> consensus::impl::step(monotonic_ms now, event what) {
  now_ = std::max(now_, now);
  out_ = {};
  dirty_ = 0;
  const raft_library_view before = view_;
  if (const outcome done = std::visit([this](auto& one) { return on(one); }, what); !done) {
    return unexpected(done.error());
  }
  out_.role_changed = before.role != view_.role || before.term != view_.term || before.leader != view_.leader;
  finish();
  return std::move(out_);
}

void consensus::impl::finish() {
  const hard_state hard{view_.term, node_id{view_.vote}};
  if (hard != hard_) {
    out_.hard = hard_ = hard;
  }
  if (dirty_ != 0) {
    log_append& append = out_.append.emplace();
    append.generation = next_generation_++;
    append.first = dirty_;
    append.entries = log_.tail(dirty_);
    writes_.begin(append.generation, dirty_, log_.last(), log_.term_of(log_.last()));
  }
  out_.commit = commit_;
  out_.timer_at = next_timer();
}

monotonic_ms consensus::impl::next_timer() const {
  if (mutated(mutant::unclamped_timer)) {
    return view_.timeout;
  }
  monotonic_ms due = view_.timeout;
  if (view_.role == raft_library_leader) {
    // Rule 11. The library counts spares as well, to which it sends nothing, so that its timeout
    // stays in the past for ever; merely clamped it would wake an idle leader every millisecond.
    due = view_.timer_start + options_.election_timeout_ms;
    for (const member& each : members_.members) {
      if (each.id == options_.self || (each.role == member_role::spare && each.id.value() != view_.promotee)) {
        continue;
      }
      const auto sent =
        std::find_if(sent_at_.begin(), sent_at_.end(), [&each](const auto& one) { return one.first == each.id; });
      due = std::min(due, (sent == sent_at_.end() ? now_ : sent->second) + options_.heartbeat_ms);
    }
  }
  return std::max(due, now_ + 1);
}

/// After every event of the library: its wishes become effects, and what the rules demand follows.
/// `offered` are the entries that the event brought.
consensus::impl::outcome consensus::impl::settle(raft_library_result result, std::span<const log_entry> offered) {
  switch (result) {
  case raft_library_ok: break;
  case raft_library_not_leader: return unexpected(raft_errc::not_leader);
  case raft_library_cannot_change: return unexpected(raft_errc::change_pending);
  case raft_library_bad_member: return unexpected(raft_errc::bad_member);
  case raft_library_failed: return unexpected(raft_errc::corrupt);
  }
  look();
  const raft_library_update update = *raft_library_last(library_.get());
  if (update.append_first != 0) {
    if (const outcome done = take_entries(update, offered); !done) {
      return done;
    }
  }
  if (update.install && offered_ != nullptr) {
    begin_install(offered_->point, offered_by_);
  }
  for (unsigned i = 0; i < update.message_count; ++i) {
    raft_library_message wish{};
    raft_library_message_at(library_.get(), i, &wish);
    send(wish);
  }
  if (!installing_ || mutated(mutant::apply_during_install)) {
    // Rule 12. A heartbeat that reaches less far than an earlier one takes the library's commit
    // index back.
    commit_ = mutated(mutant::commit_regression) ? view_.commit : std::max(commit_, view_.commit);
  }
  if (const outcome done = confirm_change(); !done) {
    return done;
  }
  return make_barrier();
}

void consensus::impl::look() {
  raft_library_look(library_.get(), &view_);
  const unsigned count = raft_library_member_count(library_.get());
  members_.members.resize(count);
  for (unsigned i = 0; i < count; ++i) {
    const raft_library_member from = raft_library_member_at(library_.get(), i);
    members_.members[i] = {node_id{from.id}, static_cast<member_role>(from.role)};
  }
  if (view_.role == raft_library_leader && leader_term_ != view_.term) {
    leader_term_ = view_.term;
    barrier_due_ = true;
    lease_.begin();
    offers_.begin();
    sent_at_.clear();
    answered_at_.clear();
  }
}

consensus::impl::outcome consensus::impl::take_entries(const raft_library_update& update,
                                                       std::span<const log_entry> offered) {
  const log_entry barrier{view_.term, entry_kind::barrier, {}};
  if (update.append_barrier) {
    offered = {&barrier, 1};
  }
  // With the rules kept this cannot happen; it is the last thing between a mistake in them and a
  // log with a hole.
  if (update.append_count > offered.size() || update.append_first < log_.first() ||
      update.append_first > log_.last() + 1 || installing_) {
    return unexpected(raft_errc::corrupt);
  }
  log_.replace(update.append_first, offered.last(update.append_count));
  dirty_ = dirty_ == 0 ? update.append_first : std::min(dirty_, update.append_first);
  return {};
}

/// Rule 6. The library wants to be told that a change is committed, though it counts itself.
consensus::impl::outcome consensus::impl::confirm_change() {
  if (installing_ || view_.change_uncommitted == 0 || view_.change_uncommitted > commit_) {
    return {};
  }
  return confirm_change_at(view_.change_uncommitted);
}

/// Rule 7b. Nothing of an older term is known to be committed, and no change is safe, before an
/// entry of the leader's own term is (Raft dissertation, 6.4; F7). The library makes a barrier
/// itself in some elections only.
consensus::impl::outcome consensus::impl::make_barrier() {
  if (!barrier_due_ || view_.role != raft_library_leader) {
    return {};
  }
  barrier_due_ = false;
  if (term_of(log_.last()) == view_.term || mutated(mutant::change_without_barrier)) {
    return {};
  }
  return submit({log_entry{view_.term, entry_kind::barrier, {}}});
}

// --- events ---------------------------------------------------------------------------------------

consensus::impl::outcome consensus::impl::on(started& what) {
  if (!terms_in_order(what)) {
    return unexpected(raft_errc::corrupt);
  }
  silent_until_ = what.hard.term > 0 || !what.entries.empty() ? now_ + options_.election_timeout_ms : 0;
  index_t bare = 0;
  if (what.snapshot) {
    if (what.first_index > what.snapshot->index + 1) {
      return unexpected(raft_errc::corrupt); // entries between the two are nowhere
    }
    if (!matches_snapshot(what) && !mutated(mutant::keep_mismatched_log)) {
      what.entries.clear();
      what.first_index = what.snapshot->index + 1;
      out_.log_reset = what.first_index;
    }
    snapshot_ = *what.snapshot;
    bare = snapshot_.index;
  } else if (what.first_index != 1 || (!what.entries.empty() && what.entries.front().kind != entry_kind::change)) {
    return unexpected(raft_errc::corrupt); // every log begins with its first configuration
  }
  const std::optional<library_entries> entries = library_entries::from(what.entries);
  if (!entries) {
    return unexpected(raft_errc::corrupt);
  }
  hard_ = what.hard;
  // Rule 13. The library makes the only voter leader without an election, in the term it was
  // stopped in. It may have led in that term before, and sent entries that its own disk lost.
  if (only_voter(configuration_at_start(what), options_.self) && !mutated(mutant::sole_voter_keeps_term)) {
    what.hard = {what.hard.term + 1, options_.self};
  }
  log_.reset(what.first_index);
  log_.restore(std::move(what.entries), bare);
  std::optional<library_snapshot> snapshot;
  if (what.snapshot) {
    snapshot.emplace(*what.snapshot);
  }
  return settle(raft_library_start(library_.get(), now_, what.hard.term, what.hard.vote.value(),
                                   snapshot ? snapshot->get() : nullptr, what.first_index, entries->data(),
                                   entries->size()));
}

consensus::impl::outcome consensus::impl::on(append_persisted& what) {
  const index_t index = writes_.complete(what.generation, log_);
  if (installing_ || index <= view_.stored_index) {
    return {};
  }
  const outcome done = settle(raft_library_entries_persisted(library_.get(), now_, index));
  evictable(applied_);
  return done;
}

consensus::impl::outcome consensus::impl::on(snapshot_installed& /*what*/) {
  if (!installing_) {
    return {};
  }
  snapshot_ = *installing_;
  installing_.reset();
  const library_snapshot snapshot{snapshot_};
  return settle(raft_library_snapshot_persisted(library_.get(), now_, snapshot.get()));
}

consensus::impl::outcome consensus::impl::on(snapshot_taken& what) {
  const snapshot_point& point = what.point;
  if (installing_ || point.index <= snapshot_.index || point.index < log_.first() || point.index > log_.last()) {
    return {};
  }
  // Rule 16. The library takes the term of a snapshot that ends at entry 1 for the presence of that entry, and
  // sends a follower without any nothing but heartbeats for ever (replication.c, next_index == 1).
  if (point.index == 1 && !mutated(mutant::snapshot_of_first_entry)) {
    return {};
  }
  const index_t first_before = log_.first();
  snapshot_ = point;
  const library_snapshot snapshot{point};
  const outcome done = settle(raft_library_snapshot_taken(library_.get(), now_, snapshot.get(), what.trailing));
  if (done && view_.first_index > first_before) {
    log_.trim(view_.first_index);
    out_.trim_below = view_.first_index;
  }
  return done;
}

consensus::impl::outcome consensus::impl::on(timer_expired& /*what*/) {
  if (!mutated(mutant::sole_voter_keeps_term)) {
    raft_library_prepare_self_election(library_.get(), now_); // rule 13
  }
  // Rules 14 and 15. A follower that cannot stand for election does not notice that its leader is
  // silent: the library denies every vote for that one's sake.
  const bool cannot_stand = (installing_ && !mutated(mutant::installing_refuses)) ||
                            (!votes(members_, options_.self) && !mutated(mutant::nonvoter_refuses));
  if (cannot_stand && now_ >= view_.timeout) {
    raft_library_forget_leader(library_.get());
  }
  if (const outcome done = recall_answers(); !done) {
    return done;
  }
  return settle(raft_library_timeout(library_.get(), now_));
}

consensus::impl::outcome consensus::impl::on(submitted& what) {
  return submit({log_entry{view_.term, entry_kind::command, std::move(what.batch)}});
}

consensus::impl::outcome consensus::impl::on(barrier_submitted& /*what*/) {
  return submit({log_entry{view_.term, entry_kind::barrier, {}}});
}

consensus::impl::outcome consensus::impl::submit(std::vector<log_entry> entries) {
  if (view_.role != raft_library_leader) {
    return unexpected(raft_errc::not_leader);
  }
  if (view_.transferee != 0) {
    return unexpected(raft_errc::transfer_pending);
  }
  const std::optional<library_entries> made = library_entries::from(entries);
  if (!made) {
    return unexpected(raft_errc::bad_member);
  }
  return settle(raft_library_submit(library_.get(), now_, made->data(), static_cast<unsigned>(made->size())), entries);
}

// --- questions ------------------------------------------------------------------------------------

role consensus::impl::current_role() const {
  switch (view_.role) {
  case raft_library_leader: return role::leader;
  case raft_library_candidate: return role::candidate;
  case raft_library_follower: break;
  }
  return role::follower;
}

term_t consensus::impl::term_of(index_t index) const {
  const term_t term = log_.term_of(index);
  return term == 0 && index != 0 && index == snapshot_.index ? snapshot_.term : term;
}

index_t consensus::impl::match_index(node_id who) const {
  return view_.role == raft_library_leader ? raft_library_match_index(library_.get(), who.value()) : 0;
}

monotonic_ms consensus::impl::lease_until() const {
  if (view_.role != raft_library_leader || view_.change_uncommitted != 0) {
    return 0;
  }
  return lease_.until(members_, options_.self, options_.election_timeout_ms, options_.clock_drift_ms);
}

void consensus::impl::evictable(index_t applied) {
  applied_ = std::max(applied_, applied);
  // Payloads are kept for members that are a little behind. Alone, nobody is; who joins reads the disk.
  const std::size_t worth = members_.members.size() > 1 ? options_.cache_bytes_max : 0;
  log_.evict(std::min<index_t>(applied_, view_.stored_index), worth);
}

// --- the face -------------------------------------------------------------------------------------

consensus::consensus(const consensus_options& options) : impl_(std::make_unique<impl>(options)) {}
consensus::consensus(consensus&&) noexcept = default;
consensus& consensus::operator=(consensus&&) noexcept = default;
consensus::~consensus() = default;

expected<effects, raft_errc> consensus::step(monotonic_ms now, event what) { return impl_->step(now, std::move(what)); }

role consensus::current_role() const { return impl_->current_role(); }
term_t consensus::term() const { return impl_->view().term; }
node_id consensus::leader() const { return node_id{impl_->view().leader}; }
index_t consensus::commit_index() const { return impl_->commit(); }
index_t consensus::first_index() const { return impl_->log().first(); }
index_t consensus::last_index() const { return impl_->view().last_index; }
index_t consensus::persisted_index() const { return impl_->view().stored_index; }
term_t consensus::term_of(index_t index) const { return impl_->term_of(index); }
const log_entry* consensus::entry(index_t index) const { return impl_->log().entry(index); }
void consensus::evictable(index_t applied) { impl_->evictable(applied); }
std::size_t consensus::cache_bytes() const { return impl_->log().bytes(); }
const configuration& consensus::members() const { return impl_->members(); }
bool consensus::change_pending() const { return impl_->change_pending(); }
catch_up_status consensus::catch_up(node_id who) const { return impl_->catch_up(who); }
node_id consensus::transferee() const { return node_id{impl_->view().transferee}; }
index_t consensus::match_index(node_id who) const { return impl_->match_index(who); }
monotonic_ms consensus::lease_until() const { return impl_->lease_until(); }

} // namespace godwit::persistence::raft
