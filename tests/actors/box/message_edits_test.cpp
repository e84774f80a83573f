#include <gtest/gtest.h>

#include "config/limits.hpp"
#include "tests/actors/box/change_calls.hpp"

namespace godwit::box::testing {
namespace {

class message_edits_test : public change_test {
protected:
  rpc_errc refused(std::int64_t peer, message_id id, const std::string& text = "other") {
    const auto before = world.rows(1);
    const auto answer = edit(world, 1, peer, id, text);
    EXPECT_FALSE(answer);
    EXPECT_EQ(world.rows(1), before);
    return answer ? rpc_errc::rpc_call_fail : answer.error().errc;
  }
};

/// Both boxes have the new text under their own numbers, and everybody hears it.
TEST_F(message_edits_test, AnEditReachesBothSides) {
  say(2, 1);
  const message_id id = say(1, 2, "before");
  world.listen(1, 1);
  world.listen(1, 2);
  world.listen(2, 1);
  world.now += 10;
  const auto answer = edit(world, 1, 2, id, "after @somebody");
  ASSERT_TRUE(answer);
  const auto* updates = tl::as<tl::updates>(*answer);
  ASSERT_NE(updates, nullptr);
  ASSERT_EQ(updates->updates_.size(), 1U);
  const auto* update = tl::as<tl::updateEditMessage>(updates->updates_[0]);
  ASSERT_NE(update, nullptr);
  EXPECT_EQ(update->pts, pts(1));
  EXPECT_EQ(update->pts_count, 1);
  const auto* message = tl::as<tl::message>(update->message);
  EXPECT_EQ(message->id, id);
  EXPECT_EQ(message->message_, "after @somebody");
  EXPECT_EQ(message->edit_date, world.now);
  EXPECT_EQ(message->entities->size(), 1U);
  EXPECT_GE(updates->users.size(), 2U);

  EXPECT_EQ(world.message(1, 2, id)->text(), "after @somebody");
  const auto theirs = world.message(2, 1, 2).value();
  EXPECT_EQ(theirs.text(), "after @somebody");
  EXPECT_EQ(theirs.edit_date(), world.now);
  EXPECT_EQ(theirs.entity_size(), 1);
  EXPECT_FALSE(theirs.out());
  EXPECT_EQ(heard_updates<tl::updateEditMessage>(world, 1, 1).size(), 0U);
  EXPECT_EQ(heard_updates<tl::updateEditMessage>(world, 1, 2).size(), 1U);
  const auto heard = heard_updates<tl::updateEditMessage>(world, 2, 1);
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0]->pts, pts(2));
}

TEST_F(message_edits_test, OnlyTheAuthorEdits) {
  say(2, 1);
  EXPECT_EQ(refused(2, 1), rpc_errc::message_author_required);
}

TEST_F(message_edits_test, WhatIsNotThereCannotBeEdited) {
  const message_id id = say(1, 2);
  EXPECT_EQ(refused(2, 0), rpc_errc::message_id_invalid);
  EXPECT_EQ(refused(2, -1), rpc_errc::message_id_invalid);
  EXPECT_EQ(refused(2, id + 1), rpc_errc::message_id_invalid);
  EXPECT_EQ(refused(3, id), rpc_errc::message_id_invalid); // in another dialog
  ASSERT_TRUE(erase(world, 1, {id}));
  EXPECT_EQ(refused(2, id), rpc_errc::message_id_invalid);
}

TEST_F(message_edits_test, TheTextHasToBeAnotherOne) {
  const message_id id = say(1, 2, "same");
  EXPECT_EQ(refused(2, id, "same"), rpc_errc::message_not_modified);
  EXPECT_EQ(refused(2, id, "  same "), rpc_errc::message_not_modified);
  EXPECT_EQ(refused(2, id, " "), rpc_errc::message_empty);
  EXPECT_EQ(refused(2, id, std::string(4097, 'a')), rpc_errc::message_too_long);
  tl::fn::messages_editMessage call;
  call.peer = world.peer(1, 2);
  call.id = id;
  call.message = "same";
  auto bold = tl::make<tl::messageEntityBold>();
  bold->length = 2;
  call.entities.emplace().push_back(std::move(bold));
  EXPECT_TRUE(world.call(1, call));
  world.run();
  EXPECT_EQ(world.message(2, 1, 1)->entity_size(), 1);
}

/// Two days; in one's own notes for ever.
TEST_F(message_edits_test, EditsHaveATime) {
  const message_id id = say(1, 2);
  const message_id note = say(1, 1);
  world.now += 172'800;
  EXPECT_TRUE(edit(world, 1, 2, id, "in time"));
  ++world.now;
  EXPECT_EQ(refused(2, id, "too late"), rpc_errc::message_edit_time_expired);
  EXPECT_TRUE(edit(world, 1, 1, note, "still"));
}

