// The order of a session's calls while the leader of their shard changes, and how long they take at most.

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "actors/session/calls_ahead.hpp"
#include "protocol/tl/api/auth_fn.hpp"
#include "tests/actors/support/gateway_node.hpp"

namespace godwit::test {
namespace {

using actors::calls_ahead;

const cluster::entity_ref anna{cluster::entity_kind::user, cluster::entity_id{1}};
const cluster::entity_ref boris{cluster::entity_kind::user, cluster::entity_id{2}};

TEST(CallsAhead, AreWaitedForOnlyWhereTheyGoAnotherWay) {
  calls_ahead ahead;
  EXPECT_EQ(ahead.turn(anna, 1), 0U);
  ahead.pass(anna, 1, 0);
  EXPECT_EQ(ahead.turn(anna, 1), 0U);
  EXPECT_EQ(ahead.turn(anna, 2), calls_ahead::held);
  EXPECT_EQ(ahead.turn(boris, 2), 0U);
  ahead.pass(anna, 1, 500);
  EXPECT_EQ(ahead.turn(anna, 1), 500U);
  ahead.pass(anna, 1, 300);
  EXPECT_EQ(ahead.turn(anna, 1), 500U);
  EXPECT_EQ(ahead.turn(anna, 2), calls_ahead::held);
}

// The way may be once more what it was: of two that are under way differently, one is waited for in any case.
TEST(CallsAhead, ThatWentTwoWaysAreWaitedForByBoth) {
  calls_ahead ahead;
  ahead.pass(anna, 1, 0);
  ahead.pass(anna, 2, 0);
  EXPECT_EQ(ahead.turn(anna, 1), calls_ahead::held);
  EXPECT_EQ(ahead.turn(anna, 2), calls_ahead::held);
}

class call_order : public ::testing::Test {
protected:
  call_order() {
    EXPECT_TRUE(client.exchange());
    client.open(7);
    EXPECT_GT(client.sign_up(9996612345), 0);
    node.router.way = 1;
    node.router.change = [this](const auto& request, const auto& reply) {
      if (is_call(request) && reply.status == cluster::reply_status::ok) {
        handled.push_back(request.token);
      }
    };
  }
  static bool is_call(const cluster::entity_request& request) { return request.type == cluster::request_type::call; }
  void settle() {
    node.loop.run();
    client.pump();
  }
  /// Calls stay where they are sent to, from now on.
  void keep_calls() {
    node.router.hold = [this](const auto& request) {
      if (is_call(request)) {
        kept.push_back(request.token);
      }
      return is_call(request);
    };
  }

