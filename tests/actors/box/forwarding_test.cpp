#include <gtest/gtest.h>

#include "actors/box/reply_target.hpp"
#include "config/limits.hpp"
#include "tests/actors/box/message_calls.hpp"

namespace godwit::box::testing {
namespace {

using persistence::records::Message;

class forwarding_test : public ::testing::Test {
protected:
  forwarding_test() {
    for (const std::int64_t each : {1, 2, 3, 4}) {
      world.add(each);
    }
    world.now += 100;
    EXPECT_EQ(send(world, 2, 1, "from two", 1).id, 1); // with account 1: message 1
    world.now += 100;
    EXPECT_EQ(send(world, 1, 2, "from one", 1).id, 2);
    world.now += 100;
  }
  ~forwarding_test() override {
    for (const std::int64_t each : {1, 2, 3, 4}) {
      EXPECT_EQ(world.faults(each), "") << "account " << each;
    }
  }
  rpc_result<tl::box<tl::Updates>> forward(std::int64_t who, std::int64_t source, std::int64_t to,
                                           const std::vector<message_id>& ids, std::int64_t first_random_id,
                                           const std::function<void(forward_messages&)>& change = {}) {
    forward_messages call;
    fill(call, world, who, source, to, ids, first_random_id);
    if (change) {
      change(call);
    }
    auto answer = world.call(who, call);
    world.run();
    return answer;
  }
  rpc_errc refused(const std::vector<message_id>& ids, const std::function<void(forward_messages&)>& change = {}) {
    const auto before = world.rows(1);
    const auto answer = forward(1, 2, 3, ids, 5000, change);
    EXPECT_FALSE(answer);
    EXPECT_EQ(world.rows(1), before);
    return answer ? rpc_errc::rpc_call_fail : answer.error().errc;
  }
  /// Account `owner` sees to it that others do not link to it.
  void hide(std::int64_t viewer, std::int64_t owner, bool except_contacts = false) {
    command::Card card = world.at(owner).people->own_card(world.now);
    card.set_version(1000);
    card.mutable_forwards_rules()->set_others(except_contacts ? 2 : 3);
    world.at(viewer).cards.put(card);
  }

