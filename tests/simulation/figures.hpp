#pragma once

#include <cstdint>
#include <string>

namespace godwit::simulation {

/// What happened, summed over schedules.
struct figures {
  std::uint64_t schedules = 0;
  std::uint64_t steps = 0; ///< events carried out
  std::uint64_t messages = 0;
  std::uint64_t commits = 0;
  std::uint64_t acknowledged = 0; ///< proposals
  std::uint64_t lost = 0;
  std::uint64_t unknown = 0;
  std::uint64_t fenced = 0; ///< refused for their old term
  std::uint64_t crashes = 0;
  std::uint64_t restarts = 0; ///< of replicas whose install leads nowhere
  std::uint64_t elections = 0;
  std::uint64_t offers = 0; ///< InstallSnapshot messages
  std::uint64_t installs = 0;
  std::uint64_t trims = 0;
  std::uint64_t log_reads = 0;
  std::uint64_t changes = 0; ///< of members, applied
  std::uint64_t transfers = 0;
  std::uint64_t lease_reads = 0;
  std::uint64_t flushes = 0;
  std::uint64_t undone_flushes = 0; ///< by crashes
  std::uint64_t torn_writes = 0;
  std::uint64_t full_compares = 0;

  figures& operator+=(const figures& other);
  /// One line for people.
  [[nodiscard]] std::string line() const;
};

} // namespace godwit::simulation
