#include "node/server/cluster_commands.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <utility>

#include "cluster/member/member_records.hpp"
#include "cluster/shard/router.hpp"
#include "cluster/wire/member_commands.pb.h"
#include "node/server/next_node.hpp"

namespace godwit::test {
namespace {

using namespace cluster; // NOLINT: what is looked at
using nlohmann::json;
using persistence::member_role;

/// Answers for every shard's steward at once, or not at all.
class steward_router final : public router {
public:
  std::function<std::optional<entity_reply>(shard_id, const wire::StewardCommand&)> answer;

  void send(entity_request_ptr request) override {
    wire::StewardCommand command;
    EXPECT_EQ(request->to.kind, entity_kind::steward);
    EXPECT_TRUE(command.ParseFromString(request->body));
    if (auto reply = answer(shard_of(request->to, shards()), command)) {
      reply->token = request->token;
      caf::anon_send(request->reply_to, std::move(*reply));
    }
  }
  [[nodiscard]] std::uint16_t shards() const override { return 2; }
};

/// The cluster's entity about its nodes, as far as numbers go.
class members_router final : public router {
public:
  std::function<entity_reply(std::uint64_t given)> answer;

  void send(entity_request_ptr request) override {
    wire::MembersCommand command;
    EXPECT_EQ(request->to, member_records::members_ref);
    EXPECT_TRUE(command.ParseFromString(request->body) && command.has_next_node_id());
    asked = command.next_node_id();
    ++commands;
    caf::anon_send(request->reply_to, answer(++given));
  }
  [[nodiscard]] std::uint16_t shards() const override { return 2; }

  /// As the leader of a version that knows all of the command.
  [[nodiscard]] entity_reply given_as_asked() {
    given = std::max<std::uint64_t>(given, asked.least());
    return number(given, asked.replaces());
  }
  static entity_reply number(std::uint64_t given, std::uint64_t replaces = 0) {
    wire::NodeId out;
    out.set_id(given);
    out.set_replaces(replaces);
    out.set_instead_of(replaces != 0 ? 77 : 0);
    entity_reply reply;
    reply.body = out.SerializeAsString();
    return reply;
  }

  std::uint64_t given = 3; ///< node 3 is the newest
  wire::NextNodeId asked;  ///< last
  int commands = 0;
};

class ClusterCommands : public ::testing::Test {
protected:
  ClusterCommands() {
    auto made = std::make_shared<cluster_map>();
    made->version = 3;
    for (std::uint64_t id = 1; id <= 3; ++id) {
      node_entry& each = made->nodes[node_id{id}];
      each.id = node_id{id};
      each.name = "node-" + std::to_string(id);
      each.peer = {"127.0.0." + std::to_string(id), 4431};
      each.clients = {{"127.0.0." + std::to_string(id), 4430}};
      each.metrics = {"127.0.0." + std::to_string(id), 9430};
      each.incarnation = 10 + id;
      each.wire_version = 1;
    }
    made->nodes[node_id{3}].state = node_state::leaving;
    map = made;
    leaders.note(shard_id{0}, {node_id{1}, 4});
    leaders.note(shard_id{1}, {node_id{2}, 5});
    leaders.note(meta_shard, {node_id{1}, 6});
    access.self = node_id{1};
    access.map = [this] { return map; };
    access.peers = [this] { return peers; };
    access.shards = [this] { return here; };
    access.leaders = &leaders;
    stewards.answer = [this](shard_id which, const wire::StewardCommand& command) {
      EXPECT_TRUE(command.has_get_shard());
      return std::optional(shard(which));
    };
  }

  entity_reply shard(shard_id which) const {
    wire::Shard out;
    out.set_shard(which.value());
    out.set_leader(leaders.find(which).node.value());
    out.set_term(leaders.find(which).term);
    out.set_last_index(100);
    out.set_commit_index(99);
    for (std::uint64_t id = 1; id <= 2; ++id) {
      wire::ShardMember& member = *out.add_member();
      member.set_node(id);
      member.set_role(static_cast<std::uint32_t>(id == 1 ? member_role::voter : member_role::standby));
      member.set_match_index(id == 1 ? 100 : 60);
      member.set_up(id == 1);
    }
    entity_reply reply;
    reply.body = out.SerializeAsString();
    return reply;
  }
  static entity_reply handing_over(const std::string& refusal) {
    wire::HandingOver out;
    out.set_refusal(refusal);
    entity_reply reply;
    reply.body = out.SerializeAsString();
    return reply;
  }
  node::control_answer transfer(const std::string& which, const std::string& to) {
    return node::transfer_of(system, stewards, access, {which, to});
  }

