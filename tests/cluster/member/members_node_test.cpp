// The cluster's own entities on a node's real shards and storage.

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <future>

#include "cluster/member/local_map.hpp"
#include "cluster/member/member_agent.hpp"
#include "cluster/member/member_records.hpp"
#include "cluster/member/members_entity.hpp"
#include "cluster/member/steward_desk.hpp"
#include "cluster/member/steward_entity.hpp"
#include "cluster/shard/router.hpp"
#include "cluster/shard/shard_set.hpp"
#include "cluster/wire/member_commands.pb.h"
#include "persistence/lmdb/storage.hpp"
#include "tests/support/thread_loop.hpp"

namespace godwit::test {
namespace {

using namespace cluster; // NOLINT: the subject
namespace lmdb = persistence::lmdb;

constexpr std::uint16_t shards = 4;
constexpr std::chrono::seconds patience{20};

/// A node alone, with its shards, its stewards and its agent.
struct lone_node {
  lone_node(const std::filesystem::path& folder, std::uint64_t incarnation) {
    if (!std::filesystem::exists(folder / "lock")) {
      EXPECT_TRUE(lmdb::storage::create(folder, {node_id{1}, shards}));
    }
    lmdb::storage_options small;
    small.map_bytes = 1 << 20;
    auto opened = lmdb::storage::open(folder, events, events, small);
    EXPECT_TRUE(opened);
    storage = std::move(*opened);
    const auto known = read_local_map(storage->state());
    EXPECT_TRUE(known);
    stored = *known;

    steward_desk::options with;
    with.self = node_id{1};
    with.shards = shards;
    with.map = &map;
    with.leaders = &leaders;
    desk = std::make_unique<steward_desk>(std::move(with));
    shard_set_options options;
    options.shards = shards;
    options.board = &leaders;
    options.steward = [this](shard_port& port) { desk->turn(port); };
    options.ready = [this] { all_ready.set_value(); };
    entity_factories factories;
    factories[entity_kind::members] = members_entity::factory();
    factories[entity_kind::steward] = steward_entity::factory(*desk);
    home_loop* const loops[] = {&loop};
    set = std::make_unique<shard_set>(system, loops, storage->log(), storage->state(), events, std::move(factories),
                                      std::move(options));
    EXPECT_TRUE(set->start());
    EXPECT_EQ(all_ready.get_future().wait_for(patience), std::future_status::ready);

    member_agent_setup setup;
    setup.self.id = node_id{1};
    setup.self.name = "one";
    setup.self.peer = {"127.0.0.1", 4431};
    setup.self.metrics = {"127.0.0.1", 9430};
    setup.self.incarnation = incarnation;
    setup.self.wire_version = 1;
    setup.cluster_id = std::string(32, 'c');
    setup.cluster_name = "godwit";
    setup.shards = shards;
    setup.router = &set->router();
    setup.board = &map;
    agent = system.spawn<member_agent>(loop, std::move(setup));
  }
  ~lone_node() {
    caf::scoped_actor self{system};
    self->send_exit(agent, caf::exit_reason::kill);
    self->wait_for(agent);
  }

  entity_reply ask(const entity_ref& who, std::string body) {
    caf::scoped_actor self{system};
    auto request = caf::make_counted<entity_request>();
    request->to = who;
    request->body = std::move(body);
    request->reply_to = caf::actor_cast<caf::actor>(self);
    set->router().send(std::move(request));
    entity_reply out;
    self->receive([&](entity_reply& reply) { out = std::move(reply); },
                  caf::after(patience) >> [] { ADD_FAILURE() << "no answer"; });
    return out;
  }
  template <class Answer>
  Answer ask_steward(shard_id shard, const wire::StewardCommand& command) {
    const entity_reply reply = ask(member_records::steward_ref(shard), command.SerializeAsString());
    EXPECT_EQ(reply.status, reply_status::ok);
    Answer out;
    EXPECT_TRUE(out.ParseFromString(reply.body));
    return out;
  }
  /// Until the map has this version.
  bool wait_for_map(std::uint64_t version) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (map.current()->version < version && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return map.current()->version == version;
  }

