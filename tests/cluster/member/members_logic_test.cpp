#include "cluster/member/members_logic.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "cluster/member/member_records.hpp"
#include "cluster/member/placement.hpp"
#include "cluster/wire/member_commands.pb.h"
#include "config/cluster_limits.hpp"

namespace godwit::test {
namespace {

using namespace cluster; // NOLINT: the subject

const std::string cluster_of_ours = "0123456789abcdef0123456789abcdef";

wire::Announce announcement(std::uint64_t id, std::uint64_t incarnation = 1) {
  wire::Announce out;
  out.set_cluster_id(cluster_of_ours);
  out.set_cluster_name("godwit");
  out.set_shards(16);
  node_entry node;
  node.id = node_id{id};
  node.name = "node-" + std::to_string(id);
  node.peer = {"127.0.0." + std::to_string(id), 4431};
  node.clients = {{"127.0.0." + std::to_string(id), 4430}};
  node.metrics = {"127.0.0." + std::to_string(id), 9430};
  node.incarnation = incarnation;
  node.wire_version = 1;
  *out.mutable_node() = member_records::to_record(node);
  return out;
}

/// The rules over rows that are kept as a shard would keep them.
class MembersLogic : public ::testing::Test {
protected:
  wire::Announced announce(const wire::Announce& what) {
    wire::MembersCommand command;
    *command.mutable_announce() = what;
    wire::Announced answer;
    EXPECT_TRUE(answer.ParseFromString(run(command)));
    return answer;
  }
  wire::NodeId next_node(std::uint64_t replaces = 0, std::uint64_t least = 0, bool exact = false) {
    wire::MembersCommand command;
    command.mutable_next_node_id()->set_replaces(replaces);
    command.mutable_next_node_id()->set_least(least);
    command.mutable_next_node_id()->set_exact(exact);
    wire::NodeId answer;
    EXPECT_TRUE(answer.ParseFromString(run(command)));
    return answer;
  }
  std::string run(const wire::MembersCommand& command) {
    const auto done = logic.handle(command.SerializeAsString());
    EXPECT_TRUE(done);
    for (const auto& each : done->rows) {
      rows[{each.table.value(), each.sub_key}] = each.value;
    }
    written = done->rows.size();
    return done->body;
  }
  refusal_kind refused(const wire::Announce& what) {
    const auto before = rows;
    const wire::Announced answer = announce(what);
    EXPECT_TRUE(answer.has_refusal());
    EXPECT_FALSE(answer.has_map());
    EXPECT_FALSE(answer.refusal().text().empty());
    EXPECT_EQ(rows, before) << "a refusal changed something";
    return static_cast<refusal_kind>(answer.refusal().kind());
  }
  /// Another leader's entity, from the rows.
  void load_again() {
    members_logic next;
    for (const auto& [key, value] : rows) {
      EXPECT_TRUE(next.load(persistence::table_id{key.first}, value));
    }
    logic = std::move(next);
  }

