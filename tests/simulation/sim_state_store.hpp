#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "persistence/state/state_store.hpp"
#include "tests/simulation/checker.hpp"
#include "tests/simulation/state_disk.hpp"
#include "tests/simulation/world.hpp"

namespace godwit::simulation {

/// A state store on a virtual disk. One task after another, each lasts for a while: all flushes that
/// wait make one transaction; a sync; a part of an import. Reader jobs run beside them.
class sim_state_store final : public persistence::state_store {
public:
  sim_state_store(world& in, node_life& life, checker& check, state_disk& disk)
      : world_(in), life_(life), check_(check), disk_(disk) {}

  /// Hears of what became visible or durable, in order, on the store's thread.
  std::function<void(persistence::flush_completion)> flushed;

  persistence::storage_result<persistence::flushed_state> recover(persistence::shard_id /*shard*/) override {
    return disk_.state();
  }
  void flush(persistence::state_flush what) override;
  void kick() override;
  void sync() override;
  persistence::storage_result<std::unique_ptr<persistence::state_snapshot>> snapshot() override;
  persistence::storage_result<void> run_on_reader(std::function<void()> job) override;
  persistence::storage_result<std::unique_ptr<persistence::state_export>>
  begin_export(persistence::shard_id shard) override;
  void import_begin(persistence::shard_id shard, import_done done) override;
  void import_chunk(persistence::shard_id shard, persistence::state_chunk chunk, import_done done) override;
  void import_finish(persistence::shard_id shard, persistence::snapshot_point point, import_done done) override;

  void task_done();
  void reader_turns();
  void crash();
  /// Flushes that wait are carried out, everything else is dropped; nobody hears of it.
  void finish();
  void slow_until(time_us when) { slow_until_ = when; }

private:
  enum class task_kind : std::uint8_t { flush, sync, import_begin, import_chunk, import_finish };
  struct task {
    task_kind what = task_kind::flush;
    persistence::state_flush flush;
    persistence::state_chunk chunk;
    persistence::snapshot_point point;
    import_done done;
  };
  struct import {
    stored_rows rows;
    std::uint64_t next = 0;
    bool complete = false;
  };

  void add(task what);
  void begin();
  void carry_out_flushes();
  void drop_all();
  void carry_out(task& what);
  persistence::storage_result<persistence::flushed_state> import_answer(task& what);
  [[nodiscard]] time_us duration();

  world& world_;
  node_life& life_;
  checker& check_;
  state_disk& disk_;
  std::deque<task> queue_;
  std::vector<task> under_way_; ///< flushes together, or one other
  std::deque<std::function<void()>> jobs_;
  std::optional<import> import_;
  time_us slow_until_ = 0;
  bool busy_ = false;
};

} // namespace godwit::simulation
