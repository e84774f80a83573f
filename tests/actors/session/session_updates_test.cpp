#include <gtest/gtest.h>

#include "protocol/tl/api/account.hpp"
#include "protocol/tl/api/account_fn.hpp"
#include "protocol/tl/api/auth_fn.hpp"
#include "protocol/tl/api/call_fn.hpp"
#include "protocol/tl/api/config_fn.hpp"
#include "protocol/tl/api/help_fn.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/users_fn.hpp"
#include "tests/actors/support/gateway_node.hpp"

namespace godwit::test {
namespace {

const std::string too_long("\x7e\xaf\x17\xe3", 4); // updatesTooLong
const std::string an_update("\x7e\xaf\x17\xe3"
                            "0123",
                            8); // of no kind; the session looks at none

class session_updates : public ::testing::Test {
protected:
  session_updates() {
    EXPECT_TRUE(client.exchange());
    client.open(7);
    user = user_id(client.sign_up(9996612345));
    settle();
  }
  void settle() {
    node.loop.run();
    client.pump();
  }
  std::vector<std::string> pushes() {
    settle();
    std::vector<std::string> found;
    for (const auto& each : std::exchange(client.seen.pushes, {})) {
      found.emplace_back(each.text());
    }
    return found;
  }

  gateway_node node;
  wire_client client{node};
  user_id user;
};

TEST_F(session_updates, ALoggedInSessionHearsOfItsAccount) {
  EXPECT_EQ(node.router.listening(user), 1U);
  node.router.push(user, an_update);
  EXPECT_EQ(pushes(), std::vector{an_update});
}

TEST_F(session_updates, AnotherSessionOfTheKeyListensOnceItMakesACall) {
  wire_client second(node);
  second.key = client.key;
  second.open(8);
  EXPECT_FALSE(second.call_self().is_error);
  node.loop.run();
  EXPECT_EQ(node.router.listening(user), 2U);
}

// https://core.telegram.org/api/invoking#invokewithoutupdates: a session for files alone gets no updates.
TEST_F(session_updates, ASessionThatWantsNoUpdatesGetsNone) {
  wire_client second(node);
  second.key = client.key;
  second.open(8);
  tl::fn::invokeWithoutUpdates quiet;
  const std::string inner = second.bytes(tl::fn::help_getConfig{});
  quiet.query = inner;
  EXPECT_FALSE(second.call(quiet).is_error);
  node.loop.run();
  EXPECT_EQ(node.router.listening(user), 1U);
}

TEST_F(session_updates, WhenTheAccountsActorGoesAwayTheSessionListensToTheNext) {
  node.router.lose_account(user);
  node.loop.run();
  EXPECT_EQ(node.router.listening(user), 0U);
  node.loop.advance(limits::ask_again_ms);
  EXPECT_EQ(node.router.listening(user), 1U);
  EXPECT_TRUE(pushes().empty()) << "nothing happened in between";
  node.router.push(user, an_update);
  EXPECT_EQ(pushes().size(), 1U);
}

TEST_F(session_updates, WhatMayHaveBeenMissedIsToldAsTooLong) {
  node.router.push(user, an_update);
  EXPECT_EQ(pushes().size(), 1U);
  node.router.lose_account(user);
  node.loop.run();
  node.loop.advance(limits::ask_again_ms);
  EXPECT_EQ(pushes(), std::vector{too_long});
}

TEST_F(session_updates, ListeningIsTriedAgainWhileTheAccountsShardIsUnavailable) {
  node.router.unavailable = [](const auto&) { return true; };
  node.router.lose_account(user);
  node.loop.run();
  node.loop.advance(20'000);
  EXPECT_EQ(node.router.listening(user), 0U);
  node.router.unavailable = nullptr;
  node.loop.advance(2 * limits::ask_again_ms_max);
  EXPECT_EQ(node.router.listening(user), 1U);
}

// More updates than a client acknowledges: one updatesTooLong in their place, and bounded memory.
TEST_F(session_updates, AClientThatFallsBehindIsToldToAskForTheDifference) {
  client.session->set_silent(true);
  for (std::size_t i = 0; i < limits::kept_pushes_max + 100; ++i) {
    node.router.push(user, an_update);
    node.loop.run();
  }
  const auto all = pushes();
  EXPECT_EQ(std::count(all.begin(), all.end(), too_long), 1);
  EXPECT_EQ(std::count(all.begin(), all.end(), an_update), static_cast<std::ptrdiff_t>(limits::kept_pushes_max));
  EXPECT_GE(node.part().session_counters().pushes_lost.value(), 1U);
}

// "A terminated session is told at once and can do nothing more."
TEST_F(session_updates, ATerminatedSessionIsClosedAndUnregistered) {
  wire_client other(node);
  ASSERT_TRUE(other.exchange());
  other.open(1);
  EXPECT_EQ(other.sign_up(9996612345), user.value()) << "a second device of the account";
  EXPECT_FALSE(client.call_self().is_error);
  // The one that stays ends all others; what clients of a day may do is bounded, so it is an old one.
  node.loop.advance(2 * 86'400'000ULL);
  client.connect();
  EXPECT_FALSE(client.call_self().is_error);
  other.connect();
  EXPECT_FALSE(other.call_self().is_error);
  wire_client beside(node); // a second session of the key that is to go
  beside.key = other.key;
  beside.open(2);
  EXPECT_FALSE(beside.call_self().is_error);
  const auto connection = other.connection;
  const auto answer = client.call(tl::fn::auth_resetAuthorizations{});
  ASSERT_FALSE(answer.is_error) << answer.error_text;
  node.loop.run();
  EXPECT_TRUE(connection->is_closed());
  EXPECT_EQ(connection->error, actors::transport_error::none) << "the key itself is good";
  EXPECT_TRUE(beside.connection->is_closed());
  other.connect();
  const auto after = other.call_self();
  EXPECT_EQ(after.error_code, 401);
  EXPECT_EQ(after.error_text, "AUTH_KEY_UNREGISTERED");
  EXPECT_FALSE(client.call_self().is_error);
}

TEST_F(session_updates, AfterLogOutTheSessionHearsNothingAndIsUnregistered) {
  EXPECT_FALSE(client.call(tl::fn::auth_logOut{}).is_error);
  settle();
  EXPECT_EQ(node.router.listening(user), 0U);
  EXPECT_EQ(client.call_self().error_text, "AUTH_KEY_UNREGISTERED");
  EXPECT_FALSE(client.connection->is_closed());
  // And in again, as the same user, on the same key.
  EXPECT_EQ(client.sign_up(9996612345), user.value());
  settle();
  EXPECT_EQ(node.router.listening(user), 1U);
}

} // namespace
} // namespace godwit::test
