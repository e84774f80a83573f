#include "node/server/parting_rule.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace godwit::node {
namespace {

using namespace std::chrono_literals;

const parting_rule::clock::time_point start{1000s};

// Goal: clients of a node that is cut off go elsewhere within seconds. Method: looks every quarter second, none of
// which finds a majority.
TEST(parting_rule, WithoutAMajorityClientsAreClosedSoonAndThenNowAndThen) {
  parting_rule rule;
  std::vector<parting_rule::clock::duration> closed;
  for (auto at = 0ms; at <= 8000ms; at += 250ms) {
    if (rule.look(start + at, false)) {
      closed.push_back(at);
    }
  }
  EXPECT_EQ(closed, (std::vector<parting_rule::clock::duration>{250ms, 3250ms, 6250ms}));
}

// Goal: a link that comes again at once costs nobody a connection, and what was before does not count.
TEST(parting_rule, AMajorityThatComesAgainAtOnceClosesNobody) {
  parting_rule rule;
  for (auto at = 0s; at < 10s; at += 1s) {
    EXPECT_FALSE(rule.look(start + at, false));
    EXPECT_FALSE(rule.look(start + at + 200ms, true));
  }
}

// Goal: nobody is closed while there is a majority.
TEST(parting_rule, WithAMajorityNobodyIsClosed) {
  parting_rule rule;
  for (auto at = 0s; at < 60s; at += 1s) {
    EXPECT_FALSE(rule.look(start + at, true));
  }
}

using persistence::configuration;
using persistence::member_role;
using persistence::node_id;

configuration group(const std::vector<std::uint64_t>& voters, const std::vector<std::uint64_t>& standbys = {}) {
  configuration out;
  for (const std::uint64_t each : voters) {
    out.members.push_back({node_id{each}, member_role::voter});
  }
  for (const std::uint64_t each : standbys) {
    out.members.push_back({node_id{each}, member_role::standby});
  }
  return out;
}

// Goal: a node that is cut off hears nobody's majority, one of two that hear each other does.
TEST(hears_most, IsAMajorityOfVotersInMostGroups) {
  const std::vector<configuration> all(17, group({1, 2, 3}));
  EXPECT_FALSE(hears_most(all, {node_id{1}}));
  EXPECT_TRUE(hears_most(all, {node_id{1}, node_id{3}}));
  EXPECT_FALSE(hears_most({group({1, 2})}, {node_id{1}})) << "half is none";
  EXPECT_TRUE(hears_most(std::vector<configuration>(17), {node_id{4}})) << "it has no log yet";
}

// Goal: whoever has no vote yet is not missed, and does not count. Method: two nodes that catch up are down; one that
// catches up in place of a lost one is heard.
TEST(hears_most, CountsTheVotesThatThereAre) {
  std::vector<configuration> growing(17, group({1}, {2, 3}));
  EXPECT_TRUE(hears_most(growing, {node_id{1}})) << "it decides alone";
  growing.back() = group({1, 2, 3});
  EXPECT_TRUE(hears_most(growing, {node_id{1}})) << "the cluster's own group has no rows to fetch and grows first";
  const std::vector<configuration> replacing(17, group({1, 3}, {4}));
  EXPECT_FALSE(hears_most(replacing, {node_id{1}, node_id{4}}));
  EXPECT_TRUE(hears_most(replacing, {node_id{1}, node_id{3}}));
}

} // namespace
} // namespace godwit::node