  caf::actor_system_config config;
  caf::actor_system system{config};
  cluster_map_ptr map;
  std::vector<peer_status> peers;
  std::vector<shard_status> here;
  leader_board leaders{2};
  steward_router stewards;
  node::cluster_access access;
};

// Goal: one line per node with what an operator looks for. Method: three nodes: this one, one that is linked, one that
// is not.
TEST_F(ClusterCommands, NodesAreListedWithTheirLinksAndLeaders) {
  peer_status two;
  two.node = node_id{2};
  two.up = true;
  two.clock_ahead_ms = -12;
  two.round_trip_us = 340;
  peer_status three;
  three.node = node_id{3};
  three.trouble = "127.0.0.3:4431 refuses connections";
  peers = {two, three};
  const node::control_answer answer = node::nodes_of(access);
  ASSERT_TRUE(answer.ok);
  const json list = json::parse(answer.json);
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[0]["node"], 1);
  EXPECT_EQ(list[0]["up"], true);
  EXPECT_EQ(list[0]["leads"], 2);
  EXPECT_EQ(list[0]["incarnation"], 11);
  EXPECT_EQ(list[0]["peers"], "127.0.0.1:4431");
  EXPECT_EQ(list[0]["clients"], "127.0.0.1:4430");
  EXPECT_EQ(list[1]["up"], true);
  EXPECT_EQ(list[1]["clock_ahead_ms"], -12);
  EXPECT_EQ(list[1]["round_trip_us"], 340);
  EXPECT_EQ(list[1]["leads"], 1);
  EXPECT_EQ(list[2]["up"], false);
  EXPECT_EQ(list[2]["state"], "leaving");
  EXPECT_EQ(list[2]["trouble"], "127.0.0.3:4431 refuses connections");
  EXPECT_NE(answer.text.find("node-3"), std::string::npos);
}

TEST_F(ClusterCommands, SayThatThereIsNothingBeforeTheNodeKnowsItsCluster) {
  map = std::make_shared<const cluster_map>();
  EXPECT_FALSE(node::nodes_of(access).ok);
  EXPECT_FALSE(node::nodes_of({}).ok);
  EXPECT_FALSE(node::shards_of(system, stewards, {}).ok);
  EXPECT_FALSE(node::transfer_of(system, stewards, {}, {"0", "1"}).ok);
}

// Goal: a node that has not found its cluster tells whom it tries to reach, and why it does not.
TEST_F(ClusterCommands, NodesThatAreSoughtAreListed) {
  map = std::make_shared<const cluster_map>();
  peer_status seed;
  seed.address = {"192.0.2.1", 4431};
  seed.trouble = "refuses connections";
  access.seeds = [&] { return std::vector<peer_status>{seed}; };
  const node::control_answer answer = node::nodes_of(access);
  ASSERT_TRUE(answer.ok);
  const json list = json::parse(answer.json);
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0]["node"], 0);
  EXPECT_EQ(list[0]["state"], "sought");
  EXPECT_EQ(list[0]["peers"], "192.0.2.1:4431");
  EXPECT_EQ(list[0]["trouble"], "refuses connections");
}

// Goal: the cluster sets numbers of further nodes aside, so that no two are the same; those below the wanted one are
// spent. A majority that is away for a moment is waited for.
TEST_F(ClusterCommands, NumbersOfFurtherNodesAreSetAside) {
  members_router members;
  members.answer = [](std::uint64_t given) { return members_router::number(given); };
  const auto ask = [&](const std::vector<std::string>& words) {
    return json::parse(node::next_node_of(system, members, access, words).json)["node"].get<std::uint64_t>();
  };
  EXPECT_EQ(ask({}), 4U);
  EXPECT_EQ(ask({}), 5U);
  EXPECT_EQ(ask({"9"}), 9U);
  EXPECT_EQ(ask({"2"}), 10U);
  int away = 2;
  members.answer = [&](std::uint64_t given) {
    entity_reply none;
    none.status = reply_status::unavailable;
    return away-- > 0 ? none : members_router::number(given);
  };
  EXPECT_EQ(ask({}), 13U);
}

