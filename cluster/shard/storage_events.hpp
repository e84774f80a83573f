#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "cluster/base/probe.hpp"
#include "persistence/log/log_store.hpp"
#include "persistence/state/state_store.hpp"

namespace godwit::cluster {

class loop_shards;

/// How the stores of this node are. Read from any thread.
enum class storage_health : std::uint8_t {
  good,
  no_space, ///< writes wait for room; nothing is lost, nothing new is acknowledged
  failed,   ///< nothing completes any more: the node has to stop
};

/// Hears of the stores' finished work on their threads and hands it to the loops of the shards: one post per
/// call and loop, however many shards it is about. Outlives the stores.
class storage_events final : public persistence::log_sink, public persistence::state_sink {
public:
  /// Called on a store's thread, also when a store is well again (`why.code` ok): hand over and return.
  using operator_hears = std::function<void(storage_health, const persistence::storage_error& why)>;

  explicit storage_events(operator_hears hears = {});
  ~storage_events() override;

  [[nodiscard]] storage_health health() const;
  [[nodiscard]] const probe::shared_counter& failures() const { return failures_; }

  /// From here on completions of shard i go to loop_of_shard[i], and those of meta_shard to the last one; before, they
  /// are dropped.
  void attach(std::vector<std::shared_ptr<loop_shards>> loop_of_shard);
  /// Nothing is posted any more when it returns.
  void detach();

  void log_written(std::span<const persistence::log_completion> done) override;
  void log_failed(const persistence::storage_error& why) override;
  void log_recovered() override;
  void state_flushed(std::span<const persistence::flush_completion> done) override;
  void state_failed(const persistence::storage_error& why) override;
  void state_recovered() override;

private:
  void failed(std::atomic<storage_health>& part, const char* store, const persistence::storage_error& why);
  void recovered(std::atomic<storage_health>& part, const char* store);

  const operator_hears hears_;
  std::atomic<storage_health> log_{storage_health::good};
  std::atomic<storage_health> state_{storage_health::good};
  probe::shared_counter failures_;

  std::mutex mutex_;
  std::vector<std::shared_ptr<loop_shards>> loop_of_shard_;
};

} // namespace godwit::cluster