  box_world world;
};

/// Nothing of the text is lost; the call says what is new.
TEST_F(forwarding_test, KeepsTheFormatOfTheText) {
  send_message call;
  fill(call, world, 2, 1, "bold", 50);
  auto bold = tl::make<tl::messageEntityBold>();
  bold->length = 4;
  call.entities.emplace().push_back(std::move(bold));
  call.invert_media = true;
  ASSERT_TRUE(world.call(2, call));
  world.run();
  ASSERT_TRUE(forward(1, 2, 3, {3}, 100, [](forward_messages& what) { what.noforwards = true; }));
  const auto row = world.message(3, 1, 1);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->entity_size(), 1);
  EXPECT_TRUE(row->invert_media());
  EXPECT_TRUE(row->noforwards());
  EXPECT_FALSE(row->silent());
}

/// Of an author whose card is not there, a session hears that it missed something; the next time it sees all.
TEST_F(forwarding_test, UnknownAuthorsAreFetchedForTheNextTime) {
  ASSERT_TRUE(forward(1, 2, 3, {1}, 100));
  world.listen(4, 1);
  ASSERT_TRUE(forward(3, 1, 4, {1}, 100));
  EXPECT_TRUE(heard_messages(world, 4, 1).empty());
  ASSERT_EQ(world.heard(4, 1).size(), 1U);
  EXPECT_NE(tl::as<tl::updatesTooLong>(world.heard(4, 1).front()), nullptr);
  ASSERT_TRUE(forward(3, 1, 4, {1}, 101));
  EXPECT_EQ(heard_messages(world, 4, 1).size(), 1U);
}

/// Service messages are no texts.
TEST_F(forwarding_test, WhatTellsOfAnActionIsNotForwarded) {
  auto row = world.message(1, 2, 1).value();
  row.mutable_action()->set_pin_message(true);
  world.rows(1)[{records_table::message, message_key(user_id{2}, 1)}] = row.SerializeAsString();
  EXPECT_EQ(refused({1}), rpc_errc::message_id_invalid);
}

/// Two messages in order, with their authors, in both boxes; and the answer names them by their random_ids.
TEST_F(forwarding_test, KeepsAuthorsDatesAndOrder) {
  std::int32_t answered_pts = 0;
  std::int32_t answered_count = 0;
  world.on_effects = [&](std::int64_t who, const entity_effects& out) {
    if (who == 1 && !out.answers.empty()) {
      answered_pts = out.answers.front().pts;
      answered_count = out.answers.front().pts_count;
    }
  };
  const auto answer = forward(1, 2, 3, {1, 2}, 100);
  world.on_effects = nullptr;
  EXPECT_EQ(answered_pts, 5);
  EXPECT_EQ(answered_count, 2) << "its session is told of both by this";
  ASSERT_TRUE(answer);
  const auto* updates = tl::as<tl::updates>(*answer);
  ASSERT_NE(updates, nullptr);
  ASSERT_EQ(updates->updates_.size(), 4U);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto* number = tl::as<tl::updateMessageID>(updates->updates_[i]);
    ASSERT_NE(number, nullptr);
    EXPECT_EQ(number->random_id, static_cast<std::int64_t>(100 + i));
    EXPECT_EQ(number->id, static_cast<message_id>(3 + i));
    const auto* update = tl::as<tl::updateNewMessage>(updates->updates_[2 + i]);
    ASSERT_NE(update, nullptr);
    const auto* message = tl::as<tl::message>(update->message);
    ASSERT_NE(message, nullptr);
    EXPECT_EQ(message->id, number->id);
    EXPECT_EQ(update->pts, static_cast<std::int32_t>(4 + i));
  }
  EXPECT_GE(updates->users.size(), 2U);
  for (const auto& row : {world.message(1, 3, 3), world.message(3, 1, 1)}) {
    ASSERT_TRUE(row);
    EXPECT_EQ(row->text(), "from two");
    EXPECT_EQ(row->forward().from(), 2);
    EXPECT_EQ(row->forward().date(), world.now - 200);
    EXPECT_EQ(row->forward().saved_from(), 0);
    EXPECT_EQ(row->date(), world.now);
  }
  for (const auto& row : {world.message(1, 3, 4), world.message(3, 1, 2)}) {
    ASSERT_TRUE(row);
    EXPECT_EQ(row->text(), "from one");
    EXPECT_EQ(row->forward().from(), 1);
    EXPECT_EQ(row->forward().date(), world.now - 100);
  }
}

TEST_F(forwarding_test, TheFirstAuthorStays) {
  ASSERT_TRUE(forward(1, 2, 3, {1}, 100));
  world.now += 1000;
  ASSERT_TRUE(forward(3, 1, 4, {1}, 100));
  const auto row = world.message(4, 3, 1);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->forward().from(), 2);
  EXPECT_EQ(row->forward().date(), world.now - 1200);
}

TEST_F(forwarding_test, WithoutAuthorItIsAMessageOfOnesOwn) {
  ASSERT_TRUE(forward(1, 2, 3, {1}, 100, [](forward_messages& call) {
    call.drop_author = true;
    call.silent = true;
  }));
  const auto row = world.message(3, 1, 1);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->text(), "from two");
  EXPECT_FALSE(row->has_forward());
  EXPECT_TRUE(row->silent());
}

/// Who does not want links to the account is told of by name alone.
TEST_F(forwarding_test, AuthorsMayBeHidden) {
  hide(1, 2);
  ASSERT_TRUE(forward(1, 2, 3, {1, 2}, 100));
  for (const auto& row : {world.message(1, 3, 3), world.message(3, 1, 1)}) {
    ASSERT_TRUE(row);
    EXPECT_EQ(row->forward().from(), 0);
    EXPECT_EQ(row->forward().from_name(), "Somebody");
    EXPECT_EQ(row->forward().date(), world.now - 200);
  }
  EXPECT_EQ(world.message(3, 1, 2).value().forward().from(), 1); // the rule is account 2's
}

/// What an author allows is in its card: without it nobody is linked to.
TEST_F(forwarding_test, AuthorsWhoseCardIsNotThereAreHidden) {
  box_world::member& viewer = world.add(5);
  const box_core core{*viewer.core, *viewer.people, {}};
  Message message;
  EXPECT_EQ(author_of(message, user_id{2}, core).who, user_id{});
  EXPECT_FALSE(author_of(message, user_id{2}, core).name.empty());
  viewer.cards.put(world.at(2).people->own_card(world.now));
  EXPECT_EQ(author_of(message, user_id{2}, core).who, user_id{2});
  message.set_out(true);
  EXPECT_EQ(author_of(message, user_id{3}, core).who, user_id{5});
}

