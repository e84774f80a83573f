#pragma once

#include <map>

#include "cluster/member/cluster_map.hpp"

namespace godwit::cluster {

/// Who is to hold which shard, over the nodes whose state is `member`: decided from where shards are placed now, so
/// that as little as possible moves, and the same for the same map. Empty when there is no such node.
///
/// A shard has an odd number of voters: three; one with fewer than three nodes, and then every other node has a
/// standby. Voters, and beside them leaders, are spread to within one over all nodes; but while there is one voter it
/// stays where it is. The cluster's own shard has up to five voters, and every other node has a standby of it.
std::map<shard_id, shard_entry> place(const cluster_map& map);

} // namespace godwit::cluster
