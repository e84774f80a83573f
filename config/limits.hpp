#pragma once

#include <cstddef>
#include <cstdint>

/// Every bound of the product, in one place. A limit names its unit last.
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

static_assert(mutation_bytes_max <= log_entry_bytes_max);
static_assert(log_entry_bytes_max <= proposals_in_flight_bytes_max);
static_assert(overlay_segment_bytes_max <= overlay_bytes_max);

} // namespace godwit::limits
