#pragma once

#include <cstddef>
#include <cstdint>

/// Bounds of shards, loops, stores, sessions and the wire. A limit names its unit last.
namespace godwit::limits {

// --- shards ---------------------------------------------------------------------------------------

inline constexpr std::uint32_t shards_max = 4096;

/// One mutation: what a single request may write.
inline constexpr std::size_t mutation_bytes_max = 4 << 20;

/// A log entry: as many mutations as waited for it.
inline constexpr std::size_t log_entry_bytes_max = 8 << 20;

/// Proposals of one shard that were not answered yet.
inline constexpr std::uint32_t proposals_in_flight_max = 16'384;
inline constexpr std::size_t proposals_in_flight_bytes_max = 32 << 20;

/// Payloads of log entries that one shard keeps in memory for followers that are a little behind.
inline constexpr std::size_t log_cache_bytes_max = 1 << 20;

/// Entries of one AppendEntries message; at least one entry goes all the same.
inline constexpr std::size_t append_bytes_max = 2 << 20;

/// Messages of one replica that wait for its term and vote to become durable; more are lost.
inline constexpr std::size_t messages_held_max = 1024;

/// Entries that stay in the log behind the durable state, for followers that are behind.
inline constexpr std::uint32_t log_trailing_entries = 4096;
inline constexpr std::size_t log_trailing_bytes = 16 << 20;

// --- loops ----------------------------------------------------------------------------------------

/// Messages an actor of a loop handles before others have their turn, and turns in one round.
inline constexpr std::size_t messages_per_turn = 300;
inline constexpr int actor_passes_per_round = 64;

// --- entities of a shard --------------------------------------------------------------------------

/// From the router's taking a request to its answer; then it is `unavailable`.
inline constexpr std::uint32_t request_timeout_ms = 10'000;
/// Requests that one shard took and did not answer; the next one is `unavailable` at once.
inline constexpr std::uint32_t shard_requests_in_flight_max = 16'384;
/// Requests that wait for one entity's rows.
inline constexpr std::uint32_t entity_early_requests_max = 1024;
/// Proposals that wait for room in the replica; the entity of the next one is ended.
inline constexpr std::size_t shard_proposals_kept_bytes_max = 16 << 20;

/// Entities of one shard in memory; beyond, the longest unused end, and an eighth beyond it no more start.
inline constexpr std::uint32_t shard_entities_max = 8192;
/// Most are needed for a sign-in and then not for days, and take about 3 KB each.
inline constexpr std::uint32_t entity_idle_ms = 60'000;
/// An entity that fails so often in so short a time is refused for a while.
inline constexpr std::uint32_t entity_restarts_max = 3;
inline constexpr std::uint32_t entity_restart_window_ms = 60'000;
inline constexpr std::uint32_t entity_refusal_ms = 30'000;

/// One page of an entity's rows while it loads.
inline constexpr std::uint32_t entity_page_rows_max = 256;
inline constexpr std::size_t entity_page_bytes_max = 256 << 10;
/// Pause before rows are read again when too much was being read already.
inline constexpr std::uint32_t entity_load_retry_ms = 5;

/// How long a stopping shard goes on answering what it took.
inline constexpr std::uint32_t shard_drain_ms = 3000;

// --- lanes between shards -------------------------------------------------------------------------

/// Deliveries of one lane that its destination has not acknowledged.
inline constexpr std::size_t lane_window_items = 1024;
inline constexpr std::size_t lane_window_bytes = 1 << 20;
/// Deliveries of one lane that wait for the window in memory; more are read back from their rows.
inline constexpr std::size_t lane_queue_items = 1024;
inline constexpr std::size_t lane_queue_bytes = 1 << 20;
/// One page of rows read back.
inline constexpr std::uint32_t lane_page_rows = 256;
inline constexpr std::size_t lane_page_bytes = 256 << 10;
/// A destination that says nothing for so long is asked where it is.
inline constexpr std::uint32_t lane_silence_ms = 2000;
/// How often lanes with something in them are looked at, and rows of what was acknowledged erased: well before they
/// are flushed, so that most never reach the state store …
inline constexpr std::uint32_t lane_tick_ms = 200;
/// … or earlier, at so many of one lane; and the most that one mutation erases.
inline constexpr std::size_t lane_erased_at_once = 256;
inline constexpr std::size_t lane_erased_per_mutation = 2048;
/// A destination acknowledges so many deliveries at once, or what there is after this time.
inline constexpr std::size_t lane_report_items = 64;
inline constexpr std::uint32_t lane_report_ms = 10;
/// Entities that are started ahead of the delivery under way, in one lane.
inline constexpr std::size_t lane_entities_ahead = 16;
/// Pause before a delivery that its entity did not take is given again. It doubles when that happens again, up to …
inline constexpr std::uint32_t lane_retry_ms = 100;
inline constexpr std::uint32_t lane_retry_max_ms = 10'000;
/// Requests that a shard hands on at once after it had no room for proposals, for they may fill it again.
inline constexpr std::size_t shard_forwarded_at_once = 256;
/// A shard with more deliveries that were not acknowledged refuses calls.
inline constexpr std::int64_t lane_depth_max = 1'000'000;
/// Faults of entities over one delivery; then it is put aside.
inline constexpr std::uint32_t delivery_attempts_max = 5;

// --- stores ---------------------------------------------------------------------------------------

/// Applied rows of one shard that are not in the state store yet.
inline constexpr std::size_t overlay_bytes_max = 32 << 20;
inline constexpr std::size_t overlay_segment_bytes_max = 4 << 20;
/// Age at which applied rows go to the state store. Ten times the interval halves the CPU of a mutation,
/// for rows of the same pages meet in one transaction; the price is a longer replay after a crash.
inline constexpr std::uint32_t flush_interval_ms = 500;

/// Read transactions open at once in one environment; one slot of the lock table each.
inline constexpr unsigned readers_max = 510;
inline constexpr unsigned reader_threads = 2;
inline constexpr std::size_t reader_queue_max = 4096;

/// The map of an environment: where it begins and where the operator has to step in. It is address space
/// and a sparse file, so that it may be large; it grows early, since it can only while nobody reads.
inline constexpr std::size_t map_bytes_initial = std::size_t{16} << 30;
inline constexpr std::size_t map_bytes_max = std::size_t{1} << 42;

/// Rows of dead generations and trimmed entries that one transaction removes.
inline constexpr std::uint32_t removals_per_transaction = 2000;

// --- the shell of the program ---------------------------------------------------------------------

/// A settings or secrets file.
inline constexpr std::size_t config_file_bytes_max = 1 << 20;

/// Lines that wait for the log's writer; beyond, the oldest are lost and counted.
inline constexpr std::size_t log_queue_lines_max = 8192;
/// A line longer than this loses its last fields.
inline constexpr std::size_t log_line_bytes_max = 4096;

/// The HTTP endpoint for metrics and health.
inline constexpr std::size_t metrics_connections_max = 32;
inline constexpr std::size_t metrics_request_bytes_max = 8192;
inline constexpr std::uint32_t metrics_deadline_seconds = 10;

/// The control socket.
inline constexpr std::size_t control_connections_max = 16;
inline constexpr std::size_t control_request_bytes_max = 64 << 10;
inline constexpr std::size_t control_answer_bytes_max = 64 << 20;

// --- start ----------------------------------------------------------------------------------------

/// How long a node waits for its shards to have leaders before it gives the start up.
inline constexpr unsigned start_seconds_max = 60;

// --- webhooks -------------------------------------------------------------------------------------

/// Login codes that wait for the provider; more are dropped.
inline constexpr std::size_t webhook_queue_max = 1000;
/// Tries of one delivery.
inline constexpr int webhook_attempts_max = 5;

// --- keys, gateway and sessions ---------------------------------------------------------------------

/// Authorization keys that one loop remembers, about 600 bytes each.
inline constexpr std::size_t keys_cached_max = 65'536;
/// Keys that one loop asks for at once; the connections of others are closed without a word.
inline constexpr std::size_t key_lookups_max = 4096;
/// While a key's shard is unavailable, packets of the key wait for so long; then their connection is closed.
inline constexpr std::uint32_t key_lookup_ms_max = 3000;
/// What a loop knows of a key is checked when a new connection brings it and it is older.
inline constexpr std::uint32_t key_fresh_ms = 10'000;
/// What a client says of itself is written for its key no more often than this.
inline constexpr std::uint32_t client_note_ms = 10'000;
/// How long a new key is offered to its shard before its exchange fails.
inline constexpr std::uint32_t key_commit_ms_max = 10'000;
/// Pause before something that was unavailable is asked for again, or an account listened to again that went away:
/// half of it at least; doubles up to the second one.
inline constexpr std::uint32_t ask_again_ms = 50;
inline constexpr std::uint32_t ask_again_ms_max = 500;

/// Key exchanges under way on a node, one for each connection, and the life of one. Its first question costs a
/// client nothing, so that the time to follow it up is short, and the oldest such exchange makes room for others.
inline constexpr std::uint32_t exchanges_max = 8192;
inline constexpr std::uint32_t exchange_ms_max = 120'000;
inline constexpr std::uint32_t exchange_begun_ms_max = 15'000;
/// Keys that one address may make in a day. Each is a row, and stays for a day when nobody logs in with it.
inline constexpr std::uint32_t keys_per_address_day = 5000;

/// Sessions of a node, of one key, and of one connection; sessions with no connection left, on one loop.
inline constexpr std::size_t sessions_max = 250'000;
inline constexpr std::size_t sessions_per_key_max = 64;
inline constexpr std::size_t sessions_per_connection_max = 32;
inline constexpr std::size_t connections_per_session_max = 16;
inline constexpr std::size_t lingering_sessions_max = 20'000;
inline constexpr std::size_t lingering_bytes_max = 64 << 20;
/// How long a session that has lost its last connection keeps its answers.
inline constexpr std::uint32_t session_linger_ms = 300'000;
/// Updates that such a session keeps; beyond, its client has to ask for the difference.
inline constexpr std::size_t lingering_pushes_max = 32;
inline constexpr std::size_t lingering_pushes_bytes_max = 16 << 10;

/// Packets of one connection that wait until their key is known.
inline constexpr std::size_t packets_waiting_for_key_max = 64;
inline constexpr std::size_t packets_waiting_for_key_bytes_max = 2 << 20;
/// Packets that are decrypted together.
inline constexpr std::size_t decrypt_batch_max = 64;
/// Bytes that wait in a connection for a client that does not read; more stay in the session, and count there.
inline constexpr std::size_t connection_unsent_bytes_max = 512 << 10;

/// How long a call is repeated while its shard is unavailable, before its client hears of it.
inline constexpr std::uint32_t call_retry_ms = 15'000;
/// Calls of the auth flow that wait for the one before them, in one session.
inline constexpr std::size_t flows_waiting_max = 8;
/// Calls that wait until it is certain whether somebody is logged in, in one session.
inline constexpr std::size_t calls_waiting_for_key_max = 64;

/// Sessions, accounts or addresses that one loop counts calls of.
inline constexpr std::size_t rate_keys_max = 65'536;
/// Sessions in one answer to the operator.
inline constexpr std::size_t sessions_listed_max = 10'000;

static_assert(mutation_bytes_max <= log_entry_bytes_max);
static_assert(log_entry_bytes_max <= proposals_in_flight_bytes_max);
static_assert(overlay_segment_bytes_max <= overlay_bytes_max);

// --- edge -----------------------------------------------------------------------------------------

/// A packet of the transport; the protocol's own bound.
inline constexpr std::size_t packet_bytes_max = 16 << 20;
/// Before a packet of a known key came: a part of a file in a container is the largest honest one.
inline constexpr std::size_t first_packet_bytes_max = (1 << 20) + (64 << 10);
/// An unencrypted packet, which belongs to a key exchange; honest ones are below 700 bytes.
inline constexpr std::size_t handshake_packet_bytes_max = 4096;

/// What one read takes from a socket. One such buffer per loop.
inline constexpr std::size_t read_buffer_bytes = 64 << 10;
/// Unsent bytes below which a connection is called drained, and above which its client does not read: it is
/// closed. In between is room for the answers under way.
inline constexpr std::size_t connection_drained_bytes = 128 << 10;
inline constexpr std::size_t connection_unread_bytes_max = 8 << 20;
/// Output buffers that a loop keeps for its connections, and the largest that is worth it.
inline constexpr std::size_t output_buffers_kept_max = 32;
inline constexpr std::size_t output_buffer_kept_bytes_max = 64 << 10;

/// From the accept to a packet of a known key.
inline constexpr std::uint32_t known_key_ms_max = 120'000;
/// From the first byte of a packet to its last. A part of a file on a slow line is the longest honest one.
inline constexpr std::uint32_t packet_ms_max = 120'000;
/// Without a byte taken by a client for whom bytes wait.
inline constexpr std::uint32_t write_stall_ms_max = 60'000;
/// How long a closed connection waits for its client to see the last bytes.
inline constexpr std::uint32_t close_linger_ms = 2000;
/// The head of an HTTP request.
inline constexpr std::size_t http_head_bytes_max = 8192;

/// Connections accepted in one round.
inline constexpr int accepts_per_round = 64;
/// Pause after an accept failed for want of something.
inline constexpr std::uint32_t accept_pause_ms = 200;

static_assert(handshake_packet_bytes_max <= first_packet_bytes_max && first_packet_bytes_max <= packet_bytes_max);
static_assert(connection_drained_bytes < connection_unread_bytes_max);

// --- message layer --------------------------------------------------------------------------------

/// Messages of one container (the protocol's own bound).
inline constexpr std::size_t container_messages_max = 1020;
/// Bodies that share an outgoing container; a larger message goes alone.
inline constexpr std::size_t container_bytes_max = 64 << 10;
/// What all gzip_packed of one packet may unpack to.
inline constexpr std::size_t unpacked_bytes_max = 4 << 20;
/// Results from this size on are packed when that saves an eighth.
inline constexpr std::size_t packed_bytes_min = 1024;
/// invokeWithLayer, initConnection, gzip_packed, ... around one query.
inline constexpr unsigned wrappers_max = 16;
inline constexpr std::size_t invoke_after_ids_max = 128;
inline constexpr std::int64_t invoke_after_ms_max = 30'000;
/// Each text of initConnection is cut there.
inline constexpr std::size_t client_text_bytes_max = 256;
/// Ids of one msgs_ack, msgs_state_req or msg_resend_req (the protocol's own bound).
inline constexpr std::size_t ids_per_message_max = 8192;
/// Accepted age of a client's msg_id and its lead (the protocol's own bounds).
inline constexpr std::int64_t msg_id_behind_ms_max = 300'000;
inline constexpr std::int64_t msg_id_ahead_ms_max = 30'000;
/// Received msg_ids that one session remembers.
inline constexpr std::size_t received_ids_max = 2048;
/// Calls of one session that were not answered: from here on its packets wait unread; from there on, for a
/// packet may hold many, calls get FLOOD_WAIT.
inline constexpr std::size_t session_calls_max = 128;
inline constexpr std::size_t session_calls_hard_max = 2048;
/// Bodies of calls that wait for other calls.
inline constexpr std::size_t waiting_calls_bytes_max = 2 << 20;
/// Messages to a client that it did not acknowledge. Beyond, the oldest that were sent are given up.
inline constexpr std::size_t kept_messages_max = 1024;
inline constexpr std::size_t kept_bytes_max = 4 << 20;
inline constexpr std::int64_t kept_ms_max = 600'000;
/// Of these, updates: beyond, the client has to ask for the difference.
inline constexpr std::size_t kept_pushes_max = 512;
inline constexpr std::size_t kept_pushes_bytes_max = 1 << 20;
/// Unsent bytes at which a session's packets wait unread.
inline constexpr std::size_t unsent_bytes_max = 1 << 20;
/// A message sent again after a reconnect is only announced from this size on.
inline constexpr std::size_t announced_bytes_min = 16 << 10;
/// Service messages to a client: from here on its packets wait unread, from there on its connection ends.
inline constexpr std::size_t notices_bytes_max = 256 << 10;
inline constexpr std::size_t notices_bytes_hard_max = 4 << 20;
/// Received messages that wait to be acknowledged together, and how long the first of them waits.
inline constexpr std::size_t acks_waiting_max = 32;
inline constexpr std::int64_t ack_delay_ms = 500;
/// ping_delay_disconnect: longer wishes are cut. One client counts in milliseconds; the longest meant
/// honestly are 140 s.
inline constexpr std::int32_t ping_disconnect_seconds_max = 150;
inline constexpr std::size_t future_salts_max = 64;
/// How long the salt of the key exchange is good for.
inline constexpr std::int32_t first_salt_seconds = 3600;
/// Refused messages without an accepted one in between, after which the connection ends.
inline constexpr std::uint32_t bad_messages_max = 64;
inline constexpr std::size_t session_connections_max = 64;

static_assert(session_calls_max + container_messages_max <= session_calls_hard_max);
static_assert(container_messages_max < received_ids_max);
static_assert(kept_pushes_max < kept_messages_max && kept_pushes_bytes_max < kept_bytes_max);

// --- key exchange ---------------------------------------------------------------------------------

/// Exchanges side by side on one connection: a permanent and a temporary key, each begun anew once.
inline constexpr std::size_t handshakes_per_connection_max = 4;
/// Life of a temporary key; longer wishes are cut.
inline constexpr std::int32_t temp_key_seconds_max = 86'400;
/// dh_gen_retry of one exchange; then dh_gen_fail.
inline constexpr std::uint32_t dh_retries_max = 3;

} // namespace godwit::limits