  gateway_node node;
  wire_client client{node};
  std::vector<std::uint64_t> kept;
  std::vector<std::uint64_t> handled; ///< in this order
};

// Goal: a call that lies at a former leader is not overtaken by the next one, for which the new leader is known.
// Without that the second message of a client would be in its box before the first.
TEST_F(call_order, ACallWaitsForOneThatWentToTheFormerLeader) {
  keep_calls();
  const auto first = client.send_self();
  settle();
  node.router.way = 2;
  const auto second = client.send_self();
  const auto third = client.send_self();
  settle();
  EXPECT_EQ(kept.size(), 1U);
  node.router.release();
  settle();
  for (const auto call : {first, second, third}) {
    EXPECT_FALSE(client.wait(call).is_error);
  }
  EXPECT_EQ(handled.size(), 3U);
  EXPECT_TRUE(std::is_sorted(handled.begin(), handled.end()));
}

// And when the former leader refuses it, it is repeated ahead of the others.
TEST_F(call_order, ACallThatTheFormerLeaderRefusesIsRepeatedAheadOfTheNext) {
  keep_calls();
  const auto first = client.send_self();
  settle();
  node.router.way = 2;
  const auto second = client.send_self();
  settle();
  bool away = true;
  node.router.unavailable = [&](const auto& request) { return away && is_call(request); };
  node.router.release();
  settle();
  away = false;
  settle();
  EXPECT_TRUE(handled.empty()) << "both wait for the repeat";
  EXPECT_FALSE(client.wait(second).is_error);
  EXPECT_FALSE(client.wait(first).is_error);
  EXPECT_EQ(handled.size(), 2U);
  EXPECT_TRUE(std::is_sorted(handled.begin(), handled.end()));
}

// Two are under way, and the later one is refused first: its repeat knows of the new leader before the other does.
TEST_F(call_order, ARepeatWaitsForAnEarlierCallThatWentToTheFormerLeader) {
  keep_calls();
  const auto first = client.send_self();
  settle();
  bool refuse = true;
  node.router.hold = [&](const auto& request) { return is_call(request) && !refuse; };
  node.router.unavailable = [&](const auto& request) { return is_call(request) && refuse; };
  const auto second = client.send_self();
  settle();
  refuse = false;
  std::size_t repeated = 0;
  node.router.hold = [&](const auto& request) { return is_call(request) && ++repeated != 0; };
  node.router.way = 2;
  node.loop.advance(2000);
  EXPECT_EQ(repeated, 0U);
  node.router.release();
  EXPECT_FALSE(client.wait(first).is_error);
  EXPECT_FALSE(client.wait(second).is_error);
  EXPECT_EQ(handled.size(), 2U);
  EXPECT_TRUE(std::is_sorted(handled.begin(), handled.end()));
}

// While nothing changes calls are under way together, and whoever has another login by now waits for nobody.
TEST_F(call_order, CallsUnderOneLeaderDoNotWaitForEachOther) {
  keep_calls();
  (void)client.send_self();
  (void)client.send_self();
  settle();
  EXPECT_EQ(kept.size(), 2U);
}

// Goal: a client hears within limits::call_retry_ms, wherever its call lies; an answer after that is nobody's.
TEST_F(call_order, ACallThatLiesSomewhereFailsAtItsTime) {
  keep_calls();
  const auto first = client.send_self();
  settle();
  node.loop.advance(1000);
  const auto second = client.send_self();
  settle();
  node.loop.advance(limits::call_retry_ms - 1001);
  client.pump();
  EXPECT_FALSE(client.answers.contains(first));
  node.loop.advance(1);
  client.pump();
  ASSERT_TRUE(client.answers.contains(first));
  EXPECT_EQ(client.answers[first].error_text, "RPC_CALL_FAIL");
  EXPECT_FALSE(client.answers.contains(second));
  node.loop.advance(1000);
  client.pump();
  ASSERT_TRUE(client.answers.contains(second));
  EXPECT_EQ(node.part().session_counters().calls_running.value(), 0);
  node.router.release();
  settle();
  EXPECT_EQ(handled.size(), 2U);
  EXPECT_FALSE(client.call_self().is_error);
}

// One that waits for such a call is not held longer than that.
TEST_F(call_order, ACallIsHeldUntilTheOneAheadIsGivenUp) {
  keep_calls();
  const auto first = client.send_self();
  settle();
  node.router.way = 2;
  node.loop.advance(1000);
  const auto second = client.send_self();
  settle();
  node.loop.advance(limits::call_retry_ms - 1000);
  client.pump();
  EXPECT_EQ(client.answers[first].error_text, "RPC_CALL_FAIL");
  EXPECT_EQ(kept.size(), 2U);
  node.router.release();
  EXPECT_FALSE(client.wait(second).is_error);
}

// The same of calls that take several steps, each of which may lie somewhere; those behind it are answered, too.
TEST_F(call_order, ALoginThatLiesSomewhereFailsAtItsTime) {
  node.router.hold = [](const auto& request) { return request.type == cluster::request_type::command; };
  const auto first = client.send(tl::fn::auth_logOut{});
  const auto second = client.send(tl::fn::auth_logOut{});
  settle();
  node.loop.advance(limits::call_retry_ms - 1);
  client.pump();
  EXPECT_FALSE(client.answers.contains(first));
  node.loop.advance(1);
  client.pump();
  for (const auto call : {first, second}) {
    ASSERT_TRUE(client.answers.contains(call));
    EXPECT_EQ(client.answers[call].error_text, "RPC_CALL_FAIL");
  }
}

} // namespace
} // namespace godwit::test
