#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>

#include "tests/cluster/simulation/cluster_run.hpp"
#include "tests/cluster/simulation/sim_mutants.hpp"

namespace godwit::cluster_sim {
namespace {

/// In the child: a rule that is off may make the program die of what the rule prevents.
[[noreturn]] void run_child(const known_mutant& which, int result) {
  persistence::mutants_on.set(static_cast<std::size_t>(which.which));
  alarm(240);
  std::string text;
  for (std::uint64_t seed = 1; seed <= which.seeds && text.empty(); ++seed) {
    if (const auto violation = run_seed(seed).violation) {
      text = "seed " + std::to_string(seed) + ": " + *violation;
    }
  }
  const bool told = write(result, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  _exit(told ? 0 : 2);
}

class planted_mutants : public ::testing::TestWithParam<known_mutant> {};

// Goal: the simulation can fail. Method: a child process switches one rule off and runs seeds from 1 on; one of them
// has to report a violation, or die of what the rule prevents.
TEST_P(planted_mutants, AreCaught) {
  const known_mutant& which = GetParam();
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    close(ends[0]);
    run_child(which, ends[1]);
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
  EXPECT_TRUE(WEXITSTATUS(status) != 0 || !violation.empty()) << "nobody noticed";
  RecordProperty("caught", violation);
}

INSTANTIATE_TEST_SUITE_P(, planted_mutants, ::testing::ValuesIn(mutants),
                         [](const auto& each) { return std::string(each.param.name); });

} // namespace
} // namespace godwit::cluster_sim
