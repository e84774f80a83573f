#include <gtest/gtest.h>

#include "tests/actors/box/change_calls.hpp"

namespace godwit::box::testing {
namespace {

class message_pins_test : public change_test {
protected:
  std::size_t pinned(std::int64_t who) { return world.table(who, records_table::message_pinned).size(); }
};

/// Both boxes have it, and a message in both tells of it.
TEST_F(message_pins_test, APinReachesBothSides) {
  say(3, 2);
  say(2, 1); // the peer's card came with it
  const message_id id = say(1, 2);
  world.listen(1, 2);
  world.listen(2, 1);
  const auto answer = pin(world, 1, 2, id);
  ASSERT_TRUE(answer);
  const auto* updates = tl::as<tl::updates>(*answer);
  ASSERT_EQ(updates->updates_.size(), 2U);
  const auto* pins = tl::as<tl::updatePinnedMessages>(updates->updates_[0]);
  EXPECT_TRUE(pins->pinned);
  EXPECT_EQ(pins->messages, std::vector<message_id>{id});
  EXPECT_EQ(pins->pts, 4);
  const auto* news = tl::as<tl::updateNewMessage>(updates->updates_[1]);
  EXPECT_EQ(news->pts, 5);
  EXPECT_NE(tl::as<tl::messageService>(news->message), nullptr);

  EXPECT_TRUE(world.message(1, 2, id)->pinned());
  EXPECT_TRUE(world.message(2, 1, 3)->pinned());
  EXPECT_EQ(world.dialog(1, 2)->pinned_messages(), 1);
  EXPECT_EQ(world.dialog(2, 1)->pinned_messages(), 1);
  const auto told = world.message(2, 1, 4).value();
  EXPECT_TRUE(told.action().pin_message());
  EXPECT_EQ(told.reply_to().id(), 3); // in that box
  EXPECT_EQ(world.message(1, 2, 3)->reply_to().id(), 2);
  EXPECT_EQ(world.dialog(2, 1)->unread(), 2);
  EXPECT_EQ(heard_updates<tl::updatePinnedMessages>(world, 1, 2).size(), 1U);
  EXPECT_EQ(heard_updates<tl::updatePinnedMessages>(world, 2, 1).size(), 1U);
}

TEST_F(message_pins_test, APinForOneselfStaysThere) {
  say(2, 1);
  ASSERT_TRUE(pin(world, 1, 2, 1, {.one_side = true}));
  EXPECT_EQ(pinned(1), 1U);
  EXPECT_EQ(pinned(2), 0U);
  EXPECT_EQ(world.table(1, records_table::message).size(), 1U);
  const message_id note = say(1, 1);
  ASSERT_TRUE(pin(world, 1, 1, note));
  EXPECT_EQ(world.table(1, records_table::message).size(), 2U);
}

TEST_F(message_pins_test, WhatIsPinnedIsUnpinned) {
  say(2, 1);
  ASSERT_TRUE(pin(world, 1, 2, 1)); // the other one's message
  EXPECT_EQ(pinned(2), 1U);
  const auto messages = world.table(2, records_table::message).size();
  ASSERT_TRUE(pin(world, 2, 1, 1, {.unpin = true}));
  EXPECT_EQ(pinned(1), 0U);
  EXPECT_EQ(pinned(2), 0U);
  EXPECT_EQ(world.table(2, records_table::message).size(), messages);
}

/// A call that came twice does nothing the second time.
TEST_F(message_pins_test, NothingChangedIsNothingTold) {
  const message_id id = say(1, 2);
  EXPECT_TRUE(pin(world, 1, 2, id, {.unpin = true}));
  ASSERT_TRUE(pin(world, 1, 2, id));
  const auto mine = world.rows(1);
  const auto theirs = world.rows(2);
  const auto answer = pin(world, 1, 2, id);
  ASSERT_TRUE(answer);
  EXPECT_TRUE(tl::as<tl::updates>(*answer)->updates_.empty());
  EXPECT_EQ(world.rows(1), mine);
  EXPECT_EQ(world.rows(2), theirs);
}

TEST_F(message_pins_test, WhatIsNotThereCannotBePinned) {
  const message_id id = say(1, 2);
  EXPECT_EQ(pin(world, 1, 2, 0).error().errc, rpc_errc::message_id_invalid);
  EXPECT_EQ(pin(world, 1, 2, id + 1).error().errc, rpc_errc::message_id_invalid);
  EXPECT_EQ(pin(world, 1, 3, id).error().errc, rpc_errc::message_id_invalid);
  ASSERT_TRUE(pin(world, 1, 2, id));
  EXPECT_EQ(pin(world, 1, 2, id + 1).error().errc, rpc_errc::message_id_invalid); // that it was pinned
}

/// Neither the pin nor the message that tells of it.
TEST_F(message_pins_test, PinsOfTheBlockedAreDropped) {
  const message_id id = say(1, 2);
  block(world, 2, 1);
  world.listen(2, 1);
  const auto before = world.rows(2);
  ASSERT_TRUE(pin(world, 1, 2, id));
  EXPECT_EQ(pinned(1), 1U);
  EXPECT_EQ(world.rows(2), before);
  EXPECT_TRUE(world.heard(2, 1).empty());
  EXPECT_EQ(world.deliveries_waiting(), 0U);
}

/// A pin that both see is a message to the other one. To unpin is none.
TEST_F(message_pins_test, WhoBlockedAPeerPinsForItselfAlone) {
  const message_id id = say(1, 2);
  const message_id second = say(1, 2);
  ASSERT_TRUE(pin(world, 1, 2, second));
  block(world, 1, 2);
  const auto before = world.rows(1);
  EXPECT_EQ(pin(world, 1, 2, id).error().errc, rpc_errc::you_blocked_user);
  EXPECT_EQ(world.rows(1), before);
  ASSERT_TRUE(pin(world, 1, 2, id, {.one_side = true}));
  EXPECT_EQ(pinned(1), 2U);
  ASSERT_TRUE(pin(world, 1, 2, second, {.unpin = true}));
  EXPECT_EQ(pinned(2), 0U);
}

TEST_F(message_pins_test, ASilentPinIsToldSilently) {
  const message_id id = say(1, 2);
  ASSERT_TRUE(pin(world, 1, 2, id, {.silent = true}));
  EXPECT_TRUE(world.message(2, 1, 2)->silent());
}

TEST_F(message_pins_test, AllAreUnpinnedAtOnce) {
  for (int i = 0; i < 5; ++i) {
    say(1, 2);
    ASSERT_TRUE(pin(world, 1, 2, 2 * i + 1));
  }
  say(1, 3);
  ASSERT_TRUE(pin(world, 1, 3, 11));
  world.listen(2, 1);
  const auto before = pts(1);
  EXPECT_EQ(unpin_all(world, 1, 2).value(), (affected{before + 1, 1, 0}));
  EXPECT_EQ(pinned(1), 1U);
  EXPECT_EQ(pinned(2), 0U);
  const auto heard = heard_updates<tl::updatePinnedMessages>(world, 2, 1);
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_FALSE(heard[0]->pinned);
  EXPECT_EQ(heard[0]->messages.size(), 5U);
  EXPECT_EQ(unpin_all(world, 1, 2).value(), (affected{before + 1, 0, 0}));
}

/// Pinned messages are rows that are written whole: what does not fit into a mutation waits for the next call.
TEST_F(message_pins_test, ManyAreUnpinnedInPieces) {
  std::string text;
  for (int i = 0; i < 4096; ++i) {
    text += "\xF0\x9F\x98\x80";
  }
  for (int i = 0; i < 100; ++i) {
    const message_id id = say(1, 2, text);
    ASSERT_TRUE(pin(world, 1, 2, id, {.one_side = true}));
  }
  std::size_t largest = 0;
  world.on_effects = [&](std::int64_t, const entity_effects& out) {
    std::size_t bytes = 0;
    for (const auto& row : out.rows) {
      bytes += row.value ? row.value->size() : 0;
    }
    largest = std::max(largest, bytes);
  };
  const auto first = unpin_all(world, 1, 2).value();
  EXPECT_GT(first.offset, 0);
  EXPECT_LT(largest, std::size_t{3} << 20);
  while (unpin_all(world, 1, 2).value().offset != 0) {
  }
  world.on_effects = nullptr;
  EXPECT_EQ(pinned(1), 0U);
}

} // namespace
} // namespace godwit::box::testing