// Goal: what to do when nobody sets numbers aside: the map's newest number and one, which the caller's own counter
// guards. An end of the node is not waited for. Method: a members entity that does not know the command, and a node
// that ends.
TEST_F(ClusterCommands, ANumberIsTakenFromTheMapWhenTheClusterGivesNone) {
  members_router members;
  members.answer = [](std::uint64_t) {
    entity_reply error;
    error.status = reply_status::error;
    return error;
  };
  EXPECT_EQ(json::parse(node::next_node_of(system, members, access, {}).json)["node"], 4);
  members.answer = [](std::uint64_t) {
    entity_reply none;
    none.status = reply_status::unavailable;
    return none;
  };
  bool ending = false;
  access.ending = [&] { return std::exchange(ending, true); };
  EXPECT_EQ(json::parse(node::next_node_of(system, members, access, {}).json)["node"], 4);
  map = std::make_shared<const cluster_map>();
  EXPECT_FALSE(node::next_node_of(system, members, access, {}).ok);
}

// Goal: a number that is far ahead, or in place of a node, costs one decision of the cluster, and the operator hears
// whom another invitation was to bring in its place.
TEST_F(ClusterCommands, ANumberIsAskedForOnce) {
  members_router members;
  members.answer = [&](std::uint64_t) { return members.given_as_asked(); };
  const auto answer = node::next_node_of(system, members, access, {"4000", "3", "exact"});
  ASSERT_TRUE(answer.ok) << answer.text;
  EXPECT_EQ(json::parse(answer.json)["node"], 4000);
  EXPECT_EQ(json::parse(answer.json)["instead_of"], 77);
  EXPECT_EQ(members.commands, 1);
  EXPECT_EQ(members.asked.least(), 4000U);
  EXPECT_TRUE(members.asked.exact());
  EXPECT_EQ(json::parse(node::next_node_of(system, members, access, {"5"}).json)["node"], 4001);
  EXPECT_FALSE(members.asked.exact());
}

// Goal: a leader of a version that knows nothing of replacing does not have the operator believe that somebody is
// replaced. Method: it gives a number, and does not say in whose place.
TEST_F(ClusterCommands, ALeaderThatDoesNotKnowReplacingIsNotTakenAtItsWord) {
  members_router members;
  members.answer = [](std::uint64_t given) { return members_router::number(given); };
  const auto answer = node::next_node_of(system, members, access, {"0", "3"});
  EXPECT_FALSE(answer.ok);
  EXPECT_NE(answer.text.find("renew the program"), std::string::npos) << answer.text;
  EXPECT_EQ(members.commands, 1);
}

// Goal: an operator sees that a replacement is on its way, and that one came. Method: marks of a member and of a removed
// node.
TEST_F(ClusterCommands, NodesThatAreToBeReplacedAreTold) {
  auto marked = std::make_shared<cluster_map>(*map);
  marked->nodes[node_id{2}].replaced_by = node_id{4};
  marked->nodes[node_id{3}].state = node_state::removed;
  marked->nodes[node_id{3}].replaced_by = node_id{5};
  map = marked;
  const node::control_answer answer = node::nodes_of(access);
  const json list = json::parse(answer.json);
  EXPECT_EQ(list[0]["replaced_by"], 0);
  EXPECT_EQ(list[1]["replaced_by"], 4);
  EXPECT_EQ(list[2]["replaced_by"], 5);
  EXPECT_NE(answer.text.find("4, not here yet"), std::string::npos) << answer.text;
  EXPECT_EQ(answer.text.find("5, not here yet"), std::string::npos) << answer.text;
}

// Goal: a node is replaced by the cluster's decision and while it is down, or not at all. Method: one that is down, one
// that has a link, this one; then a cluster that does not answer.
TEST_F(ClusterCommands, OnlyANodeThatIsDownIsReplacedAndOnlyByTheCluster) {
  members_router members;
  members.answer = [&](std::uint64_t) { return members.given_as_asked(); };
  std::vector<cluster::peer_status> links(1);
  links[0].node = node_id{2};
  links[0].up = true;
  access.peers = [&] { return links; };
  EXPECT_EQ(json::parse(node::next_node_of(system, members, access, {"0", "3"}).json)["node"], 4);
  EXPECT_EQ(members.asked.replaces(), 3U);
  const auto up = node::next_node_of(system, members, access, {"0", "2"});
  EXPECT_FALSE(up.ok);
  EXPECT_NE(up.text.find("node 2 is up"), std::string::npos);
  EXPECT_FALSE(node::next_node_of(system, members, access, {"0", "1"}).ok);
  members.answer = [](std::uint64_t) {
    entity_reply error;
    error.status = reply_status::error;
    return error;
  };
  EXPECT_FALSE(node::next_node_of(system, members, access, {"0", "3"}).ok);
}

