#include <cstdio>
#include <cstdlib>
#include <string>
#include <tuple>

#include <gtest/gtest.h>

#include "tests/simulation/campaign.hpp"

namespace godwit::simulation {
namespace {

/// Each profile's seeds are spread over so many test cases, and these over processes.
constexpr unsigned slices = 4;

/// Schedules of one profile.
std::uint64_t schedules() {
#ifdef __SANITIZE_ADDRESS__
  constexpr std::uint64_t cost = 20;
#else
  constexpr std::uint64_t cost = 1;
#endif
  return (std::getenv("GODWIT_LONG") != nullptr ? 80'000 : 2'000) / cost;
}

std::uint64_t first_seed() {
  const char* const shift = std::getenv("GODWIT_SEED");
  return 1 + (shift == nullptr ? 0 : std::strtoull(shift, nullptr, 10) * 1'000'000);
}

figures of_all_cases;

class report : public ::testing::Environment {
public:
  void TearDown() override { std::printf("simulated: %s\n", of_all_cases.line().c_str()); }
};

const ::testing::Environment* const reporting = ::testing::AddGlobalTestEnvironment(new report);

class simulation : public ::testing::TestWithParam<std::tuple<std::size_t, unsigned>> {};

// Goal: whatever happens to messages, disks and processes, no property of checker.hpp is ever broken
// and a calm group comes to one state. Method: schedules from consecutive seeds; the message of a
// failure is the command that tells the story of the failing one.
TEST_P(simulation, EverySchedulesPropertiesHold) {
  const auto [which, slice] = GetParam();
  const profile& kind = profiles()[which];
  const std::uint64_t count = schedules() / slices;
  const campaign_result result = run_seeds(kind, first_seed() + slice * count, count);
  of_all_cases += result.counted;
  EXPECT_FALSE(result.violation) << *result.violation << "\nrepeat it with: " << command(kind, result.failing_seed);
  EXPECT_GT(result.counted.acknowledged, 10 * count) << "hardly anything happens";
}

INSTANTIATE_TEST_SUITE_P(
  , simulation, ::testing::Combine(::testing::Range<std::size_t>(0, profiles().size()), ::testing::Range(0U, slices)),
  [](const auto& each) {
    return std::string(profiles()[std::get<0>(each.param)].name) + "_" + std::to_string(std::get<1>(each.param));
  });

// Goal: a failure can be repeated. Method: two runs of a seed count the same of everything.
TEST(simulation_itself, TheSameSeedDoesTheSameTwice) {
  for (const profile& kind : profiles()) {
    const outcome once = run(kind, first_seed());
    const outcome again = run(kind, first_seed());
    EXPECT_EQ(once.counted.line(), again.counted.line()) << kind.name;
  }
}

// Goal: the schedules exercise what they are for. Method: each profile's figures, summed over a few
// seeds, show what it adds.
TEST(simulation_itself, EveryProfileDoesWhatItIsFor) {
  for (const profile& kind : profiles()) {
    const figures seen = run_seeds(kind, first_seed(), 20).counted;
    EXPECT_GT(seen.crashes, 20U) << kind.name;
    EXPECT_GT(seen.elections, 20U) << kind.name;
    EXPECT_GT(seen.trims, 50U) << kind.name;
    EXPECT_GT(seen.fenced, 20U) << kind.name;
    EXPECT_GT(seen.lease_reads, 100U) << kind.name;
    EXPECT_GT(seen.undone_flushes, 0U) << kind.name;
    EXPECT_EQ(seen.changes > 20, kind.members) << kind.name;
    EXPECT_EQ(seen.installs > 5, kind.voters + kind.spares > 1) << kind.name;
    EXPECT_EQ(seen.log_reads > 10, kind.voters + kind.spares > 1) << kind.name;
    EXPECT_EQ(seen.transfers > 3, kind.transfers) << kind.name;
  }
}

} // namespace
} // namespace godwit::simulation
