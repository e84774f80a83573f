#include "node/server/link_metrics.hpp"

#include <algorithm>
#include <map>
#include <string>

#include "cluster/base/entity.hpp"
#include "cluster/route/route_counters.hpp"
#include "cluster/snapshot/snapshot_streams.hpp"
#include "node/metrics/metric_registry.hpp"
#include "node/peer/peer_transport.hpp"

namespace godwit::node {

void collect_peers(metric_writer& out, const std::vector<cluster::peer_status>& peers) {
  for (const cluster::peer_status& each : peers) {
    const std::string peer = std::to_string(each.node.value());
    out.gauge("peer_up", "1 while there is a link to that node.", each.up ? 1 : 0, {{"peer", peer}});
    out.gauge("peer_round_trip_seconds", "Of the last beat.", static_cast<double>(each.round_trip_us) / 1e6,
              {{"peer", peer}});
    out.gauge("peer_silent_seconds", "Since anything was heard.", static_cast<double>(each.silent_ms) / 1e3,
              {{"peer", peer}});
    out.gauge("peer_clock_ahead_seconds", "That node's clock minus this one's, as of the last beat.",
              static_cast<double>(each.clock_ahead_ms) / 1e3, {{"peer", peer}});
    out.gauge("peer_queued_bytes", "Sent and not yet taken by the kernel.", static_cast<double>(each.queued_bytes),
              {{"peer", peer}});
    constexpr std::string_view bytes = "peer_bytes_total";
    constexpr std::string_view help = "Bytes of envelopes to and from that node.";
    out.counter(bytes, help, each.bytes_sent, {{"peer", peer}, {"direction", "out"}});
    out.counter(bytes, help, each.bytes_received, {{"peer", peer}, {"direction", "in"}});
    out.counter("peer_links_total", "Times that the link came up.", each.times_up, {{"peer", peer}});
  }
}

void collect_transport(metric_writer& out, const transport_probe& probe) {
  constexpr std::string_view name = "peer_connections_total";
  constexpr std::string_view help = "Connections between this node and others, by what became of them.";
  out.counter(name, help, probe.dialled.value(), {{"event", "dialled"}});
  out.counter(name, help, probe.accepted.value(), {{"event", "accepted"}});
  out.counter(name, help, probe.opened.value(), {{"event", "opened"}});
  out.counter(name, help, probe.failed.value(), {{"event", "failed"}});
  out.counter(name, help, probe.crowded.value(), {{"event", "crowded"}});
  constexpr std::string_view calls = "peer_socket_calls_total";
  constexpr std::string_view calls_help = "System calls on connections to other nodes.";

  out.counter(calls, calls_help, probe.sends.value(), {{"call", "send"}});
}

void collect_route(metric_writer& out, const cluster::route_counters& counters) {
  constexpr std::string_view name = "routed_requests_total";
  constexpr std::string_view help = "Requests to entities on other nodes, by how they ended.";
  out.counter(name, help, counters.answered.value(), {{"result", "answered"}});
  out.counter(name, help, counters.moved.value(), {{"result", "moved"}});
  out.counter(name, help, counters.unavailable.value(), {{"result", "unavailable"}});
  out.counter("routed_relayed_total", "Requests that went by a third node, for there was no link to their leader.",
              counters.relayed.value());
  out.gauge("routed_requests_open", "Requests to other nodes without an answer.",
            static_cast<double>(counters.pending.value()));
  out.counter("requests_taken_total", "Requests that other nodes made of entities here.", counters.received.value());
  out.counter("requests_taken_refused_total", "Of these, those that a bound kept out.", counters.refused.value());
  out.gauge("requests_taken_open", "Requests of other nodes without an answer.",
            static_cast<double>(counters.taken.value()));
  constexpr std::string_view pushes = "routed_pushes_total";
  constexpr std::string_view pushes_help = "Pushes between entities and sessions on different nodes.";
  out.counter(pushes, pushes_help, counters.pushes_sent.value(), {{"direction", "out"}});
  out.counter(pushes, pushes_help, counters.pushes_received.value(), {{"direction", "in"}});
  out.gauge("sessions_listening_elsewhere", "Sessions here whose account lives on another node.",
            static_cast<double>(counters.listening.value()));
  out.gauge("sessions_listening_from_elsewhere", "Sessions of other nodes whose account lives here.",
            static_cast<double>(counters.listeners.value()));
  out.counter("listening_lost_total", "Times that a link or leader went away under a listening session.",
              counters.gone.value());
  constexpr std::string_view lanes = "lane_messages_total";
  constexpr std::string_view lanes_help = "Messages of lanes between nodes.";
  out.counter(lanes, lanes_help, counters.lanes_sent.value(), {{"direction", "out"}});
  out.counter(lanes, lanes_help, counters.lanes_received.value(), {{"direction", "in"}});
  out.counter("envelopes_garbage_total", "Envelopes of other nodes that could not be read.", counters.garbage.value());
}

void collect_snapshots(metric_writer& out, const cluster::snapshot_counters& counters) {
  constexpr std::string_view bytes = "snapshot_bytes_total";
  constexpr std::string_view help = "Rows of shards on their way between nodes.";
  out.counter(bytes, help, counters.sent_bytes.value(), {{"direction", "out"}});
  out.counter(bytes, help, counters.received_bytes.value(), {{"direction", "in"}});
  constexpr std::string_view running = "snapshots_running";
  constexpr std::string_view running_help = "Snapshots on their way.";
  out.gauge(running, running_help, static_cast<double>(counters.sending.value()), {{"direction", "out"}});
  out.gauge(running, running_help, static_cast<double>(counters.receiving.value()), {{"direction", "in"}});
  out.counter("snapshots_installed_total", "Snapshots that replicas of this node began anew with.",
              counters.installed.value());
  out.counter("snapshots_broken_total", "Streams that ended early and went on or began anew.", counters.broken.value());
  out.counter("snapshots_damaged_total", "Chunks or streams whose checksums did not hold.", counters.damaged.value());
}

void collect_replicas(metric_writer& out, cluster::node_id self, const std::vector<cluster::shard_status>& shards) {
  std::uint64_t lag = 0;
  std::uint64_t installing = 0;
  std::map<std::uint64_t, std::uint64_t> behind;
  for (const cluster::shard_status& each : shards) {
    const std::string shard = each.shard == cluster::meta_shard ? "members" : std::to_string(each.shard.value());
    out.gauge("shard_leads", "1 where this node leads the shard.", each.ready_term != 0 ? 1 : 0, {{"shard", shard}});
    out.gauge("shard_term", "The newest term that this node's replica has heard of.", static_cast<double>(each.term),
              {{"shard", shard}});
    out.counter("shard_applied_total", "Entries of its log that are applied on this node.", each.applied,
                {{"shard", shard}});
    lag += each.lag();
    installing += each.installing ? 1 : 0;
    for (const auto& [peer, match] : each.match) {
      if (each.role == persistence::raft::role::leader && peer != self) {
        behind[peer.value()] += each.last - std::min(each.last, match);
      }
    }
  }
  for (const auto& [peer, entries] : behind) {
    out.gauge("follower_lag_entries", "Entries of the shards that this node leads which that node has not stored.",
              static_cast<double>(entries), {{"peer", std::to_string(peer)}});
  }
  out.gauge("replicas_installing", "Replicas of this node that wait for a snapshot.", static_cast<double>(installing));
  out.gauge("replica_lag_entries", "Committed entries that replicas of this node have not applied.",
            static_cast<double>(lag));
}

} // namespace godwit::node
