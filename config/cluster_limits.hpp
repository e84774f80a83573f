#pragma once

#include <cstddef>
#include <cstdint>

/// Bounds of what nodes do with one another. The unit is in the name; sizes without one are bytes.
namespace godwit::limits {

// --- links ----------------------------------------------------------------------------------------

inline constexpr std::size_t peers_max = 256;
/// One frame on a connection between nodes; a frame holds a round's envelopes, and at least one.
inline constexpr std::size_t peer_frame_bytes_max = 16 << 20;
/// Envelopes gather in a frame up to about so much.
inline constexpr std::size_t peer_frame_bytes = 256 << 10;
/// Sent and not yet taken by the kernel: at the first, bulk waits; a control link beyond the second is broken.
inline constexpr std::size_t peer_queue_bytes_high = 4 << 20;
inline constexpr std::size_t peer_queue_bytes_max = 64 << 20;
/// Sent to a node and not yet said to be handled there; more waits, and counts as queued.
inline constexpr std::size_t peer_credit_bytes = 32 << 20;
inline constexpr std::uint32_t peer_beat_ms = 500;
/// Silence that ends a link.
inline constexpr std::uint32_t peer_silence_ms = 3000;
/// From dialling to the other side's hello.
inline constexpr std::uint32_t peer_connect_ms = 3000;
/// Pause before a node is dialled again; doubles up to the second one.
inline constexpr std::uint32_t peer_redial_ms = 100;
inline constexpr std::uint32_t peer_redial_ms_max = 2000;
/// Connections of others that have not said who they are.
inline constexpr std::size_t peers_unknown_max = 64;

// --- members --------------------------------------------------------------------------------------

/// Numbers of nodes; removed ones are never given again.
inline constexpr std::uint64_t node_id_max = 4095;
inline constexpr std::size_t node_name_bytes_max = 64;
inline constexpr std::size_t node_host_bytes_max = 64;
inline constexpr std::size_t node_client_addresses_max = 16;
/// A node tells the cluster that it is there.
inline constexpr std::uint32_t announce_ms = 2000;
/// The same until it was heard once; doubles up to announce_ms.
inline constexpr std::uint32_t announce_first_ms = 100;
/// Entries that a standby may be behind to be made a voter, and a voter to be handed leadership.
inline constexpr std::uint32_t member_lag_entries_max = 1000;
/// How long the node that should lead was up without a break, and how long the present one leads, before leadership
/// goes back.
inline constexpr std::uint32_t balance_calm_ms = 5000;
/// Between two handovers of one node, and how long one may take.
inline constexpr std::uint32_t balance_pause_ms = 1000;
inline constexpr std::uint32_t handover_ms_max = 5000;
/// Before something is tried again that a replica refused or gave up.
inline constexpr std::uint32_t steward_retry_ms = 2000;
/// A handover that an operator asked for and that was not possible meanwhile is forgotten.
inline constexpr std::uint32_t handover_wish_ms_max = 5000;

// --- logs, for followers -----------------------------------------------------------------------------

/// A leader keeps more of its log for a follower that it heard of in this time, up to so much: it comes back, or
/// installs a snapshot.
inline constexpr std::uint32_t log_spared_ms = 600'000;
inline constexpr std::uint32_t log_spared_entries = 65'536;
inline constexpr std::size_t log_spared_bytes = 128 << 20;

// --- snapshots --------------------------------------------------------------------------------------

/// Rows of one chunk; at least one row goes all the same.
inline constexpr std::size_t snapshot_chunk_bytes = 256 << 10;
/// Chunks that a sender may be ahead of what its receiver has imported.
inline constexpr std::uint64_t snapshot_window_chunks = 8;
/// Streams that a node sends at once; others wait. The second one bounds all of them.
inline constexpr std::size_t snapshot_streams_out = 2;
inline constexpr std::size_t snapshot_connections_max = 64;
/// Pictures of the store that a node holds for broken streams. Each keeps pages from being used again.
inline constexpr std::size_t snapshot_exports_held_max = 4;
/// How long a picture waits for its receiver to come back, or to grant anything.
inline constexpr std::uint32_t snapshot_hold_ms = 60'000;
/// A sender with nothing to send says so; silence for longer ends a stream at its receiver.
inline constexpr std::uint32_t snapshot_beat_ms = 2000;
inline constexpr std::uint32_t snapshot_silence_ms = 10'000;
/// Pause before whoever leads is asked again; doubles up to the second one.
inline constexpr std::uint32_t snapshot_retry_ms = 100;
inline constexpr std::uint32_t snapshot_retry_ms_max = 2000;
/// Whoever leads stands below what is wanted for so long: the replica is better made anew. Four election timeouts.
inline constexpr std::uint32_t snapshot_stale_ms = 4000;
/// How often a stream that is under way is logged, and looked at for whatever it waits for.
inline constexpr std::uint32_t snapshot_report_ms = 10'000;
inline constexpr std::uint32_t snapshot_tick_ms = 100;

// --- connections between nodes --------------------------------------------------------------------

/// Connections accepted, and steps of key exchanges taken, in one round of the loop.
inline constexpr std::size_t peer_accepts_per_round = 16;
inline constexpr std::size_t peer_handshakes_per_round = 8;
/// Read from, and encrypted for, one connection before others have their turn.
inline constexpr std::size_t peer_read_bytes_per_round = 1 << 20;
inline constexpr std::size_t peer_send_bytes_per_round = 1 << 20;
/// Encrypted and not yet taken by the kernel; more stays a frame until then.
inline constexpr std::size_t peer_wire_bytes = 256 << 10;
/// A connection that ends sends its last words, and waits so long for the other side to have read them.
inline constexpr std::uint32_t peer_linger_ms = 1000;
/// Bytes sent and not acknowledged for so long, or silence in spite of probes, end a connection.
inline constexpr std::uint32_t peer_unacknowledged_ms = 10'000;
inline constexpr std::uint32_t peer_keepalive_idle_s = 5;
inline constexpr std::uint32_t peer_keepalive_pause_s = 2;
inline constexpr std::uint32_t peer_keepalive_probes = 3;

// --- clocks ---------------------------------------------------------------------------------------

/// A node whose clock is further than this from the majority's is unready; good again when it is within the second.
inline constexpr std::int64_t clock_skew_ms_max = 5000;
inline constexpr std::int64_t clock_skew_good_ms = 4000;
/// How long a clock has to look wrong, or right again, before it is called so: one late beat is no proof.
inline constexpr std::uint32_t clock_confirm_ms = 2000;
/// What clients are told follows the wall clock by at most so many ms in a second.
inline constexpr std::int64_t clock_slew_ms_per_s = 5;
/// The same while it is further from the wall clock than clock_jump_ms.
inline constexpr std::int64_t clock_slew_far_ms_per_s = 50;
/// A wall clock that moves by more than this between two looks has jumped.
inline constexpr std::int64_t clock_jump_ms = 1000;
/// So long after a jump, what is known of other nodes' clocks is of the time before it.
inline constexpr std::uint32_t clock_settle_ms = 4000;
/// Between two looks at the wall clock.
inline constexpr std::uint32_t clock_look_ms = 100;

// --- shards on several nodes ----------------------------------------------------------------------

/// Heartbeats leave at multiples of this, so that those of all shards are in one frame.
inline constexpr std::uint32_t heartbeat_grid_ms = 50;
/// How much later than a point of the grid a round may begin without missing the next one.
inline constexpr std::uint32_t heartbeat_slack_ms = 10;
/// Between two looks of a steward at a shard; status is as old at most.
inline constexpr std::uint32_t steward_ms = 500;
/// A node that is to lead nothing looks for successors for so long; then it serves nothing.
inline constexpr std::uint32_t resign_ms = 3000;

// --- requests between nodes -----------------------------------------------------------------------

/// Requests of one node that wait for other nodes' answers; the next one is `unavailable` at once.
inline constexpr std::size_t route_pending_max = 131'072;
/// Requests of one other node that were taken and not answered.
inline constexpr std::size_t route_taken_max = 131'072;
/// Sessions of one node that listen to entities of one other.
inline constexpr std::size_t route_listeners_max = 262'144;
/// A request that reached nodes which do not lead is sent on so often.
inline constexpr std::uint8_t route_hops_max = 4;

static_assert(clock_skew_good_ms < clock_skew_ms_max);
static_assert(clock_jump_ms < clock_skew_good_ms);
static_assert(peer_silence_ms < clock_settle_ms);

static_assert(peer_frame_bytes <= peer_frame_bytes_max);
static_assert(snapshot_beat_ms * 3 < snapshot_silence_ms);
static_assert(peer_frame_bytes_max <= peer_queue_bytes_max);

} // namespace godwit::limits
