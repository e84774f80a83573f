#include "tests/support/storage_node.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace godwit::test {

storage_node::storage_node(options opts, hooks on) : options_(std::move(opts)), on_(std::move(on)) {}

storage_node::~storage_node() { stop(); }

monotonic_ms storage_node::now() {
  using namespace std::chrono;
  return static_cast<monotonic_ms>(duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count());
}

storage_result<void> storage_node::start(log_store& log, state_store& state) {
  log_ = &log;
  state_ = &state;
  shards_.resize(options_.shards);
  for (std::uint16_t i = 0; i < options_.shards; ++i) {
    const shard_id shard{i};
    storage_result<flushed_state> point = state.recover(shard);
    if (!point) {
      return unexpected(point.error());
    }
    storage_result<recovered_log> recovered = log.recover(shard, point->point.index);
    if (!recovered) {
      return unexpected(recovered.error());
    }
    if (recovered->hard.term == 0 && recovered->entries.empty() && point->point.index == 0) {
      log_write first = raft::replica::bootstrap(shard, options_.members);
      recovered->hard = *first.hard;
      recovered->entries = first.entries;
      log.submit(std::move(first));
    }
    shard_slot& slot = shards_[i];
    slot.state = std::make_unique<shard_state>(shard, state, *point, options_.state);
    raft::replica_options replica = options_.replica;
    replica.consensus.self = options_.self;
    replica.consensus.seed = static_cast<std::uint32_t>(options_.self.value() * 1000 + i + 1);
    slot.replica = std::make_unique<raft::replica>(shard, replica, log, *slot.state, *this);
    if (storage_result<void> started = slot.replica->start(now(), std::move(*recovered)); !started) {
      return started;
    }
    touch(shard);
  }
  log.kick();
  thread_ = std::thread([this] { run(); });
  return {};
}

void storage_node::stop() {
  if (thread_.joinable()) {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
}

// --- from other threads ---------------------------------------------------------------------------

void storage_node::post(std::function<void()> job) {
  const std::lock_guard lock(mutex_);
  inbox_.emplace_back(std::move(job));
  if (std::exchange(sleeping_, false)) {
    wake_.notify_one();
  }
}

void storage_node::deliver(shard_id shard, raft::message what) {
  const std::lock_guard lock(mutex_);
  inbox_.emplace_back(delivery{shard, std::move(what)});
  if (std::exchange(sleeping_, false)) {
    wake_.notify_one();
  }
}

void storage_node::log_written(std::span<const log_completion> done) {
  const std::lock_guard lock(mutex_);
  inbox_.insert(inbox_.end(), done.begin(), done.end());
  if (std::exchange(sleeping_, false)) {
    wake_.notify_one();
  }
}

void storage_node::state_flushed(std::span<const flush_completion> done) {
  const std::lock_guard lock(mutex_);
  inbox_.insert(inbox_.end(), done.begin(), done.end());
  if (std::exchange(sleeping_, false)) {
    wake_.notify_one();
  }
}

void storage_node::log_failed(const storage_error& why) {
  post([this, why] {
    if (on_.failed) {
      on_.failed(why);
    }
  });
}

void storage_node::log_recovered() {
  post([this] {
    if (on_.recovered) {
      on_.recovered();
    }
  });
}

void storage_node::state_failed(const storage_error& why) { log_failed(why); }

// --- the loop -------------------------------------------------------------------------------------

void storage_node::run() {
  std::vector<event> events;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      while (inbox_.empty() && !stopping_) {
        const monotonic_ms due = next_due();
        const monotonic_ms time = now();
        if (due <= time) {
          break;
        }
        sleeping_ = true;
        wake_.wait_for(lock, std::chrono::milliseconds(due - time));
        sleeping_ = false;
      }
      if (stopping_) {
        return;
      }
      events.swap(inbox_);
    }
    for (event& each : events) {
      handle(each);
    }
    events.clear();
    if (on_.round) {
      on_.round();
    }
    const monotonic_ms time = now();
    for (std::uint16_t i = 0; i < shards_.size(); ++i) {
      const monotonic_ms due = shards_[i].replica->due();
      if (due != 0 && due <= time) {
        shards_[i].replica->timer(time);
        touch(shard_id{i});
      }
    }
    finish_round();
  }
}

