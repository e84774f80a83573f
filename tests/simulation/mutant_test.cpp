#include <array>
#include <csignal>
#include <cstdlib>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/simulation/campaign.hpp"

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

/// In the child: a rule that is off may make the library break its own memory.
[[noreturn]] void run_child(const expectation& wanted, int result) {
  persistence::mutants_on.set(static_cast<std::size_t>(wanted.which));
  alarm(240);
  const campaign_result found = run_seeds(*find_profile(wanted.profile_name), 1, wanted.count);
  const std::string text = found.violation.value_or("");
  const bool told = write(result, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  _exit(told ? 0 : 2);
}

class mutants : public ::testing::TestWithParam<expectation> {};

// Goal: the simulation can fail. Method: a child process switches one rule off and runs schedules,
// from the same seeds each time; it has to report a violation, or die of what the rule prevents.
TEST_P(mutants, TheSeedsOfThisRunCatch) {
  const expectation& wanted = GetParam();
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    close(ends[0]);
    run_child(wanted, ends[1]);
  }
  close(ends[1]);
  std::string violation;
  std::array<char, 512> part{};
  for (ssize_t got = 0; (got = read(ends[0], part.data(), part.size())) > 0;) {
    violation.append(part.data(), static_cast<std::size_t>(got));
  }
  close(ends[0]);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  if (WIFSIGNALED(status)) {
    EXPECT_NE(WTERMSIG(status), SIGALRM) << "it takes too long";
    return;
  }
  // Sanitizers end a process with a status of their own.
  EXPECT_TRUE(WEXITSTATUS(status) != 0 || !violation.empty()) << "nobody noticed";
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
