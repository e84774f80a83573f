#pragma once

#include <caf/fwd.hpp>

#include <functional>
#include <string>
#include <vector>

#include "cluster/member/cluster_map.hpp"
#include "cluster/peer/peer_hub.hpp"
#include "cluster/shard/leader_board.hpp"
#include "cluster/shard/shard_port.hpp"
#include "node/control/control_commands.hpp"

namespace godwit::cluster {
class router;
}

namespace godwit::node {

/// What the commands about nodes and shards look at. Unset: the command says that there is nothing to see.
struct cluster_access {
  cluster::node_id self;
  std::function<cluster::cluster_map_ptr()> map;              ///< map_board::current
  std::function<std::vector<cluster::peer_status>()> peers;   ///< peer_hub::status
  std::function<std::vector<cluster::shard_status>()> shards; ///< shard_set::status
  const cluster::leader_board* leaders = nullptr;
  std::function<std::vector<cluster::peer_status>()> seeds; ///< peer_hub::seeds
  /// True: the node ends, and nothing is waited for any more.
  std::function<bool()> ending;
};

/// The nodes of the cluster, as this one sees them. While it has not heard of its cluster: whom it tries to reach.
control_answer nodes_of(const cluster_access& access);

/// Every shard, as its leader knows it: each is asked through the router, for a few seconds at most; of those that do
/// not answer, what this node knows. Blocks.
control_answer shards_of(caf::actor_system& system, cluster::router& router, const cluster_access& access);

/// `transfer SHARD NODE`: has leadership of a shard handed to a node, whichever leads it now, and waits until it leads,
/// for a few seconds at most. Blocks.
control_answer transfer_of(caf::actor_system& system, cluster::router& router, const cluster_access& access,
                           const std::vector<std::string>& arguments);

} // namespace godwit::node
