#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "persistence/state/state_store.hpp"
#include "tests/cluster/simulation/sim_log.hpp"
#include "tests/simulation/state_disk.hpp"

namespace godwit::cluster_sim {

using state_disks = std::map<shard_id, simulation::state_disk>;

/// The state store of one process over disks that outlive it: one file for all shards, of which a crash undoes the last
/// commit or not. Readers are jobs that run a little later; those of a process that died run at once, and what they
/// tell it is lost with it.
class sim_state final : public persistence::state_store {
public:
  sim_state(disk_setup with, state_disks& disks, persistence::state_sink& sink)
      : with_(std::move(with)), disks_(disks), sink_(sink) {}

  persistence::storage_result<persistence::flushed_state> recover(shard_id shard) override;
  void flush(persistence::state_flush what) override;
  void kick() override;
  void sync() override;
  persistence::storage_result<std::unique_ptr<persistence::state_snapshot>> snapshot() override;
  persistence::storage_result<void> run_on_reader(std::function<void()> job) override;
  persistence::storage_result<std::unique_ptr<persistence::state_export>> begin_export(shard_id shard) override;
  void import_begin(shard_id shard, import_done done) override;
  void import_chunk(shard_id shard, persistence::state_chunk chunk, import_done done) override;
  void import_finish(shard_id shard, persistence::snapshot_point point, import_done done) override;

  /// The process dies: nothing is written any more, and imports are answered with an error.
  void crash();

  /// Snapshots that were installed.
  [[nodiscard]] std::size_t imported() const { return imported_; }

private:
  /// One piece of work, and what it answers where somebody waits.
  struct task {
    std::optional<persistence::state_flush> flush;
    std::function<persistence::storage_result<persistence::flushed_state>()> work;
    import_done done;
  };
  struct import {
    simulation::stored_rows rows;
    std::string last;
    std::uint64_t next = 0;
    bool complete = false;
  };

  void add(task what);
  void begin();
  void turn();
  void commit(bool tell);
  void sync_all(bool tell);
  void run_job();
  persistence::storage_result<persistence::flushed_state> take(shard_id shard, const persistence::state_chunk& chunk);
  persistence::storage_result<persistence::flushed_state> finish(shard_id shard, persistence::snapshot_point point);

  const disk_setup with_;
  state_disks& disks_;
  persistence::state_sink& sink_;
  std::deque<task> queue_;
  std::vector<task> under_way_;
  std::deque<std::function<void()>> jobs_;
  std::map<shard_id, import> imports_;
  std::size_t imported_ = 0;
  std::shared_ptr<int> life_ = std::make_shared<int>(0);
};

} // namespace godwit::cluster_sim
