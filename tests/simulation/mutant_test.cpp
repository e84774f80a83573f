#include <array>
#include <string>

#include <gtest/gtest.h>

#include "tests/simulation/campaign.hpp"
#include "tests/support/mutant_child.hpp"

namespace godwit::simulation {
namespace {

using persistence::mutant;

/// A rule switched off, where it shows, and a number of schedules of which several show it.
struct expectation {
  mutant which;
  const char* profile_name;
  std::uint64_t count;
};

/// Rules whose absence shows less often have scripted scenarios beside the code they belong to.
constexpr std::array expectations{
  expectation{mutant::accept_stale_answer, "three", 400},
  expectation{mutant::unsplit_change, "grow", 100},
  expectation{mutant::change_without_barrier, "three", 20},
  expectation{mutant::batched_change, "members", 20},
  expectation{mutant::reordered_members, "members", 100},
  expectation{mutant::commit_regression, "three", 50},
  expectation{mutant::keep_mismatched_log, "snapshots", 400},
  expectation{mutant::apply_during_install, "snapshots", 50},
  expectation{mutant::lease_from_receipt, "leases", 400},
  expectation{mutant::sole_voter_keeps_term, "pair", 50},
  expectation{mutant::nonvoter_refuses, "pair", 300},
  expectation{mutant::unsynced_demotion, "pair", 1500},
  expectation{mutant::hidden_voter_term, "minority", 600},
  expectation{mutant::installing_refuses, "minority", 200},
  expectation{mutant::unclamped_timer, "grow", 50},
  expectation{mutant::send_before_hard_state, "three", 20},
  expectation{mutant::split_hard_state, "three", 20},
  expectation{mutant::acknowledge_before_majority, "three", 20},
  expectation{mutant::vote_unsynced, "three", 50},
  expectation{mutant::no_term_fence, "three", 20},
  expectation{mutant::flush_beyond_log, "five", 20},
  expectation{mutant::trim_beyond_state, "three", 20},
};

class mutants : public ::testing::TestWithParam<expectation> {};

// Goal: the simulation can fail. Method: a child process switches one rule off and runs schedules,
// from the same seeds each time; it has to report a violation, or die of what the rule prevents.
TEST_P(mutants, TheSeedsOfThisRunCatch) {
  const expectation& wanted = GetParam();
  test::expect_noticed(wanted.which, [&] {
    return run_seeds(*find_profile(wanted.profile_name), 1, wanted.count).violation.value_or("");
  });
}

INSTANTIATE_TEST_SUITE_P(, mutants, ::testing::ValuesIn(expectations),
                         [](const auto& each) { return std::string(name_of(each.param.which)); });

// Goal: the command line knows every rule of replicas and stores that can be switched off. Those above them have tests
// of their own.
TEST(mutant_names, EveryMutantHasItsName) {
  for (unsigned i = 0; i < static_cast<unsigned>(mutant::no_inbox_position); ++i) {
    const auto which = static_cast<mutant>(i);
    EXPECT_EQ(find_mutant(name_of(which)), which) << i;
  }
}

} // namespace
} // namespace godwit::simulation
