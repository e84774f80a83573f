#include "node/server/node_metrics.hpp"

#include <string>
#include <string_view>

#include "actors/auth/handshake_pool.hpp"
#include "actors/gateway/gateway.hpp"
#include "cluster/shard/shard_counters.hpp"
#include "cluster/shard/storage_events.hpp"
#include "node/edge/edge_loop.hpp"
#include "node/metrics/metric_registry.hpp"
#include "persistence/lmdb/storage.hpp"
#include "protocol/tl/methods.hpp"

namespace godwit::node {
namespace {

double number(std::int64_t value) { return static_cast<double>(value); }

/// One sample of a counter for each value of an enum, under the name that `name_of` gives it. Values
/// that never happened are left out of tables that are mostly empty.
template <class Reason, class Counters>
void collect_reasons(metric_writer& out, std::string_view name, std::string_view help, const Counters& counters) {
  for (std::size_t i = 0; i < counters.size(); ++i) {
    out.counter(name, help, counters[i].value(), {{"reason", name_of(static_cast<Reason>(i))}});
  }
}

void collect_calls(metric_writer& out, const actors::session_probe& probe) {
  const auto names = tl::method_names();
  for (std::size_t i = 0; i <= probe.methods(); ++i) {
    const std::string_view method = i < names.size() ? names[i] : std::string_view("unknown");
    const actors::method_probe& calls = probe.method(i);
    bool any = false;
    for (std::size_t result = 0; result < actors::call_results; ++result) {
      if (const std::uint64_t count = calls.ended[result].value(); count != 0) {
        any = true;
        out.counter("calls_total", "Calls of methods of the API that ended, by how.", count,
                    {{"method", method}, {"result", to_string(static_cast<actors::call_result>(result))}});
      }
    }
    if (any) {
      out.latency("call_latency_seconds", "From a call's arrival to its answer.", calls.latency.values(),
                  {{"method", method}});
    }
  }
}

void collect_sessions(metric_writer& out, const actors::session_probe& probe) {
  out.gauge("sessions", "Session actors.", number(probe.sessions.value()));
  out.gauge("sessions_lingering", "Sessions that wait for their client to come back.", number(probe.lingering.value()));
  out.gauge("sessions_lingering_bytes", "What these hold.", number(probe.lingering_bytes.value()));
  out.counter("sessions_begun_total", "Sessions that clients began.", probe.sessions_begun.value());
  out.counter("sessions_failed_total", "Sessions ended by a fault of the server.", probe.sessions_failed.value());
  out.gauge("calls_running", "Calls that wait for their answer.", number(probe.calls_running.value()));
  out.counter("calls_repeated_total", "Calls asked again, for their shard was unavailable.",
              probe.calls_repeated.value());
  out.counter("pushes_total", "Updates sent to clients without being asked.", probe.pushes.value());
  out.counter("pushes_lost_total", "Times that a client was told to fetch what did not fit.",
              probe.pushes_lost.value());
  out.counter("session_packets_out_total", "Packets that sessions sent.", probe.packets_out.value());
  constexpr std::string_view closed = "session_connections_closed_total";
  constexpr std::string_view closed_help = "Connections that sessions closed, by why.";
  out.counter(closed, closed_help, probe.connections_too_bad.value(), {{"reason", "bad_messages"}});
  out.counter(closed, closed_help, probe.connections_output_flood.value(), {{"reason", "output_flood"}});
  out.counter(closed, closed_help, probe.connections_timed_out.value(), {{"reason", "ping_overdue"}});
}

void collect_auth(metric_writer& out, const actors::auth_probe& probe) {
  out.counter("handshakes_started_total", "Key exchanges begun.", probe.exchanges_started.value());
  out.counter("handshakes_finished_total", "Key exchanges that ended with a committed key.",
              probe.exchanges_finished.value());
  constexpr std::string_view failed = "handshakes_failed_total";
  constexpr std::string_view help = "Key exchanges that ended without a key, by why.";
  out.counter(failed, help, probe.exchanges_expired.value(), {{"reason", "expired"}});
  out.counter(failed, help, probe.exchanges_refused.value(), {{"reason", "refused"}});
  for (std::size_t i = 1; i < probe.exchanges_failed.size(); ++i) {
    if (const std::uint64_t count = probe.exchanges_failed[i].value(); count != 0) {
      out.counter(failed, help, count, {{"reason", to_string(static_cast<mtproto::handshake_errc>(i))}});
    }
  }
  out.gauge("handshakes_running", "Key exchanges under way.", number(probe.exchanges.value()));
  out.gauge("auth_keys_cached", "Authorization keys in memory.", number(probe.keys_cached.value()));
  constexpr std::string_view lookups = "auth_key_lookups_total";
  constexpr std::string_view lookups_help = "Keys asked of their shards, by answer.";
  const std::uint64_t unknown = probe.lookups_unknown.value();
  const std::uint64_t unavailable = probe.lookups_unavailable.value();
  const std::uint64_t all = probe.lookups.value();
  out.counter(lookups, lookups_help, unknown, {{"answer", "unknown"}});
  out.counter(lookups, lookups_help, unavailable, {{"answer", "unavailable"}});
  out.counter(lookups, lookups_help, all > unknown + unavailable ? all - unknown - unavailable : 0,
              {{"answer", "known"}});
  out.counter("auth_key_commits_failed_total", "New keys that could not be stored.", probe.commits_failed.value());
}

} // namespace

void collect_edge(metric_writer& out, const edge_loop& loop) {
  const edge_probe& probe = loop.probe();
  out.gauge("connections", "Open connections of clients.", number(probe.open.value()));
  out.counter("connections_accepted_total", "Connections accepted.", probe.accepted.value());
  for (std::size_t i = 0; i < probe.transports.size(); ++i) {
    out.counter("connections_transport_total", "Connections whose transport was recognised, by transport.",
                probe.transports[i].value(),
                {{"transport", name_of(mtproto::transport_kind{static_cast<mtproto::framing>(i / 2), i % 2 != 0})}});
  }
  out.counter("connections_websocket_total", "Connections inside a WebSocket.", probe.websockets.value());
  collect_reasons<close_reason>(out, "connections_closed_total", "Connections that ended, by why.", probe.closed);
  collect_reasons<reject_reason>(out, "connections_rejected_total", "Connections refused on arrival, by bound.",
                                 probe.rejected);
  collect_reasons<mtproto::transport_errc>(out, "framing_errors_total", "Broken framing, by kind.",
                                           probe.framing_errors);
  out.counter("accept_failures_total", "Accepts that failed for want of descriptors or memory.",
              probe.accept_failures.value());
  out.counter("client_bytes_total", "Bytes of clients.", probe.bytes_in.value(), {{"direction", "in"}});
  out.counter("client_bytes_total", "", probe.bytes_out.value(), {{"direction", "out"}});
  out.counter("client_packets_total", "Packets of clients.", probe.packets_in.value(), {{"direction", "in"}});
  out.counter("client_packets_total", "", probe.packets_out.value(), {{"direction", "out"}});
  out.counter("client_socket_calls_total", "System calls on clients' sockets.", probe.reads.value(),
              {{"call", "read"}});
  out.counter("client_socket_calls_total", "", probe.sends.value(), {{"call", "send"}});
  out.counter("loop_rounds_total", "Rounds of the loops.", loop.counters().rounds.load(std::memory_order_relaxed));
  out.counter("loop_wake_ups_total", "Times that another thread woke a loop.",
              loop.counters().wake_ups.load(std::memory_order_relaxed));
  out.counter("actor_turns_total", "Turns given to actors.", loop.counters().resumes.load(std::memory_order_relaxed));
}

void collect_gateway(metric_writer& out, const actors::gateway_loop& loop) {
  const actors::gateway_probe& probe = loop.probe();
  constexpr std::string_view packets = "gateway_packets_total";
  constexpr std::string_view help = "Packets with an authorization key, by what became of them.";
  out.counter(packets, help, probe.packets.value(), {{"result", "authentic"}});
  out.counter(packets, help, probe.packets_malformed.value(), {{"result", "malformed"}});
  out.counter(packets, help, probe.packets_wrong_key.value(), {{"result", "wrong_key"}});
  out.counter(packets, help, probe.packets_broken.value(), {{"result", "broken_inside"}});
  constexpr std::string_view refused = "gateway_refused_total";
  constexpr std::string_view refused_help = "Connections and sessions that the gateway refused, by why.";
  out.counter(refused, refused_help, probe.keys_unknown.value(), {{"reason", "unknown_key"}});
  out.counter(refused, refused_help, probe.keys_unavailable.value(), {{"reason", "key_unavailable"}});
  out.counter(refused, refused_help, probe.sessions_refused.value(), {{"reason", "too_many_sessions"}});
  out.counter(refused, refused_help, probe.connections_flooded.value(), {{"reason", "flood"}});
  out.counter("sessions_evicted_total", "Sessions without a connection that were ended to make room.",
              probe.sessions_evicted.value());
  collect_auth(out, loop.auth());
  collect_sessions(out, loop.session_counters());
  collect_calls(out, loop.session_counters());
}

void collect_handshakes(metric_writer& out, const actors::handshake_pool& pool) {
  out.gauge("handshake_steps_waiting", "Steps of key exchanges that wait for a thread.",
            static_cast<double>(pool.waiting()));
  out.counter("handshake_steps_total", "Steps of key exchanges done.", pool.steps_run());
  out.counter_seconds("handshake_cpu_seconds_total", "Processor time that these took.",
                      static_cast<double>(pool.busy_us()) / 1e6);
}

namespace {

void collect_lanes(metric_writer& out, const cluster::shard_counters& counters) {
  out.gauge("lane_depth", "Deliveries to other shards, committed and not acknowledged by them.",
            number(counters.lane_depth.value()));
  out.gauge("lane_waiting", "Deliveries that arrived and that no entity has taken.",
            number(counters.lane_waiting.value()));
  out.counter("lane_sent_total", "Deliveries sent, repeated ones each time.", counters.lane_sent.value());
  out.counter("lane_acknowledged_total", "Deliveries that their shard acknowledged.", counters.lane_acked.value());
  out.counter("lane_accepted_total", "Deliveries that their entities took.", counters.lane_accepted.value());
  out.counter("lane_resumes_total", "Fresh starts of lanes, after a change of leader or a loss on the way.",
              counters.lane_resumes.value());
  out.counter("lane_retries_total", "Deliveries given to their entity again.", counters.lane_retries.value());
  out.counter("lane_put_aside_total", "Deliveries that no entity could take.", counters.lane_put_aside.value());
}

} // namespace

void collect_shards(metric_writer& out, const cluster::shard_counters& counters) {
  out.gauge("shards_ready", "Shards that this node leads and serves.", number(counters.shards_ready.value()));
  out.counter("shard_terms_total", "Terms in which this node came to lead a shard.", counters.terms.value());
  out.counter("entity_requests_total", "Requests to entities that arrived.", counters.requests.value());
  constexpr std::string_view replies = "entity_replies_total";
  out.counter(replies, "Answers to these, by status.", counters.replies.value(), {{"status", "answered"}});
  out.counter(replies, "", counters.unavailable.value(), {{"status", "unavailable"}});
  out.counter("entity_requests_timed_out_total", "Unavailable for want of time.", counters.timed_out.value());
  out.counter("entity_requests_refused_total", "Unavailable because a bound was reached.", counters.refused.value());
  out.gauge("entity_requests_open", "Requests in the mailboxes of shards and entities.",
            number(counters.requests_open.value()));
  out.gauge("entity_requests_waiting", "Requests that wait for a leader or for room.",
            number(counters.requests_waiting.value()));
  constexpr std::string_view proposals = "proposals_total";
  out.counter(proposals, "Mutations proposed, by what became of them.", counters.applied.value(),
              {{"result", "applied"}});
  out.counter(proposals, "", counters.lost.value(), {{"result", "lost"}});
  out.gauge("proposals_open", "Mutations proposed and not applied yet.", number(counters.proposals_open.value()));
  out.gauge("proposals_kept_bytes", "Mutations that wait for room in their replica.",
            number(counters.proposals_kept_bytes.value()));
  constexpr std::string_view kinds[] = {"", "user", "phone", "auth_key"};
  for (std::size_t i = 1; i < std::size(kinds); ++i) {
    out.gauge("entities", "Entity actors running, by kind.", number(counters.entities[i].value()),
              {{"kind", kinds[i]}});
  }
  out.counter("entities_started_total", "Entity actors started.", counters.entities_started.value());
  out.counter("entities_rested_total", "Entity actors ended for idleness.", counters.entities_rested.value());
  out.counter("entities_failed_total", "Entity actors ended by a fault.", counters.entities_failed.value());
  collect_lanes(out, counters);
}

void collect_lane_age(metric_writer& out, std::int64_t seconds) {
  out.gauge("lane_oldest_seconds", "Age of the oldest delivery that was not acknowledged.", number(seconds));
}

void collect_storage(metric_writer& out, const persistence::lmdb::storage_usage& usage,
                     const cluster::storage_events& events) {
  out.gauge("storage_used_bytes", "Used in the file of an environment.", static_cast<double>(usage.log_used_bytes),
            {{"environment", "log"}});
  out.gauge("storage_used_bytes", "", static_cast<double>(usage.state_used_bytes), {{"environment", "state"}});
  out.gauge("log_entries", "Entries that the logs hold.", static_cast<double>(usage.log.entries));
  out.gauge("log_queued_bytes", "Submitted to the log and not durable yet.",
            static_cast<double>(usage.log.bytes_queued));
  out.counter("log_commits_total", "Transactions that the log thread wrote and synced.", usage.log.transactions);
  out.gauge("storage_disk_bytes", "Taken on the disk by the files of an environment.",
            static_cast<double>(usage.log.disk_bytes), {{"environment", "log"}});
  out.gauge("storage_disk_bytes", "", static_cast<double>(usage.state_disk_bytes), {{"environment", "state"}});
  out.counter("storage_failures_total", "Times that the storage refused a write.", events.failures().value());
}

} // namespace godwit::node
