#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace godwit::faults {

/// Which calls a kill point counts.
enum class kill_target : std::uint32_t {
  nothing = 0,
  write = 1,             ///< writes and changes of size
  sync = 2,              ///< fsync, fdatasync, msync
  operation = 3,         ///< both
  synchronous_write = 4, ///< writes on a synchronous descriptor alone: LMDB's last step of a commit
};

enum class kill_phase : std::uint32_t {
  before = 0,
  /// A write: after a part of its sectors has reached the file; a write within one sector, or one on a
  /// synchronous descriptor: after all of it has, but nothing of it is durable. A sync: after it was
  /// done, before it counts.
  middle = 1,
  after = 2, ///< done, with all its effects, but never reported to the caller
};

/// The memory that a test and the processes under the preload library share: a file of one page,
/// mapped by all. The test writes the switches, the library the counters. Plain memory layout: both sides
/// are built from the same tree.
struct control_page {
  static constexpr std::uint64_t magic_value = 0x31304c5254435747; // "GWCTRL01"
  static constexpr std::size_t filter_bytes_max = 256;

  std::atomic<std::uint64_t> magic;

  // --- switches ---
  std::atomic<std::int64_t> space_left;         ///< bytes until ENOSPC; negative: no limit
  std::atomic<std::uint32_t> space_growth_only; ///< only bytes that make a file longer use space
  std::atomic<std::int32_t> write_errno;
  std::atomic<std::int64_t> write_errors_after; ///< calls that go well first
  std::atomic<std::int64_t> write_errors_left;  ///< calls that fail with write_errno then; negative: all
  std::atomic<std::int32_t> sync_errno;
  std::atomic<std::int64_t> sync_errors_after; ///< as write_errors_after; synchronous writes count as well
  std::atomic<std::int64_t> sync_errors_left;
  std::atomic<std::uint32_t> write_delay_us;
  std::atomic<std::uint32_t> sync_delay_us;
  std::atomic<std::uint32_t> hold_writes; ///< not 0: calls wait until it is 0
  std::atomic<std::uint32_t> hold_syncs;
  std::atomic<kill_target> kill_at;
  std::atomic<kill_phase> kill_when;
  std::atomic<std::uint64_t> kill_number;  ///< the count of calls, from 1, at which the process ends itself
  std::atomic<std::int64_t> clock_skew_ns; ///< what the wall clock shows too much
  char only_paths_with[filter_bytes_max];  ///< faults hit files whose path contains this; empty: all

  // --- counters; calls that the filter leaves out are not counted ---
  std::atomic<std::uint64_t> attached; ///< processes that started with the library
  std::atomic<std::uint64_t> writes;
  std::atomic<std::uint64_t> synchronous_writes; ///< counted in `writes` as well
  std::atomic<std::uint64_t> syncs;
  std::atomic<std::uint64_t> operations;
  std::atomic<std::uint64_t> bytes_written;
  std::atomic<std::uint32_t> writes_held; ///< calls that wait now
  std::atomic<std::uint32_t> syncs_held;
  std::atomic<std::uint32_t> killed; ///< the kill point was reached
};

inline constexpr std::size_t control_page_bytes = 4096;

static_assert(sizeof(control_page) <= control_page_bytes);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<kill_target>::is_always_lock_free);

} // namespace godwit::faults
