// Deliveries between shards, one behaviour at a time, on virtual time.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cluster/shard/lane_rows.hpp"
#include "tests/cluster/shard/lane_world.hpp"

namespace godwit::test {
namespace {

using namespace cluster; // NOLINT: the subject
using persistence::records::table;
using strings = std::vector<std::string>;

host_limits small_limits() {
  host_limits out;
  out.lane_window_items = 4;
  out.lane_queue_items = 6;
  out.lane_page_rows = 3;
  out.lane_erased_at_once = 5;
  out.entity_restarts_max = 3;
  return out;
}

/// "1:1", "1:2", …
strings numbered(std::uint64_t sender, std::uint64_t from, std::uint64_t to) {
  strings out;
  for (std::uint64_t i = from; i <= to; ++i) {
    out.push_back(std::to_string(sender) + ":" + std::to_string(i));
  }
  return out;
}

class lanes : public ::testing::Test {
protected:
  explicit lanes(const host_limits& limits = {}) : world(limits) {}
  ~lanes() override { EXPECT_EQ(world.violation(), ""); }

  lane_world world;
};

class small_lanes : public lanes {
protected:
  small_lanes() : lanes(small_limits()) {}
};

// Goal: the row of docs/formats.md, byte for byte: it is on disk.
TEST(lane_rows, AreWhatTheFormatSays) {
  lane_item item{5, {entity_kind::user, entity_id{7}}, 1'700'000'000, "hi"};
  std::string mutation;
  persistence::mutation_writer writer(mutation);
  put_outbox(writer, shard_id{3}, item);
  EXPECT_EQ(item.body, "hi") << "it was lent";
  std::string batch;
  append_mutation(batch, mutation);
  batch_reader reader(batch);
  row_write row;
  ASSERT_TRUE(reader.next(row));
  const std::string key{"\x01\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x05", 17};
  const std::string value{"\x08\x01\x11\x07\0\0\0\0\0\0\0\x1A\x02hi\x20\x80\xE2\xCF\xAA\x06", 21};
  EXPECT_EQ(row.key, key);
  EXPECT_EQ(*row.value, value);
  const auto read = read_outbox(row.key, *row.value);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->position, 5U);
  EXPECT_EQ(read->to, item.to);
  EXPECT_EQ(read->body, "hi");
  EXPECT_FALSE(read_outbox(row.key.substr(1), *row.value));
  EXPECT_FALSE(read_outbox(row.key, "\xff"));
}

// --- the way ----------------------------------------------------------------------------------------

// Goal: what one shard delivers to another arrives in the order of its log, to several entities and to itself.
TEST_F(lanes, DeliveriesArriveInOrder) {
  world.ask(1, "send 2 6 10 1 5 2");
  world.settle();
  world.ask(5, "send 2 2 3");
  world.settle();
  world.ask(1, "send 2");
  world.settle();
  EXPECT_EQ(world.received(1, 2), (strings{"1:1", "1:2", "1:3", "1:6", "5:1", "5:2", "1:7"}));
  EXPECT_EQ(world.received(1, 1), (strings{"1:4", "1:5"}));
  EXPECT_EQ(world.received(1, 3), strings{"5:3"});
  EXPECT_EQ(world.counters.lane_accepted.value(), 10U);
  world.advance(limits::lane_report_ms);
  EXPECT_EQ(world.counters.lane_depth.value(), 0);
}

// Goal: nothing is delivered before the mutation that holds it is committed, and nothing when it is lost.
TEST_F(lanes, NothingIsDeliveredBeforeTheCommit) {
  world.ask(1, "send 2");
  world.advance(3000);
  ASSERT_EQ(world.at(1).replica->open(), 1U);
  EXPECT_EQ(world.entities.handled, 0);
  world.lead(1);
  world.settle();
  EXPECT_EQ(world.entities.handled, 0) << "it was lost";
  world.ask(1, "send 2");
  world.settle();
  EXPECT_EQ(world.entities.handled, 1);
}

// Goal: one message per lane and commit, however many deliveries it holds; one acknowledgement for all of them.
TEST_F(lanes, ACommitSendsOneMessagePerLane) {
  int items = 0;
  int reports = 0;
  world.intercept = [&](const lane_message& what) {
    items += what.step == lane_step::items ? 1 : 0;
    reports += what.step == lane_step::report ? 1 : 0;
    return false;
  };
  for (int i = 0; i < 20; ++i) {
    world.ask(1, "send 2 6 3");
  }
  world.settle();
  EXPECT_EQ(world.received(1, 2).size(), 40U);
  EXPECT_EQ(items, 2);
  world.advance(limits::lane_report_ms);
  EXPECT_EQ(reports, 2);
}

// Goal: an entity is handed the next delivery of a lane when the one before it was proposed, not before; and the
// entities of those to come are started meanwhile.
TEST_F(lanes, ADeliveryWaitsForTheOneBeforeIt) {
  world.ask(2, "pause");
  world.settle();
  world.entities.started.clear();
  world.ask(1, "send 2 6 10");
  world.ask(3, "send 6");
  world.settle();
  EXPECT_EQ(world.received(1, 2), strings{});
  EXPECT_EQ(world.received(3, 2), strings{"3:1"}) << "other lanes go on";
  EXPECT_EQ(std::count_if(world.entities.started.begin(), world.entities.started.end(),
                          [](const entity_ref& each) { return each.id.value() == 10; }),
            1)
    << "it waits with its rows loaded";
  EXPECT_EQ(world.counters.lane_waiting.value(), 3);
  world.ask(2, "resume");
  world.settle();
  EXPECT_EQ(world.received(1, 2), numbered(1, 1, 3));
}

// Goal: what an entity proposed and did not see applied is there for it, and goes when it is applied; without rows of
// lanes.
TEST_F(lanes, UnappliedMutationsAreThere) {
  world.ask(1, "send 2");
  world.ask(1, "send 2 3");
  world.ask(1, "unapplied");
  world.run();
  world.at(1).replica->commit(1);
  world.ask(1, "unapplied");
  world.settle();
  // Each `send` writes its counts, two rows, and one for each delivery.
  strings answers;
  for (const entity_reply& each : std::exchange(world.heard, {})) {
    answers.push_back(each.body);
  }
  world.asked.clear();
  EXPECT_EQ(answers, (strings{"1", "3", "7", "4"}));
}

// --- rows -------------------------------------------------------------------------------------------

// Goal: rows of acknowledged deliveries go, lazily, and the last one of a lane stays, for it keeps the count.
TEST_F(small_lanes, AcknowledgedRowsAreErased) {
  for (int i = 0; i < 50; ++i) {
    world.ask(1, "send 2");
  }
  world.drain();
  world.advance(5000);
  world.settle();
  EXPECT_EQ(world.rows(1, table::lane_outbox), 1U);
  EXPECT_EQ(world.rows(2, table::lane_inbox), 1U);
  world.restart(1);
  world.ask(1, "send 2 2");
  ASSERT_TRUE(world.drain());
  EXPECT_EQ(world.received(1, 2), numbered(1, 1, 52));
  world.advance(5000);
  world.settle();
  EXPECT_EQ(world.rows(1, table::lane_outbox), 1U) << "those of an earlier life too";
}

// Goal: rows that an earlier leader had no time to erase are erased.
TEST_F(small_lanes, RowsOfAnEarlierLeaderAreErased) {
  for (int i = 0; i < 20; ++i) {
    world.ask(1, "send 2");
  }
  world.settle();
  world.restart(1);
  world.run();
  world.advance(5000);
  world.settle();
  world.advance(5000);
  world.settle();
  EXPECT_EQ(world.rows(1, table::lane_outbox), 1U);
}

// Goal: an idle shard has no timer for its lanes.
TEST_F(lanes, IdleLanesAreQuiet) {
  world.ask(1, "send 2 3");
  world.drain();
  world.advance(100'000); // entities end for idleness, too
  world.settle();
  world.advance(100'000);
  world.settle();
  int messages = 0;
  world.intercept = [&](const lane_message&) {
    ++messages;
    return false;
  };
  const std::uint64_t rounds = world.at(1).loop->counters().rounds.load();
  world.advance(100'000);
  EXPECT_EQ(messages, 0);
  EXPECT_LT(world.at(1).loop->counters().rounds.load() - rounds, 10U);
}

// --- bounds -----------------------------------------------------------------------------------------

// Goal: a lane sends no more than its window, keeps no more than its queue, and what is beyond comes from its rows.
TEST_F(small_lanes, AFullWindowHoldsTheRestBack) {
  world.ask(2, "pause");
  world.settle();
  std::size_t most = 0;
  world.intercept = [&](const lane_message& what) {
    most = std::max(most, what.items.size());
    return false;
  };
  for (int i = 0; i < 100; ++i) {
    world.ask(1, "send 2");
    world.settle();
  }
  EXPECT_EQ(world.counters.lane_sent.value(), 4U);
  EXPECT_EQ(world.counters.lane_waiting.value(), 4);
  EXPECT_EQ(world.counters.lane_depth.value(), 100);
  world.ask(2, "resume");
  ASSERT_TRUE(world.drain());
  EXPECT_EQ(world.received(1, 2), numbered(1, 1, 100));
  EXPECT_LE(most, 4U);
  EXPECT_EQ(world.counters.lane_resumes.value(), 0U) << "nothing was lost, so nothing was sent twice";
  EXPECT_EQ(world.counters.lane_sent.value(), 100U);
}

// Goal: the age of what waits is told.
TEST_F(lanes, TheOldestDeliveryIsCounted) {
  world.ask(2, "pause");
  world.settle();
  world.ask(1, "send 2");
  world.settle();
  world.advance(60'000);
  EXPECT_GE(world.counters.lane_oldest.value(), 58);
  EXPECT_LE(world.counters.lane_oldest.value(), 61);
  world.ask(2, "resume");
  world.drain();
  world.advance(3000);
  EXPECT_EQ(world.counters.lane_oldest.value(), 0);
}

// Goal: deliveries wait while the replica of their destination has no room for proposals.
TEST_F(lanes, DeliveriesWaitForRoom) {
  world.at(2).replica->room = 1;
  for (int i = 0; i < 30; ++i) {
    world.ask(1, "send 2 6");
    world.ask(2, "send 3");
  }
  ASSERT_TRUE(world.drain());
  EXPECT_EQ(world.received(1, 2).size(), 60U);
}

// --- restarts ---------------------------------------------------------------------------------------

// Goal: exactly once and in order when the source restarts, with what was acknowledged and what was not.
TEST_F(small_lanes, ASourceThatRestartsGoesOn) {
  for (int i = 0; i < 30; ++i) {
    world.ask(1, "send 2 6");
    world.run();
    world.at(1).replica->commit();
    if (i % 7 == 3) {
      world.restart(1, 1);
    }
  }
  ASSERT_TRUE(world.drain());
  EXPECT_EQ(world.received(1, 2).size(), world.sent(1, 2).size());
}

// Goal: the same when the destination restarts, having proposed, committed and acknowledged more or less.
TEST_F(small_lanes, ADestinationThatRestartsGoesOn) {
  for (int i = 0; i < 30; ++i) {
    world.ask(1, "send 2 6");
    world.run();
    world.at(1).replica->commit();
    world.run();
    if (i % 3 == 0) {
      world.at(2).replica->commit(2);
    }
    if (i % 7 == 3) {
      world.restart(2, static_cast<std::size_t>(i) % 3);
    }
  }
  ASSERT_TRUE(world.drain());
  EXPECT_EQ(world.received(1, 2), numbered(1, 1, 60));
}

// Goal: a new leader of the destination is heard of at once, not when its silence is noticed.
TEST_F(lanes, ANewLeaderTellsItsSources) {
  world.ask(1, "send 2");
  world.settle();
  world.restart(2);
  world.settle();
  world.ask(2, "pause");
  world.ask(1, "send 2");
  world.settle();
  world.restart(2);
  world.settle();
  EXPECT_EQ(world.received(1, 2), numbered(1, 1, 2)) << "without a timer";
}

// Goal: a shard that lost a proposal of a delivery begins anew, for others may rest on it.
TEST_F(lanes, ALostAcceptanceIsNoGap) {
  world.ask(1, "send 2 6 10 14");
  world.run();
  world.at(1).replica->commit();
  world.run();
  ASSERT_EQ(world.at(2).replica->open(), 4U);
  world.at(2).replica->lose(3);
  ASSERT_TRUE(world.drain());
  EXPECT_EQ(world.received(1, 2), numbered(1, 1, 4));
}

// Goal: a stopping shard takes no deliveries, and they are there when it is back.
TEST_F(lanes, AStoppingShardTakesNoDeliveries) {
  world.stop(2);
  world.ask(1, "send 2");
  world.settle();
  EXPECT_TRUE(world.at(2).ended);
  EXPECT_EQ(world.received(1, 2), strings{});
  world.restart(2);
  ASSERT_TRUE(world.drain());
  EXPECT_EQ(world.received(1, 2), strings{"1:1"});
}

// --- messages that are lost ---------------------------------------------------------------------------

// Goal: a lost message is noticed by the silence and sent again.
TEST_F(lanes, ALostMessageIsSentAgain) {
  int lost = 0;
  world.intercept = [&](const lane_message& what) { return what.step == lane_step::items && lost++ == 0; };
  world.ask(1, "send 2 2");
  world.settle();
  EXPECT_EQ(world.received(1, 2), strings{});
  world.advance(limits::lane_silence_ms + limits::lane_tick_ms);
  ASSERT_TRUE(world.drain());
  EXPECT_EQ(world.received(1, 2), numbered(1, 1, 2));
}

// Goal: a gap is noticed by the next message.
TEST_F(lanes, AGapIsAskedForAtOnce) {
  int seen = 0;
  world.intercept = [&](const lane_message& what) { return what.step == lane_step::items && seen++ == 0; };
  world.ask(1, "send 2 2");
  world.settle();
  world.ask(1, "send 2 2");
  world.settle();
  EXPECT_EQ(world.received(1, 2), numbered(1, 1, 4)) << "without a timer";
}

// Goal: repeated, old and reordered messages change nothing.
TEST_F(lanes, RepeatedMessagesChangeNothing) {
  std::vector<lane_message> all;
  world.intercept = [&](const lane_message& what) {
    all.push_back(what);
    return false;
  };
  for (int i = 0; i < 5; ++i) {
    world.ask(1, "send 2 6");
    world.settle();
  }
  world.restart(1);
  world.ask(1, "send 2");
  world.settle();
  world.intercept = nullptr;
  for (int times = 0; times < 2; ++times) {
    std::reverse(all.begin(), all.end());
    for (const lane_message& each : all) {
      world.deliver(each);
    }
    world.settle();
  }
  ASSERT_TRUE(world.drain());
  EXPECT_EQ(world.received(1, 2), numbered(1, 1, 11));
  EXPECT_EQ(world.entities.handled, 11);
}

// --- entities that fail -------------------------------------------------------------------------------

// Goal: a delivery over which its entity fails is given again, and the lane waits for it.
TEST_F(lanes, AFailedDeliveryIsGivenAgain) {
  world.entities.faults["1:2"] = 2;
  world.ask(1, "send 2 2 6");
  ASSERT_TRUE(world.drain());
  EXPECT_EQ(world.received(1, 2), numbered(1, 1, 3));
  EXPECT_EQ(world.entities.handled, 5);
  EXPECT_EQ(world.counters.lane_retries.value(), 2U);
  EXPECT_EQ(world.counters.lane_put_aside.value(), 0U);
}

// Goal: a delivery that no entity can take is put aside, where it can be found, and the lane goes on; for good.
TEST_F(lanes, ADeliveryThatAlwaysFailsIsPutAside) {
  world.entities.faults["1:2"] = 1'000'000;
  world.ask(1, "send 2 2 6");
  ASSERT_TRUE(world.drain());
  EXPECT_EQ(world.counters.lane_put_aside.value(), 1U);
  EXPECT_EQ(world.rows(2, table::lane_refused), 1U);
  EXPECT_EQ(world.entities.handled, static_cast<int>(limits::delivery_attempts_max) + 2);
  world.restart(2);
  world.ask(1, "send 2");
  ASSERT_TRUE(world.drain());
  EXPECT_EQ(world.received(1, 2), numbered(1, 1, 4)) << "put aside once, and not seen again";
  EXPECT_EQ(world.entities.handled, static_cast<int>(limits::delivery_attempts_max) + 3);
}

// Goal: a delivery to a kind of entity that there is not is put aside, too. Method: as if its row had come from a node
// that knows more kinds.
TEST_F(lanes, ADeliveryToAnUnknownKindIsPutAside) {
  world.intercept = [&](const lane_message& what) {
    if (what.step != lane_step::items) {
      return false;
    }
    lane_message changed = what;
    changed.items.front().to.kind = static_cast<entity_kind>(200);
    world.deliver(changed);
    return true;
  };
  world.ask(1, "send 2 6");
  ASSERT_TRUE(world.drain());
  EXPECT_EQ(world.counters.lane_put_aside.value(), 1U);
  EXPECT_EQ(world.rows(2, table::lane_refused), 1U);
  EXPECT_EQ(world.received(1, 2), numbered(1, 1, 2));
}

// Goal: only its acceptance ends a delivery: an answer does not.
TEST_F(lanes, AnAnswerIsNoAcceptance) {
  world.entities.answer_only = true;
  world.ask(1, "send 2 6");
  world.settle();
  world.advance(20'000);
  EXPECT_EQ(world.entities.answered, 1);
  EXPECT_EQ(world.counters.lane_accepted.value(), 0U);
  world.entities.answer_only = false;
  world.restart(2);
  ASSERT_TRUE(world.drain());
  EXPECT_EQ(world.received(1, 2), numbered(1, 1, 2));
}

// Goal: to accept a delivery twice is to accept it, and no other.
TEST_F(lanes, ARepeatedAcceptanceIsOne) {
  world.entities.accept_twice = true;
  world.ask(1, "send 2 6 2");
  ASSERT_TRUE(world.drain());
  EXPECT_EQ(world.received(1, 2), numbered(1, 1, 3));
  EXPECT_EQ(world.counters.lane_accepted.value(), 3U);
}

// Goal: want of room is no fault of a delivery: it is never put aside for it.
TEST_F(small_lanes, OverloadIsNoFault) {
  world.at(2).replica->room = 0;
  world.ask(1, "send 2");
  world.settle();
  world.advance(20'000);
  EXPECT_EQ(world.counters.lane_put_aside.value(), 0U);
  world.at(2).replica->room = 10;
  world.at(2).replica->commit(0);
  ASSERT_TRUE(world.drain());
  EXPECT_EQ(world.received(1, 2), strings{"1:1"});
}

} // namespace
} // namespace godwit::test
