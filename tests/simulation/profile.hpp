#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace godwit::simulation {

/// A kind of schedule: how many replicas and which troubles. Chances are per draw.
struct profile {
  std::string_view name;
  unsigned voters = 3; ///< of the first configuration
  unsigned spares = 0; ///< further nodes, empty, for the operator
  std::uint32_t faulty_ms = 8'000;

  bool crashes = true;
  bool partitions = true;
  bool freezes = true;
  bool transfers = true;
  bool message_troubles = true; ///< loss, doubles, long delays
  bool members = false;         ///< an operator changes the configuration
  double shrink = 0.2;          ///< chance that the operator goes down to one voter when it could
  bool dead_voters = false;     ///< nodes that stay down until they are removed or the faults end
  double quiet = 0.05;          ///< chance of a schedule with little traffic, in which logs are mostly equal
  bool minority_lost = false;   ///< in the calm as many voters stay down as the group can do without
  bool isolations = false;      ///< the leader is cut off again and again
  bool torn_writes = false;     ///< the log is an append file: a prefix of its last write may survive
  bool slow_snapshots = false;
  double disk_stalls = 0;   ///< a transaction that lasts longer than an election timeout
  double short_reach = 0.5; ///< chance that logs are trimmed so soon that followers need snapshots
  double reads = 0.3;       ///< reads under a lease per client event and leader
};

/// All profiles, in the order in which reports name them.
std::span<const profile> profiles();

/// Null when there is none of this name.
const profile* find_profile(std::string_view name);

} // namespace godwit::simulation
