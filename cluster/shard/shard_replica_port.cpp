// What stewards and operators see of a replica, and how it gives its leadership away.

#include <algorithm>
#include <utility>

#include "cluster/shard/loop_shards.hpp"
#include "cluster/shard/shard_log.hpp"
#include "cluster/shard/shard_replica.hpp"
#include "config/cluster_limits.hpp"

namespace godwit::cluster {

using persistence::raft::raft_errc;

namespace {

const configuration no_members;

} // namespace

bool shard_replica::leads() const { return role() == persistence::raft::role::leader; }

monotonic_ms shard_replica::now() const { return loop_.home().now(); }

persistence::raft::role shard_replica::role() const {
  return replica_ ? replica_->core().current_role() : persistence::raft::role::follower;
}

term_t shard_replica::term() const { return replica_ ? replica_->core().term() : 0; }

const configuration& shard_replica::members() const { return replica_ ? replica_->core().members() : no_members; }

bool shard_replica::installing() const { return replica_ && replica_->installing(); }

bool shard_replica::change_pending() const { return !replica_ || replica_->core().change_pending(); }

persistence::raft::catch_up_status shard_replica::catching_up(node_id who) const {
  return replica_ ? replica_->core().catch_up(who) : persistence::raft::catch_up_status::none;
}

index_t shard_replica::match_index(node_id who) const { return replica_ ? replica_->core().match_index(who) : 0; }
index_t shard_replica::commit_index() const { return replica_ ? replica_->core().commit_index() : 0; }
index_t shard_replica::last_index() const { return replica_ ? replica_->core().last_index() : 0; }
monotonic_ms shard_replica::lease_until() const { return replica_ ? replica_->core().lease_until() : 0; }
bool shard_replica::transferring() const { return replica_ && replica_->transferring(); }

expected<void, raft_errc> shard_replica::change_members(configuration next) {
  if (!replica_) {
    return unexpected(raft_errc::not_leader);
  }
  auto done = replica_->change_members(moment(), std::move(next), first_change + ++changes_);
  touched();
  return done;
}

expected<void, raft_errc> shard_replica::catch_up(node_id who) {
  if (!replica_) {
    return unexpected(raft_errc::not_leader);
  }
  auto done = replica_->catch_up(moment(), who);
  touched();
  return done;
}

expected<void, raft_errc> shard_replica::transfer(node_id to) {
  if (!replica_) {
    return unexpected(raft_errc::not_leader);
  }
  auto done = replica_->transfer(moment(), to);
  touched();
  return done;
}

// --- resigning --------------------------------------------------------------------------------------

void shard_replica::resign(bool on) {
  if (on == resigned()) {
    return;
  }
  resigned_since_ = on ? now() : 0;
  silenced_ = false;
  if (on && leads()) {
    (void)transfer(persistence::no_node);
  }
  touched();
}

void shard_replica::tick() {
  if (again_) {
    read_again();
    return;
  }
  if (resigned() && leads()) {
    if (!transferring()) {
      (void)transfer(persistence::no_node);
    }
    if (!silenced_ && now() >= resigned_since_ + limits::resign_ms) {
      silenced_ = true; // nobody takes over; what it knows of the time is not to be trusted
      log::warning(shard_log, "shard_silenced", {{"shard", setup_.shard}});
      touched();
    }
  }
  if (replica_ && setup_.steward != nullptr && *setup_.steward) {
    (*setup_.steward)(*this);
  }
  publish();
}

// --- status -----------------------------------------------------------------------------------------

void shard_replica::publish() {
  shard_status now_is;
  now_is.shard = setup_.shard;
  now_is.resigned = resigned();
  if (replica_) {
    const persistence::raft::consensus& core = replica_->core();
    now_is.role = core.current_role();
    now_is.term = core.term();
    now_is.ready_term = told_ready_;
    now_is.leader = leader();
    now_is.members = core.members();
    now_is.change_pending = core.change_pending();
    now_is.applied = state_->applied().index;
    now_is.commit = core.commit_index();
    now_is.persisted = core.persisted_index();
    now_is.last = core.last_index();
    now_is.installing = replica_->installing();
    now_is.failed = replica_->failed();
    for (const persistence::member& each : now_is.members.members) {
      if (leads() && each.id != self()) {
        now_is.match.emplace_back(each.id, core.match_index(each.id));
      }
    }
  }
  const std::lock_guard lock(mutex_);
  status_ = std::move(now_is);
}

shard_status shard_replica::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

} // namespace godwit::cluster
