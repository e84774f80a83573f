#pragma once

#include <deque>
#include <functional>
#include <vector>

#include "persistence/log/log_store.hpp"
#include "tests/simulation/checker.hpp"
#include "tests/simulation/log_disk.hpp"
#include "tests/simulation/world.hpp"

namespace godwit::simulation {

/// A log store on a virtual disk. What is queued when it turns to its queue becomes one transaction,
/// which lasts for a while; a crash keeps the transactions that were complete and, at random, the one
/// under way, whole (or, with profile::torn_writes, a part of it from its beginning).
class sim_log_store final : public persistence::log_store {
public:
  sim_log_store(world& in, node_life& life, checker& check, log_disk& disk)
      : world_(in), life_(life), check_(check), disk_(disk) {}

  /// Hears of each completed write, in order, on the store's thread.
  std::function<void(persistence::write_generation)> written;

  void submit(persistence::log_write write) override;
  void kick() override;
  persistence::storage_result<persistence::recovered_log> recover(persistence::shard_id shard,
                                                                  persistence::index_t payloads_from) override;
  persistence::storage_result<std::vector<persistence::log_entry>>
  read(persistence::shard_id shard, persistence::index_t first, std::uint32_t count, std::size_t bytes_max) override;
  [[nodiscard]] persistence::log_usage usage() const override { return {}; }

  /// The transaction under way has become durable.
  void transaction_done();
  /// The process died: its queue is gone, and the transaction under way may be.
  void crash();
  /// Everything becomes durable; nobody hears of it.
  void finish();
  /// Everything lasts long until then.
  void slow_until(time_us when) { slow_until_ = when; }

private:
  void begin();
  void make_durable(const persistence::log_write& write, std::size_t parts);
  [[nodiscard]] time_us duration();

  world& world_;
  node_life& life_;
  checker& check_;
  log_disk& disk_;
  std::deque<persistence::log_write> queue_;
  std::vector<persistence::log_write> under_way_;
  std::optional<persistence::hard_state> unsynced_over_; ///< what is left of term and vote after a crash
  time_us slow_until_ = 0;
  bool busy_ = false;
};

} // namespace godwit::simulation
