#include <gtest/gtest.h>

#include "tests/actors/box/message_calls.hpp"

namespace godwit::box::testing {
namespace {

using persistence::records::Message;

class message_arrival_test : public ::testing::Test {
protected:
  message_arrival_test() {
    world.add(1);
    world.add(2);
  }
  ~message_arrival_test() override {
    EXPECT_EQ(world.faults(1), "");
    EXPECT_EQ(world.faults(2), "");
  }
  box_world world;
};

/// The lane goes on when the rows are there: the answer comes with them.
TEST_F(message_arrival_test, TheAnswerToADeliveryComesWithItsRows) {
  world.hold_deliveries = true;
  send(world, 1, 2, "one", 1);
  send(world, 1, 2, "two", 2);
  EXPECT_EQ(world.deliveries_waiting(), 2U);
  int answers = 0;
  world.on_effects = [&](std::int64_t who, const entity_effects& out) {
    if (who == 2 && !out.answers.empty()) {
      ++answers;
      const bool has_message = std::any_of(out.rows.begin(), out.rows.end(),
                                           [](const auto& each) { return each.table == records_table::message; });
      EXPECT_TRUE(has_message);
    }
  };
  world.hold_deliveries = false;
  world.run();
  EXPECT_EQ(answers, 2);
  EXPECT_EQ(world.message(2, 1, 1).value().text(), "one");
  EXPECT_EQ(world.message(2, 1, 2).value().text(), "two");
  world.on_effects = nullptr;
}

TEST_F(message_arrival_test, UnreadMessagesAreCounted) {
  for (std::int64_t i = 1; i <= 300; ++i) {
    send(world, 1, 2, "more", i);
  }
  EXPECT_EQ(world.dialog(2, 1).value().unread(), 300);
  EXPECT_EQ(world.dialog(2, 1).value().messages(), 300);
  const auto order = world.table(2, records_table::dialog_order);
  ASSERT_EQ(order.size(), 1U);
  EXPECT_EQ(order.begin()->first, order_key(300, user_id{1}));
  // It is so for the next life as well.
  world.restart();
  send(world, 1, 2, "more", 301);
  EXPECT_EQ(world.dialog(2, 1).value().unread(), 301);
}

/// The peer's card comes with its message: a session sees at once who writes.
TEST_F(message_arrival_test, SessionsSeeWhoWrites) {
  world.listen(2, 1);
  send(world, 1, 2, "hello", 1);
  const auto heard = world.heard(2, 1);
  ASSERT_EQ(heard.size(), 1U);
  const auto* updates = tl::as<tl::updates>(heard.front());
  ASSERT_NE(updates, nullptr);
  ASSERT_EQ(updates->users.size(), 1U);
  const auto* user = tl::as<tl::user>(updates->users.front());
  ASSERT_NE(user, nullptr);
  EXPECT_EQ(user->id, 1);
  EXPECT_EQ(world.pushes.front().what.pts, 2);
  EXPECT_EQ(world.pushes.front().what.pts_count, 1);
}

/// A card with long lists does not ride on every message. Who lacks it asks for it, and misses nothing.
TEST_F(message_arrival_test, OfALargeCardTheReceiverAsks) {
  world.set_profile(1, [](auto& profile) { profile.set_about(std::string(30'000, 'x')); });
  world.listen(2, 1);
  std::size_t largest = 0;
  world.on_effects = [&](std::int64_t, const entity_effects& out) {
    for (const auto& each : out.deliveries) {
      largest = std::max(largest, each.body.size());
    }
  };
  send(world, 1, 2, "hello", 1);
  EXPECT_LT(largest, 1000U);
  EXPECT_EQ(world.message(2, 1, 1).value().text(), "hello");
  const auto heard = world.heard(2, 1);
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_NE(tl::as<tl::updatesTooLong>(heard.front()), nullptr);
  EXPECT_EQ(world.pushes.front().what.pts, 2);
  send(world, 1, 2, "again", 2);
  EXPECT_EQ(heard_messages(world, 2, 1).size(), 1U); // with who writes
  EXPECT_EQ(world.at(2).cards.find(user_id{1})->about().size(), 30'000U);
  world.on_effects = nullptr;
}

/// An account tells others of itself alone.
TEST_F(message_arrival_test, NobodyBringsTheCardOfAnother) {
  for (const bool is_edit : {false, true}) {
    command::Delivery delivery;
    delivery.set_from(1);
    delivery.set_date(world.now);
    command::Card& card =
      is_edit ? *delivery.mutable_edited()->mutable_card() : *delivery.mutable_message()->mutable_card();
    if (!is_edit) {
      delivery.mutable_message()->set_origin_id(1);
      delivery.mutable_message()->mutable_message()->set_text("text");
    }
    card.set_exists(true);
    card.set_version(1000);
    card.set_user(3);
    world.send(2, delivery);
    world.run();
    EXPECT_EQ(world.at(2).cards.find(user_id{3}), nullptr) << is_edit;
    card.set_user(1);
    card.set_version(is_edit ? 2001 : 2000);
    if (!is_edit) {
      delivery.mutable_message()->set_origin_id(2);
    }
    world.send(2, delivery);
    world.run();
    ASSERT_NE(world.at(2).cards.find(user_id{1}), nullptr) << is_edit;
    EXPECT_EQ(world.at(2).cards.find(user_id{1})->version(), card.version());
  }
}

/// Blocked: nothing is written, nothing is told, and the lane goes on.
TEST_F(message_arrival_test, OfTheBlockedNothingArrives) {
  send(world, 1, 2, "before", 1);
  block(world, 2, 1);
  world.listen(2, 1);
  const auto before = world.rows(2);
  send(world, 1, 2, "after", 2);
  EXPECT_EQ(world.deliveries_waiting(), 0U);
  EXPECT_EQ(world.rows(2), before);
  EXPECT_TRUE(world.pushes.empty());
}

/// A lane does not stop at a box whose account is gone.
TEST_F(message_arrival_test, NothingArrivesWithoutAnAccount) {
  send(world, 1, 2, "before", 1);
  world.at(2).core->profile.reset();
  const auto before = world.rows(2);
  send(world, 1, 2, "after", 2);
  EXPECT_EQ(world.deliveries_waiting(), 0U);
  EXPECT_EQ(world.rows(2), before);
}

TEST_F(message_arrival_test, NoticesComeFromTheService) {
  world.listen(2, 1);
  command::Delivery delivery;
  delivery.set_date(world.now);
  delivery.mutable_notice()->set_text("Login code: 12345");
  auto* bold = delivery.mutable_notice()->add_entity();
  bold->set_kind(6);
  bold->set_length(10);
  world.send(2, delivery);
  world.run();
  const auto row = world.message(2, 777'000, 1);
  ASSERT_TRUE(row);
  EXPECT_FALSE(row->out());
  EXPECT_EQ(row->text(), "Login code: 12345");
  EXPECT_EQ(row->entity_size(), 1);
  EXPECT_EQ(row->date(), world.now);
  EXPECT_EQ(row->origin_id(), 0);
  EXPECT_EQ(world.dialog(2, 777'000).value().unread(), 1);
  EXPECT_TRUE(world.table(2, records_table::message_origin).empty());
  EXPECT_EQ(heard_messages(world, 2, 1).size(), 1U);
}

/// Deliveries of several lanes, sends and late queries: each lane's order stays.
TEST_F(message_arrival_test, EachSendersOrderStays) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    box_world many(seed);
    for (const std::int64_t each : {1, 2, 3, 4}) {
      many.add(each);
    }
    for (std::int64_t i = 1; i <= 30; ++i) {
      for (const std::int64_t from : {1, 2, 3}) {
        send_message call;
        fill(call, many, from, 4, std::to_string(i), i);
        many.start(from, call);
        many.step();
      }
      if (i == 15 && seed % 2 == 0) {
        many.run();
        many.restart(4);
      }
    }
    many.run();
    for (const std::int64_t from : {1, 2, 3}) {
      EXPECT_EQ(many.faults(from), "");
      std::int64_t expected = 0;
      for (const auto& [key, value] : many.table(4, records_table::message)) {
        Message message;
        message.ParseFromString(value);
        if (read_message_key(key).value().peer == user_id{from}) {
          EXPECT_EQ(message.text(), std::to_string(++expected));
        }
      }
      EXPECT_EQ(expected, 30);
    }
    EXPECT_EQ(many.faults(4), "") << seed;
    EXPECT_EQ(many.row<persistence::records::UserBox>(4, records_table::user_box, {}).value().unread(), 90);
  }
}

} // namespace
} // namespace godwit::box::testing
