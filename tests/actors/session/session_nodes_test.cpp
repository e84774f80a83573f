// A session whose account may be on another node, and move.

#include <gtest/gtest.h>

#include "actors/entity/entity_logic.hpp"
#include "tests/actors/support/gateway_node.hpp"

namespace godwit::test {
namespace {

class session_nodes : public ::testing::Test {
protected:
  session_nodes() {
    EXPECT_TRUE(client.exchange());
    client.open(7);
    pts_of_box(40);
    user = user_id(client.sign_up(9996612345));
    settle();
    node.loop.advance(10'000);
    pts_of_box(41);
    push(41);
    EXPECT_EQ(heard(), std::vector{update(41)});
  }
  void settle() {
    node.loop.run();
    client.pump();
  }
  std::vector<std::string> heard() {
    settle();
    std::vector<std::string> found;
    for (const auto& each : std::exchange(client.seen.pushes, {})) {
      found.emplace_back(each.text());
    }
    return found;
  }
  static std::string update(std::int32_t pts) { return "\x7e\xaf\x17\xe3" + std::to_string(1000 + pts); }
  void push(std::int32_t pts) { node.router.push(user, update(pts), pts); }
  static cluster::entity_push pushed(std::int32_t pts) {
    cluster::entity_push what;
    what.body = std::make_shared<const std::string>(update(pts));
    what.pts = pts;
    what.pts_count = 1;
    return what;
  }
  static bool is_subscription(const cluster::entity_request& request) {
    command::UserCommand what;
    return request.to.kind == cluster::entity_kind::user && request.type == cluster::request_type::command &&
           what.ParseFromString(request.body) && what.has_subscribe();
  }
  /// What the account says of its box, and in which term, from now on.
  void pts_of_box(std::int32_t pts, std::uint64_t term = 1) {
    node.router.change = [pts, term](const cluster::entity_request& request, cluster::entity_reply& reply) {
      if (reply.status != cluster::reply_status::ok) {
        return;
      }
      reply.term = term;
      if (is_subscription(request)) {
        command::Subscribed what;
        what.set_pts(pts);
        reply.body = what.SerializeAsString();
      } else if (request.type == cluster::request_type::call) {
        reply.pts = pts;
      }
    };
  }
  [[nodiscard]] std::size_t asked() const { return node.router.subscribed_with.size(); }

  gateway_node node;
  wire_client client{node};
  user_id user;
};

// Goal: a fail-over is noticed soon after it is over, and costs little while it lasts.
TEST_F(session_nodes, AnAccountThatIsAwayIsAskedForSoonAndThenLessOften) {
  std::vector<cluster::monotonic_ms> times;
  const auto lost_at = node.loop.time();
  node.router.unavailable = [&](const cluster::entity_request& request) {
    if (is_subscription(request)) {
      times.push_back(node.loop.time() - lost_at);
    }
    return true;
  };
  node.router.lose_account(user);
  node.loop.advance(10'000);
  ASSERT_GE(times.size(), 20U);
  EXPECT_LE(times.size(), 45U);
  EXPECT_LE(times[0], limits::ask_again_ms);
  EXPECT_GE(times[0], limits::ask_again_ms / 2);
  for (std::size_t i = 1; i < times.size(); ++i) {
    EXPECT_LE(times[i] - times[i - 1], limits::ask_again_ms_max);
  }
  node.router.unavailable = nullptr;
  node.loop.advance(limits::ask_again_ms_max);
  EXPECT_EQ(node.router.subscribed_with.back(), 41);
  EXPECT_EQ(node.router.listening(user), 1U);
}

// The link to the former leader's node breaks when another one tells already.
TEST_F(session_nodes, TheEndOfAFormerSubscriptionIsOfNoInterest) {
  node.router.lose_account(user);
  node.loop.advance(limits::ask_again_ms);
  const std::size_t before = asked();
  cluster::entity_push gone;
  gone.kind = cluster::push_kind::gone;
  node.router.tell(user, gone, 1);
  node.loop.advance(1000);
  EXPECT_EQ(asked(), before);
  EXPECT_EQ(node.router.listening(user), 1U);
  node.router.tell(user, gone);
  node.loop.advance(limits::ask_again_ms_max);
  EXPECT_EQ(asked(), before + 1);
}

// What a former leader said last may come late: it must not hide what lies between.
TEST_F(session_nodes, AnUpdateOfAFormerSubscriptionHidesNothing) {
  pts_of_box(44);
  node.router.lose_account(user);
  node.loop.advance(limits::ask_again_ms);
  ASSERT_EQ(node.router.subscribed_with.back(), 41);
  node.router.tell(user, pushed(42), 1);
  node.router.tell(user, pushed(44), 1);
  for (std::int32_t pts = 42; pts <= 45; ++pts) {
    push(pts);
  }
  EXPECT_EQ(heard(), (std::vector{update(42), update(43), update(44), update(45)}));
}

// Two streams meet: the answer to a call comes from the new leader, and nobody said that the old one is gone.
TEST_F(session_nodes, AnAnswerOfALaterTermMakesItListenAgain) {
  node.router.lose_account(user);
  pts_of_box(41, 4);
  node.loop.advance(limits::ask_again_ms);
  pts_of_box(45, 5);
  const std::size_t before = asked();
  EXPECT_FALSE(client.call_self().is_error);
  node.loop.advance(limits::ask_again_ms_max);
  EXPECT_EQ(asked(), before + 1);
  EXPECT_EQ(node.router.subscribed_with.back(), 41) << "the answer stands behind what was missed";
  for (std::int32_t pts = 42; pts <= 45; ++pts) {
    push(pts);
  }
  EXPECT_EQ(heard().size(), 4U);
  EXPECT_FALSE(client.call_self().is_error);
  node.loop.advance(1000);
  EXPECT_EQ(asked(), before + 1) << "from here on all is of one term";
}

// Its client may be on another node by now, and a session of its name there would lose its ear to this one.
TEST_F(session_nodes, WithoutAConnectionItListensToNoFurtherActor) {
  client.hang_up();
  const std::size_t before = asked();
  node.router.lose_account(user);
  node.loop.advance(5000);
  EXPECT_EQ(asked(), before);
  client.connect();
  EXPECT_FALSE(client.call_self().is_error);
  node.loop.advance(limits::ask_again_ms);
  EXPECT_EQ(asked(), before + 1);
  EXPECT_EQ(node.router.subscribed_with.back(), 41);
}

// The connection may be half-open, and its client on another node: an ear there would be lost to this session.
TEST_F(session_nodes, WhileItsClientIsSilentItListensToNoFurtherActor) {
  const std::size_t before = asked();
  node.loop.advance(50'000);
  node.router.lose_account(user);
  node.loop.advance(1000);
  EXPECT_EQ(asked(), before + 1) << "the client pings";
  node.loop.advance(40'000);
  ASSERT_EQ(node.part().session_counters().sessions.value(), 1);
  node.router.lose_account(user);
  node.loop.advance(20'000);
  EXPECT_EQ(asked(), before + 1);
  EXPECT_EQ(node.router.listening(user), 0U);
  EXPECT_FALSE(client.call_self().is_error);
  node.loop.advance(limits::ask_again_ms);
  EXPECT_EQ(asked(), before + 2);
  EXPECT_EQ(node.router.subscribed_with.back(), 41);
}

// The client went to another node, where a session of this name listens now; and comes back.
TEST_F(session_nodes, AReplacedSessionListensAgainWhenItsClientSpeaks) {
  const std::size_t before = asked();
  node.router.replace_listeners(user);
  node.loop.advance(20'000);
  EXPECT_EQ(asked(), before);
  EXPECT_FALSE(client.call_self().is_error);
  node.loop.advance(1);
  EXPECT_EQ(asked(), before + 1);
  EXPECT_EQ(node.router.subscribed_with.back(), 41);
  // A client that speaks on two nodes at once does not make them fight.
  node.router.replace_listeners(user);
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(client.call_self().is_error);
    node.loop.advance(100);
  }
  EXPECT_EQ(asked(), before + 1);
  node.loop.advance(5000);
  EXPECT_EQ(asked(), before + 2);
}

// A session that is left behind ends later, and takes no ear from the one on the client's new node.
TEST_F(session_nodes, WhoeverEndsNamesTheInstanceThatItWas) {
  std::optional<std::uint64_t> left;
  node.router.change = [&](const cluster::entity_request& request, cluster::entity_reply&) {
    command::UserCommand what;
    if (request.to.kind == cluster::entity_kind::user && what.ParseFromString(request.body) && what.has_unsubscribe()) {
      left = what.unsubscribe().instance();
    }
  };
  client.hang_up();
  node.loop.advance(limits::session_linger_ms + 1000);
  ASSERT_TRUE(left.has_value());
  EXPECT_NE(*left, 0U);
  EXPECT_EQ(node.router.listening(user), 0U) << "it names the instance that it subscribed as";
}

} // namespace
} // namespace godwit::test
