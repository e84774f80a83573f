// What neither a push nor an answer told, and what waits because an answer may tell it.

#include <gtest/gtest.h>

#include <algorithm>

#include "protocol/tl/api/auth_fn.hpp"
#include "tests/actors/session/session_updates.hpp"

namespace godwit::test {
namespace {

class session_holes : public session_updates {
protected:
  /// The client acknowledges nothing from here on, and as many updates wait for it as are kept.
  void fill() {
    client.flush();
    node.loop.run();
    client.session->set_silent(true);
    for (std::size_t i = 0; i < limits::kept_pushes_max; ++i) {
      node.router.push(user, an_update);
      node.loop.run();
    }
    EXPECT_EQ(pushes().size(), limits::kept_pushes_max);
  }
};

// Something happened in this session's name, and its answer went elsewhere.
TEST_F(session_holes, AHoleThatNothingExplainsIsToldOnce) {
  push(41);
  push(43);
  push(44);
  EXPECT_EQ(pushes(), (std::vector{update(41), too_long, update(43), update(44)}));
  lose_account();
  EXPECT_EQ(node.router.subscribed_with.back(), 44);
  push(50);
  EXPECT_EQ(pushes(), (std::vector{too_long, update(50)})) << "another hole is another matter";
}

// An answer that had to wait for the cards of others comes behind a push of later.
TEST_F(session_holes, AnAnswerBehindALaterPushFillsItsHole) {
  push(41);
  begin_call();
  push(43);
  push(44);
  EXPECT_EQ(pushes(), std::vector{update(41)});
  answer_with(42, 1);
  node.router.release();
  EXPECT_EQ(pushes(), (std::vector{update(43), update(44)}));
}

TEST_F(session_holes, AHoleThatTheAnswerDoesNotFillIsOne) {
  push(41);
  begin_call();
  push(43);
  push(44);
  answer_with(44); // it says where the box is
  node.router.release();
  EXPECT_EQ(pushes(), (std::vector{update(41), too_long, update(43), update(44)}));
}

// Goal: waiting for an answer has an end, by time and by number.
TEST_F(session_holes, AnAnswerThatDoesNotComeIsNotWaitedForLong) {
  push(41);
  begin_call();
  push(43);
  node.loop.advance(1000);
  EXPECT_EQ(pushes(), std::vector{update(41)});
  node.loop.advance(600);
  EXPECT_EQ(pushes(), (std::vector{too_long, update(43)}));
  answer_with(42, 1);
  node.router.release();
  EXPECT_TRUE(pushes().empty());

  begin_call();
  std::vector<std::string> wanted{too_long};
  for (std::int32_t pts = 45; pts < 45 + 140; ++pts) {
    push(pts);
    wanted.push_back(update(pts));
  }
  EXPECT_EQ(pushes(), wanted);
  node.router.release();
}

// The account goes away while something waits: the next one tells it.
TEST_F(session_holes, WhatWaitsIsToldByTheNextActor) {
  push(41);
  begin_call();
  push(43);
  node.router.lose_account(user);
  node.loop.run();
  answer_with(42, 1);
  node.router.release();
  node.loop.run();
  node.loop.advance(limits::ask_again_ms);
  EXPECT_EQ(node.router.subscribed_with.back(), 42);
  push(43);
  EXPECT_EQ(pushes(), (std::vector{update(41), update(43)}));
}

// --- several holes -------------------------------------------------------------------------------------

// Goal: what comes later may be in want of a later call. Method: two calls, each of which made the change ahead of one
// push; the second one is answered when the first one is long done.
TEST_F(session_holes, EachPushWaitsForTheCallsThatWereMadeBeforeIt) {
  push(41);
  begin_call();
  push(43);
  begin_call();
  push(45);
  std::size_t answers = 0;
  node.router.change = [&answers](const cluster::entity_request& request, cluster::entity_reply& reply) {
    if (request.type != cluster::request_type::call) {
      return;
    }
    ++answers;
    reply.status = answers == 2 ? cluster::reply_status::unavailable : cluster::reply_status::ok;
    reply.pts = answers == 1 ? 42 : 44;
    reply.pts_count = 1;
  };
  node.router.release();
  EXPECT_EQ(pushes(), (std::vector{update(41), update(43)}));
  node.loop.advance(limits::ask_again_ms);
  EXPECT_EQ(answers, 3U);
  EXPECT_EQ(pushes(), std::vector{update(45)});
}

TEST_F(session_holes, EachPushWaitsFromWhenItCame) {
  push(41);
  begin_call();
  push(43);
  node.loop.advance(1000);
  begin_call();
  push(45);
  node.loop.advance(600);
  EXPECT_EQ(pushes(), (std::vector{update(41), too_long, update(43)}));
  answer_with(44, 1);
  node.router.release();
  EXPECT_EQ(pushes(), std::vector{update(45)});
}

// --- whoever is logged in next -------------------------------------------------------------------------

TEST_F(session_holes, WhatWaitsIsNotToldAfterALogOut) {
  push(41);
  begin_call();
  push(43);
  EXPECT_EQ(pushes(), std::vector{update(41)});
  EXPECT_FALSE(client.call(tl::fn::auth_logOut{}).is_error);
  EXPECT_TRUE(pushes().empty());
  node.loop.advance(2000);
  EXPECT_TRUE(pushes().empty());
  node.router.release();
}

TEST_F(session_holes, WhatWaitsIsNotToldWhenTheLoginWasEnded) {
  cluster::entity_push ended;
  ended.kind = cluster::push_kind::ended;
  node.router.change = [&ended](const cluster::entity_request& request, cluster::entity_reply& /*reply*/) {
    ended.number = request.from.authorization.value();
  };
  EXPECT_FALSE(client.call_self().is_error);
  push(41);
  begin_call();
  push(43);
  EXPECT_EQ(pushes(), std::vector{update(41)});
  const auto connection = client.connection;
  node.router.tell(user, ended);
  EXPECT_TRUE(pushes().empty());
  EXPECT_TRUE(connection->is_closed());
  node.router.release();
}

// --- more than fits ------------------------------------------------------------------------------------

TEST_F(session_holes, WhoeverWasToldToAskForTheDifferenceIsNotToldOfAHoleAsWell) {
  push(41);
  EXPECT_EQ(pushes(), std::vector{update(41)});
  fill();
  node.router.push(user, an_update);
  EXPECT_EQ(pushes(), std::vector{too_long});
  push(43);
  push(45);
  EXPECT_TRUE(pushes().empty());
}

// Goal: that something is missing is not forgotten because not even this fits. Method: answers, each of which may have
// made up for the loss before it, until updatesTooLong is taken no more; then the client acknowledges everything.
TEST_F(session_holes, ThatSomethingIsMissingIsToldAsSoonAsThereIsRoom) {
  fill();
  answer_with(50);
  std::size_t told = 0;
  for (std::size_t before = told + 1; before != told;) {
    before = told;
    EXPECT_FALSE(client.call_self().is_error);
    node.router.push(user, an_update);
    told += pushes().size();
  }
  EXPECT_GT(told, 1U);
  client.session->set_silent(false);
  client.flush();
  EXPECT_EQ(pushes(), std::vector{too_long});
  node.router.push(user, an_update);
  EXPECT_EQ(pushes(), std::vector{an_update});
}

} // namespace
} // namespace godwit::test
