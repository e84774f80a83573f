#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "persistence/log/log_store.hpp"
#include "tests/cluster/peer/sim_network.hpp"
#include "tests/simulation/dice.hpp"
#include "tests/simulation/log_disk.hpp"

namespace godwit::cluster_sim {

using persistence::monotonic_ms;
using persistence::shard_id;
using simulation::dice;

/// What both stores of a process share with the simulation.
struct disk_setup {
  test::sim_network* time = nullptr;
  dice* random = nullptr;
  /// Everything on the disk lasts longer by so much; the node's, changed by faults.
  const std::uint32_t* slow_ms = nullptr;
  /// Hears of writes that no log may be given.
  std::function<void(const std::string&)> violated;
};

using log_disks = std::map<shard_id, simulation::log_disk>;

/// The log store of one process over disks that outlive it. What is queued when it turns to its queue is one
/// transaction, which takes a while; a crash keeps the one under way whole, in part or not at all, and nothing of the
/// queue.
class sim_log final : public persistence::log_store {
public:
  sim_log(disk_setup with, log_disks& disks, persistence::log_sink& sink)
      : with_(std::move(with)), disks_(disks), sink_(sink) {}

  void submit(persistence::log_write write) override;
  void kick() override;
  persistence::storage_result<persistence::recovered_log> recover(shard_id shard,
                                                                  persistence::index_t payloads_from) override;
  persistence::storage_result<std::vector<persistence::log_entry>>
  read(shard_id shard, persistence::index_t first, std::uint32_t count, std::size_t bytes_max) override;
  [[nodiscard]] persistence::log_usage usage() const override { return {}; }

  /// The process dies: nothing is written any more.
  void crash();

private:
  void begin();
  void done();
  void write(const persistence::log_write& what, std::size_t parts);

  const disk_setup with_;
  log_disks& disks_;
  persistence::log_sink& sink_;
  std::deque<persistence::log_write> queue_;
  std::vector<persistence::log_write> under_way_;
  std::shared_ptr<int> life_ = std::make_shared<int>(0);
};

} // namespace godwit::cluster_sim