  caf::actor_system_config config;
  caf::actor_system system{config};
  storage_events events;
  std::unique_ptr<lmdb::storage> storage;
  cluster_map stored; ///< what the rows said when the node started
  map_board map;
  leader_board leaders{shards};
  thread_loop loop{system};
  std::unique_ptr<steward_desk> desk;
  std::promise<void> all_ready;
  std::unique_ptr<shard_set> set; // first to go but for the agent: the loop has to run
  caf::actor agent;
};

class MembersNode : public ::testing::Test {
protected:
  MembersNode() {
    std::string name = (std::filesystem::temp_directory_path() / "godwit_test_XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    folder = name;
  }
  ~MembersNode() override { std::filesystem::remove_all(folder); }
  std::filesystem::path folder;
};

// Goal: a new node makes its cluster, and a restarted one knows it before anybody leads. Method: start, wait for the map,
// stop; look at the rows; start again with a later incarnation.
TEST_F(MembersNode, ANodeMakesItsClusterAndFindsItAgainAfterARestart) {
  {
    lone_node node(folder, 5);
    EXPECT_EQ(node.stored.version, 0U);
    ASSERT_TRUE(node.wait_for_map(1));
    EXPECT_EQ(node.map.current()->placed.size(), shards + 1U);
  }
  lone_node node(folder, 6);
  EXPECT_EQ(node.stored.version, 1U);
  EXPECT_EQ(node.stored.cluster_id, std::string(32, 'c'));
  ASSERT_NE(node.stored.find(node_id{1}), nullptr);
  EXPECT_EQ(node.stored.find(node_id{1})->peer, (peer_address{"127.0.0.1", 4431}));
  EXPECT_EQ(node.stored.placed.size(), shards + 1U);
  ASSERT_TRUE(node.wait_for_map(2));
  EXPECT_EQ(node.map.current()->find(node_id{1})->incarnation, 6U);
}

// Goal: an operator sees from any node how a shard is. Method: ask the stewards of a shard and of the cluster's own.
TEST_F(MembersNode, StewardsTellHowTheirShardsAre) {
  lone_node node(folder, 1);
  wire::StewardCommand get;
  get.mutable_get_shard();
  for (const shard_id each : {shard_id{0}, shard_id{3}, meta_shard}) {
    wire::Shard told;
    const auto end = std::chrono::steady_clock::now() + patience;
    while (told.leader() == 0 && std::chrono::steady_clock::now() < end) {
      told = node.ask_steward<wire::Shard>(each, get);
    }
    EXPECT_EQ(told.shard(), each.value());
    EXPECT_EQ(told.leader(), 1U);
    EXPECT_GT(told.term(), 0U);
    ASSERT_EQ(told.member_size(), 1);
    EXPECT_EQ(told.member(0).node(), 1U);
    EXPECT_EQ(told.member(0).role(), static_cast<std::uint32_t>(persistence::member_role::voter));
  }
  EXPECT_EQ(node.desk->leads(), (std::map<node_id, std::uint32_t>{{node_id{1}, shards + 1U}}));
  wire::StewardCommand hand_over;
  hand_over.mutable_hand_over()->set_to(2);
  EXPECT_FALSE(node.ask_steward<wire::HandingOver>(shard_id{0}, hand_over).refusal().empty());
  hand_over.mutable_hand_over()->set_to(1);
  EXPECT_TRUE(node.ask_steward<wire::HandingOver>(shard_id{0}, hand_over).refusal().empty()) << "it leads already";
}

TEST_F(MembersNode, EntitiesRefuseWhatIsNoCommandOfTheirs) {
  lone_node node(folder, 1);
  const auto refused = [&](const entity_ref& who, const std::string& body) {
    return node.ask(who, body).status == reply_status::error;
  };
  EXPECT_TRUE(refused(member_records::members_ref, "\xFF"));
  EXPECT_TRUE(refused(member_records::members_ref, ""));
  EXPECT_TRUE(refused({entity_kind::members, entity_id{2}}, ""));
  EXPECT_TRUE(refused(member_records::steward_ref(shard_id{1}), "\xFF"));
  EXPECT_TRUE(refused(member_records::steward_ref(shard_id{1}), ""));
  wire::StewardCommand get;
  get.mutable_get_shard();
  EXPECT_TRUE(refused({entity_kind::steward, entity_id{shards + 1}}, get.SerializeAsString())) << "shard 1's is 1";
}

} // namespace
} // namespace godwit::test
