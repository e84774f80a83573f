#include "tests/cluster/faults/fault_plan.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace godwit::cluster_faults {
namespace {

using namespace std::chrono_literals;

std::string text_of(const std::vector<fault>& plan) {
  std::string all;
  for (const fault& each : plan) {
    all += std::to_string(each.at.count()) + " " + each.text() + "\n";
  }
  return all;
}

// Goal: a seed is the whole plan. Method: the same one twice, and another one.
TEST(fault_plan, ASeedGivesTheSamePlanAgain) {
  const plan_options options{.seed = 5, .nodes = 3, .faults = 40, .whole = 240s};
  EXPECT_EQ(text_of(make_plan(options)), text_of(make_plan(options)));
  EXPECT_NE(text_of(make_plan(options)), text_of(make_plan({.seed = 6, .nodes = 3, .faults = 40, .whole = 240s})));
}

// Goal: every kind comes, on every node; never more than two at a time; everything is over at the end. Method: many
// plans, looked through at every beginning.
TEST(fault_plan, AtMostTwoFaultsAtATimeAndEveryKindComes) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto plan = make_plan({.seed = seed, .nodes = 3, .faults = 30, .whole = 200s});
    ASSERT_EQ(plan.size(), 30U);
    std::set<fault_kind> kinds;
    std::set<unsigned> nodes;
    for (const fault& each : plan) {
      kinds.insert(each.kind);
      nodes.insert(each.node);
      EXPECT_NE(each.node, each.other);
      EXPECT_TRUE(each.node >= 1 && each.node <= 3 && each.other >= 1 && each.other <= 3) << each.text();
      EXPECT_LE(each.end(), 200s) << each.text();
      EXPECT_GT(each.lasts, 0ms) << each.text();
      const auto together = std::count_if(
        plan.begin(), plan.end(), [&](const fault& other) { return other.at <= each.at && each.at < other.end(); });
      EXPECT_LE(together, 2) << "seed " << seed << " at " << each.at.count() << ": " << each.text();
    }
    EXPECT_EQ(kinds.size(), fault_kinds) << seed;
    EXPECT_EQ(nodes.size(), 3U) << seed;
  }
}

// Goal: one node alone gets no faults of links, and none of a clock that nobody could contradict.
TEST(fault_plan, OneNodeHasNoLinksToCut) {
  for (const fault& each : make_plan({.seed = 1, .nodes = 1, .faults = 50, .whole = 300s})) {
    EXPECT_TRUE(each.kind == fault_kind::crash || each.kind == fault_kind::freeze ||
                each.kind == fault_kind::disk_full || each.kind == fault_kind::hung_sync ||
                each.kind == fault_kind::restart_all)
      << each.text();
  }
}

// Goal: of chosen kinds nothing else comes, and each kind is found by its name. Method: a plan of two kinds.
TEST(fault_plan, OnlyTheChosenKindsCome) {
  std::set<std::string> kinds;
  for (const fault& each :
       make_plan({.nodes = 3, .faults = 20, .whole = 100s, .only = {fault_kind::cut_pair, fault_kind::freeze}})) {
    kinds.insert(name_of(each.kind));
    EXPECT_EQ(kind_named(name_of(each.kind)), each.kind);
  }
  EXPECT_EQ(kinds, (std::set<std::string>{"cut_pair", "freeze"}));
  EXPECT_FALSE(kind_named("flood"));
}

} // namespace
} // namespace godwit::cluster_faults
