#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "cluster/base/entity.hpp"
#include "cluster/peer/peer_connection.hpp"
#include "persistence/log/log_entry.hpp"

namespace godwit::cluster {

/// What the cluster has decided about a node. In rows: never renumber.
enum class node_state : std::uint8_t {
  member = 1,  ///< may hold replicas
  leaving = 2, ///< gives its replicas away
  removed = 3, ///< its number is never used again
};

/// A node as its cluster knows it.
struct node_entry {
  node_id id;
  std::string name;
  node_state state = node_state::member;
  peer_address peer;                 ///< for other nodes
  std::vector<peer_address> clients; ///< public addresses
  peer_address metrics;
  std::uint64_t incarnation = 0;  ///< of the process that announced itself last
  std::uint32_t wire_version = 0; ///< the newest that it speaks to other nodes
  std::uint64_t folder = 0;       ///< which data folder it has: its votes and its log are in that one; 0: not known
  node_id replaced_by{};          ///< takes its place when it announces itself; no_node: none does

  friend bool operator==(const node_entry&, const node_entry&) = default;
};

/// Where a shard is to be. Its leader makes it so, step by step.
struct shard_entry {
  persistence::configuration members; ///< the order says nothing
  node_id leader;                     ///< who should lead while it can

  friend bool operator==(const shard_entry&, const shard_entry&) = default;
};

/// What the meta group has decided, at one moment.
struct cluster_map {
  std::uint64_t version = 0; ///< counts its changes; 0: nothing is known yet
  std::string cluster_id;
  std::string name;
  std::uint16_t shards = 0;
  std::map<node_id, node_entry> nodes;
  std::map<shard_id, shard_entry> placed; ///< every shard, meta_shard among them

  [[nodiscard]] const node_entry* find(node_id which) const {
    const auto found = nodes.find(which);
    return found == nodes.end() ? nullptr : &found->second;
  }
};

using cluster_map_ptr = std::shared_ptr<const cluster_map>;

/// The newest map that a node has heard of. Safe from every thread.
class map_board {
public:
  map_board();

  /// Never null; version 0 before anything was heard.
  [[nodiscard]] cluster_map_ptr current() const;
  /// Passed over unless it is newer. Listeners are called on this thread, one change at a time.
  void put(cluster_map_ptr map);
  /// Before the first put.
  using listener = std::function<void(const cluster_map_ptr&)>;
  void on_change(listener who);

private:
  mutable std::mutex mutex_;
  std::mutex telling_;
  cluster_map_ptr current_;
  std::vector<listener> listeners_;
};

} // namespace godwit::cluster
