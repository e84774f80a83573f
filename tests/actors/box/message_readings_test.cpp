#include <gtest/gtest.h>

#include "config/limits.hpp"
#include "protocol/tl/api/messages.hpp"
#include "protocol/tl/api/messages_fn.hpp"
#include "tests/actors/box/change_calls.hpp"

namespace godwit::box::testing {
namespace {

class message_readings_test : public change_test {
protected:
  Dialog dialog(std::int64_t who, std::int64_t peer) { return world.dialog(who, peer).value(); }
};

TEST_F(message_readings_test, BothSidesSeeThatItWasRead) {
  say(3, 2);
  for (int i = 0; i < 4; ++i) {
    say(1, 2);
  }
  world.listen(2, 1);
  world.listen(2, 2);
  world.listen(1, 1);
  world.now += 5;
  EXPECT_EQ(read_up_to(world, 2, 1).value(), (affected{7, 1, 0}));
  EXPECT_EQ(dialog(2, 1).unread(), 0);
  EXPECT_EQ(dialog(2, 1).read_inbox_max_id(), 5);
  EXPECT_EQ(dialog(2, 3).unread(), 1);
  EXPECT_EQ(dialog(1, 2).read_outbox_max_id(), 4);
  EXPECT_EQ(dialog(1, 2).read_outbox_date(), world.now);
  const auto inbox = heard_updates<tl::updateReadHistoryInbox>(world, 2, 2);
  ASSERT_EQ(inbox.size(), 1U);
  EXPECT_EQ(inbox[0]->max_id, 5);
  EXPECT_EQ(inbox[0]->still_unread_count, 0);
  EXPECT_EQ(inbox[0]->pts, 7);
  EXPECT_TRUE(heard_updates<tl::updateReadHistoryInbox>(world, 2, 1).empty());
  const auto outbox = heard_updates<tl::updateReadHistoryOutbox>(world, 1, 1);
  ASSERT_EQ(outbox.size(), 1U);
  EXPECT_EQ(outbox[0]->max_id, 4);
  EXPECT_EQ(outbox[0]->pts, pts(1));
}

TEST_F(message_readings_test, ReadingStopsAtAMessage) {
  for (int i = 0; i < 3; ++i) {
    say(1, 2);
    say(2, 1);
  }
  EXPECT_EQ(read_up_to(world, 2, 1, 3).value().pts_count, 1);
  EXPECT_EQ(dialog(2, 1).unread(), 1);
  EXPECT_EQ(dialog(2, 1).read_inbox_max_id(), 3);
  EXPECT_EQ(dialog(1, 2).read_outbox_max_id(), 3);            // its own number, by chance
  EXPECT_EQ(read_up_to(world, 2, 1, 4).value().pts_count, 0); // one's own message alone
  EXPECT_EQ(read_up_to(world, 2, 1, 1'000'000).value().pts_count, 1);
  EXPECT_EQ(dialog(2, 1).unread(), 0);
  EXPECT_EQ(dialog(2, 1).read_inbox_max_id(), 6);
}

/// What was read is read: nothing moves back, and nothing is told twice.
TEST_F(message_readings_test, NothingNewIsNoReading) {
  say(1, 2);
  say(1, 2);
  ASSERT_TRUE(read_up_to(world, 2, 1, 2));
  const auto before = world.rows(2);
  for (const message_id max_id : {0, 1, 2, 3, 2'147'483'647}) {
    EXPECT_EQ(read_up_to(world, 2, 1, max_id).value(), (affected{4, 0, 0})) << max_id;
  }
  EXPECT_EQ(read_up_to(world, 2, 3).value().pts_count, 0);
  EXPECT_EQ(read_up_to(world, 1, 2).value().pts_count, 0);
  EXPECT_EQ(read_up_to(world, 2, 1, -1).error().errc, rpc_errc::message_id_invalid);
  EXPECT_EQ(world.rows(2), before);
}

TEST_F(message_readings_test, ReadingTakesTheMarkAway) {
  say(1, 2);
  ASSERT_TRUE(read_up_to(world, 2, 1));
  world.rows(2)[{records_table::unread_mark, peer_key(user_id{1})}] = "";
  Dialog marked = dialog(2, 1);
  marked.set_unread_mark(true);
  world.rows(2)[{records_table::dialog, peer_key(user_id{1})}] = marked.SerializeAsString();
  world.restart(2);
  world.now += limits::repeated_call_seconds; // after a restart the same call within it is a repetition
  world.listen(2, 2);
  EXPECT_EQ(read_up_to(world, 2, 1).value().pts_count, 0);
  EXPECT_FALSE(dialog(2, 1).unread_mark());
  EXPECT_TRUE(world.table(2, records_table::unread_mark).empty());
  EXPECT_EQ(heard_updates<tl::updateDialogUnreadMark>(world, 2, 2).size(), 1U);
}

/// A reading that comes late, or names what never was, moves nothing back or too far.
TEST_F(message_readings_test, ReadingsOfThePeerOnlyGrow) {
  say(1, 2);
  say(1, 2);
  const auto read = [&](std::int32_t max_id) {
    command::Delivery delivery;
    delivery.set_from(2);
    delivery.mutable_read()->set_max_id(max_id);
    world.send(1, delivery);
    world.run();
    return dialog(1, 2).read_outbox_max_id();
  };
  EXPECT_EQ(read(2), 2);
  EXPECT_EQ(read(1), 2);
  EXPECT_EQ(read(99), 2);
  EXPECT_EQ(world.deliveries_waiting(), 0U);
  command::Delivery nobody;
  nobody.set_from(3);
  nobody.mutable_read()->set_max_id(1);
  const auto before = world.rows(1);
  world.send(1, nobody);
  world.run();
  EXPECT_EQ(world.rows(1), before);
}

/// The service has no box that would hear of it.
TEST_F(message_readings_test, NoticesAreReadInSilence) {
  command::Delivery delivery;
  delivery.mutable_notice()->set_text("notice");
  world.send(1, delivery);
  world.run();
  tl::fn::messages_readHistory call;
  call.peer = world.peer(1, 777'000);
  ASSERT_TRUE(world.call(1, call));
  EXPECT_EQ(world.dialog(1, 777'000)->unread(), 0);
  EXPECT_EQ(world.deliveries_waiting(), 0U);
}

TEST_F(message_readings_test, ContentsAndReceiptsHaveNothingToTell) {
  say(1, 2);
  tl::fn::messages_readMessageContents contents;
  contents.id = {1, 2};
  const auto answer = world.call(1, contents);
  ASSERT_TRUE(answer);
  EXPECT_EQ((*answer)->pts, 2);
  EXPECT_EQ((*answer)->pts_count, 0);
  tl::fn::messages_receivedMessages received;
  received.max_id = 1;
  EXPECT_TRUE(world.call(1, received).value().empty());
}

} // namespace
} // namespace godwit::box::testing
