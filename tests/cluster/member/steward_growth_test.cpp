// Stewards over the real consensus of several shards, on virtual time.

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <set>

#include "config/cluster_limits.hpp"
#include "tests/cluster/member/steward_world.hpp"

namespace godwit::test {
namespace {

using namespace cluster; // NOLINT: the subject
using persistence::member;
using persistence::member_role;

constexpr std::uint16_t shards = 8;

/// Passes time until it holds, or this is over.
bool within(steward_world& world, steward_world::monotonic_ms ms, const std::function<bool()>& holds) {
  const steward_world::monotonic_ms end = world.now() + ms;
  while (!holds() && world.now() < end) {
    world.pass(500);
  }
  return holds();
}

std::vector<unsigned> led(steward_world& world, unsigned nodes) {
  std::vector<unsigned> out;
  for (unsigned id = 1; id <= nodes; ++id) {
    out.push_back(world.led_by(id));
  }
  return out;
}

unsigned spread(const std::vector<unsigned>& of) {
  const auto [low, high] = std::minmax_element(of.begin(), of.end());
  return *high - *low;
}

/// Spread as well as the map has it: to within one, or every shard with whom should lead it.
bool balanced(steward_world& world) {
  std::vector<unsigned> counts;
  for (const auto& [id, node] : world.map().nodes) {
    if (node.state == node_state::member) {
      counts.push_back(world.led_by(static_cast<unsigned>(id.value())));
    }
  }
  bool as_wanted = true;
  for (std::size_t i = 0; i < world.groups(); ++i) {
    as_wanted = as_wanted && node_id{world.leader(i)} == world.map().placed.at(world.shard_of(i)).leader;
  }
  return as_wanted || spread(counts) <= 1;
}

std::size_t voters(steward_world& world, std::size_t group) {
  const auto& members = world.group(group)[world.leader(group)].core->members().members;
  return static_cast<std::size_t>(
    std::count_if(members.begin(), members.end(), [](const member& each) { return each.role == member_role::voter; }));
}

/// Nothing moves any more.
void expect_rest(steward_world& world) {
  const unsigned changes = world.changes;
  const unsigned transfers = world.transfers;
  world.pass(30'000);
  EXPECT_EQ(world.changes, changes) << "members go on changing";
  EXPECT_EQ(world.transfers, transfers) << "leaders go on moving";
}

// Goal: from one node to two and three without an operator. Method: nodes join one after the other; each time every
// shard has the members it should have within seconds, the leaders are spread within more, and then nothing moves.
TEST(StewardGrowth, ShardsGrowFromOneNodeToThreeAndThenRest) {
  steward_world world(3, shards);
  world.set_members({1});
  world.pass(3'000);
  EXPECT_TRUE(world.members_as_wanted());
  world.set_members({1, 2});
  EXPECT_TRUE(within(world, 10'000, [&] { return world.members_as_wanted(); }));
  EXPECT_EQ(world.led_by(1), 9U);
  expect_rest(world);
  world.set_members({1, 2, 3});
  EXPECT_TRUE(within(world, 15'000, [&] { return world.members_as_wanted(); }));
  EXPECT_TRUE(within(world, 30'000, [&] { return spread(led(world, 3)) <= 1; }));
  EXPECT_EQ(world.refusals, 0U);
  expect_rest(world);
  // A standby of each shard on each node, a vote for both: no more than that.
  EXPECT_EQ(world.changes, 9U * 4U);
}

TEST(StewardGrowth, ThreeNodesThatComeAtOnceAreTakenInAtOnce) {
  steward_world world(3, shards);
  world.set_members({1, 2, 3});
  EXPECT_TRUE(within(world, 15'000, [&] { return world.members_as_wanted(); }));
  EXPECT_TRUE(within(world, 30'000, [&] { return spread(led(world, 3)) <= 1; }));
  EXPECT_EQ(world.refusals, 0U);
  expect_rest(world);
}

// Goal: while a third node is down nobody depends on both others. Method: it dies before it has anything; the number
// of voters stays odd; then it comes.
TEST(StewardGrowth, TheNumberOfVotersDoesNotBecomeEvenForANodeThatIsDown) {
  steward_world world(3, shards);
  world.set_members({1});
  world.pass(2'000);
  world.crash(3);
  world.set_members({1, 2, 3});
  world.pass(30'000);
  for (std::size_t i = 0; i < world.groups(); ++i) {
    EXPECT_EQ(voters(world, i), 1U);
  }
  EXPECT_EQ(world.refusals, 0U);
  // The second one may die, too.
  world.crash(2);
  world.pass(5'000);
  EXPECT_EQ(world.led_by(1), 9U);
  world.start(2);
  world.start(3);
  EXPECT_TRUE(within(world, 20'000, [&] { return world.members_as_wanted(); }));
  EXPECT_TRUE(within(world, 30'000, [&] { return balanced(world); }));
  expect_rest(world);
}

// Goal: whatever moment a node dies at while shards grow, they finish when it is back. Method: node 2 or 3 dies at every
// half second of the growth and comes back ten seconds later.
TEST(StewardGrowth, ANodeThatDiesDuringGrowthAtAnyMomentIsTakenInWhenItIsBack) {
  for (const unsigned victim : {2U, 3U}) {
    for (unsigned after = 0; after <= 5'000; after += 500) {
      SCOPED_TRACE("node " + std::to_string(victim) + " after " + std::to_string(after) + " ms");
      steward_world world(3, 3);
      world.set_members({1});
      world.pass(2'000);
      world.set_members({1, 2, 3});
      world.pass(after);
      world.crash(victim);
      world.pass(10'000);
      for (std::size_t i = 0; i < world.groups(); ++i) {
        EXPECT_NE(world.leader(i), 0U) << "a shard lost its leader with two nodes up";
      }
      world.start(victim);
      EXPECT_TRUE(within(world, 30'000, [&] { return world.members_as_wanted(); }));
      EXPECT_TRUE(within(world, 40'000, [&] { return spread(led(world, 3)) <= 1; }));
      expect_rest(world);
    }
  }
}

// Goal: leaders come back to a node that was away, gently: one at a time, with a pause, and not before it has been up
// for a while. Method: a node of three dies, comes back; the times of all handovers are looked at.
TEST(StewardGrowth, LeadersComeBackToANodeOneAtATimeAfterItWasUpForAWhile) {
  steward_world world(3, 16);
  world.set_members({1, 2, 3});
  ASSERT_TRUE(within(world, 60'000, [&] { return world.members_as_wanted() && spread(led(world, 3)) <= 1; }));
  world.pass(10'000);
  world.crash(3);
  world.pass(10'000);
  EXPECT_EQ(world.led_by(3), 0U);
  EXPECT_EQ(world.led_by(1) + world.led_by(2), 17U);
  world.handed_over.clear();
  world.start(3);
  const auto back = world.now();
  EXPECT_TRUE(within(world, 40'000, [&] { return spread(led(world, 3)) <= 1; }));
  ASSERT_FALSE(world.handed_over.empty());
  EXPECT_GE(world.handed_over.front(), back + limits::balance_calm_ms);
  // Two nodes hand over, each one a second at most.
  for (std::size_t i = 2; i < world.handed_over.size(); ++i) {
    EXPECT_GE(world.handed_over[i], world.handed_over[i - 2] + limits::balance_pause_ms);
  }
  expect_rest(world);
}

// Goal: while a node gets its rows back no leaders move for balance, be it on the node that leads the shard under way or
// on the one that only follows there; then they do, gently. Method: a node of three dies and another one takes its place;
// of one shard, which either survivor may lead, it needs a snapshot that takes its time.
TEST(StewardGrowth, NoLeaderMovesForBalanceWhileAReplicaIsBeingFilled) {
  for (const unsigned sender : {1U, 2U}) {
    SCOPED_TRACE("the snapshot comes from node " + std::to_string(sender));
    steward_world world(4, shards);
    world.set_members({1, 2, 3});
    ASSERT_TRUE(within(world, 60'000, [&] { return world.members_as_wanted() && spread(led(world, 3)) <= 1; }));
    world.pass(10'000);
    std::size_t large = 0;
    while (world.leader(large) != sender) {
      ++large;
    }
    world.crash(3);
    world.pass(10'000);
    ASSERT_EQ(world.leader(large), sender);
    world.group(large).take_snapshot(1, 0);
    world.group(large).take_snapshot(2, 0);
    world.handed_over.clear();
    world.set_members({1, 2, 4});
    world.pass(30'000);
    ASSERT_TRUE(world.group(large)[4].installing) << "there is nothing to wait for";
    EXPECT_TRUE(world.handed_over.empty());
    EXPECT_EQ(world.led_by(4), 0U);
    world.group(large).finish_install(4, sender);
    const auto whole = world.now();
    EXPECT_TRUE(within(world, 20'000, [&] { return world.members_as_wanted(); }));
    EXPECT_TRUE(within(world, 30'000, [&] { return balanced(world) && world.led_by(4) >= 2; }));
    ASSERT_FALSE(world.handed_over.empty());
    EXPECT_GE(world.handed_over.front(), whole + limits::balance_calm_ms);
    expect_rest(world);
  }
}

// Goal: what an operator asked for is done, and stays while the nodes are within one of each other. Method: eight
// leaders on three nodes; one moves from a node with three to the one with two.
TEST(StewardGrowth, AnOperatorMovesALeaderAndIsNotContradictedWhileTheBalanceHolds) {
  steward_world world(3, 7);
  world.set_members({1, 2, 3});
  ASSERT_TRUE(within(world, 60'000, [&] { return world.members_as_wanted() && spread(led(world, 3)) <= 1; }));
  world.pass(10'000);
  const std::vector<unsigned> before = led(world, 3);
  const unsigned light = static_cast<unsigned>(std::min_element(before.begin(), before.end()) - before.begin()) + 1;
  ASSERT_EQ(world.led_by(light), 2U);
  std::size_t group = 0;
  while (world.leader(group) == light) {
    ++group;
  }
  const unsigned from = world.leader(group);
  EXPECT_TRUE(world.desk(from).ask_hand_over(world.shard_of(group), node_id{light}, world.now()));
  EXPECT_TRUE(within(world, 3'000, [&] { return world.leader(group) == light; }));
  expect_rest(world);
  EXPECT_EQ(world.leader(group), light);
  EXPECT_FALSE(world.desk(1).ask_hand_over(shard_id{4000}, node_id{2}, world.now()));
}

// Goal: what would leave the nodes apart is taken back. Method: nine leaders on three nodes; one moves.
TEST(StewardGrowth, AMoveThatSpoilsTheBalanceIsTakenBackAfterAWhile) {
  steward_world world(3, shards);
  world.set_members({1, 2, 3});
  ASSERT_TRUE(within(world, 60'000, [&] { return world.members_as_wanted() && spread(led(world, 3)) <= 1; }));
  world.pass(10'000);
  ASSERT_EQ(led(world, 3), (std::vector<unsigned>{3, 3, 3}));
  std::size_t group = 0;
  while (world.leader(group) != 1) {
    ++group;
  }
  EXPECT_TRUE(world.desk(1).ask_hand_over(world.shard_of(group), node_id{2}, world.now()));
  EXPECT_TRUE(within(world, 3'000, [&] { return world.leader(group) == 2; }));
  EXPECT_TRUE(within(world, 20'000, [&] { return spread(led(world, 3)) <= 1; }));
  expect_rest(world);
}

TEST(StewardGrowth, AWishThatCannotBeGrantedIsForgotten) {
  steward_world world(3, 2);
  world.set_members({1, 2, 3});
  ASSERT_TRUE(within(world, 60'000, [&] { return world.members_as_wanted() && spread(led(world, 3)) <= 1; }));
  world.pass(10'000);
  const unsigned from = world.leader(0);
  const unsigned to = from % 3 + 1;
  world.crash(to);
  world.pass(500);
  ASSERT_EQ(world.leader(0), from);
  const unsigned before = world.transfers;
  EXPECT_TRUE(world.desk(from).ask_hand_over(shard_id{0}, node_id{to}, world.now()));
  world.pass(limits::handover_wish_ms_max + 1'000);
  world.start(to);
  world.pass(4'000);
  EXPECT_EQ(world.transfers, before);
}

// Goal: a node with a wrong clock is not given leaders back. Method: node 3 restarts and is called unfit for a while.
TEST(StewardGrowth, ANodeWhoseClockIsWrongGetsNoLeaders) {
  steward_world world(3, shards);
  world.set_members({1, 2, 3});
  ASSERT_TRUE(within(world, 60'000, [&] { return world.members_as_wanted() && spread(led(world, 3)) <= 1; }));
  world.unfit.insert(3);
  world.crash(3);
  world.pass(5'000);
  world.start(3);
  world.pass(30'000);
  EXPECT_EQ(world.led_by(3), 0U);
  world.unfit.clear();
  EXPECT_TRUE(within(world, 30'000, [&] { return spread(led(world, 3)) <= 1; }));
}

// Goal: a node that leaves gives its shards up, one that is dead is taken out, and another takes its place, without a
// moment in which the nodes that are up are no majority. Method: four nodes; one leaves while it is up, or dead.
TEST(StewardGrowth, ALeavingNodeIsReplacedWhetherItIsUpOrDead) {
  for (const bool dead : {false, true}) {
    for (const unsigned victim : {1U, 2U}) {
      SCOPED_TRACE(std::string(dead ? "dead" : "up") + ", node " + std::to_string(victim));
      steward_world world(4, 4);
      world.set_members({1, 2, 3});
      ASSERT_TRUE(within(world, 60'000, [&] { return world.members_as_wanted() && spread(led(world, 3)) <= 1; }));
      if (dead) {
        world.crash(victim);
        world.pass(5'000);
      }
      std::set<unsigned> left{1, 2, 3, 4};
      left.erase(victim);
      world.set_members(left);
      EXPECT_TRUE(within(world, 60'000, [&] { return world.members_as_wanted(); }));
      EXPECT_EQ(world.led_by(victim), 0U);
      EXPECT_TRUE(within(world, 60'000, [&] { return balanced(world); }));
      expect_rest(world);
    }
  }
}

TEST(StewardGrowth, FiveNodesShareShardsOfThreeVotersEach) {
  steward_world world(5, 10);
  world.set_members({1, 2, 3, 4, 5});
  EXPECT_TRUE(within(world, 60'000, [&] { return world.members_as_wanted(); }));
  EXPECT_TRUE(within(world, 60'000, [&] { return spread(led(world, 5)) <= 1; }));
  expect_rest(world);
}

// Goal: troubles of all kinds neither stop stewards for good nor make them oscillate. Method: from a seed, crashes,
// restarts, cuts and hung disks while nodes join and leave; then everything heals and has to come to rest.
TEST(StewardGrowth, ComesToRestAfterRandomTroubles) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 dice(seed);
    steward_world world(4, 3);
    world.set_members({1});
    world.pass(2'000);
    std::set<unsigned> members{1, 2, 3};
    world.set_members(members);
    std::set<unsigned> down;
    for (int turn = 0; turn < 15; ++turn) {
      const unsigned who = 1 + dice() % 4;
      switch (dice() % 6) {
      case 0:
      case 1:
        if (down.insert(who).second) {
          world.crash(who);
        }
        break;
      case 2: world.cut(who, who % 4 + 1); break;
      case 3: world.heal(); break;
      case 4:
        // Never fewer than three, and never another one while one is dead: what is left could be no majority.
        if (down.empty() && !members.contains(4)) {
          members.insert(4);
          world.set_members(members);
        }
        break;
      default: break;
      }
      world.pass(1'000 + dice() % 4'000);
      if (!down.empty() && dice() % 2 == 0) {
        world.start(*down.begin());
        down.erase(down.begin());
      }
    }
    world.heal();
    for (const unsigned each : down) {
      world.start(each);
    }
    EXPECT_TRUE(within(world, 90'000, [&] { return world.members_as_wanted(); }));
    EXPECT_TRUE(within(world, 60'000, [&] { return balanced(world); }));
    expect_rest(world);
    if (::testing::Test::HasFailure()) {
      return;
    }
  }
}

} // namespace
} // namespace godwit::test
