#pragma once

#include <vector>

#include "cluster/peer/peer_hub.hpp"
#include "cluster/shard/shard_port.hpp"

namespace godwit::cluster {
struct route_counters;
struct snapshot_counters;
} // namespace godwit::cluster

namespace godwit::node {

class metric_writer;
struct transport_probe;

// What goes on between this node and the others, as samples of one scrape; docs/operating.md lists them.

void collect_peers(metric_writer& out, const std::vector<cluster::peer_status>& peers);
void collect_transport(metric_writer& out, const transport_probe& probe);
void collect_route(metric_writer& out, const cluster::route_counters& counters);
void collect_snapshots(metric_writer& out, const cluster::snapshot_counters& counters);
/// `self`: this node.
void collect_replicas(metric_writer& out, cluster::node_id self, const std::vector<cluster::shard_status>& shards);

} // namespace godwit::node
