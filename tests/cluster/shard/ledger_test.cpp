#include <gtest/gtest.h>

#include "cluster/shard/request_ledger.hpp"
#include "cluster/shard/restart_budget.hpp"

namespace godwit::cluster {
namespace {

entity_request_ptr request_to(std::uint64_t id) {
  auto out = caf::make_counted<entity_request>();
  out->to = {entity_kind::user, entity_id{id}};
  return out;
}

// Goal: each request ends once, whoever tries. Method: it is ended, taken by time and taken by entity.
TEST(request_ledger, ARequestEndsOnce) {
  request_ledger ledger(100);
  const entity_request_ptr one = request_to(1);
  const entity_request_ptr two = request_to(2);
  ledger.begin(one, 1000);
  ledger.begin(two, 1001);
  ledger.forwarded(*one);
  ledger.forwarded(*two);
  EXPECT_EQ(ledger.size(), 2U);
  EXPECT_TRUE(ledger.end(*one));
  EXPECT_FALSE(ledger.end(*one));
  EXPECT_TRUE(ledger.take_due(1100).empty());
  EXPECT_EQ(ledger.take_due(1101), std::vector{two});
  EXPECT_FALSE(ledger.end(*two));
  EXPECT_TRUE(ledger.take_forwarded(two->to).empty());
  EXPECT_TRUE(ledger.empty());
}

// Goal: the end of an entity takes what it was given and leaves what waits for its successor.
TEST(request_ledger, WhatWasNotForwardedStays) {
  request_ledger ledger(100);
  const entity_request_ptr given = request_to(1);
  const entity_request_ptr waits = request_to(1);
  const entity_request_ptr other = request_to(2);
  for (const entity_request_ptr& each : {given, waits, other}) {
    ledger.begin(each, 1);
  }
  ledger.forwarded(*given);
  ledger.forwarded(*other);
  EXPECT_EQ(ledger.take_forwarded(given->to), std::vector{given});
  EXPECT_TRUE(ledger.holds(*waits));
  EXPECT_TRUE(ledger.holds(*other));
  EXPECT_EQ(ledger.take_waiting(), std::vector{waits});
  EXPECT_EQ(ledger.size(), 1U);
}

// Goal: or it takes all that was asked of the entity, in order, and leaves what others were asked.
TEST(request_ledger, AllOfOneEntityIsTakenInOrder) {
  request_ledger ledger(100);
  const entity_request_ptr given = request_to(1);
  const entity_request_ptr other = request_to(2);
  const entity_request_ptr waits = request_to(1);
  for (const entity_request_ptr& each : {given, other, waits}) {
    ledger.begin(each, 1);
  }
  ledger.forwarded(*given);
  EXPECT_EQ(ledger.take_to(given->to), (std::vector{given, waits}));
  EXPECT_EQ(ledger.take_all(), std::vector{other});
}

// Goal: the oldest says when there is something to do, also when those before it ended out of order.
TEST(request_ledger, TheOldestInFlightIsDueFirst) {
  request_ledger ledger(100);
  const entity_request_ptr one = request_to(1);
  const entity_request_ptr two = request_to(2);
  const entity_request_ptr three = request_to(3);
  EXPECT_EQ(ledger.due(), 0U);
  ledger.begin(one, 10);
  ledger.begin(two, 20);
  ledger.begin(three, 30);
  ledger.end(*two);
  EXPECT_EQ(ledger.due(), 110U);
  ledger.end(*one);
  EXPECT_EQ(ledger.due(), 130U);
}

// Goal: an asker may send the same request again after `unavailable`, while the entity still works on the first
// sending; there is one answer for each sending that was not answered.
TEST(request_ledger, ARequestSentAgainIsOneInFlight) {
  request_ledger ledger(100);
  const entity_request_ptr one = request_to(1);
  ledger.begin(one, 10);
  ledger.begin(one, 50);
  EXPECT_EQ(ledger.size(), 1U);
  EXPECT_EQ(ledger.due(), 150U);
  EXPECT_TRUE(ledger.end(*one));
  EXPECT_FALSE(ledger.end(*one));
}

// Goal: an entity that fails too often in the window is refused for the time given, and begins anew then.
TEST(restart_budget, RefusesAfterTheLastFailureOfTheWindow) {
  restart_budget budget({3, 1000, 500});
  const entity_ref who{entity_kind::user, entity_id{7}};
  EXPECT_FALSE(budget.failed(who, 10));
  EXPECT_FALSE(budget.failed(who, 20));
  EXPECT_FALSE(budget.refused(who, 20));
  EXPECT_TRUE(budget.failed(who, 30));
  EXPECT_TRUE(budget.refused(who, 529));
  EXPECT_FALSE(budget.refused(who, 530));
  EXPECT_FALSE(budget.refused({entity_kind::user, entity_id{8}}, 100));
}

// Goal: failures far apart are not added up, and old ones are forgotten, so that memory stays bounded.
TEST(restart_budget, OldFailuresAreForgotten) {
  restart_budget budget({2, 1000, 500});
  for (std::uint64_t i = 0; i < 100; ++i) {
    EXPECT_FALSE(budget.failed({entity_kind::user, entity_id{7}}, i * 1000));
    EXPECT_FALSE(budget.failed({entity_kind::user, entity_id{1000 + i}}, i * 1000));
  }
  EXPECT_LE(budget.size(), 4U);
}

} // namespace
} // namespace godwit::cluster
