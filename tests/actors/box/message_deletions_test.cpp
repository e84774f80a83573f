#include <gtest/gtest.h>

#include <numeric>

#include "config/limits.hpp"
#include "tests/actors/box/change_calls.hpp"

namespace godwit::box::testing {
namespace {

class message_deletions_test : public change_test {
protected:
  std::vector<message_id> say_many(std::int64_t from, std::int64_t to, int count) {
    std::vector<message_id> ids;
    for (int i = 0; i < count; ++i) {
      ids.push_back(say(from, to));
    }
    return ids;
  }
  std::int32_t unread(std::int64_t who, std::int64_t peer) { return world.dialog(who, peer)->unread(); }
};

TEST_F(message_deletions_test, AMessageLeavesOneBox) {
  const auto ids = say_many(1, 2, 3);
  world.listen(1, 1);
  world.listen(1, 2);
  const auto done = erase(world, 1, {ids[1]});
  EXPECT_EQ(done.value(), (affected{5, 1, 0}));
  EXPECT_FALSE(world.message(1, 2, ids[1]));
  EXPECT_TRUE(world.message(2, 1, 2));
  const auto heard = heard_updates<tl::updateDeleteMessages>(world, 1, 2);
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0]->messages, std::vector<message_id>{ids[1]});
  EXPECT_EQ(heard[0]->pts, 5);
  EXPECT_TRUE(heard_updates<tl::updateDeleteMessages>(world, 1, 1).empty());
}

/// For both sides: what either of them wrote.
TEST_F(message_deletions_test, AMessageLeavesBothBoxes) {
  const message_id mine = say(1, 2);
  const message_id theirs = 2;
  say(2, 1);
  say(3, 2);
  world.listen(2, 1);
  ASSERT_TRUE(erase(world, 1, {mine, theirs}, true));
  EXPECT_TRUE(world.table(1, records_table::message).empty());
  EXPECT_EQ(world.table(2, records_table::message).size(), 1U);
  EXPECT_TRUE(world.message(2, 3, 3));
  const auto heard = heard_updates<tl::updateDeleteMessages>(world, 2, 1);
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0]->messages, (std::vector<message_id>{1, 2}));
  EXPECT_EQ(heard[0]->pts_count, 2);
}

/// One call, several dialogs, one update.
TEST_F(message_deletions_test, ACallTakesMessagesOfSeveralDialogs) {
  const message_id two = say(1, 2);
  const message_id three = say(1, 3);
  const message_id note = say(1, 1);
  const auto before = pts(1);
  const auto done = erase(world, 1, {note, two, three, two, 99, 0, -5}, true);
  EXPECT_EQ(done.value(), (affected{before + 3, 3, 0}));
  EXPECT_EQ(world.table(1, records_table::update).size(), 4U);
  EXPECT_TRUE(world.table(1, records_table::message).empty());
  EXPECT_TRUE(world.table(2, records_table::message).empty());
  EXPECT_TRUE(world.table(3, records_table::message).empty());
  EXPECT_EQ(world.at(1).core->box.dialogs(), 0);
}

TEST_F(message_deletions_test, WhatIsNotThereIsPassedOver) {
  say(1, 2);
  const auto before = world.rows(1);
  EXPECT_EQ(erase(world, 1, {}).value(), (affected{2, 0, 0}));
  EXPECT_EQ(erase(world, 1, {7, 8}, true).value(), (affected{2, 0, 0}));
  EXPECT_EQ(world.rows(1), before);
  std::vector<message_id> many(limits::messages_changed_max + 1);
  std::iota(many.begin(), many.end(), 1);
  EXPECT_EQ(erase(world, 1, many).error().errc, rpc_errc::input_request_too_long);
}

/// The newest message goes: the next older one of that dialog is at the end, and in the order of dialogs.
TEST_F(message_deletions_test, TheEndOfADialogMovesBack) {
  const auto ids = say_many(1, 2, 3);
  say_many(1, 3, 2);
  ASSERT_TRUE(erase(world, 1, {ids[2], ids[1]}));
  EXPECT_EQ(world.dialog(1, 2)->top_message(), ids[0]);
  EXPECT_EQ(world.dialog(1, 2)->messages(), 1);
  ASSERT_TRUE(erase(world, 1, {ids[0]}));
  const auto dialog = world.dialog(1, 2);
  EXPECT_TRUE(!dialog || dialog->top_message() == 0);
  EXPECT_EQ(world.table(1, records_table::dialog_order).size(), 1U);
}

