#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>

#include "tests/cluster/simulation/cluster_run.hpp"

namespace godwit::cluster_sim {
namespace {

std::uint64_t number_in(const char* variable, std::uint64_t otherwise) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// Goal: whatever dies, stands still, is cut off or slow, nothing acknowledged is lost, doubled or out of order, what
// clients keep by updates is what is in their boxes, service comes back soon after the last fault, and all nodes
// have the same state. Method: schedules of fixed seeds; GODWIT_LONG runs many more, GODWIT_SEED begins elsewhere.
TEST(cluster_simulation, NothingAcknowledgedIsLostDoubledOrReordered) {
  const std::uint64_t first = number_in("GODWIT_SEED", 1);
  const std::uint64_t count = std::getenv("GODWIT_LONG") != nullptr ? 5000 : 60;
  std::map<std::string, std::uint64_t> counted;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const run_result result = run_seed(seed);
    ASSERT_FALSE(result.violation) << *result.violation << "\nagain: " << command_for(seed);
    for (const auto& [name, number] : result.counted) {
      counted[name] += number;
    }
  }
  for (const char* each : {"sent", "repeated", "pushes", "differences", "kills", "freezes", "cuts", "breaks", "slow",
                           "lossy", "transfers", "snapshots", "reconnects"}) {
    EXPECT_GT(counted[each], 0U) << "no schedule had any " << each;
  }
}

// Goal: a seed tells everything about a run. Method: some seeds twice; the hash is of every line of the story.
TEST(cluster_simulation, ASeedIsARun) {
  for (const std::uint64_t seed : {3, 5, 17, 292}) {
    const run_result once = run_seed(seed);
    const run_result again = run_seed(seed);
    EXPECT_EQ(once.trace_hash, again.trace_hash) << "seed " << seed;
    EXPECT_EQ(once.counted, again.counted) << "seed " << seed;
    EXPECT_NE(once.trace_hash, run_seed(seed + 1).trace_hash);
  }
}

} // namespace
} // namespace godwit::cluster_sim
