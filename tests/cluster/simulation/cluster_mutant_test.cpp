#include <gtest/gtest.h>

#include <string>

#include "tests/cluster/simulation/cluster_run.hpp"
#include "tests/cluster/simulation/sim_mutants.hpp"
#include "tests/support/mutant_child.hpp"

namespace godwit::cluster_sim {
namespace {

class planted_mutants : public ::testing::TestWithParam<known_mutant> {};

// Goal: the simulation can fail. Method: a child process switches one rule off and runs seeds from 1 on; one of them
// has to report a violation, or die of what the rule prevents.
TEST_P(planted_mutants, AreCaught) {
  const known_mutant& which = GetParam();
  test::expect_noticed(which.which, [&] {
    for (std::uint64_t seed = 1; seed <= which.seeds; ++seed) {
      if (const auto violation = run_seed(seed).violation) {
        return "seed " + std::to_string(seed) + ": " + *violation;
      }
    }
    return std::string();
  });
}

INSTANTIATE_TEST_SUITE_P(, planted_mutants, ::testing::ValuesIn(mutants),
                         [](const auto& each) { return std::string(each.param.name); });

} // namespace
} // namespace godwit::cluster_sim
