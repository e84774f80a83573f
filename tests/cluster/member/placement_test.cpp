#include "cluster/member/placement.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace godwit::test {
namespace {

using namespace cluster; // NOLINT: the subject
using persistence::member;
using persistence::member_role;

cluster_map map_of(std::initializer_list<std::uint64_t> nodes, std::uint16_t shards = 16) {
  cluster_map map;
  map.version = 1;
  map.shards = shards;
  for (const std::uint64_t each : nodes) {
    map.nodes[node_id{each}].id = node_id{each};
  }
  return map;
}

std::set<node_id> with_role(const shard_entry& of, member_role role) {
  std::set<node_id> out;
  for (const member& each : of.members.members) {
    if (each.role == role) {
      out.insert(each.id);
    }
  }
  return out;
}

std::set<node_id> voters(const shard_entry& of) { return with_role(of, member_role::voter); }

std::set<node_id> ids(std::initializer_list<std::uint64_t> of) {
  std::set<node_id> out;
  for (const std::uint64_t each : of) {
    out.insert(node_id{each});
  }
  return out;
}

/// How many voters, and leaders, of shards of the key space a node has.
struct share {
  std::size_t voters = 0;
  std::size_t leaders = 0;
  std::size_t leaders_with_meta = 0;
};

std::map<node_id, share> shares(const cluster_map& map) {
  std::map<node_id, share> out;
  for (const auto& [id, node] : map.nodes) {
    if (node.state == node_state::member) {
      out[id];
    }
  }
  for (const auto& [shard, entry] : map.placed) {
    ++out[entry.leader].leaders_with_meta;
    if (shard != meta_shard) {
      ++out[entry.leader].leaders;
      for (const node_id each : voters(entry)) {
        ++out[each].voters;
      }
    }
  }
  return out;
}

std::size_t spread(const std::map<node_id, share>& of, std::size_t share::*what) {
  const auto less = [what](const auto& a, const auto& b) { return a.second.*what < b.second.*what; };
  const auto [low, high] = std::minmax_element(of.begin(), of.end(), less);
  return high->second.*what - low->second.*what;
}

// Goal: a cluster of one node. Method: place it.
TEST(Placement, OneNodeHasTheOneVoterOfEveryShardAndLeadsIt) {
  const auto placed = place(map_of({1}));
  ASSERT_EQ(placed.size(), 17U);
  for (const auto& [shard, entry] : placed) {
    EXPECT_EQ(entry.members.members, (std::vector<member>{{node_id{1}, member_role::voter}}));
    EXPECT_EQ(entry.leader, node_id{1});
  }
}

// Goal: with two nodes the loss of the second one costs nothing: no majority ever needs both. Method: one, then two.
TEST(Placement, ASecondNodeGetsAStandbyOfEveryShardAndNoVote) {
  cluster_map map = map_of({1, 2});
  map.placed = place(map_of({1}));
  for (const auto& [shard, entry] : place(map)) {
    EXPECT_EQ(entry.members.members,
              (std::vector<member>{{node_id{1}, member_role::voter}, {node_id{2}, member_role::standby}}));
    EXPECT_EQ(entry.leader, node_id{1});
  }
}

// Goal: three nodes carry every shard, and lead a third each. Method: one, then three.
TEST(Placement, ThreeNodesVoteInEveryShardAndLeadAThirdEach) {
  cluster_map map = map_of({1, 2, 3});
  map.placed = place(map_of({1}));
  map.placed = place(map);
  for (const auto& [shard, entry] : map.placed) {
    EXPECT_EQ(voters(entry), ids({1, 2, 3}));
    EXPECT_EQ(entry.members.members.size(), 3U);
  }
  EXPECT_EQ(spread(shares(map), &share::leaders_with_meta), 1U);
}

// Goal: an even number of voters bears no more losses than one fewer. Method: the cluster's own shard on 2 to 8 nodes.
TEST(Placement, TheClustersOwnShardHasUpToFiveVotersAndAStandbyOnEveryOtherNode) {
  const std::map<std::uint64_t, std::size_t> wanted{{2, 1}, {3, 3}, {4, 3}, {5, 5}, {6, 5}, {8, 5}};
  for (const auto& [nodes, votes] : wanted) {
    cluster_map map = map_of({});
    map.shards = 16;
    for (std::uint64_t id = 1; id <= nodes; ++id) {
      map.nodes[node_id{id}].id = node_id{id};
    }
    const shard_entry entry = place(map).at(meta_shard);
    EXPECT_EQ(voters(entry).size(), votes) << nodes << " nodes";
    EXPECT_EQ(entry.members.members.size(), nodes);
  }
}

// Goal: who leaves or was removed holds nothing. Method: four nodes, of which one leaves.
TEST(Placement, ALeavingNodeGivesUpWhatItHasAndNothingElseMoves) {
  cluster_map map = map_of({1, 2, 3, 4});
  map.placed = place(map);
  const auto before = map.placed;
  map.nodes[node_id{4}].state = node_state::leaving;
  map.placed = place(map);
  for (const auto& [shard, entry] : map.placed) {
    EXPECT_EQ(voters(entry), ids({1, 2, 3}));
    const bool led_by_it = before.at(shard).leader == node_id{4};
    if (shard != meta_shard && !led_by_it && before.at(shard).leader != entry.leader) {
      // Only to even out.
      EXPECT_EQ(spread(shares(map), &share::leaders), 1U);
    }
  }
}

TEST(Placement, WithoutAnyMemberNothingIsPlaced) { EXPECT_TRUE(place(map_of({})).empty()); }

/// What holds for every placement.
void expect_sound(const cluster_map& map) {
  std::set<node_id> nodes;
  for (const auto& [id, node] : map.nodes) {
    if (node.state == node_state::member) {
      nodes.insert(id);
    }
  }
  ASSERT_EQ(map.placed.size(), map.shards + 1U);
  for (const auto& [shard, entry] : map.placed) {
    const auto who = voters(entry);
    std::set<node_id> all;
    for (const member& each : entry.members.members) {
      EXPECT_TRUE(all.insert(each.id).second) << "a member comes twice";
      EXPECT_TRUE(nodes.contains(each.id)) << "no such node";
    }
    EXPECT_EQ(who.size() % 2, 1U);
    EXPECT_TRUE(who.contains(entry.leader));
    const std::size_t most = shard == meta_shard ? 5 : 3;
    EXPECT_GE(who.size() + 1, std::min(most, nodes.size()));
    EXPECT_LE(who.size(), most);
    if (shard == meta_shard || nodes.size() < 3) {
      EXPECT_EQ(all, nodes);
    }
  }
  if (nodes.size() >= 3) {
    EXPECT_LE(spread(shares(map), &share::voters), 1U);
    EXPECT_LE(spread(shares(map), &share::leaders), 1U);
    if (nodes.size() <= 5) {
      EXPECT_LE(spread(shares(map), &share::leaders_with_meta), 1U);
    }
  }
}

/// Voters that are where they were not before.
std::size_t moved_voters(const cluster_map& before, const cluster_map& after) {
  std::size_t count = 0;
  for (const auto& [shard, entry] : after.placed) {
    if (const auto was = before.placed.find(shard); was != before.placed.end()) {
      for (const node_id each : voters(entry)) {
        count += voters(was->second).contains(each) ? 0U : 1U;
      }
    }
  }
  return count;
}

// Goal: every placement is sound, evenly spread, the same when it is made again, and moves little: what a node that
// came or went makes necessary. Method: random histories of nodes that come, leave, come back and are removed.
TEST(Placement, HoldsItsPropertiesOverRandomHistoriesOfNodes) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 dice(seed);
    cluster_map map = map_of({1}, static_cast<std::uint16_t>(1U << dice() % 7));
    map.placed = place(map);
    for (int turn = 0; turn < 20; ++turn) {
      const cluster_map before = map;
      const node_id which{1 + dice() % 12};
      if (const auto found = map.nodes.find(which); found == map.nodes.end()) {
        map.nodes[which].id = which;
      } else {
        found->second.state = static_cast<node_state>(1 + dice() % 3);
      }
      const auto members = std::count_if(map.nodes.begin(), map.nodes.end(),
                                         [](const auto& each) { return each.second.state == node_state::member; });
      if (members == 0) {
        map = before;
        continue;
      }
      map.placed = place(map);
      expect_sound(map);
      EXPECT_EQ(place(map), map.placed) << "it does not come to rest";
      cluster_map again = before;
      again.nodes = map.nodes;
      EXPECT_EQ(place(again), map.placed) << "chance decides";
      if (members > 3) {
        // One node's share, and one each for evening out.
        const std::size_t share = (map.shards * 3U + 5) / static_cast<std::size_t>(members - 1) + 2;
        EXPECT_LE(moved_voters(before, map), share + static_cast<std::size_t>(members));
      }
      if (::testing::Test::HasFailure()) {
        return;
      }
    }
  }
}

} // namespace
} // namespace godwit::test
