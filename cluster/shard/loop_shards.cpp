#include "cluster/shard/loop_shards.hpp"

#include <utility>

#include "config/cluster_limits.hpp"

namespace godwit::cluster {

using namespace persistence; // NOLINT: speaks of little else

loop_shards::loop_shards(home_loop& home, log_store& log, state_store& state)
    : home_(home), log_(log), state_(state), tick_([this] { tick(); }) {}

void loop_shards::post(std::function<void()> job) {
  const std::lock_guard lock(mutex_);
  if (open_) {
    home_.post(std::move(job));
  }
}

void loop_shards::log_written(std::vector<log_completion> done) {
  post([self = shared_from_this(), done = std::move(done)] {
    for (const log_completion& each : done) {
      if (shard_replica* const replica = self->find(each.shard)) {
        replica->log_written(each.generation);
      }
    }
  });
}

void loop_shards::state_flushed(std::vector<flush_completion> done) {
  post([self = shared_from_this(), done = std::move(done)] {
    for (const flush_completion& each : done) {
      if (shard_replica* const replica = self->find(each.shard)) {
        replica->state_flushed(each);
      }
    }
  });
}

shard_replica& loop_shards::add(shard_replica::setup with) {
  const shard_id shard = with.shard;
  return *(replicas_[shard] = std::make_unique<shard_replica>(*this, log_, state_, std::move(with)));
}

std::optional<shard_status> loop_shards::status(shard_id shard) const {
  const std::lock_guard lock(mutex_);
  const auto found = replicas_.find(shard);
  return open_ && found != replicas_.end() ? std::optional(found->second->status()) : std::nullopt;
}

shard_replica* loop_shards::find(shard_id shard) {
  const auto found = replicas_.find(shard);
  return found == replicas_.end() ? nullptr : found->second.get();
}

void loop_shards::start() {
  for (const auto& [shard, replica] : replicas_) {
    replica->start();
  }
  tick();
}

void loop_shards::resign(bool on) {
  for (const auto& [shard, replica] : replicas_) {
    replica->resign(on);
  }
}

void loop_shards::tick() {
  for (const auto& [shard, replica] : replicas_) {
    replica->tick();
  }
  // With the heartbeats: a loop that has little to do wakes less often.
  constexpr monotonic_ms each = limits::steward_ms;
  home_.arm(tick_, (home_.now() / each + 1) * each);
}

void loop_shards::close() {
  {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }
  home_.forget(*this);
  home_.disarm(tick_);
  for (const auto& [shard, replica] : replicas_) {
    replica->flush_all();
  }
  log_.kick();
  state_.kick();
  dirty_.clear();
  replicas_.clear();
}

void loop_shards::touch(shard_replica& replica) {
  if (!std::exchange(replica.dirty_, true)) {
    dirty_.push_back(&replica);
    home_.defer(round_phase::shards, *this);
  }
}

void loop_shards::run_deferred() {
  bool handed = false;
  dirty_now_.swap(dirty_);
  for (shard_replica* const replica : dirty_now_) {
    // What is proposed from here on, by who hears that there is room again, is for the next round.
    replica->dirty_ = false;
    handed = replica->round() || handed;
  }
  dirty_now_.clear();
  if (handed) {
    log_.kick();
    state_.kick();
  }
}

} // namespace godwit::cluster