void storage_node::handle(event& what) {
  const monotonic_ms time = now();
  if (auto* written = std::get_if<log_completion>(&what)) {
    if (written->generation != 0) {
      replica_of(written->shard).log_written(time, written->generation);
    }
    touch(written->shard);
  } else if (auto* flushed = std::get_if<flush_completion>(&what)) {
    replica_of(flushed->shard).state_flushed(time, *flushed);
    touch(flushed->shard);
  } else if (auto* message = std::get_if<delivery>(&what)) {
    replica_of(message->shard).receive(time, std::move(message->what));
    touch(message->shard);
  } else {
    std::get<std::function<void()>>(what)();
  }
}

void storage_node::touch(shard_id shard) {
  shard_slot& slot = shards_[shard.value()];
  if (!std::exchange(slot.dirty, true)) {
    dirty_.push_back(shard);
  }
}

void storage_node::finish_round() {
  bool handed = false;
  while (!dirty_.empty() || !local_.empty()) {
    for (event& each : std::exchange(local_, {})) {
      handle(each);
    }
    for (const shard_id shard : std::exchange(dirty_, {})) {
      shard_slot& slot = shards_[shard.value()];
      slot.dirty = false;
      handed = slot.replica->round(now()) || handed;
      if (const term_t ready = slot.replica->ready_term(); ready != slot.told_ready) {
        slot.told_ready = ready;
        if (on_.ready) {
          on_.ready(shard, ready);
        }
      }
    }
  }
  if (handed) {
    log_->kick();
    state_->kick();
  }
}

monotonic_ms storage_node::next_due() {
  monotonic_ms next = now() + 1000;
  for (const shard_slot& slot : shards_) {
    if (const monotonic_ms due = slot.replica->due(); due != 0) {
      next = std::min(next, due);
    }
  }
  return next;
}

expected<void, raft::raft_errc> storage_node::propose(shard_id shard, term_t fence, std::string_view mutation,
                                                      raft::proposal_token token) {
  touch(shard);
  return replica_of(shard).propose(fence, mutation, token);
}

// --- replica_host ---------------------------------------------------------------------------------

void storage_node::send(shard_id shard, raft::message what) {
  if (on_.send) {
    on_.send(shard, std::move(what));
  }
}

void storage_node::proposal_done(shard_id shard, raft::proposal_token token, raft::proposal_outcome outcome,
                                 index_t index) {
  if (on_.done) {
    on_.done(shard, token, outcome, index);
  }
}

void storage_node::role_changed(shard_id shard) { touch(shard); }

void storage_node::read_log(shard_id shard, const raft::log_read_request& request) {
  const storage_result<void> queued = state_->run_on_reader([this, shard, request] {
    auto entries = log_->read(shard, request.first, request.count, request.bytes_max);
    post([this, shard, request, entries = std::move(entries)]() mutable {
      replica_of(shard).log_read_done(now(), request, std::move(entries));
      touch(shard);
    });
  });
  if (!queued) {
    local_.emplace_back(std::function<void()>([this, shard, request, error = queued.error()] {
      replica_of(shard).log_read_done(now(), request, unexpected(error));
    }));
  }
}

void storage_node::fetch_snapshot(shard_id, node_id, const snapshot_point&) {
  // The nodes of this harness keep enough log that nobody falls behind it.
}

void storage_node::replica_failed(shard_id, const storage_error& why) { log_failed(why); }

// --- null_state_store -----------------------------------------------------------------------------

void null_state_store::kick() {
  const std::vector<flush_completion> done = std::exchange(queued_, {});
  sink_.state_flushed(done);
}

namespace {

template <class T>
storage_result<T> keeps_nothing() {
  return fail(persistence_errc::not_found, "this store keeps nothing");
}

} // namespace

storage_result<std::unique_ptr<state_snapshot>> null_state_store::snapshot() {
  return keeps_nothing<std::unique_ptr<state_snapshot>>();
}
storage_result<void> null_state_store::run_on_reader(std::function<void()>) { return keeps_nothing<void>(); }
storage_result<std::unique_ptr<state_export>> null_state_store::begin_export(shard_id) {
  return keeps_nothing<std::unique_ptr<state_export>>();
}
void null_state_store::import_begin(shard_id, import_done done) { done(keeps_nothing<flushed_state>()); }
void null_state_store::import_chunk(shard_id, state_chunk, import_done done) { done(keeps_nothing<flushed_state>()); }
void null_state_store::import_finish(shard_id, snapshot_point, import_done done) {
  done(keeps_nothing<flushed_state>());
}

} // namespace godwit::test