TEST_F(forwarding_test, ContactsOfTheAuthorMayLinkToIt) {
  hide(1, 2, true);
  ASSERT_TRUE(forward(1, 2, 3, {1}, 100));
  EXPECT_EQ(world.message(3, 1, 1).value().forward().from(), 0);
  persistence::records::Relation relation;
  relation.set_has_me(true);
  world.rows(1)[{records_table::user_relation, entity::id_sub_key(2)}] = relation.SerializeAsString();
  world.restart(1);
  ASSERT_TRUE(forward(1, 2, 3, {1}, 200));
  EXPECT_EQ(world.message(3, 1, 2).value().forward().from(), 2);
}

TEST_F(forwarding_test, SavedMessagesRememberWhereTheyComeFrom) {
  ASSERT_TRUE(forward(1, 2, 1, {1, 2}, 100));
  const auto row = world.message(1, 1, 3);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->forward().from(), 2);
  EXPECT_EQ(row->forward().saved_from(), 2);
  EXPECT_EQ(row->forward().saved_id(), 1);
  EXPECT_EQ(world.message(1, 1, 4).value().forward().saved_id(), 2);
  // As a copy of the copy does.
  ASSERT_TRUE(forward(1, 1, 1, {3}, 150));
  EXPECT_EQ(world.message(1, 1, 5).value().forward().saved_from(), 2);
  EXPECT_EQ(world.message(1, 1, 5).value().forward().saved_id(), 1);
  // And do not tell others.
  ASSERT_TRUE(forward(1, 1, 3, {3}, 200));
  const auto told = world.message(3, 1, 1);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->forward().from(), 2);
  EXPECT_EQ(told->forward().saved_from(), 0);
  EXPECT_EQ(told->forward().saved_id(), 0);
}

/// Each of them alone: of a call that is repeated with one more, that one is sent.
TEST_F(forwarding_test, EachIsDeduplicatedAlone) {
  ASSERT_TRUE(forward(1, 2, 3, {1}, 100));
  vanish(world, 1, 2, 1); // what it came from is not needed again
  world.rows(1).erase({records_table::message_origin, message_key(user_id{2}, 1)});
  const auto answer = forward(1, 2, 3, {1, 2}, 100);
  ASSERT_TRUE(answer);
  const auto* updates = tl::as<tl::updates>(*answer);
  ASSERT_EQ(updates->updates_.size(), 4U);
  EXPECT_EQ(tl::as<tl::updateMessageID>(updates->updates_[0])->id, 3);
  EXPECT_EQ(tl::as<tl::updateMessageID>(updates->updates_[1])->id, 4);
  EXPECT_EQ(tl::as<tl::updateNewMessage>(updates->updates_[2])->pts, 4);
  EXPECT_EQ(tl::as<tl::updateNewMessage>(updates->updates_[3])->pts, 5);
  EXPECT_EQ(world.table(3, records_table::message).size(), 2U);
  // For the check of the rows at the end.
  auto dialog = world.dialog(1, 2).value();
  dialog.set_messages(1);
  world.rows(1)[{records_table::dialog, peer_key(user_id{2})}] = dialog.SerializeAsString();
  auto box = world.row<persistence::records::UserBox>(1, records_table::user_box, {}).value();
  EXPECT_EQ(box.unread(), 1);
  box.set_unread(0);
  dialog.set_unread(0);
  world.rows(1)[{records_table::dialog, peer_key(user_id{2})}] = dialog.SerializeAsString();
  world.rows(1)[{records_table::user_box, {}}] = box.SerializeAsString();
}

