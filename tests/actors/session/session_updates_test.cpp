#include <gtest/gtest.h>

#include "protocol/mtproto/message/constructors.hpp"
#include "protocol/mtproto/message/service_bodies.hpp"
#include "protocol/tl/api/account.hpp"
#include "protocol/tl/api/account_fn.hpp"
#include "protocol/tl/api/auth_fn.hpp"
#include "protocol/tl/api/call_fn.hpp"
#include "protocol/tl/api/config_fn.hpp"
#include "protocol/tl/api/help_fn.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/users_fn.hpp"
#include "tests/actors/session/session_updates.hpp"

namespace godwit::test {
namespace {

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

// The account tells what came after that, so nothing has to be fetched.
TEST_F(session_updates, TheNextActorIsAskedForWhatCameAfterTheLastUpdate) {
  push(41);
  push(42);
  EXPECT_EQ(pushes(), (std::vector{update(41), update(42)}));
  lose_account();
  EXPECT_EQ(node.router.subscribed_with.back(), 42);
  EXPECT_TRUE(pushes().empty()) << "whether something was missed is the account's to say";
}

TEST_F(session_updates, WhatTheClientHasIsNotToldAgain) {
  push(41);
  push(42);
  lose_account();
  push(41);
  push(42);
  push(43);
  EXPECT_EQ(pushes(), (std::vector{update(41), update(42), update(43)}));
}

TEST_F(session_updates, UpdatesWithoutAPositionAreAlwaysTold) {
  push(41);
  node.router.push(user, an_update);
  node.router.push(user, an_update);
  EXPECT_EQ(pushes(), (std::vector{update(41), an_update, an_update}));
}

// The client sent a message itself: it is where the answer says, and no update told it so.
TEST_F(session_updates, AnAnswerBringsTheClientToItsPosition) {
  push(41);
  answer_with(42, 1);
  EXPECT_FALSE(client.call_self().is_error);
  push(42);
  push(43);
  lose_account();
  EXPECT_EQ(pushes(), (std::vector{update(41), update(43)}));
  EXPECT_EQ(node.router.subscribed_with.back(), 43);
}

TEST_F(session_updates, AnAnswerOfThePastTakesNothingBack) {
  push(41);
  push(42);
  answer_with(30, 1); // a repeated random_id
  EXPECT_FALSE(client.call_self().is_error);
  push(42);
  lose_account();
  EXPECT_EQ(pushes(), (std::vector{update(41), update(42)}));
  EXPECT_EQ(node.router.subscribed_with.back(), 42);
}

// A call that is made again may be answered by the next actor before that knows of the session: what came in
// between is not told yet, so the answer must not hide it.
TEST_F(session_updates, AnAnswerThatComesAheadOfTheSubscriptionHidesNothing) {
  push(41);
  node.router.lose_account(user);
  node.loop.run();
  answer_with(43);
  EXPECT_FALSE(client.call_self().is_error);
  node.loop.advance(limits::ask_again_ms);
  EXPECT_EQ(node.router.subscribed_with.back(), 41);
  push(42);
  push(43);
  EXPECT_EQ(pushes(), (std::vector{update(41), update(42), update(43)}));
}

// The same while the account tells what was missed. What an answer counts as its own change is another matter: that is
// told by it, then as ever, and nothing else is.
TEST_F(session_updates, AnAnswerAmongWhatWasMissedHidesNothing) {
  push(41);
  lose_account(44);
  answer_with(45);
  EXPECT_FALSE(client.call_self().is_error);
  for (std::int32_t pts = 42; pts <= 45; ++pts) {
    push(pts);
  }
  EXPECT_EQ(pushes().size(), 5U);
  answer_with(46, 1);
  EXPECT_FALSE(client.call_self().is_error);
  push(46);
  EXPECT_TRUE(pushes().empty());
}

// --- what the client changed itself ---------------------------------------------------------------------

// The account's next actor tells everything that came after a position, and does not know who heard what by answers.
TEST_F(session_updates, AnOwnChangeIsNotToldAgainAfterTheAccountMoved) {
  push(41);
  node.router.lose_account(user);
  node.loop.run();
  answer_with(44, 2);
  EXPECT_FALSE(client.call_self().is_error);
  node.loop.advance(limits::ask_again_ms);
  EXPECT_EQ(node.router.subscribed_with.back(), 41) << "42 may be another's";
  for (std::int32_t pts = 42; pts <= 45; ++pts) {
    push(pts);
  }
  EXPECT_EQ(pushes(), (std::vector{update(41), update(42), update(45)}));
  lose_account();
  node.loop.advance(limits::ask_again_ms_max);
  EXPECT_EQ(node.router.subscribed_with.back(), 45);
}

TEST_F(session_updates, AnOwnChangeAheadOfAnothersIsNoHole) {
  push(41);
  answer_with(44, 2);
  EXPECT_FALSE(client.call_self().is_error);
  push(42);
  push(45);
  lose_account();
  EXPECT_EQ(node.router.subscribed_with.back(), 45);
  EXPECT_EQ(pushes(), (std::vector{update(41), update(42), update(45)}));
}

// A call was carried out, and its answer died with a node: the account tells the same again when it is repeated.
TEST_F(session_updates, AnAnswerThatWasLostAndIsRepeatedLeavesNoHole) {
  push(41);
  begin_call();
  node.router.lose_account(user);
  push(43); // nobody hears it
  answer_with(42, 1);
  node.router.release();
  node.loop.run();
  answer_subscriptions_with(43);
  node.loop.advance(limits::ask_again_ms);
  EXPECT_EQ(node.router.subscribed_with.back(), 42);
  push(43);
  push(44);
  EXPECT_EQ(pushes(), (std::vector{update(41), update(43), update(44)}));
}

// Goal: what was carried out before its account moved is told by its answer, not told anew before that. Method: an
// answer that comes, and one that does not.
TEST_F(session_updates, CallsOfBeforeAreAnsweredBeforeItListensAnew) {
  push(41);
  begin_call();
  const std::size_t asked = node.router.subscribed_with.size();
  node.router.lose_account(user);
  node.loop.run();
  node.loop.advance(2000);
  EXPECT_EQ(node.router.subscribed_with.size(), asked);
  answer_with(42, 1);
  node.router.release();
  node.loop.run();
  EXPECT_EQ(node.router.subscribed_with.size(), asked + 1);
  EXPECT_EQ(node.router.subscribed_with.back(), 42);

  node.loop.advance(3000);
  begin_call();
  node.router.lose_account(user);
  node.loop.run();
  node.loop.advance(4900);
  EXPECT_EQ(node.router.subscribed_with.size(), asked + 1);
  node.loop.advance(200);
  EXPECT_EQ(node.router.subscribed_with.size(), asked + 2) << "others may write meanwhile";
}

// Goal: what is told anew does not come before the answer that tells of it. Method: a call that was made while nobody led
// the account was carried out by a leader that is gone, and is repeated at the next one, which finds it later than it tells.
TEST_F(session_updates, WhatIsToldAnewWaitsForTheAnswersToEarlierCalls) {
  push(41);
  node.router.lose_account(user);
  node.loop.run();
  begin_call();
  answer_subscriptions_with(44);
  node.loop.advance(limits::ask_again_ms);
  ASSERT_EQ(node.router.subscribed_with.back(), 41);
  push(42);
  push(43);
  node.router.push(user, an_update);
  push(44);
  EXPECT_EQ(pushes(), std::vector{update(41)});
  answer_with(43, 1);
  node.router.release();
  EXPECT_EQ(pushes(), (std::vector{update(42), an_update, update(44)}));

  begin_call(); // it may be carried out while the account tells what was missed
  push(45);
  EXPECT_TRUE(pushes().empty());
  answer_with(45, 1);
  node.router.release();
  EXPECT_TRUE(pushes().empty());
  node.loop.advance(1600);
  begin_call();
  push(46);
  EXPECT_EQ(pushes(), std::vector{update(46)}) << "everything was told anew long ago";
  node.router.change = nullptr;
  node.router.release();
}

TEST_F(session_updates, WhatIsToldAnewDoesNotWaitForLong) {
  push(41);
  node.router.lose_account(user);
  node.loop.run();
  begin_call();
  answer_subscriptions_with(43);
  node.loop.advance(limits::ask_again_ms);
  push(42);
  push(43);
  node.loop.advance(1000);
  EXPECT_EQ(pushes(), std::vector{update(41)});
  node.loop.advance(600);
  EXPECT_EQ(pushes(), (std::vector{update(42), update(43)})) << "nothing is missing";
  push(44);
  EXPECT_EQ(pushes(), std::vector{update(44)});
}

// --- how it begins -------------------------------------------------------------------------------------

// A client that hears its state before its account tells anything: what happened in between is asked for.
TEST_F(session_updates, WhatHappenedBetweenTheFirstAnswerAndTheSubscriptionIsAskedFor) {
  wire_client second(node);
  second.key = client.key;
  second.open(8);
  node.router.hold = is_subscription;
  answer_with(50);
  EXPECT_FALSE(second.call_self().is_error);
  answer_subscriptions_with(52);
  node.router.subscribed_with.clear();
  node.router.release();
  node.loop.run();
  EXPECT_EQ(node.router.subscribed_with, (std::vector<std::int32_t>{0, 50}));
}

// Between the answer to updates.getState and the first update nothing may fall: the account knows of the session
// when it answers.
TEST_F(session_updates, TheAccountKnowsOfTheSessionBeforeItsFirstCall) {
  wire_client second(node);
  second.key = client.key;
  second.open(8);
  std::vector<bool> subscriptions;
  node.router.change = [&](const cluster::entity_request& request, cluster::entity_reply&) {
    if (request.to.kind == cluster::entity_kind::user) {
      subscriptions.push_back(is_subscription(request));
    }
  };
  EXPECT_FALSE(second.call_self().is_error);
  EXPECT_EQ(subscriptions, (std::vector{true, false}));
}

// Another login has another box.
TEST_F(session_updates, APositionIsOfOneAccountAlone) {
  push(41);
  EXPECT_FALSE(client.call(tl::fn::auth_logOut{}).is_error);
  settle();
  const user_id other(client.sign_up(9996612346));
  settle();
  ASSERT_NE(other, user);
  EXPECT_EQ(node.router.subscribed_with.back(), 0);
  node.router.push(other, update(7), 7);
  const auto heard = pushes();
  EXPECT_EQ(std::count(heard.begin(), heard.end(), update(7)), 1);
}

// What the last account still says comes late, and its positions are of another box.
TEST_F(session_updates, WhatComesLateOfTheLastAccountMovesNothing) {
  push(41);
  node.router.hold = [](const cluster::entity_request& request) {
    command::UserCommand what;
    return request.type == cluster::request_type::call ||
           (request.to.kind == cluster::entity_kind::user && what.ParseFromString(request.body) &&
            what.has_unsubscribe());
  };
  (void)client.send_self();
  node.loop.run();
  EXPECT_FALSE(client.call(tl::fn::auth_logOut{}).is_error);
  answer_subscriptions_with(6);
  const user_id other(client.sign_up(9996612346));
  settle();
  ASSERT_NE(other, user);
  ASSERT_EQ(node.router.listening(user), 1U) << "the account does not know that nobody listens";
  push(1000);
  node.loop.run();
  node.router.push(other, update(7), 7);
  auto heard = pushes();
  EXPECT_EQ(std::count(heard.begin(), heard.end(), update(1000)), 0) << "another account's";
  EXPECT_EQ(std::count(heard.begin(), heard.end(), update(7)), 1);
  node.router.change = [](const cluster::entity_request& request, cluster::entity_reply& reply) {
    if (request.type == cluster::request_type::call) {
      reply.status = cluster::reply_status::ok;
      reply.pts = 1000;
    }
  };
  node.router.release();
  node.loop.run();
  node.router.push(other, update(8), 8);
  heard = pushes();
  EXPECT_EQ(std::count(heard.begin(), heard.end(), update(8)), 1);
}

// Its client wants no answer any more, so none brings it anywhere.
TEST_F(session_updates, TheAnswerToACallThatWasDroppedMovesNothing) {
  push(41);
  settle();
  answer_with(1000);
  node.router.hold = [](const auto& request) { return request.type == cluster::request_type::call; };
  const msg_id call = client.session->sent_as(client.send_self());
  node.loop.run();
  client.session->send_service(mtproto::body::with_long(mtproto::constructor::rpc_drop_answer, call.value()),
                               node.loop.wall_time(), true);
  client.flush();
  node.loop.run();
  node.router.release();
  node.loop.run();
  push(42);
  EXPECT_EQ(pushes(), (std::vector{update(41), update(42)}));
}

// Too many sessions listen to the account already: some of them end.
TEST_F(session_updates, AnAccountThatWillNotTellIsAskedAgainAfterAMinute) {
  bool refuses = true;
  node.router.change = [&](const cluster::entity_request& request, cluster::entity_reply& reply) {
    if (refuses && is_subscription(request)) {
      reply.status = cluster::reply_status::error;
      reply.error = rpc_error(rpc_errc::flood_wait, 60);
    }
  };
  node.router.lose_account(user);
  node.loop.run();
  node.loop.advance(limits::ask_again_ms);
  const std::size_t asked = node.router.subscribed_with.size();
  refuses = false;
  node.loop.advance(59'000);
  EXPECT_EQ(node.router.subscribed_with.size(), asked);
  node.loop.advance(1000);
  EXPECT_EQ(node.router.subscribed_with.size(), asked + 1);
  push(41);
  EXPECT_EQ(pushes(), std::vector{update(41)});
}

// What was pushed and not acknowledged comes again over the next connection, ahead of what is new.
TEST_F(session_updates, UnacknowledgedUpdatesSurviveAReconnect) {
  push(41);
  node.loop.run();
  client.hang_up(); // nothing of it was read
  push(42);
  node.loop.run();
  client.connect();
  EXPECT_FALSE(client.call_self().is_error);
  EXPECT_EQ(pushes(), (std::vector{update(41), update(42)}));
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

// The client came for the difference, and acknowledged nothing: what it loses from here on it does not know of.
TEST_F(session_updates, AClientThatWasToldOnceIsToldOfTheNextLossToo) {
  client.session->set_silent(true);
  for (std::size_t i = 0; i < limits::kept_pushes_max + 2; ++i) {
    node.router.push(user, an_update);
    node.loop.run();
  }
  const auto all = pushes();
  EXPECT_EQ(std::count(all.begin(), all.end(), too_long), 1);
  answer_with(50);
  EXPECT_FALSE(client.call_self().is_error);
  node.router.push(user, an_update);
  EXPECT_EQ(pushes(), std::vector{too_long});
  node.router.push(user, an_update);
  EXPECT_TRUE(pushes().empty());
}

// A node has many sessions whose clients are away: each keeps little for them.
TEST_F(session_updates, AClientThatIsAwayFindsAFewUpdatesAndIsToldToAskForTheRest) {
  client.hang_up();
  for (std::int32_t pts = 41; pts < 141; ++pts) {
    push(pts);
    node.loop.run();
  }
  client.connect();
  EXPECT_FALSE(client.call_self().is_error);
  const auto heard = pushes();
  ASSERT_EQ(heard.size(), limits::lingering_pushes_max + 1);
  EXPECT_EQ(heard.front(), update(41));
  EXPECT_EQ(heard.back(), too_long);
  push(141);
  EXPECT_EQ(pushes(), std::vector{update(141)}) << "with a connection there is room again";
}

TEST_F(session_updates, LargeUpdatesForAClientThatIsAwayAreBoundedInBytesAndCounted) {
  const std::string large = an_update + std::string(limits::lingering_pushes_bytes_max / 2 - an_update.size(), 'x');
  client.hang_up();
  const auto& counted = node.part().session_counters().lingering_bytes;
  const std::int64_t before = counted.value();
  EXPECT_GT(before, 0);
  for (int i = 0; i < 4; ++i) {
    node.router.push(user, large);
    node.loop.run();
  }
  EXPECT_GE(counted.value(), before + static_cast<std::int64_t>(limits::lingering_pushes_bytes_max));
  EXPECT_LT(counted.value(), before + static_cast<std::int64_t>(2 * limits::lingering_pushes_bytes_max));
  client.connect();
  EXPECT_FALSE(client.call_self().is_error);
  EXPECT_EQ(pushes(), (std::vector{large, large, too_long}));
  EXPECT_EQ(counted.value(), 0);
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
