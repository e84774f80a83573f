// Lanes when something is wrong for long: entities that fail, destinations that are silent, logs that lost their end,
// replicas without room. On virtual time.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/cluster/shard/lane_world.hpp"

namespace godwit::test {
namespace {

using namespace cluster; // NOLINT: the subject
using persistence::records::table;
using strings = std::vector<std::string>;

constexpr int always = 1'000'000;

bool goes_to(const lane_message& what, std::uint16_t shard) { return what.to == shard_id{shard}; }

// --- entities that fail -------------------------------------------------------------------------------

// Goal: an entity that fails over one delivery has only that one put aside, however many others it had at the time; and
// these do not wait until it is. Method: three lanes to one entity; the faulty delivery is never the last it was given.
TEST(lane_trouble, OnlyTheFaultyDeliveryIsPutAside) {
  lane_world world;
  world.entities.faults["1:1"] = always;
  for (const std::uint64_t sender : {1, 3, 4, 7}) {
    world.ask(sender, "send 2 2 2");
  }
  world.settle();
  world.advance(limits::lane_retry_ms);
  world.settle();
  EXPECT_EQ(world.counters.lane_put_aside.value(), 0U);
  EXPECT_EQ(world.received(3, 2).size(), 6U) << "they did nothing wrong";
  EXPECT_EQ(world.received(0, 2).size(), 3U);
  ASSERT_TRUE(world.drain());
  EXPECT_EQ(world.counters.lane_put_aside.value(), 1U);
  EXPECT_EQ(world.rows(2, table::lane_refused), 1U);
  EXPECT_EQ(world.received(1, 2), (strings{"1:1", "1:2", "1:3"}));
  EXPECT_EQ(world.violation(), "");
}

// Goal: the same with two faulty ones at a time, and a delivery that comes while they are tried.
TEST(lane_trouble, EveryFaultyDeliveryIsFound) {
  lane_world world;
  world.entities.faults["1:1"] = always;
  world.entities.faults["3:2"] = always;
  for (const std::uint64_t sender : {1, 3, 4}) {
    world.ask(sender, "send 2 2 2");
  }
  world.settle();
  world.ask(6, "send 2");
  ASSERT_TRUE(world.drain());
  EXPECT_EQ(world.counters.lane_put_aside.value(), 2U);
  EXPECT_EQ(world.received(2, 2), strings{"6:1"});
  EXPECT_EQ(world.received(3, 2), (strings{"3:1", "3:2", "3:3"}));
  EXPECT_EQ(world.violation(), "");
  world.ask(1, "send 2");
  world.ask(3, "send 2");
  world.settle();
  EXPECT_EQ(world.received(1, 2).size() + world.received(3, 2).size(), 8U) << "nobody waits any more";
}

// Goal: what fails again and again is tried less and less often, but at least every lane_retry_max_ms.
TEST(lane_trouble, PausesBetweenAttemptsDouble) {
  host_limits limits;
  limits.delivery_attempts_max = always;
  lane_world world(limits);
  world.entities.faults["1:1"] = always;
  world.ask(1, "send 2");
  for (int i = 0; i < 1200; ++i) {
    world.settle();
    world.advance(50);
  }
  EXPECT_GE(world.entities.handled, 9);
  EXPECT_LE(world.entities.handled, 14);
  world.entities.faults.clear();
  world.advance(limits.lane_retry_max_ms);
  EXPECT_TRUE(world.drain());
}

// --- terms --------------------------------------------------------------------------------------------

// Goal: a new leader of the source asks when it can hear the answers, so that all its lanes go on at once, and not when
// their silence is noticed. Method: everything that was sent is lost; no time passes after the restart.
TEST(lane_trouble, ANewLeaderOfTheSourceGoesOnAtOnce) {
  lane_world world;
  world.intercept = [](const lane_message&) { return true; };
  world.ask(1, "send 0 1 2 3");
  world.settle();
  world.intercept = nullptr;
  world.restart(1);
  world.settle();
  for (std::uint16_t to = 0; to < lane_world::count; ++to) {
    EXPECT_EQ(world.received(1, to).size(), 1U) << "lane to " << to;
  }
}

// Goal: a source whose log lost its end does not erase its last row for what the destination knows of: after another
// restart positions would begin anew, and new deliveries be taken for old ones.
TEST(lane_trouble, ASourceThatFellBehindKeepsItsCount) {
  lane_world world;
  for (int i = 0; i < 5; ++i) {
    world.ask(1, "send 2");
    world.settle();
  }
  ASSERT_EQ(world.received(1, 2).size(), 5U);
  world.at(1).log.resize(2);
  for (int i = 0; i < 2; ++i) {
    world.restart(1);
    for (int ticks = 0; ticks < 5; ++ticks) {
      world.settle();
      world.advance(1000);
    }
    EXPECT_EQ(world.rows(1, table::lane_outbox), 1U);
  }
  world.ask(1, "send 2");
  world.settle();
  EXPECT_EQ(world.received(1, 2).size(), 6U);
}

// --- what is told -------------------------------------------------------------------------------------

// Goal: deliveries of an earlier leader to a destination that never says anything are counted, and so is their age.
TEST(lane_trouble, ASilentDestinationIsSeen) {
  lane_world world;
  world.ask(1, "send 2");
  world.drain();
  world.advance(1000);
  world.intercept = [](const lane_message& what) { return goes_to(what, 2); };
  world.advance(500'000);
  for (int i = 0; i < 5; ++i) {
    world.ask(1, "send 2");
    world.settle();
  }
  world.restart(1);
  world.advance(60'000);
  EXPECT_EQ(world.counters.lane_depth.value(), 5);
  EXPECT_GE(world.counters.lane_oldest.value(), 58);
  EXPECT_LE(world.counters.lane_oldest.value(), 62) << "of what was not acknowledged";
  world.intercept = nullptr;
  ASSERT_TRUE(world.drain());
  world.advance(1000);
  EXPECT_EQ(world.counters.lane_oldest.value(), 0);
  EXPECT_EQ(world.violation(), "");
}

// Goal: acknowledgements gather for a short while, or until there are many.
TEST(lane_trouble, AcknowledgementsGather) {
  lane_world world;
  std::size_t reports = 0;
  world.intercept = [&](const lane_message& what) {
    reports += what.step == lane_step::report ? 1 : 0;
    return false;
  };
  for (std::size_t i = 1; i < limits::lane_report_items; ++i) {
    world.ask(1, "send 2");
    world.settle();
  }
  EXPECT_EQ(reports, 0U);
  world.advance(limits::lane_report_ms);
  EXPECT_EQ(reports, 1U);
  EXPECT_EQ(world.counters.lane_depth.value(), 0);
  for (std::size_t i = 0; i < limits::lane_report_items; ++i) {
    world.ask(1, "send 2");
    world.settle();
  }
  EXPECT_EQ(reports, 2U) << "without a timer";
  EXPECT_EQ(world.counters.lane_depth.value(), 0);
}

// --- bounds -------------------------------------------------------------------------------------------

// Goal: a shard whose deliveries get nowhere refuses calls, and takes them again when they do.
TEST(lane_trouble, CallsAreRefusedWhileTooMuchWaits) {
  host_limits limits;
  limits.lane_depth_max = 3;
  lane_world world(limits);
  world.intercept = [](const lane_message& what) { return goes_to(what, 2); };
  const auto status = [&](request_type type) {
    world.ask(1, "send 2", type);
    world.settle();
    return world.heard.back().status;
  };
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(status(request_type::call), reply_status::ok);
  }
  EXPECT_EQ(status(request_type::call), reply_status::unavailable);
  EXPECT_EQ(status(request_type::command), reply_status::ok) << "of the server itself";
  world.intercept = nullptr;
  ASSERT_TRUE(world.drain());
  EXPECT_EQ(status(request_type::call), reply_status::ok);
  EXPECT_EQ(world.received(1, 2).size(), 6U);
}

// Goal: requests that waited for room are handed on in parts, for they may fill it again.
TEST(lane_trouble, WaitingRequestsAreHandedOnInParts) {
  constexpr std::size_t count = 2 * limits::shard_forwarded_at_once + 100;
  lane_world world;
  world.at(1).replica->room = 0;
  world.ask(1, "send 2");
  world.run();
  for (std::size_t i = 1; i <= count; ++i) {
    world.ask(1 + 4 * i, "send 2");
  }
  world.run();
  ASSERT_EQ(world.counters.requests_waiting.value(), static_cast<std::int64_t>(count));
  world.at(1).replica->room = 50; // the first part fills it
  world.at(1).replica->commit(0);
  const auto left = static_cast<std::int64_t>(count - limits::shard_forwarded_at_once);
  EXPECT_EQ(world.counters.requests_waiting.value(), left);
  world.run();
  EXPECT_EQ(world.counters.requests_waiting.value(), left);
  world.at(1).replica->room = 1'000'000; // and now nothing does
  world.at(1).replica->commit(0);
  world.run();
  EXPECT_EQ(world.counters.requests_waiting.value(), 0);
  ASSERT_TRUE(world.drain());
  EXPECT_EQ(world.received(1, 2).size(), count + 1);
  EXPECT_EQ(world.violation(), "");
}

} // namespace
} // namespace godwit::test
