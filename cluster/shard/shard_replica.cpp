#include "cluster/shard/shard_replica.hpp"

#include <algorithm>
#include <utility>

#include "cluster/shard/loop_shards.hpp"
#include "cluster/shard/peer_sink.hpp"
#include "cluster/shard/shard_log.hpp"

namespace godwit::cluster {

using namespace persistence; // NOLINT: speaks of little else

shard_replica::shard_replica(loop_shards& loop, log_store& log, state_store& state, setup with)
    : loop_(loop),
      log_(log),
      store_(state),
      setup_(std::move(with)),
      state_(setup_.shard, state, setup_.state, setup_.state_options),
      replica_(setup_.shard, setup_.replica, log, state_, *this),
      timer_([this] {
        replica_.timer(loop_.home().now());
        touched();
      }) {}

shard_replica::~shard_replica() = default;

void shard_replica::start() {
  if (const storage_result<void> started = replica_.start(loop_.home().now(), std::move(setup_.log)); !started) {
    failure_ = started.error();
  }
  touched();
}

// --- events ---------------------------------------------------------------------------------------

void shard_replica::log_written(write_generation generation) {
  if (generation != 0) {
    replica_.log_written(loop_.home().now(), generation);
  }
  touched();
}

void shard_replica::state_flushed(const flush_completion& done) {
  replica_.state_flushed(loop_.home().now(), done);
  touched();
}

void shard_replica::receive(raft::message what) {
  replica_.receive(loop_.home().now(), std::move(what));
  touched();
}

void shard_replica::log_read_done(const raft::log_read_request& request,
                                  storage_result<std::vector<log_entry>> entries) {
  replica_.log_read_done(loop_.home().now(), request, std::move(entries));
  touched();
}

expected<void, raft::raft_errc> shard_replica::propose(term_t fence, std::string_view mutation,
                                                       raft::proposal_token token) {
  loop_.touch(*this);
  return replica_.propose(fence, mutation, token);
}

bool shard_replica::round() {
  const monotonic_ms now = loop_.home().now();
  const bool handed = replica_.round(now);
  after_event();
  // Not in the past: a timer that cannot be satisfied yet must not keep the loop awake.
  if (const monotonic_ms due = replica_.due(); due == 0) {
    loop_.home().disarm(timer_);
  } else if (const monotonic_ms at = std::max(due, now + 1); !timer_.armed() || timer_.due() != at) {
    loop_.home().arm(timer_, at);
  }
  return handed;
}

void shard_replica::flush_all() {
  if (!replica_.failed() && !replica_.installing()) {
    state_.flush(loop_.home().now(), replica_.core().persisted_index(), true);
  }
}

void shard_replica::touched() {
  loop_.touch(*this);
  after_event();
}

void shard_replica::after_event() {
  if (!std::exchange(settled_, true) && listener_ != nullptr) {
    listener_->proposals_settled();
  }
  if (const term_t ready = replica_.ready_term(); ready != told_ready_) {
    told_ready_ = ready;
    log::info(shard_log, "ready_term", {{"shard", setup_.shard}, {"term", ready}});
    if (listener_ != nullptr) {
      listener_->ready_term_changed(ready);
    }
  }
  if (const std::optional<storage_error> failure = std::exchange(failure_, std::nullopt)) {
    log::error(shard_log, "replica_failed", {{"shard", setup_.shard}, {"why", failure->message}});
    if (setup_.failed) {
      setup_.failed(setup_.shard, *failure);
    }
  }
}

// --- what the replica asks for ----------------------------------------------------------------------

void shard_replica::send(shard_id shard, raft::message what) { setup_.peers->send(shard, std::move(what)); }

void shard_replica::proposal_done(shard_id, raft::proposal_token token, raft::proposal_outcome outcome, index_t) {
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
