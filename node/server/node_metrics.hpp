#pragma once

#include <cstdint>

namespace godwit::actors {
class gateway;
class gateway_loop;
class handshake_pool;
} // namespace godwit::actors

namespace godwit::cluster {
struct shard_counters;
class storage_events;
} // namespace godwit::cluster

namespace godwit::persistence::lmdb {
struct storage_usage;
}

namespace godwit::node {

class edge_loop;
class metric_writer;

// What the parts of a node counted, as samples of one scrape; docs/operating.md lists them. Samples of
// several loops are added up by the writer.

void collect_edge(metric_writer& out, const edge_loop& loop);
void collect_gateway(metric_writer& out, const actors::gateway_loop& loop);
void collect_handshakes(metric_writer& out, const actors::handshake_pool& pool);
void collect_shards(metric_writer& out, const cluster::shard_counters& counters);
/// Of all loops: the largest of their lane_oldest.
void collect_lane_age(metric_writer& out, std::int64_t seconds);
void collect_storage(metric_writer& out, const persistence::lmdb::storage_usage& usage,
                     const cluster::storage_events& events);

} // namespace godwit::node
