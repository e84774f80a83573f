#pragma once

#include <cstdint>

#include "cluster/member/cluster_map.hpp"
#include "config/node_config.hpp"

namespace godwit::node {

/// What this node says of itself to the others. Clients and Prometheus, on whatever machine, get addresses that lead
/// here: where the node listens on all addresses, that is the one by which its peers know it. Metrics that only this
/// machine can read are left out if the other nodes are on others.
/// `folder`: persistence::lmdb::storage::folder_id.
cluster::node_entry own_entry(const config::node_config& config, std::uint64_t incarnation, std::uint64_t folder);

} // namespace godwit::node