TEST_F(forwarding_test, RefusesWhatIsWrongAndWritesNothing) {
  EXPECT_EQ(refused({}), rpc_errc::message_ids_empty);
  EXPECT_EQ(refused(std::vector<message_id>(limits::forwarded_messages_max + 1, 1)), rpc_errc::input_request_too_long);
  EXPECT_EQ(refused({1, 2}, [](auto& call) { call.random_id.pop_back(); }), rpc_errc::random_id_invalid);
  EXPECT_EQ(refused({1, 2}, [](auto& call) { call.random_id[1] = call.random_id[0]; }), rpc_errc::random_id_invalid);
  EXPECT_EQ(refused({1, 2}, [](auto& call) { call.random_id[0] = 0; }), rpc_errc::random_id_invalid);
  EXPECT_EQ(refused({1, 3}), rpc_errc::message_id_invalid);
  EXPECT_EQ(refused({0}), rpc_errc::message_id_invalid);
  EXPECT_EQ(refused({-1}), rpc_errc::message_id_invalid);
  EXPECT_EQ(refused({1}, [](auto& call) { call.schedule_date = 2'000'000'000; }), rpc_errc::schedule_date_invalid);
  EXPECT_EQ(refused({1}, [this](auto& call) { call.from_peer = world.peer(2, 1); }), rpc_errc::peer_id_invalid);
  EXPECT_EQ(refused({1}, [this](auto& call) { call.from_peer = world.peer(1, 3); }), rpc_errc::message_id_invalid);
  EXPECT_EQ(refused({1}, [this](auto& call) { call.to_peer = world.peer(1, 777'000); }),
            rpc_errc::chat_write_forbidden);
}

TEST_F(forwarding_test, WhatMayNotBeForwardedIsNot) {
  send_message call;
  fill(call, world, 2, 1, "not for others", 50);
  call.noforwards = true;
  ASSERT_TRUE(world.call(2, call));
  world.run();
  EXPECT_EQ(refused({1, 3}), rpc_errc::chat_forwards_restricted);
  EXPECT_EQ(refused({3}, [](auto& what) { what.drop_author = true; }), rpc_errc::chat_forwards_restricted);
}

/// The card of the sender counts as well as what is forwarded.
TEST_F(forwarding_test, ManyShortMessagesAreNoLargeMutation) {
  std::vector<message_id> ids;
  for (std::int64_t i = 0; i < 100; ++i) {
    ids.push_back(send(world, 1, 1, "short", 100 + i).id);
  }
  world.set_profile(1, [](auto& profile) { profile.set_about(std::string(40'000, 'x')); });
  std::size_t largest = 0;
  world.on_effects = [&](std::int64_t, const entity_effects& out) {
    std::size_t bytes = 0;
    for (const auto& each : out.deliveries) {
      bytes += each.body.size();
    }
    largest = std::max(largest, bytes);
  };
  ASSERT_TRUE(forward(1, 1, 3, ids, 1000));
  world.on_effects = nullptr;
  EXPECT_EQ(world.table(3, records_table::message).size(), 100U);
  EXPECT_LE(largest, 2 * limits::box_mutation_bytes);
}

/// Another dialog's message under the same random_id is no answer to this call.
TEST_F(forwarding_test, ARandomIdOfAnotherDialogIsRefused) {
  ASSERT_TRUE(forward(1, 2, 4, {1}, 101));
  const auto before = world.rows(1);
  const auto answer = forward(1, 2, 3, {1, 2}, 100);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().errc, rpc_errc::random_id_invalid);
  EXPECT_EQ(world.rows(1), before);
  EXPECT_TRUE(world.table(3, records_table::message).empty());
}

/// A call with the longest texts is more than one mutation, and yet all of it or a part that is repeated.
TEST_F(forwarding_test, LongMessagesAreWrittenInTurn) {
  std::string text;
  for (int i = 0; i < 4096; ++i) {
    text += "\xF0\x9F\x98\x80";
  }
  std::vector<message_id> ids;
  for (std::int64_t i = 0; i < 100; ++i) {
    ids.push_back(send(world, 1, 1, text, 100 + i).id);
  }
  std::size_t largest = 0;
  std::size_t mutations = 0;
  world.on_effects = [&](std::int64_t who, const entity_effects& out) {
    std::size_t bytes = 0;
    for (const auto& each : out.rows) {
      bytes += each.value ? each.value->size() : 0;
    }
    for (const auto& each : out.deliveries) {
      bytes += each.body.size();
    }
    mutations += who == 1 && bytes != 0 ? 1 : 0;
    largest = std::max(largest, bytes);
  };
  const auto answer = forward(1, 1, 3, ids, 1000);
  world.on_effects = nullptr;
  ASSERT_TRUE(answer);
  EXPECT_EQ(tl::as<tl::updates>(*answer)->updates_.size(), 200U);
  EXPECT_EQ(world.table(3, records_table::message).size(), 100U);
  EXPECT_GT(mutations, 2U);
  EXPECT_LE(largest, 2 * limits::box_mutation_bytes);
}

} // namespace
} // namespace godwit::box::testing
