#include "tests/simulation/profile.hpp"

#include <array>

namespace godwit::simulation {

namespace {

constexpr std::array all{
  profile{.name = "one", .voters = 1, .partitions = false, .transfers = false, .disk_stalls = 0.01},
  profile{.name = "three"},
  profile{.name = "five", .voters = 5},
  profile{.name = "torn", .torn_writes = true},
  profile{.name = "stalls", .disk_stalls = 0.02},
  profile{.name = "snapshots", .slow_snapshots = true, .short_reach = 1},
  profile{.name = "minority", .minority_lost = true, .slow_snapshots = true, .short_reach = 0.9},
  profile{.name = "minority_five", .voters = 5, .minority_lost = true, .short_reach = 0.7},
  profile{.name = "leases", .faulty_ms = 12'000, .quiet = 0.6, .isolations = true, .short_reach = 0.1, .reads = 1},
  profile{.name = "members", .spares = 2, .members = true},
  profile{.name = "members_five", .voters = 5, .spares = 1, .members = true, .torn_writes = true},
  profile{.name = "dead_voters", .voters = 4, .spares = 2, .members = true, .dead_voters = true},
  profile{.name = "pair", .voters = 2, .spares = 1, .members = true, .shrink = 0.9, .disk_stalls = 0.01},
  profile{.name = "grow", .voters = 1, .spares = 4, .members = true, .slow_snapshots = true, .disk_stalls = 0.005},
};

} // namespace

std::span<const profile> profiles() { return all; }

const profile* find_profile(std::string_view name) {
  for (const profile& each : all) {
    if (each.name == name) {
      return &each;
    }
  }
  return nullptr;
}

} // namespace godwit::simulation
