#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "cluster/base/home_loop.hpp"
#include "cluster/shard/shard_counters.hpp"
#include "cluster/shard/shard_replica.hpp"

namespace godwit::cluster {

/// The replicas that live on one loop. Whatever touched one of them in a round goes to the stores at its end,
/// once for all. Held by whoever may post to it; its work ends with close().
class loop_shards final : public std::enable_shared_from_this<loop_shards>, private round_task {
public:
  /// All of it outlives the object's close().
  loop_shards(home_loop& home, persistence::log_store& log, persistence::state_store& state);

  // --- from every thread ---

  /// Runs `job` on the loop, or never when the loop's shards are closed.
  void post(std::function<void()> job);
  void log_written(std::vector<persistence::log_completion> done);
  void state_flushed(std::vector<persistence::flush_completion> done);
  [[nodiscard]] const shard_counters& counters() const { return counters_; }
  /// Nothing: no such shard, or closed.
  [[nodiscard]] std::optional<shard_status> status(shard_id shard) const;

  // --- before the loop has heard of it ---

  shard_replica& add(shard_replica::setup with);

  // --- on the loop ---

  void start();
  /// As shard_replica::resign, of all.
  void resign(bool on);
  /// Hands everything applied to the state store and ends.
  void close();
  [[nodiscard]] shard_replica* find(shard_id shard);
  /// It has work at the end of the round.
  void touch(shard_replica& replica);
  [[nodiscard]] home_loop& home() const { return home_; }
  [[nodiscard]] shard_counters& counters() { return counters_; }

private:
  void run_deferred() override;
  void tick();

  home_loop& home_;
  persistence::log_store& log_;
  persistence::state_store& state_;
  std::map<shard_id, std::unique_ptr<shard_replica>> replicas_;
  std::vector<shard_replica*> dirty_;
  std::vector<shard_replica*> dirty_now_;
  shard_counters counters_;
  loop_timer tick_;

  mutable std::mutex mutex_;
  bool open_ = true; ///< under the mutex, as the end of replicas_
};

} // namespace godwit::cluster