TEST_F(ClusterCommands, ShardsAreToldByTheirLeadersAndByTheReplicaHere) {
  here.resize(1);
  here[0].shard = shard_id{1};
  here[0].commit = 50;
  here[0].applied = 20;
  here[0].installing = true;
  const node::control_answer answer = node::shards_of(system, stewards, access);
  ASSERT_TRUE(answer.ok);
  const json list = json::parse(answer.json);
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[0]["shard"], 0);
  EXPECT_EQ(list[0]["leader"], 1);
  EXPECT_EQ(list[0]["term"], 4);
  EXPECT_EQ(list[0]["commit_index"], 99);
  ASSERT_EQ(list[0]["members"].size(), 2U);
  EXPECT_EQ(list[0]["members"][0]["role"], "voter");
  EXPECT_EQ(list[0]["members"][1]["role"], "standby");
  EXPECT_EQ(list[0]["members"][1]["lag"], 40);
  EXPECT_EQ(list[0]["members"][1]["up"], false);
  EXPECT_FALSE(list[0].contains("here"));
  EXPECT_EQ(list[1]["here"]["installing"], true);
  EXPECT_EQ(list[1]["here"]["lag"], 30);
  EXPECT_EQ(list[2]["shard"], "meta");
  EXPECT_NE(answer.text.find("1 voter, 2 standby (down, behind 40)"), std::string::npos) << answer.text;
  EXPECT_NE(answer.text.find("follower, installing"), std::string::npos) << answer.text;
}

// Goal: an operator sees all shards though some lost their leader or do not answer. Method: one of each.
TEST_F(ClusterCommands, ShardsThatDoNotAnswerAreListedWithWhatIsKnown) {
  leaders.lost(node_id{2});
  stewards.answer = [this](shard_id which, const wire::StewardCommand&) {
    EXPECT_NE(which, shard_id{1}) << "nobody leads it";
    entity_reply unavailable;
    unavailable.status = reply_status::unavailable;
    return std::optional(which == meta_shard ? unavailable : shard(which));
  };
  const node::control_answer answer = node::shards_of(system, stewards, access);
  ASSERT_TRUE(answer.ok);
  const json list = json::parse(answer.json);
  EXPECT_EQ(list[0]["answered"], true);
  EXPECT_EQ(list[1]["answered"], false);
  EXPECT_TRUE(list[1]["leader"].is_null());
  EXPECT_EQ(list[2]["answered"], false);
  EXPECT_EQ(list[2]["leader"], 1);
  EXPECT_NE(answer.text.find("nobody leads"), std::string::npos);
  EXPECT_NE(answer.text.find("no answer"), std::string::npos);
}

// Goal: a transfer asks the shard's leader wherever it is and waits until the other node leads. Method: the leader
// changes when its steward was asked.
TEST_F(ClusterCommands, TransferAsksTheShardsLeaderAndWaitsForTheOther) {
  stewards.answer = [this](shard_id which, const wire::StewardCommand& command) {
    EXPECT_EQ(which, meta_shard);
    EXPECT_EQ(command.hand_over().to(), 2U);
    leaders.note(which, {node_id{2}, 7});
    return std::optional(handing_over({}));
  };
  const node::control_answer answer = transfer("meta", "2");
  ASSERT_TRUE(answer.ok) << answer.text;
  EXPECT_EQ(json::parse(answer.json), json::parse(R"({"shard": "meta", "from": 1, "to": 2, "term": 7})"));
}

TEST_F(ClusterCommands, TransferTellsWhyItWasNot) {
  stewards.answer = [](shard_id, const wire::StewardCommand&) {
    return std::optional(handing_over("node 9 has no vote in this shard"));
  };
  EXPECT_EQ(transfer("1", "9").text, "node 9 has no vote in this shard");
  stewards.answer = [](shard_id, const wire::StewardCommand&) { return std::optional(entity_reply{}); };
  leaders.lost(node_id{2});
  EXPECT_FALSE(transfer("1", "1").ok) << "nobody leads it";
  for (const auto& [which, to] : {std::pair("2", "1"), {"-1", "1"}, {"x", "1"}, {"", "1"}, {"0", "0"}, {"0", "two"}}) {
    const node::control_answer answer = transfer(which, to);
    EXPECT_FALSE(answer.ok);
    EXPECT_NE(answer.text.find("usage"), std::string::npos);
  }
}

} // namespace
} // namespace godwit::test
