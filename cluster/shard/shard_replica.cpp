#include "cluster/shard/shard_replica.hpp"

#include <algorithm>
#include <utility>

#include "cluster/shard/loop_shards.hpp"
#include "cluster/shard/peer_sink.hpp"
#include "cluster/shard/shard_log.hpp"
#include "config/cluster_limits.hpp"

namespace godwit::cluster {

using namespace persistence; // NOLINT: speaks of little else

shard_replica::shard_replica(loop_shards& loop, log_store& log, state_store& state, setup with)
    : loop_(loop), log_(log), store_(state), setup_(std::move(with)), timer_([this] {
        if (replica_) {
          replica_->timer(moment());
          touched();
        }
      }) {
  state_.emplace(setup_.shard, state, setup_.state, setup_.state_options);
  replica_.emplace(setup_.shard, setup_.replica, log, *state_, static_cast<raft::replica_host&>(*this));
  status_.shard = setup_.shard;
  resigned_since_ = setup_.resigned ? 1 : 0; // long enough ago
}

shard_replica::~shard_replica() = default;

void shard_replica::start() {
  if (const storage_result<void> started = replica_->start(moment(), std::move(setup_.log)); !started) {
    failure_ = started.error();
  }
  role_changed_ = true;
  touched();
}

// --- events ---------------------------------------------------------------------------------------

/// The time of what happens now. Not that of the round, which may have stood still since it read the clock: what a
/// follower promises its leader, it promises from the moment on at which it promises.
monotonic_ms shard_replica::moment() { return moment_ = std::max(moment_, loop_.home().fresh_now()); }

void shard_replica::log_written(write_generation generation) {
  if (again_) {
    again_->log_done = again_->log_done || generation == again_->last_write;
    read_again();
    return;
  }
  if (generation != 0) {
    replica_->log_written(moment(), generation);
  }
  touched();
}

void shard_replica::state_flushed(const flush_completion& done) {
  if (replica_) {
    replica_->state_flushed(moment(), done);
    touched();
  }
}

void shard_replica::receive(raft::message what) {
  if (!replica_) {
    return;
  }
  const bool leading = std::holds_alternative<raft::append_entries>(what.body) ||
                       std::holds_alternative<raft::install_snapshot>(what.body);
  const leadership said{what.from, what.term};
  replica_->receive(moment(), std::move(what));
  if (leading && said != heard_ && said.term == term()) {
    heard_ = said;
    role_changed_ = true;
  }
  touched();
}

void shard_replica::log_read_done(const raft::log_read_request& request,
                                  storage_result<std::vector<log_entry>> entries) {
  if (replica_) {
    replica_->log_read_done(moment(), request, std::move(entries));
    touched();
  }
}

void shard_replica::snapshot_arrived(const flushed_state& state) {
  if (replica_) {
    replica_->snapshot_arrived(moment(), state);
    touched();
  }
}

expected<void, raft::raft_errc> shard_replica::propose(term_t fence, std::string_view mutation,
                                                       raft::proposal_token token) {
  if (!replica_) {
    return unexpected(raft::raft_errc::not_leader);
  }
  loop_.touch(*this);
  return replica_->propose(fence, mutation, token);
}

bool shard_replica::round() {
  if (!replica_) {
    return false;
  }
  const bool handed = replica_->round(moment());
  after_event();
  arm_timer();
  return handed;
}

void shard_replica::arm_timer() {
  const monotonic_ms due = replica_->due();
  if (due == 0) {
    loop_.home().disarm(timer_);
    return;
  }
  // Not in the past: a timer that cannot be satisfied yet must not keep the loop awake.
  monotonic_ms at = std::max(due, loop_.home().now() + 1);
  if (leads() && members().members.size() > 1) {
    // Heartbeats of all shards leave in the same rounds, and answers come back together.
    constexpr monotonic_ms grid = limits::heartbeat_grid_ms;
    at = (at + grid - 1) / grid * grid;
  }
  if (!timer_.armed() || timer_.due() != at) {
    loop_.home().arm(timer_, at);
  }
}

void shard_replica::flush_all() {
  if (replica_ && !replica_->failed() && !replica_->installing()) {
    state_->flush(moment(), replica_->core().persisted_index(), true);
  }
}

void shard_replica::touched() {
  loop_.touch(*this);
  after_event();
}

/// A hand-over that was given up leaves room for what waited for its end.
void shard_replica::follow_handover() {
  const bool handing_over = transferring();
  if (std::exchange(handing_over_, handing_over) && !handing_over && replica_ && replica_->ready_term() != 0) {
    settled_ = false;
  }
}

void shard_replica::after_event() {
  follow_handover();
  if (!std::exchange(settled_, true) && listener_ != nullptr) {
    listener_->proposals_settled();
  }
  if (std::exchange(role_changed_, false)) {
    tell_board();
    publish();
  }
  follow_ready();
  if (const std::optional<storage_error> failure = std::exchange(failure_, std::nullopt)) {
    log::error(shard_log, "replica_failed", {{"shard", setup_.shard}, {"why", failure->message}});
    if (setup_.failed) {
      setup_.failed(setup_.shard, *failure);
    }
  }
}

void shard_replica::follow_ready() {
  term_t ready = replica_ && !silenced_ ? replica_->ready_term() : 0;
  if (resigned() && ready != told_ready_) {
    ready = 0; // to give leadership away it need not serve
  }
  if (ready == told_ready_) {
    return;
  }
  told_ready_ = ready;
  log::info(shard_log, "ready_term", {{"shard", setup_.shard}, {"term", ready}});
  if (listener_ != nullptr) {
    listener_->ready_term_changed(ready);
  }
}

void shard_replica::tell_board() {
  if (setup_.board == nullptr || !replica_) {
    return;
  }
  setup_.board->note(setup_.shard, {leader(), term()});
}

/// Of the present term. The core still names the leader of the last one while nobody leads this one, and who hears of
/// a term keeps whom it heard of first.
node_id shard_replica::leader() const { return leads() ? self() : heard_.term == term() ? heard_.node : no_node; }

// --- what the replica asks for ----------------------------------------------------------------------

void shard_replica::send(shard_id shard, raft::message what) { setup_.peers->send(shard, std::move(what)); }

void shard_replica::proposal_done(shard_id, raft::proposal_token token, raft::proposal_outcome outcome, index_t) {
  if (token >= first_change) {
    return; // whoever changed the members looks at them
  }
  settled_ = false;
  if (listener_ != nullptr) {
    listener_->proposal_done(token, outcome);
  }
}

void shard_replica::read_log(shard_id shard, const raft::log_read_request& request) {
  const std::shared_ptr<loop_shards> loop = loop_.shared_from_this();
  const storage_result<void> queued = store_.run_on_reader([loop, &log = log_, shard, request] {
    auto entries = log.read(shard, request.first, request.count, request.bytes_max);
    loop->post([loop, shard, request, entries = std::move(entries)]() mutable {
      if (shard_replica* const replica = loop->find(shard)) {
        replica->log_read_done(request, std::move(entries));
      }
    });
  });
  if (!queued) {
    loop->post([loop, shard, request, error = queued.error()] {
      if (shard_replica* const replica = loop->find(shard)) {
        replica->log_read_done(request, unexpected(error));
      }
    });
  }
}

void shard_replica::fetch_snapshot(shard_id shard, node_id from, const snapshot_point& at_least) {
  setup_.peers->fetch_snapshot(shard, from, at_least);
}

void shard_replica::replica_failed(shard_id, const storage_error& why) { failure_ = why; }

} // namespace godwit::cluster
