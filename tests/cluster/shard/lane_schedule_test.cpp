// Lanes under schedules that a seed chooses: messages are lost, come twice, late and out of order, leaders change,
// proposals are lost, entities throw, and shards are killed between any two rounds and recovered from their logs.

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/cluster/shard/lane_world.hpp"
#include "tests/support/mutant_on.hpp"

namespace godwit::test {
namespace {

using persistence::mutant;

/// How many of the first seeds end with a violation; stops at `enough`.
int violations(std::uint64_t seeds, int enough) {
  int out = 0;
  for (std::uint64_t seed = 1; seed <= seeds && out < enough; ++seed) {
    out += run_schedule(seed).violation.empty() ? 0 : 1;
  }
  return out;
}

// Goal: every delivery comes exactly once and in the order of its lane, whatever happens on the way (the design,
// section 3). Method: the logs of both shards say what was sent and what came of it.
TEST(lane_schedules, EveryDeliveryComesOnceAndInOrder) {
  std::size_t deliveries = 0;
  std::size_t restarts = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const schedule_result result = run_schedule(seed);
    ASSERT_EQ(result.violation, "") << "seed " << seed;
    deliveries += result.deliveries;
    restarts += result.restarts;
  }
  EXPECT_GT(deliveries, 10'000U);
  EXPECT_GT(restarts, 300U);
  RecordProperty("deliveries", static_cast<int>(deliveries));
}

// Goal: as above, while entities fail over what is delivered to them and come back from their rows.
TEST(lane_schedules, EntitiesThatFailLoseNothing) {
  for (std::uint64_t seed = 1001; seed <= 1100; ++seed) {
    const schedule_result result = run_schedule(seed, true);
    ASSERT_EQ(result.violation, "") << "seed " << seed;
  }
}

// Goal: the checks can fail. Method: with a rule switched off the same seeds have to find a violation.
TEST(lane_schedules, WithoutAPositionInTheInboxDeliveriesComeTwice) {
  const tests::mutant_on off(mutant::no_inbox_position);
  EXPECT_EQ(violations(20, 3), 3);
}

TEST(lane_schedules, AnAnswerBeforeTheCommitIsNoticed) {
  const tests::mutant_on off(mutant::answer_before_commit);
  EXPECT_EQ(violations(50, 3), 3);
}

TEST(lane_schedules, EntitiesThatGoOnIntoTheNextTermAreNoticed) {
  const tests::mutant_on off(mutant::no_entity_fence);
  EXPECT_EQ(violations(50, 3), 3);
}

} // namespace
} // namespace godwit::test
