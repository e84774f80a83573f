#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace godwit::faults {

/// What a child that works on an LMDB environment tells its test: memory mapped by both, outside of the
/// crash model, so a kill takes nothing back of it.
struct ledger {
  static constexpr std::size_t text_bytes = 256;

  std::atomic<std::uint64_t> acknowledged; ///< the last transaction whose commit returned
  std::atomic<std::uint64_t> synced;       ///< the last one covered by an mdb_env_sync that returned
  std::atomic<std::uint64_t> found;        ///< by the check: the last transaction in the environment
  std::atomic<std::int32_t> error;         ///< what LMDB returned when a run could not go on; 0: none
  char text[text_bytes];                   ///< what the check found wrong, or where a run ended
};

} // namespace godwit::faults
