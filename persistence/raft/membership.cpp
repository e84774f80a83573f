// Changes of members: one server at a time, and only on firm ground.

#include <algorithm>

#include "persistence/base/mutant.hpp"
#include "persistence/log/configuration_codec.hpp"
#include "persistence/raft/consensus_impl.hpp"

namespace godwit::persistence::raft {

namespace {

const member* find(const configuration& in, node_id who) {
  const auto at =
    std::find_if(in.members.begin(), in.members.end(), [who](const member& each) { return each.id == who; });
  return at == in.members.end() ? nullptr : &*at;
}

/// Rule 8: `next` adds one server at the end, removes one, or gives one another role; all others
/// stay, in their order. The library finds a server's progress by its position (membership.c:131).
bool one_server_differs(const configuration& now, const configuration& next) {
  const std::vector<member>& a = now.members;
  const std::vector<member>& b = next.members;
  if (b.size() == a.size() + 1) {
    return std::equal(a.begin(), a.end(), b.begin()) && b.back().id != no_node && find(now, b.back().id) == nullptr;
  }
  if (b.size() + 1 == a.size()) {
    const auto [at, behind] = std::mismatch(b.begin(), b.end(), a.begin());
    return std::equal(at, b.end(), behind + 1);
  }
  if (a.size() != b.size()) {
    return false;
  }
  std::size_t differing = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].id != b[i].id) {
      return false;
    }
    differing += a[i].role != b[i].role ? 1 : 0;
  }
  return differing == 1;
}

/// The member that `next` no longer has.
node_id removed_by(const configuration& now, const configuration& next) {
  for (const member& each : now.members) {
    if (find(next, each.id) == nullptr) {
      return each.id;
    }
  }
  return no_node;
}

} // namespace

bool consensus::impl::may_change(node_id removed) const {
  if (view_.role != raft_library_leader || view_.transferee != 0 || view_.change_uncommitted != 0 ||
      view_.promotee != 0) {
    return false;
  }
  // Rule 7b (F7): something of the leader's own term is committed.
  if (term_of(view_.commit) != view_.term && !mutated(mutant::change_without_barrier)) {
    return false;
  }
  // Rule 7 (F6): every voter has the last change, but one that is being removed because it lags or
  // is dead. A voter that does not know it is one refuses its vote.
  return mutated(mutant::change_without_wait) ||
         std::all_of(members_.members.begin(), members_.members.end(), [this, removed](const member& each) {
           return each.role != member_role::voter || each.id == removed ||
                  match_index(each.id) >= view_.change_committed;
         });
}

bool consensus::impl::change_pending() const { return !may_change(no_node); }

consensus::impl::outcome consensus::impl::on(change_submitted& what) {
  configuration next = std::move(what.next);
  if (view_.role != raft_library_leader) {
    return unexpected(raft_errc::not_leader);
  }
  if (view_.transferee != 0) {
    return unexpected(raft_errc::transfer_pending);
  }
  // A leader that is to go hands leadership over first. Should it crash with its own removal in no
  // log but its own, it would neither vote nor stand, and of two voters the other is not enough.
  const member* const self = find(next, options_.self);
  if (!one_server_differs(members_, next) || self == nullptr || self->role != member_role::voter ||
      !decode_configuration(encode_configuration(next))) {
    return unexpected(raft_errc::bad_member);
  }
  if (mutated(mutant::reordered_members)) {
    std::reverse(next.members.begin(), next.members.end());
  }
  log_entry change{view_.term, entry_kind::change, slice::adopt(encode_configuration(next))};
  if (mutated(mutant::batched_change)) {
    return submit({log_entry{view_.term, entry_kind::command, {}}, std::move(change)});
  }
  if (!may_change(removed_by(members_, next))) {
    return unexpected(raft_errc::change_pending);
  }
  return submit({std::move(change)});
}

/// Tells the library that the change at `index` is committed. On a leader that is no longer a voter
/// this ends its leadership.
consensus::impl::outcome consensus::impl::confirm_change_at(index_t index) {
  const log_entry* const entry = log_.entry(index);
  if (entry == nullptr || entry->kind != entry_kind::change) {
    return {};
  }
  const auto members = decode_configuration(entry->payload.view());
  if (!members) {
    return unexpected(raft_errc::corrupt);
  }
  const std::vector<raft_library_member> made = to_library(*members);
  return settle(
    raft_library_change_committed(library_.get(), now_, index, made.data(), static_cast<unsigned>(made.size())));
}

consensus::impl::outcome consensus::impl::on(catch_up_started& what) {
  if (view_.role != raft_library_leader) {
    return unexpected(raft_errc::not_leader);
  }
  const member* const who = find(members_, what.who);
  if (who == nullptr || who->role == member_role::voter) {
    return unexpected(raft_errc::bad_member);
  }
  if (view_.transferee != 0) {
    return unexpected(raft_errc::transfer_pending);
  }
  if (view_.promotee != 0) {
    return unexpected(raft_errc::change_pending);
  }
  if (const outcome done = settle(raft_library_catch_up(library_.get(), now_, what.who.value())); !done) {
    return done;
  }
  // The library notices that a member has caught up only when it acknowledges something new.
  return submit({log_entry{view_.term, entry_kind::barrier, {}}});
}

catch_up_status consensus::impl::catch_up(node_id who) const {
  if (view_.role != raft_library_leader) {
    return catch_up_status::none;
  }
  switch (raft_library_catch_up_status(library_.get(), who.value())) {
  case 1: return catch_up_status::running;
  case 2: return catch_up_status::aborted;
  case 3: return catch_up_status::finished;
  default: return catch_up_status::none;
  }
}

consensus::impl::outcome consensus::impl::on(transfer_started& what) {
  if (view_.role != raft_library_leader) {
    return unexpected(raft_errc::not_leader);
  }
  if (view_.transferee != 0) {
    return unexpected(raft_errc::transfer_pending);
  }
  const outcome done = settle(raft_library_transfer(library_.get(), now_, what.to.value()));
  if (done && !mutated(mutant::lease_over_transfer)) {
    // The one that is asked may stand, with leave to disturb, at any time in this term, even if the
    // library has long given the transfer up.
    lease_.give_up();
  }
  return done;
}

} // namespace godwit::persistence::raft
