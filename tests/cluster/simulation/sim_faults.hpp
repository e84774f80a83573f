#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/cluster/simulation/sim_world.hpp"

namespace godwit::cluster_sim {

/// What goes wrong, drawn from the world's dice: processes that die, machines without power, processes that stand
/// still, links cut or slow or broken, disks that are slow, leaders that give way.
class sim_faults {
public:
  explicit sim_faults(sim_world& world) : world_(world) {}

  /// From now on, until heal().
  void begin();
  /// All is well again, and every process runs.
  void heal();
  /// Another node is asked to lead each shard.
  void move_leaders();

private:
  struct trouble {
    std::uint64_t number = 0;
    std::function<void()> end;
  };

  void next();
  void strike();
  void kill();
  void kill_all();
  void freeze();
  void cut();
  void slow_links();
  void lose_frames();
  void slow_disk();
  void transfer();
  void hand_over(shard_id shard, std::uint32_t node_to);
  void for_a_while(monotonic_ms lasts, std::function<void()> end);
  void finish(std::uint64_t number);
  [[nodiscard]] std::uint32_t some_node() { return static_cast<std::uint32_t>(world_.random.below(node_count)); }

  sim_world& world_;
  bool on_ = false;
  std::uint64_t last_ = 0;
  std::vector<trouble> troubles_;
};

} // namespace godwit::cluster_sim