TEST_F(message_deletions_test, DeletedMessagesAreNotUnread) {
  say_many(2, 1, 5);
  ASSERT_TRUE(read_up_to(world, 1, 2, 2));
  EXPECT_EQ(unread(1, 2), 3);
  ASSERT_TRUE(erase(world, 1, {1, 4}));
  EXPECT_EQ(unread(1, 2), 2);
  ASSERT_TRUE(erase(world, 2, {3}, true)); // by its author
  EXPECT_EQ(unread(1, 2), 1);
  EXPECT_EQ(world.at(1).core->box.unread(), 1);
}

TEST_F(message_deletions_test, DeletedMessagesAreNotPinned) {
  const message_id id = say(1, 2);
  ASSERT_TRUE(pin(world, 1, 2, id));
  ASSERT_TRUE(erase(world, 1, {id}, true));
  EXPECT_TRUE(world.table(1, records_table::message_pinned).empty());
  EXPECT_TRUE(world.table(2, records_table::message_pinned).empty());
  EXPECT_EQ(world.dialog(2, 1)->pinned_messages(), 0);
}

/// A deletion names messages; that of somebody else's dialog is not among them.
TEST_F(message_deletions_test, NobodyDeletesInOtherDialogs) {
  say(1, 2);
  say(3, 2);
  command::Delivery delivery;
  delivery.set_from(1);
  for (const std::int64_t owner : {1, 2, 3}) {
    command::Origin& origin = *delivery.mutable_deleted()->add_origin();
    origin.set_owner(owner);
    origin.set_id(owner == 1 ? 99 : owner == 2 ? 2 : 1);
  }
  const auto before = world.rows(2);
  world.send(2, delivery);
  world.run();
  EXPECT_EQ(world.rows(2), before);
  EXPECT_EQ(world.deliveries_waiting(), 0U);
}

TEST_F(message_deletions_test, AHistoryGoesOnOneSide) {
  say_many(1, 2, 3);
  say_many(2, 1, 2);
  say(1, 3);
  const auto before = pts(1);
  EXPECT_EQ(erase_history(world, 1, 2, {}).value(), (affected{before + 5, 5, 0}));
  EXPECT_EQ(world.table(1, records_table::message).size(), 1U);
  EXPECT_EQ(world.table(2, records_table::message).size(), 5U);
  EXPECT_EQ(erase_history(world, 1, 2, {}).value(), (affected{before + 5, 0, 0}));
}

TEST_F(message_deletions_test, AHistoryGoesOnBothSides) {
  say_many(1, 2, 3);
  say_many(2, 1, 2);
  ASSERT_TRUE(erase_history(world, 1, 2, {.revoke = true}));
  EXPECT_TRUE(world.table(1, records_table::message).empty());
  EXPECT_TRUE(world.table(2, records_table::message).empty());
}

