#include "cluster/member/member_agent.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>

#include <gtest/gtest.h>

#include <deque>
#include <optional>

#include "cluster/member/member_records.hpp"
#include "cluster/member/members_logic.hpp"
#include "cluster/shard/router.hpp"
#include "cluster/wire/member_commands.pb.h"
#include "config/cluster_limits.hpp"
#include "tests/support/test_loop.hpp"

namespace godwit::test {
namespace {

using namespace cluster; // NOLINT: the subject

/// Keeps requests until the test answers them.
class kept_requests final : public router {
public:
  void send(entity_request_ptr request) override { open.push_back(std::move(request)); }
  [[nodiscard]] std::uint16_t shards() const override { return 16; }
  std::deque<entity_request_ptr> open;
};

node_entry entry(std::uint64_t id) {
  node_entry out;
  out.id = node_id{id};
  out.name = "node-" + std::to_string(id);
  out.peer = {"127.0.0." + std::to_string(id), 4431};
  out.metrics = {"127.0.0." + std::to_string(id), 9430};
  out.incarnation = 7;
  out.wire_version = 1;
  return out;
}

class MemberAgent : public ::testing::Test {
protected:
  MemberAgent() {
    setup.self = entry(2);
    setup.cluster_id = std::string(32, 'a');
    setup.cluster_name = "godwit";
    setup.shards = 16;
    setup.router = &requests;
    setup.board = &board;
    setup.set_peers = [this](std::vector<peer_hub::peer> now) { peers.push_back(std::move(now)); };
    setup.health = [this](const std::string& text) { health.push_back(text); };
    setup.refused = [this](refusal_kind kind, const std::string&) { refused.push_back(kind); };
  }
  ~MemberAgent() override {
    caf::anon_send_exit(agent, caf::exit_reason::kill);
    loop.run();
  }

  void begin() {
    agent = system.spawn<member_agent>(loop, setup);
    loop.run();
  }
  /// The oldest announcement that waits for an answer; none is a failure.
  wire::Announce announced() {
    wire::MembersCommand command;
    EXPECT_FALSE(requests.open.empty());
    if (!requests.open.empty()) {
      EXPECT_EQ(requests.open.front()->to, member_records::members_ref);
      EXPECT_TRUE(command.ParseFromString(requests.open.front()->body));
    }
    return command.announce();
  }
  void answer(entity_reply reply) {
    ASSERT_FALSE(requests.open.empty());
    reply.token = requests.open.front()->token;
    caf::anon_send(requests.open.front()->reply_to, std::move(reply));
    requests.open.pop_front();
    loop.run();
  }
  /// As the members entity would.
  void answer_by_rules() {
    ASSERT_FALSE(requests.open.empty());
    const auto done = logic.handle(requests.open.front()->body);
    ASSERT_TRUE(done);
    entity_reply reply;
    reply.body = done->body;
    answer(reply);
  }
  void answer_unavailable() {
    entity_reply reply;
    reply.status = reply_status::unavailable;
    answer(reply);
  }
  /// Another node announces itself.
  void joins(std::uint64_t id) {
    wire::MembersCommand command;
    command.mutable_announce()->set_cluster_id(setup.cluster_id);
    command.mutable_announce()->set_shards(16);
    *command.mutable_announce()->mutable_node() = member_records::to_record(entry(id));
    ASSERT_TRUE(logic.handle(command.SerializeAsString()));
  }