  members_logic logic;
  std::map<std::pair<std::uint8_t, std::string>, std::string> rows;
  std::size_t written = 0;
};

// Goal: nothing but the first node's announcement is needed to make a cluster's settings. Method: announce it.
TEST_F(MembersLogic, TheFirstAnnouncementMakesTheSettingsAndPlacesEveryShardThere) {
  const wire::Announced answer = announce(announcement(1));
  ASSERT_FALSE(answer.has_refusal());
  const auto map = member_records::from_wire(answer.map());
  ASSERT_TRUE(map);
  EXPECT_EQ(answer.version(), 1U);
  EXPECT_EQ(map->version, 1U);
  EXPECT_EQ(map->cluster_id, cluster_of_ours);
  EXPECT_EQ(map->name, "godwit");
  EXPECT_EQ(map->shards, 16U);
  ASSERT_EQ(map->nodes.size(), 1U);
  EXPECT_EQ(map->find(node_id{1})->peer, (peer_address{"127.0.0.1", 4431}));
  EXPECT_EQ(map->placed.size(), 17U);
  EXPECT_EQ(rows.size(), 1U + 1U + 17U);
}

// Goal: an announcement that says nothing new costs no entry in the log, and tells the map to those who lack it.
TEST_F(MembersLogic, ARepeatedAnnouncementWritesNothingAndTellsTheMapOnlyToWhomItIsNew) {
  announce(announcement(1));
  wire::Announce again = announcement(1);
  wire::Announced answer = announce(again);
  EXPECT_EQ(written, 0U);
  EXPECT_TRUE(answer.has_map());
  again.set_known_version(answer.version());
  answer = announce(again);
  EXPECT_EQ(written, 0U);
  EXPECT_EQ(answer.version(), 1U);
  EXPECT_FALSE(answer.has_map());
}

TEST_F(MembersLogic, ANodeThatAnnouncesItselfBecomesAMemberAndShardsArePlacedAnew) {
  announce(announcement(1));
  announce(announcement(2));
  const wire::Announced answer = announce(announcement(3));
  const auto map = member_records::from_wire(answer.map());
  ASSERT_TRUE(map);
  EXPECT_EQ(map->version, 3U);
  EXPECT_EQ(map->nodes.size(), 3U);
  EXPECT_EQ(map->placed, place(*map));
  EXPECT_EQ(map->placed.at(shard_id{0}).members.members.size(), 3U);
}

// Goal: what a leader decided is what the next one goes on with. Method: rows, loaded into another object.
TEST_F(MembersLogic, IsTheSameAfterItsRowsWereLoadedAgain) {
  announce(announcement(1));
  announce(announcement(2));
  const std::uint64_t given = next_node().id();
  const cluster_map before = logic.map();
  load_again();
  EXPECT_EQ(logic.map().version, before.version);
  EXPECT_EQ(logic.map().nodes, before.nodes);
  EXPECT_EQ(logic.map().placed, before.placed);
  EXPECT_EQ(next_node().id(), given + 1);
}

TEST_F(MembersLogic, ANewProcessChangesItsAddressesByAnnouncingThemAndMovesNoShard) {
  announce(announcement(1));
  announce(announcement(2));
  const auto placed = logic.map().placed;
  wire::Announce moved = announcement(2, 2);
  moved.mutable_node()->mutable_peer()->set_host("127.0.0.9");
  const wire::Announced answer = announce(moved);
  ASSERT_FALSE(answer.has_refusal());
  EXPECT_EQ(answer.version(), 3U);
  EXPECT_EQ(logic.map().find(node_id{2})->peer.host, "127.0.0.9");
  EXPECT_EQ(logic.map().placed, placed);
  EXPECT_EQ(written, 2U);
}

// Goal: of two processes with one number the one that began later stays. Method: an older one announces itself; one of
// the same age from a copied folder elsewhere.
TEST_F(MembersLogic, RefusesTheOlderOfTwoProcessesWithTheSameNumber) {
  announce(announcement(1));
  announce(announcement(2, 5));
  EXPECT_EQ(refused(announcement(2, 4)), refusal_kind::replaced);
  wire::Announce copy = announcement(2, 5);
  copy.mutable_node()->mutable_peer()->set_host("127.0.0.8");
  EXPECT_EQ(refused(copy), refusal_kind::replaced);
  EXPECT_FALSE(announce(announcement(2, 6)).has_refusal());
  EXPECT_EQ(refused(announcement(2, 5)), refusal_kind::replaced);
}

TEST_F(MembersLogic, RefusesNodesOfAnotherClusterOrAnotherNumberOfShards) {
  announce(announcement(1));
  wire::Announce foreign = announcement(2);
  foreign.set_cluster_id(std::string(32, 'f'));
  EXPECT_EQ(refused(foreign), refusal_kind::foreign);
  wire::Announce others = announcement(2);
  others.set_shards(32);
  EXPECT_EQ(refused(others), refusal_kind::other_shards);
}

TEST_F(MembersLogic, RefusesANodeThatWasRemoved) {
  announce(announcement(1));
  announce(announcement(2));
  node_entry gone = *logic.map().find(node_id{2});
  gone.state = node_state::removed;
  rows[{member_records::node_table.value(), member_records::sub_key(gone.id)}] =
    member_records::to_record(gone).SerializeAsString();
  load_again();
  EXPECT_EQ(refused(announcement(2, 9)), refusal_kind::removed);
  EXPECT_EQ(next_node().id(), 3U) << "a number is given again";
}

// Goal: a folder that was made anew under a number that is in use never counts as the one that gave votes. Method: a node
// announces its folder; a later process announces another one, an earlier version none.
TEST_F(MembersLogic, RefusesANumberWithAnotherDataFolder) {
  const auto folder = [](std::uint64_t incarnation, std::uint64_t which) {
    wire::Announce out = announcement(1, incarnation);
    out.mutable_node()->set_folder(which);
    return out;
  };
  EXPECT_FALSE(announce(folder(1, 0)).has_refusal());
  EXPECT_FALSE(announce(folder(2, 77)).has_refusal()) << "the first time that it says which one it has";
  load_again();
  EXPECT_EQ(refused(folder(3, 78)), refusal_kind::another_folder);
  EXPECT_EQ(refused(folder(9, 0)), refusal_kind::another_folder);
  EXPECT_FALSE(announce(folder(3, 77)).has_refusal());
}

// Goal: the place of a lost node goes to the new one in one decision, so that no shard is meant to have fewer voters
// meanwhile. Method: three nodes, a number in place of the third; nothing moves until that one announces itself.
TEST_F(MembersLogic, ALostNodeIsReplacedInTheMomentInWhichTheNewOneComes) {
  for (std::uint64_t id = 1; id <= 3; ++id) {
    announce(announcement(id));
  }
  const auto placed = logic.map().placed;
  const wire::NodeId given = next_node(3);
  EXPECT_EQ(given.id(), 4U);
  EXPECT_EQ(logic.map().placed, placed);
  EXPECT_EQ(logic.map().find(node_id{3})->state, node_state::member);
  load_again();
  announce(announcement(1, 2));
  EXPECT_EQ(logic.map().find(node_id{3})->state, node_state::member) << "another one's announcement";
  EXPECT_FALSE(announce(announcement(4)).has_refusal());
  EXPECT_EQ(logic.map().find(node_id{3})->state, node_state::removed);
  for (const auto& [shard, entry] : logic.map().placed) {
    std::set<std::uint64_t> voters;
    for (const auto& each : entry.members.members) {
      EXPECT_EQ(each.role, persistence::member_role::voter);
      voters.insert(each.id.value());
    }
    EXPECT_EQ(voters, (std::set<std::uint64_t>{1, 2, 4})) << shard.value();
  }
  load_again();
  EXPECT_EQ(refused(announcement(3, 9)), refusal_kind::removed);
}

// Goal: nobody is removed who is there after all. Method: the node to be replaced starts again before the new one comes.
TEST_F(MembersLogic, ANodeThatStartsAgainIsNotReplaced) {
  for (std::uint64_t id = 1; id <= 3; ++id) {
    announce(announcement(id));
  }
  EXPECT_EQ(next_node(3).id(), 4U);
  announce(announcement(3));
  load_again();
  EXPECT_EQ(logic.map().find(node_id{3})->replaced_by, node_id{4}) << "it said so before";
  announce(announcement(3, 2));
  announce(announcement(4));
  EXPECT_EQ(logic.map().find(node_id{3})->state, node_state::member);
  EXPECT_EQ(logic.map().nodes.size(), 4U);
}

// Goal: a node that was only out of reach of the operator is not removed. Method: it announces itself all the while, as
// the same process: first without having heard of the mark, then with it.
TEST_F(MembersLogic, ANodeThatLivesIsNotReplaced) {
  for (std::uint64_t id = 1; id <= 3; ++id) {
    announce(announcement(id));
  }
  wire::Announce three = announcement(3);
  three.set_known_version(logic.map().version);
  EXPECT_EQ(next_node(3).id(), 4U);
  EXPECT_TRUE(announce(three).has_map());
  EXPECT_EQ(logic.map().find(node_id{3})->replaced_by, node_id{4}) << "sent before the mark";
  load_again();
  wire::Announce one = announcement(1);
  one.set_known_version(logic.map().version);
  announce(one);
  EXPECT_EQ(logic.map().find(node_id{3})->replaced_by, node_id{4}) << "another one's announcement";
  three.set_known_version(logic.map().version);
  EXPECT_TRUE(announce(three).has_map()) << "the mark's end is a change of the map";
  load_again();
  EXPECT_EQ(logic.map().find(node_id{3})->replaced_by, persistence::no_node);
  announce(announcement(4));
  EXPECT_EQ(logic.map().find(node_id{3})->state, node_state::member);
  EXPECT_EQ(logic.map().nodes.size(), 4U);
}

// Goal: a second invitation in place of the same node counts, tells that there was a first, and makes that one's number
// an ordinary one. A leader that replaces somebody says so.
TEST_F(MembersLogic, TheLastInvitationInPlaceOfANodeCounts) {
  for (std::uint64_t id = 1; id <= 3; ++id) {
    announce(announcement(id));
  }
  const wire::NodeId first = next_node(3);
  EXPECT_EQ(first.replaces(), 3U);
  EXPECT_EQ(first.instead_of(), 0U);
  const wire::NodeId second = next_node(3);
  EXPECT_EQ(second.id(), 5U);
  EXPECT_EQ(second.replaces(), 3U);
  EXPECT_EQ(second.instead_of(), 4U);
  EXPECT_EQ(next_node().replaces(), 0U);
  announce(announcement(4));
  EXPECT_EQ(logic.map().find(node_id{3})->state, node_state::member);
  announce(announcement(5));
  EXPECT_EQ(logic.map().find(node_id{3})->state, node_state::removed);
}

// Goal: a number that an operator names costs one decision, and a refusal none.
TEST_F(MembersLogic, ANumberThatIsNamedIsGivenInOneDecision) {
  for (std::uint64_t id = 1; id <= 3; ++id) {
    announce(announcement(id));
  }
  const std::uint64_t version = logic.map().version;
  EXPECT_EQ(next_node(3, 4000, true).id(), 4000U);
  EXPECT_EQ(logic.map().version, version + 1);
  EXPECT_EQ(logic.map().find(node_id{3})->replaced_by, node_id{4000});
  const wire::NodeId given = next_node(3, 9, true);
  EXPECT_EQ(given.id(), 0U);
  EXPECT_NE(given.refusal().find("4001"), std::string::npos) << given.refusal();
  EXPECT_EQ(written, 0U);
  EXPECT_EQ(logic.map().find(node_id{3})->replaced_by, node_id{4000});
  EXPECT_EQ(next_node(0, 9).id(), 4001U) << "or the next one";
  EXPECT_EQ(next_node(0, 4096).id(), 0U);
  EXPECT_EQ(next_node(0, 4095).id(), 4095U);
}

// Goal: a number is not spent on the place of a node that there is not. Method: one that never was, one that was removed.
TEST_F(MembersLogic, OnlyANodeOfTheClusterCanBeReplaced) {
  for (std::uint64_t id = 1; id <= 3; ++id) {
    announce(announcement(id));
  }
  EXPECT_FALSE(next_node(7).refusal().empty());
  EXPECT_EQ(next_node(3).id(), 4U);
  announce(announcement(4));
  EXPECT_FALSE(next_node(3).refusal().empty());
  EXPECT_EQ(next_node().id(), 5U);
}

// Goal: nodes are renewed one after the other, over neighbouring versions. Method: versions 1 and 2 together, then 3.
TEST_F(MembersLogic, LetsNeighbouringWireVersionsWorkTogetherAndNoOthers) {
  announce(announcement(1));
  announce(announcement(2));
  const auto version = [](std::uint64_t id, std::uint64_t incarnation, std::uint32_t newest) {
    wire::Announce out = announcement(id, incarnation);
    out.mutable_node()->set_wire_version(newest);
    return out;
  };
  EXPECT_FALSE(announce(version(1, 2, 2)).has_refusal());
  EXPECT_EQ(refused(version(1, 3, 3)), refusal_kind::wire_version);
  EXPECT_FALSE(announce(version(2, 2, 2)).has_refusal());
  EXPECT_FALSE(announce(version(1, 3, 3)).has_refusal());
  EXPECT_EQ(refused(announcement(3)), refusal_kind::wire_version);
}

// Goal: bytes of another node never do harm. Method: each bound broken alone; then bytes that are nothing.
TEST_F(MembersLogic, RefusesWhatBreaksABound) {
  announce(announcement(1));
  const auto broken = [&](const std::function<void(wire::Announce&)>& how) {
    wire::Announce out = announcement(2);
    how(out);
    return refused(out);
  };
  using record = persistence::records::ClusterNode;
  const auto node = [&](const std::function<void(record&)>& how) {
    return broken([&](wire::Announce& out) { how(*out.mutable_node()); });
  };
  EXPECT_EQ(broken([](auto& out) { out.set_cluster_id("ours"); }), refusal_kind::malformed);
  EXPECT_EQ(broken([](auto& out) { out.set_shards(12); }), refusal_kind::malformed);
  EXPECT_EQ(broken([](auto& out) { out.set_shards(0); }), refusal_kind::malformed);
  EXPECT_EQ(broken([](auto& out) { out.set_shards(8192); }), refusal_kind::malformed);
  EXPECT_EQ(node([](record& out) { out.set_id(0); }), refusal_kind::malformed);
  EXPECT_EQ(node([](record& out) { out.set_id(4096); }), refusal_kind::malformed);
  EXPECT_EQ(node([](record& out) { out.set_name(std::string(65, 'n')); }), refusal_kind::malformed);
  EXPECT_EQ(node([](record& out) { out.clear_peer(); }), refusal_kind::malformed);
  EXPECT_EQ(node([](record& out) { out.mutable_peer()->set_port(65'536); }), refusal_kind::malformed);
  EXPECT_EQ(node([](record& out) { out.mutable_metrics()->clear_port(); }), refusal_kind::malformed);
  EXPECT_EQ(node([](record& out) { out.mutable_peer()->set_host(std::string(65, '1')); }), refusal_kind::malformed);
  EXPECT_EQ(node([](record& out) { out.add_clients(); }), refusal_kind::malformed);
  EXPECT_EQ(node([](record& out) {
              for (int i = 0; i < 16; ++i) {
                *out.add_clients() = out.clients(0);
              }
            }),
            refusal_kind::malformed);
  EXPECT_EQ(node([](record& out) { out.set_incarnation(0); }), refusal_kind::malformed);
  EXPECT_EQ(node([](record& out) { out.set_wire_version(0); }), refusal_kind::malformed);
  EXPECT_FALSE(logic.handle("\xFF\xFF"));
  EXPECT_FALSE(logic.handle(""));
  EXPECT_EQ(logic.map().nodes.size(), 1U);
}

TEST_F(MembersLogic, RefusesMoreNodesThanAClusterCanHave) {
  for (std::uint64_t id = 1; id <= limits::peers_max; ++id) {
    ASSERT_FALSE(announce(announcement(id)).has_refusal());
  }
  EXPECT_EQ(refused(announcement(1000)), refusal_kind::too_many_nodes);
  EXPECT_FALSE(announce(announcement(7, 2)).has_refusal()) << "one that is there may start again";
}

// Goal: a lost node does not stand in the way of the one that replaces it. Method: a cluster with as many nodes as it can
// have; one whose lost node was too old for the new one.
TEST_F(MembersLogic, ALostNodeDoesNotStandInTheWayOfItsReplacement) {
  for (std::uint64_t id = 1; id <= limits::peers_max; ++id) {
    wire::Announce each = announcement(id);
    each.mutable_node()->set_wire_version(id == 3 ? 1 : 2);
    ASSERT_FALSE(announce(each).has_refusal());
  }
  const std::uint64_t given = next_node(3).id();
  wire::Announce newer = announcement(given);
  newer.mutable_node()->set_wire_version(3);
  EXPECT_EQ(refused(announcement(given + 1)), refusal_kind::too_many_nodes);
  EXPECT_FALSE(announce(newer).has_refusal());
  EXPECT_EQ(logic.map().find(node_id{3})->state, node_state::removed);
  EXPECT_EQ(refused(announcement(given + 1)), refusal_kind::too_many_nodes);
}

// Goal: two machines never get the same number. Method: numbers asked for before, between and after announcements, and
// over a change of leader.
TEST_F(MembersLogic, GivesEachNumberOfANodeOnce) {
  EXPECT_EQ(next_node().id(), 0U) << "there is no cluster yet";
  EXPECT_FALSE(next_node().refusal().empty());
  announce(announcement(1));
  std::set<std::uint64_t> given{1};
  EXPECT_TRUE(given.insert(next_node().id()).second);
  EXPECT_TRUE(given.insert(next_node().id()).second);
  announce(announcement(40));
  given.insert(40);
  EXPECT_TRUE(given.insert(next_node().id()).second);
  load_again();
  EXPECT_TRUE(given.insert(next_node().id()).second);
  const std::uint64_t version = logic.map().version;
  next_node();
  EXPECT_EQ(logic.map().version, version) << "nothing that nodes are told has changed";
}

TEST_F(MembersLogic, GivesNoNumbersBeyondTheLastOne) {
  announce(announcement(4095));
  EXPECT_EQ(next_node().id(), 0U);
  EXPECT_FALSE(next_node().refusal().empty());
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char each : bytes) {
    char text[4];
    std::snprintf(text, sizeof(text), "%02X ", static_cast<unsigned char>(each));
    out += text;
  }
  return out;
}

// Goal: rows stay readable for every later version. Method: the worked examples of docs/formats.md, both ways.
TEST(MemberRecords, AreTheBytesOfTheManual) {
  node_entry node;
  node.id = node_id{2};
  node.name = "two";
  node.peer = {"127.0.0.2", 4431};
  node.clients = {{"127.0.0.2", 4430}};
  node.incarnation = 7;
  node.wire_version = 1;
  const std::string value = member_records::to_record(node).SerializeAsString();
  EXPECT_EQ(hex(value), "08 02 12 03 74 77 6F 18 01 "
                        "22 0E 0A 09 31 32 37 2E 30 2E 30 2E 32 10 CF 22 "
                        "2A 0E 0A 09 31 32 37 2E 30 2E 30 2E 32 10 CE 22 32 00 38 07 40 01 ");
  EXPECT_EQ(hex(persistence::row_key(member_records::node_table, member_records::members_ref.id,
                                     member_records::sub_key(node.id))),
            "81 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 02 ");
  cluster_map read;
  std::uint64_t last = 0;
  ASSERT_TRUE(member_records::take_row(member_records::node_table, value, read, last));
  EXPECT_EQ(read.nodes.at(node.id), node);

  const shard_entry placed{
    {{{node_id{1}, persistence::member_role::voter}, {node_id{2}, persistence::member_role::standby}}}, node_id{1}};
  const std::string row = member_records::to_record(shard_id{3}, placed).SerializeAsString();
  EXPECT_EQ(hex(row), "08 03 12 0C 0A 04 08 01 10 01 0A 04 08 02 10 02 18 01 ");
  EXPECT_EQ(hex(persistence::row_key(member_records::placement_table, member_records::members_ref.id,
                                     member_records::sub_key(shard_id{3}))),
            "82 00 00 00 00 00 00 00 01 00 03 ");
  ASSERT_TRUE(member_records::take_row(member_records::placement_table, row, read, last));
  EXPECT_EQ(read.placed.at(shard_id{3}), placed);
}

// Goal: bytes of another version or a damaged row are told from good ones. Method: each kind of damage.
TEST(MemberRecords, ThatCannotBeReadAreNotGuessed) {
  cluster_map map;
  std::uint64_t last = 0;
  for (const persistence::table_id table :
       {member_records::settings_table, member_records::node_table, member_records::placement_table}) {
    EXPECT_FALSE(member_records::take_row(table, "\xFF", map, last));
    EXPECT_FALSE(member_records::take_row(table, "", map, last));
  }
  persistence::records::ClusterNode node;
  node.set_id(1);
  node.set_state(4);
  EXPECT_FALSE(member_records::take_row(member_records::node_table, node.SerializeAsString(), map, last));
  persistence::records::ShardPlacement placed;
  placed.set_members("\x0A\x04\x08\x01\x10\x09");
  EXPECT_FALSE(member_records::take_row(member_records::placement_table, placed.SerializeAsString(), map, last));
  placed.clear_members();
  placed.set_shard(65'536);
  EXPECT_FALSE(member_records::take_row(member_records::placement_table, placed.SerializeAsString(), map, last));
  placed.set_shard(1);
  placed.set_members("\x0A\x04\x08\x01\x10\x02");
  EXPECT_FALSE(member_records::take_row(member_records::placement_table, placed.SerializeAsString(), map, last))
    << "nobody votes";
  EXPECT_TRUE(map.nodes.empty());
  EXPECT_TRUE(map.placed.empty());
}

} // namespace
} // namespace godwit::test