TEST_F(message_edits_test, WhatCannotBeDoneIsRefused) {
  const message_id id = say(1, 2);
  tl::fn::messages_editMessage call;
  call.peer = world.peer(1, 2);
  call.id = id;
  call.message = "other";
  call.schedule_date = world.now + 100;
  EXPECT_EQ(world.call(1, call).error().errc, rpc_errc::schedule_date_invalid);
  tl::fn::messages_editMessage wrong;
  wrong.peer = world.peer(2, 1); // the hash of another viewer
  wrong.id = id;
  wrong.message = "other";
  EXPECT_EQ(world.call(1, wrong).error().errc, rpc_errc::peer_id_invalid);
}

TEST_F(message_edits_test, ForwardsAndServiceMessagesStay) {
  const message_id id = say(1, 2);
  forward_messages call;
  fill(call, world, 1, 2, 2, {id}, 500);
  ASSERT_TRUE(world.call(1, call));
  world.run();
  EXPECT_EQ(refused(2, id + 1), rpc_errc::message_id_invalid);
  ASSERT_TRUE(pin(world, 1, 2, id));
  EXPECT_EQ(refused(2, id + 2), rpc_errc::message_id_invalid);
}

/// The peer deleted it: nothing happens there, and the lane goes on.
TEST_F(message_edits_test, AnEditOfWhatIsGoneChangesNothing) {
  const message_id id = say(1, 2);
  ASSERT_TRUE(erase(world, 2, {1}));
  const auto before = world.rows(2);
  ASSERT_TRUE(edit(world, 1, 2, id, "other"));
  EXPECT_EQ(world.rows(2), before);
  EXPECT_EQ(world.deliveries_waiting(), 0U);
}

/// A blocked account writes nothing anew, neither in what it wrote before; it does not notice.
TEST_F(message_edits_test, EditsOfTheBlockedAreDropped) {
  const message_id id = say(1, 2);
  block(world, 2, 1);
  world.listen(2, 1);
  const auto before = world.rows(2);
  ASSERT_TRUE(edit(world, 1, 2, id, "other"));
  EXPECT_EQ(world.message(1, 2, id)->text(), "other");
  EXPECT_EQ(world.rows(2), before);
  EXPECT_TRUE(world.heard(2, 1).empty());
  EXPECT_EQ(world.deliveries_waiting(), 0U);
}

TEST_F(message_edits_test, AnEditStaysInTheDialog) {
  const message_id id = say(1, 2);
  say(3, 2);
  ASSERT_TRUE(edit(world, 1, 2, id, "other"));
  EXPECT_EQ(world.message(2, 3, 2)->text(), "text");
  EXPECT_EQ(world.dialog(2, 1)->unread(), 1);
}

/// The oldest layer: its own forms of calls, answers and updates.
TEST_F(message_edits_test, OldLayersEditToo) {
  say(2, 1);
  const message_id id = say(1, 2);
  world.listen(2, 1, 133);
  tl::fn::messages_editMessage call;
  call.peer = world.peer(1, 2);
  call.id = id;
  call.message = "other";
  const auto answer = world.call(1, call, 133);
  ASSERT_TRUE(answer);
  world.run();
  const auto heard = heard_updates<tl::updateEditMessage>(world, 2, 1);
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(tl::as<tl::message>(heard[0]->message)->message_, "other");
  // What it cannot be told it has to ask for.
  call.message = "hidden";
  auto spoiler = tl::make<tl::messageEntitySpoiler>();
  spoiler->length = 3;
  call.entities.emplace().push_back(std::move(spoiler));
  ASSERT_TRUE(world.call(1, call));
  world.pushes.clear();
  world.run();
  const auto objects = world.heard(2, 1);
  ASSERT_EQ(objects.size(), 1U);
  EXPECT_NE(tl::as<tl::updatesTooLong>(objects[0]), nullptr);
  EXPECT_EQ(world.pushes[0].what.pts, pts(2));
}

/// Changes wait for one another; who asks for too many at once is told to wait.
TEST_F(message_edits_test, TooManyAtOnceHaveToWait) {
  box_world slow(7);
  slow.add(1);
  std::vector<std::uint64_t> tickets;
  for (std::size_t i = 0; i < limits::box_operations_max + 50; ++i) {
    tl::fn::messages_deleteMessages call;
    call.id = {1};
    tickets.push_back(slow.start(1, call));
  }
  slow.run();
  std::size_t refused = 0;
  for (const std::uint64_t ticket : tickets) {
    const auto& body = slow.answer(ticket)->body;
    refused += !body && body.error() == rpc_error(rpc_errc::flood_wait, 1) ? 1 : 0;
  }
  EXPECT_EQ(refused, 49U); // one is under way
}

} // namespace
} // namespace godwit::box::testing