  caf::actor_system_config config;
  caf::actor_system system{config};
  test_loop loop{system};
  kept_requests requests;
  map_board board;
  members_logic logic;
  member_agent_setup setup;
  std::vector<std::vector<peer_hub::peer>> peers;
  std::vector<std::string> health;
  std::vector<refusal_kind> refused;
  caf::actor agent;
};

// Goal: a node is in the map by itself and hears of the others. Method: the rules answer; then another node joins.
TEST_F(MemberAgent, AnnouncesTheNodeRegularlyAndPutsTheMapOnTheBoard) {
  joins(1);
  begin();
  EXPECT_EQ(announced().node().id(), 2U);
  EXPECT_EQ(announced().known_version(), 0U);
  answer_by_rules();
  EXPECT_EQ(board.current()->version, 2U);
  EXPECT_EQ(board.current()->nodes.size(), 2U);
  ASSERT_EQ(peers.size(), 1U);
  ASSERT_EQ(peers[0].size(), 1U);
  EXPECT_EQ(peers[0][0].node, node_id{1});
  EXPECT_EQ(peers[0][0].address, (peer_address{"127.0.0.1", 4431}));
  EXPECT_TRUE(requests.open.empty());

  joins(3);
  loop.advance(limits::announce_ms * 2);
  ASSERT_EQ(requests.open.size(), 1U) << "one announcement at a time";
  EXPECT_EQ(announced().known_version(), 2U);
  answer_by_rules();
  EXPECT_EQ(board.current()->nodes.size(), 3U);
  ASSERT_EQ(peers.size(), 2U);
  EXPECT_EQ(peers[1].size(), 2U);

  loop.advance(limits::announce_ms * 2);
  answer_by_rules();
  EXPECT_EQ(peers.size(), 2U) << "nothing has changed";
  EXPECT_TRUE(health.empty());
}

// Goal: a cluster forms in a moment. Method: the first announcements are answered `unavailable`; the pauses.
TEST_F(MemberAgent, TriesMoreOftenUntilItWasHeardOnceAndThenSlowsDown) {
  begin();
  for (int i = 0; i < 3; ++i) {
    answer_unavailable();
    EXPECT_TRUE(requests.open.empty());
    loop.advance(limits::announce_first_ms * (std::uint64_t{2} << i));
    ASSERT_EQ(requests.open.size(), 1U) << i;
  }
  for (int i = 0; i < 6; ++i) {
    answer_unavailable();
    loop.advance(limits::announce_ms * 2);
    ASSERT_EQ(requests.open.size(), 1U);
  }
  answer_unavailable();
  loop.advance(limits::announce_ms / 2);
  EXPECT_TRUE(requests.open.empty()) << "the pause does not grow";
}

TEST_F(MemberAgent, TellsWhenTheClusterIsSilentAndWhenItIsBack) {
  joins(1);
  begin();
  for (int i = 0; i < 10; ++i) {
    answer_unavailable();
    loop.advance(limits::announce_ms * 2);
  }
  ASSERT_EQ(health.size(), 1U);
  EXPECT_FALSE(health[0].empty());
  answer_by_rules();
  ASSERT_EQ(health.size(), 2U);
  EXPECT_TRUE(health[1].empty());
}

TEST_F(MemberAgent, AnAnswerThatNeverComesIsNotWaitedForForEver) {
  begin();
  loop.advance(60'000);
  ASSERT_GE(requests.open.size(), 2U);
  // The first one's answer comes at last, and is passed over.
  joins(1);
  answer_by_rules();
  EXPECT_EQ(board.current()->version, 0U);
}

// Goal: a process that the cluster does not want stops asking, and says why. Method: a later process has its number.
TEST_F(MemberAgent, EndsWhenItIsRefused) {
  node_entry later = entry(2);
  later.incarnation = 8;
  wire::MembersCommand command;
  command.mutable_announce()->set_cluster_id(setup.cluster_id);
  command.mutable_announce()->set_shards(16);
  *command.mutable_announce()->mutable_node() = member_records::to_record(later);
  ASSERT_TRUE(logic.handle(command.SerializeAsString()));
  begin();
  answer_by_rules();
  EXPECT_EQ(refused, std::vector<refusal_kind>{refusal_kind::replaced});
  ASSERT_EQ(health.size(), 1U);
  EXPECT_FALSE(health[0].empty());
  loop.advance(60'000);
  EXPECT_TRUE(requests.open.empty());
}

// Goal: a whole cluster that starts again finds itself while nobody leads. Method: a map of its own rows on the board.
TEST_F(MemberAgent, BeginsWithTheMapThatItsNodeHad) {
  auto map = std::make_shared<cluster_map>();
  map->version = 9;
  map->nodes[node_id{1}] = entry(1);
  map->nodes[node_id{2}] = entry(2);
  map->nodes[node_id{3}] = entry(3);
  map->nodes[node_id{3}].state = node_state::removed;
  board.put(map);
  begin();
  ASSERT_EQ(peers.size(), 1U);
  ASSERT_EQ(peers[0].size(), 1U);
  EXPECT_EQ(peers[0][0].node, node_id{1});
  EXPECT_EQ(announced().known_version(), 9U);
}

TEST_F(MemberAgent, PrefersFixedAddressesToThoseOfTheMap) {
  setup.fixed = {{node_id{1}, {"127.0.0.77", 5000}}, {node_id{2}, {"127.0.0.78", 5000}}};
  joins(1);
  begin();
  ASSERT_EQ(peers.size(), 1U) << "known before the map is";
  ASSERT_EQ(peers[0].size(), 1U);
  answer_by_rules();
  EXPECT_EQ(peers.size(), 1U);
  EXPECT_EQ(peers[0][0].address, (peer_address{"127.0.0.77", 5000}));
}

TEST_F(MemberAgent, AMapThatCannotBeReadIsPassedOverAndToldOf) {
  begin();
  wire::Announced answered;
  answered.set_version(5);
  answered.mutable_map()->mutable_settings()->set_version(5);
  answered.mutable_map()->mutable_settings()->set_shards(3);
  entity_reply reply;
  reply.body = answered.SerializeAsString();
  answer(reply);
  EXPECT_EQ(board.current()->version, 0U);
  ASSERT_EQ(health.size(), 1U);
  EXPECT_FALSE(health[0].empty());
  loop.advance(limits::announce_ms * 2);
  EXPECT_EQ(requests.open.size(), 1U) << "it goes on";
}

} // namespace
} // namespace godwit::test