TEST_F(message_deletions_test, AHistoryGoesUpToAMessage) {
  const auto ids = say_many(1, 2, 5);
  EXPECT_EQ(erase_history(world, 1, 2, {.max_id = ids[2]}).value().pts_count, 3);
  EXPECT_EQ(world.dialog(1, 2)->messages(), 2);
  EXPECT_EQ(world.dialog(1, 2)->top_message(), ids[4]);
  EXPECT_EQ(erase_history(world, 1, 2, {.max_id = 2'147'483'647}).value().pts_count, 2);
  EXPECT_EQ(erase_history(world, 1, 2, {.max_id = -1}).error().errc, rpc_errc::message_id_invalid);
  EXPECT_EQ(erase_history(world, 1, 3, {}).value().pts_count, 0);
}

/// Too many for one mutation: the client repeats the call, and the order of both boxes stays right all the while.
TEST_F(message_deletions_test, ALongHistoryGoesInPieces) {
  say_many(1, 2, 2345);
  EXPECT_EQ(erase_history(world, 1, 2, {.revoke = true}).value(), (affected{2346 + 1000, 1000, 1000}));
  EXPECT_EQ(world.faults(1), "");
  EXPECT_EQ(world.faults(2), "");
  EXPECT_EQ(erase_history(world, 1, 2, {.revoke = true}).value().offset, 1000);
  EXPECT_EQ(erase_history(world, 1, 2, {.revoke = true}).value(), (affected{2346 + 2345, 345, 0}));
  EXPECT_TRUE(world.table(2, records_table::message).empty());
}

/// The dialog stays in the list: its last message says that the history was cleared.
TEST_F(message_deletions_test, AClearedHistoryKeepsItsDialog) {
  say_many(1, 2, 3);
  say_many(2, 1, 2);
  ASSERT_TRUE(pin(world, 2, 1, 2, {.one_side = true}));
  ASSERT_TRUE(pin(world, 1, 2, 5, {.one_side = true}));
  world.listen(1, 2);
  const auto before = pts(1);
  EXPECT_EQ(erase_history(world, 1, 2, {.just_clear = true}).value(), (affected{before + 5, 5, 0}));
  const auto dialog = world.dialog(1, 2).value();
  EXPECT_EQ(dialog.top_message(), 5);
  EXPECT_EQ(dialog.messages(), 1);
  EXPECT_EQ(dialog.unread(), 0);
  EXPECT_EQ(dialog.pinned_messages(), 0);
  EXPECT_TRUE(world.message(1, 2, 5)->action().history_clear());
  EXPECT_EQ(world.message(1, 2, 5)->text(), "");
  EXPECT_EQ(world.table(2, records_table::message).size(), 5U);
  EXPECT_EQ(heard_updates<tl::updateDeleteMessages>(world, 1, 2).at(0)->messages.size(), 4U);
  const auto edits = heard_updates<tl::updateEditMessage>(world, 1, 2);
  ASSERT_EQ(edits.size(), 1U);
  EXPECT_NE(tl::as<tl::messageService>(edits[0]->message), nullptr);
  EXPECT_EQ(edits[0]->pts, before + 5);
  // Cleared again it stays as it is; what the peer does to the message that it was finds nothing.
  EXPECT_EQ(erase_history(world, 1, 2, {.just_clear = true}).value().pts_count, 0);
  ASSERT_TRUE(edit(world, 2, 1, 5, "again"));
  ASSERT_TRUE(erase(world, 2, {5}, true));
  EXPECT_TRUE(world.message(1, 2, 5)->action().history_clear());
  EXPECT_EQ(erase_history(world, 1, 2, {}).value().pts_count, 1);
  EXPECT_TRUE(world.table(1, records_table::message).empty());
}

/// The message that stays was one's own: the peer, who still has it, deletes it for both.
TEST_F(message_deletions_test, WhatTellsOfAClearingIsOnesOwn) {
  const message_id id = say(1, 2);
  ASSERT_TRUE(erase_history(world, 1, 2, {.just_clear = true}));
  ASSERT_TRUE(erase(world, 2, {1}, true));
  EXPECT_FALSE(world.message(2, 1, 1));
  EXPECT_TRUE(world.message(1, 2, id)->action().history_clear());
}

TEST_F(message_deletions_test, AHistoryClearedForBothLeavesThePeerNothing) {
  say_many(1, 2, 2);
  say_many(2, 1, 2);
  ASSERT_TRUE(erase_history(world, 1, 2, {.just_clear = true, .revoke = true}));
  EXPECT_EQ(world.table(1, records_table::message).size(), 1U);
  EXPECT_TRUE(world.table(2, records_table::message).empty());
}

TEST_F(message_deletions_test, AHistoryGoesByDate) {
  const unix_time begin = world.now;
  for (int i = 0; i < 300; ++i) {
    world.now = begin + i * 10'000;
    say(1, 2);
  }
  const history_wish wish{.just_clear = true, .min_date = begin + 99 * 10'000, .max_date = begin + 200 * 10'000};
  EXPECT_EQ(erase_history(world, 1, 2, wish).value(), (affected{301 + 100, 100, 0}));
  for (message_id id = 1; id <= 300; ++id) {
    EXPECT_EQ(world.message(1, 2, id).has_value(), id <= 100 || id > 200) << id;
  }
  // With the end of the dialog the end moves; nothing was cleared as long as something is left.
  EXPECT_EQ(erase_history(world, 1, 2, {.just_clear = true, .min_date = begin + 1}).value().pts_count, 199);
  EXPECT_EQ(world.dialog(1, 2)->top_message(), 1);
  EXPECT_EQ(world.dialog(1, 2)->top_date(), begin);
  EXPECT_FALSE(world.message(1, 2, 1)->has_action());
}

/// Dates are looked for from a day before: a long day before the first message that is meant hides nothing.
TEST_F(message_deletions_test, ALongDayBeforeTheDateIsPassedOver) {
  const unix_time begin = world.now;
  say_many(1, 1, 2 * static_cast<int>(limits::messages_passed_max) + 50);
  world.now = begin + 3600;
  say_many(1, 1, 3);
  const auto before = pts(1);
  EXPECT_EQ(erase_history(world, 1, 1, {.min_date = begin + 7200}).value(), (affected{before, 0, 0}));
  EXPECT_EQ(erase_history(world, 1, 1, {.min_date = begin + 1800}).value(), (affected{before + 3, 3, 0}));
  EXPECT_EQ(world.table(1, records_table::message).size(), 2 * limits::messages_passed_max + 50);
}

TEST_F(message_deletions_test, OnesOwnNotesAreDeletedOnce) {
  const auto ids = say_many(1, 1, 3);
  EXPECT_EQ(erase(world, 1, {ids[0]}, true).value().pts_count, 1);
  EXPECT_EQ(erase_history(world, 1, 1, {.revoke = true}).value().pts_count, 2);
  EXPECT_EQ(world.deliveries_waiting(), 0U);
}

} // namespace
} // namespace godwit::box::testing
