#include <gtest/gtest.h>

#include <set>

#include "config/limits.hpp"
#include "tests/actors/box/message_calls.hpp"

namespace godwit::box::testing {
namespace {

using persistence::records::Message;

constexpr unix_time day = 86'400;

class message_sending_test : public ::testing::Test {
protected:
  message_sending_test() {
    for (const std::int64_t each : {1, 2, 3}) {
      world.add(each);
    }
  }
  ~message_sending_test() override {
    for (const std::int64_t each : {1, 2, 3}) {
      EXPECT_EQ(world.faults(each), "") << "account " << each;
    }
  }
  /// The error of a call of account 1 to account 2 that is otherwise right.
  rpc_errc refused(const std::function<void(send_message&)>& change, layer_t layer = newest_layer) {
    send_message call;
    fill(call, world, 1, 2, "text", ++random_id_);
    change(call);
    const auto answer = world.call(1, call, layer);
    world.run();
    EXPECT_FALSE(answer);
    return answer ? rpc_errc::rpc_call_fail : answer.error().errc;
  }
  /// Sends with a reply; the id.
  rpc_result<sent> reply(std::int64_t from, std::int64_t to, const std::function<void(tl::inputReplyToMessage&)>& set) {
    send_message call;
    fill(call, world, from, to, "a reply", ++random_id_);
    call.reply_to = tl::make<tl::inputReplyToMessage>();
    set(*call.reply_to);
    const auto answer = world.call(from, call);
    world.run();
    if (!answer) {
      return unexpected(answer.error());
    }
    return sent_of(answer);
  }

  box_world world;
  std::int64_t random_id_ = 1000;
};

/// One message: everything that is written on both sides, and the short answer.
TEST_F(message_sending_test, APrivateMessageIsInBothBoxes) {
  send(world, 2, 3, "so that ids differ", 1);
  send_message call;
  fill(call, world, 1, 2, "hello", 77);
  call.silent = true;
  call.noforwards = true;
  call.invert_media = true;
  const std::uint64_t ticket = world.start(1, call);
  world.run();
  const auto* answer = world.answer(ticket);
  ASSERT_NE(answer, nullptr);
  ASSERT_TRUE(answer->body);
  EXPECT_EQ(answer->pts, 2);
  tl::reader in(*answer->body);
  const auto result = send_message::fetch_result(in, newest_layer);
  const auto* brief = tl::as<tl::updateShortSentMessage>(result);
  ASSERT_NE(brief, nullptr);
  EXPECT_TRUE(brief->out);
  EXPECT_EQ(sent_of(world.call(1, call)), (sent{1, 2, world.now}));
  EXPECT_EQ(brief->pts_count, 1);
  EXPECT_FALSE(brief->entities);

  const auto own = world.message(1, 2, 1);
  ASSERT_TRUE(own);
  EXPECT_TRUE(own->out());
  EXPECT_EQ(own->text(), "hello");
  EXPECT_EQ(own->date(), world.now);
  EXPECT_EQ(own->origin_id(), 0);
  EXPECT_TRUE(own->silent());
  const auto theirs = world.message(2, 1, 2);
  ASSERT_TRUE(theirs);
  EXPECT_FALSE(theirs->out());
  EXPECT_EQ(theirs->text(), "hello");
  EXPECT_EQ(theirs->date(), world.now);
  EXPECT_EQ(theirs->origin_id(), 1);
  EXPECT_TRUE(theirs->silent());
  EXPECT_TRUE(theirs->noforwards());
  EXPECT_TRUE(theirs->invert_media());

  EXPECT_EQ(world.dialog(1, 2).value().unread(), 0);
  EXPECT_EQ(world.dialog(1, 2).value().top_date(), world.now);
  EXPECT_EQ(world.dialog(2, 1).value().unread(), 1);
  EXPECT_EQ(world.dialog(2, 1).value().top_message(), 2);
  EXPECT_EQ(world.dialog(2, 1).value().top_date(), world.now);
}

/// The own other session and all of the peer's are told, at their layers; the asker has the answer.
TEST_F(message_sending_test, EverySessionButTheAskerIsTold) {
  world.listen(1, 1);
  world.listen(1, 2, 133);
  world.listen(1, 3, 170);
  world.listen(2, 1);
  world.listen(2, 2, 140);
  EXPECT_EQ(send(world, 1, 2, "hello", 77).id, 1);
  send(world, 1, 2, "again", 78);
  EXPECT_TRUE(heard_messages(world, 1, 1).empty());
  for (const auto& [who, session] : {std::pair{1, 2}, {1, 3}, {2, 1}, {2, 2}}) {
    // The first time, a session may be told that it missed something, when a card was not there.
    const auto heard = heard_messages(world, who, static_cast<std::uint64_t>(session));
    ASSERT_FALSE(heard.empty()) << who << " " << session;
    EXPECT_EQ(heard.back().text, "again");
    EXPECT_EQ(heard.back().id, 2);
    EXPECT_EQ(heard.back().pts, 3);
    EXPECT_EQ(heard.back().out, who == 1);
  }
  for (const auto& each : world.pushes) {
    EXPECT_EQ(each.what.pts_count, 1);
    EXPECT_TRUE(each.what.pts == 2 || each.what.pts == 3);
  }
  EXPECT_EQ(world.pushes.size(), 8U);
}

/// A session of an old layer does not keep from newer ones what it cannot be told.
TEST_F(message_sending_test, EachSessionIsToldAtItsLayer) {
  send(world, 2, 1, "so that cards are there", 1);
  world.listen(1, 1, 133);
  world.listen(1, 2, newest_layer);
  send_message call;
  fill(call, world, 1, 2, "hidden", 77);
  auto spoiler = tl::make<tl::messageEntitySpoiler>();
  spoiler->length = 6;
  call.entities.emplace().push_back(std::move(spoiler));
  ASSERT_TRUE(world.call(1, call, newest_layer, 3));
  world.run();
  for (const std::uint64_t session : {1, 2}) {
    const auto heard = world.heard(1, session);
    ASSERT_EQ(heard.size(), 1U);
    const auto* updates = tl::as<tl::updates>(heard.front());
    ASSERT_NE(updates, nullptr);
    const auto* update = tl::as<tl::updateNewMessage>(updates->updates_.at(0));
    ASSERT_NE(update, nullptr);
    const auto* message = tl::as<tl::message>(update->message);
    ASSERT_NE(message, nullptr);
    EXPECT_EQ(message->entities && !message->entities->empty(), session == 2);
  }
}

/// A message to oneself: one copy, never unread, and an answer that shows it.
TEST_F(message_sending_test, SavedMessagesAreOneCopy) {
  world.listen(1, 2);
  send_message call;
  call.peer = tl::make<tl::inputPeerSelf>();
  call.message = "note";
  call.random_id = 77;
  const auto answer = world.call(1, call);
  world.run();
  ASSERT_TRUE(answer);
  const auto* updates = tl::as<tl::updates>(*answer);
  ASSERT_NE(updates, nullptr);
  ASSERT_EQ(updates->updates_.size(), 2U);
  const auto* number = tl::as<tl::updateMessageID>(updates->updates_[0]);
  ASSERT_NE(number, nullptr);
  EXPECT_EQ(number->id, 1);
  EXPECT_EQ(number->random_id, 77);
  EXPECT_EQ(sent_of(answer), (sent{1, 2, world.now}));
  EXPECT_EQ(updates->users.size(), 1U);
  EXPECT_EQ(world.table(1, records_table::message).size(), 1U);
  EXPECT_TRUE(world.message(1, 1, 1).value().out());
  EXPECT_EQ(world.dialog(1, 1).value().unread(), 0);
  EXPECT_EQ(world.deliveries_waiting(), 0U);
  EXPECT_EQ(heard_messages(world, 1, 2).size(), 1U);
  EXPECT_EQ(sent_of(world.call(1, call)), (sent{1, 2, world.now}));
}

TEST_F(message_sending_test, EntitiesAreInTheAnswerAndOnBothSides) {
  send_message call;
  fill(call, world, 1, 2, "bold", 77);
  auto bold = tl::make<tl::messageEntityBold>();
  bold->length = 4;
  call.entities.emplace().push_back(std::move(bold));
  for (int i = 0; i < 2; ++i) { // the repeat tells them as well
    const auto answer = world.call(1, call);
    world.run();
    ASSERT_TRUE(answer);
    const auto* brief = tl::as<tl::updateShortSentMessage>(*answer);
    ASSERT_NE(brief, nullptr);
    ASSERT_TRUE(brief->entities);
    EXPECT_NE(tl::as<tl::messageEntityBold>(brief->entities->at(0)), nullptr);
  }
  EXPECT_EQ(world.message(1, 2, 1).value().entity_size(), 1);
  EXPECT_EQ(world.message(2, 1, 1).value().entity_size(), 1);
}

/// The draft of that dialog goes with the message, where the client says so.
TEST_F(message_sending_test, ASentDraftIsCleared) {
  for (const bool clear : {false, true}) {
    tl::fn::messages_saveDraft draft;
    draft.peer = world.peer(1, 2);
    draft.message = "unfinished";
    ASSERT_TRUE(world.call(1, draft));
    EXPECT_TRUE(world.row<persistence::records::Draft>(1, records_table::draft, peer_key(user_id{2})));
    send_message call;
    fill(call, world, 1, 2, "finished", clear ? 78 : 77);
    call.clear_draft = clear;
    ASSERT_TRUE(world.call(1, call));
    world.run();
    const auto left = world.row<persistence::records::Draft>(1, records_table::draft, peer_key(user_id{2}));
    EXPECT_EQ(!left || left->text().empty(), clear);
  }
}

// --- repeats -----------------------------------------------------------------------------------------

/// Whatever happened since, a random_id is answered as the first time, and sends nothing.
TEST_F(message_sending_test, ARepeatIsAnsweredAsTheFirstTime) {
  const sent first = send(world, 1, 2, "once", 77);
  EXPECT_EQ(first, (sent{1, 2, world.now}));
  send(world, 1, 2, "another", 78);
  world.now += 5;
  EXPECT_EQ(send(world, 1, 2, "once", 77), first);
  EXPECT_EQ(send(world, 1, 2, "other words", 77), first);
  world.restart();
  EXPECT_EQ(send(world, 1, 2, "once", 77), first);
  block(world, 1, 2);
  EXPECT_EQ(send(world, 1, 2, "once", 77), first);
  world.now += 30 * day - 5;
  EXPECT_EQ(send(world, 1, 2, "once", 77), first);
  world.restart();
  EXPECT_EQ(send(world, 1, 2, "once", 77), first);
  EXPECT_EQ(world.table(1, records_table::message).size(), 2U);
  EXPECT_EQ(world.table(2, records_table::message).size(), 2U);
  EXPECT_TRUE(world.table(3, records_table::message).empty());
}

/// A row that does not say where the box was: the answer names no stretch, which would reach below the beginning.
TEST_F(message_sending_test, ARepeatWithoutItsPtsTellsOfNoStretch) {
  send_message shortly;
  fill(shortly, world, 1, 2, "once", 77);
  send_message fully;
  fill(fully, world, 1, 1, "note", 78);
  ASSERT_TRUE(world.call(1, shortly));
  ASSERT_TRUE(world.call(1, fully));
  world.run();
  const auto rows = world.rows(1);
  for (auto& [key, value] : world.rows(1)) {
    if (persistence::records::Sent row; key.first == records_table::message_sent) {
      ASSERT_TRUE(row.ParseFromString(value));
      row.clear_pts();
      value = row.SerializeAsString();
    }
  }
  world.restart();
  for (const send_message* each : {&shortly, &fully}) {
    ASSERT_TRUE(world.call(1, *each));
    const entity::entity_answer* const said = world.answer(world.last_call());
    ASSERT_NE(said, nullptr);
    EXPECT_EQ(said->pts, 0);
    EXPECT_EQ(said->pts_count, 0);
  }
  world.rows(1) = rows;
}

TEST_F(message_sending_test, ARepeatAfterDeletionSendsNothing) {
  world.add(4);
  const sent to_peer = send(world, 4, 2, "once", 77);
  const sent to_self = send(world, 4, 4, "note", 78);
  vanish(world, 4, 2, to_peer.id);
  vanish(world, 4, 4, to_self.id);
  EXPECT_EQ(send(world, 4, 2, "once", 77), to_peer);
  EXPECT_EQ(send(world, 4, 4, "note", 78), to_self);
  EXPECT_TRUE(world.table(4, records_table::message).empty());
}

/// The same number from another account is another message.
/// A client that takes a random_id twice must not believe that the second message was sent.
TEST_F(message_sending_test, ARandomIdIsOfOneDialog) {
  ASSERT_EQ(send(world, 1, 2, "hello", 77).id, 1);
  for (int i = 0; i < 2; ++i) {
    send_message call;
    fill(call, world, 1, 3, "another", 77);
    const auto answer = world.call(1, call);
    world.run();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().errc, rpc_errc::random_id_invalid);
    EXPECT_TRUE(world.table(3, records_table::message).empty());
    world.restart(); // the row says so as well
  }
  EXPECT_EQ(send(world, 1, 2, "hello", 77).id, 1);
}

TEST_F(message_sending_test, RandomIdsAreEachAccountsOwn) {
  EXPECT_EQ(send(world, 1, 2, "one", 77).id, 1);
  EXPECT_EQ(send(world, 2, 1, "two", 77).id, 2);
  EXPECT_EQ(world.table(1, records_table::message).size(), 2U);
}

// --- what is refused ---------------------------------------------------------------------------------

TEST_F(message_sending_test, RefusesWhatIsWrongAndChangesNothing) {
  EXPECT_EQ(refused([](send_message& call) { call.random_id = 0; }), rpc_errc::random_id_empty);
  EXPECT_EQ(refused([](send_message& call) { call.message = " \n"; }), rpc_errc::message_empty);
  EXPECT_EQ(refused([](send_message& call) { call.message = std::string(4097, 'x'); }), rpc_errc::message_too_long);
  EXPECT_EQ(refused([](send_message& call) { call.schedule_date = 2'000'000'000; }), rpc_errc::schedule_date_invalid);
  EXPECT_EQ(refused([](send_message& call) { call.schedule_repeat_period = 60; }), rpc_errc::schedule_date_invalid);
  EXPECT_EQ(refused([this](send_message& call) { call.send_as = world.peer(1, 2); }), rpc_errc::send_as_peer_invalid);
  EXPECT_EQ(refused([](send_message& call) { call.effect = 5; }), rpc_errc::effect_id_invalid);
  EXPECT_EQ(refused([this](send_message& call) { call.peer = world.peer(2, 3); }), rpc_errc::peer_id_invalid);
  EXPECT_EQ(refused([](send_message& call) { call.peer = tl::make<tl::inputPeerEmpty>(); }), rpc_errc::peer_id_invalid);
  EXPECT_EQ(refused([this](send_message& call) { call.peer = world.peer(1, 777'000); }),
            rpc_errc::chat_write_forbidden);
  EXPECT_TRUE(world.table(1, records_table::message).empty());
  EXPECT_TRUE(world.table(1, records_table::message_sent).empty());
  EXPECT_EQ(send(world, 1, 2, "right", 1).pts, 2);
}

TEST_F(message_sending_test, SendAsOneselfIsSending) {
  send_message call;
  fill(call, world, 1, 2, "text", 77);
  call.send_as = tl::make<tl::inputPeerSelf>();
  EXPECT_EQ(sent_of(world.call(1, call)).id, 1);
  world.run();
}

TEST_F(message_sending_test, NobodyWritesToWhomTheyBlocked) {
  send(world, 1, 2, "before", 1);
  block(world, 1, 2);
  EXPECT_EQ(refused([](send_message&) {}), rpc_errc::you_blocked_user);
  EXPECT_EQ(world.table(2, records_table::message).size(), 1U);
}

TEST_F(message_sending_test, NobodyWritesToTheDeleted) {
  command::Card card;
  card.set_exists(true);
  card.set_user(2);
  card.set_version(1000);
  card.set_deleted(true);
  world.at(1).cards.put(card);
  EXPECT_EQ(refused([](send_message&) {}), rpc_errc::input_user_deactivated);
}

/// The author cannot tell; the receiver has nothing.
TEST_F(message_sending_test, AMessageToWhoBlocksLooksSent) {
  block(world, 2, 1);
  EXPECT_EQ(send(world, 1, 2, "hello", 77), (sent{1, 2, world.now}));
  EXPECT_EQ(world.deliveries_waiting(), 0U);
  EXPECT_TRUE(world.message(1, 2, 1));
  EXPECT_TRUE(world.table(2, records_table::message).empty());
  EXPECT_TRUE(world.table(2, records_table::update).empty());
  EXPECT_FALSE(world.dialog(2, 1));
}

// --- replies -----------------------------------------------------------------------------------------

/// An answer names a message by its number in each box, whoever wrote that.
TEST_F(message_sending_test, RepliesNameTheMessageInEachBox) {
  send(world, 2, 3, "so that ids differ", 1);
  const sent one = send(world, 1, 2, "question", 2); // 1 with account 1, 2 with account 2
  ASSERT_EQ(one.id, 1);
  const auto own = reply(1, 2, [](auto& to) { to.reply_to_msg_id = 1; });
  ASSERT_TRUE(own);
  EXPECT_EQ(world.message(1, 2, own->id).value().reply_to().id(), 1);
  EXPECT_EQ(world.message(2, 1, 3).value().reply_to().id(), 2);
  const auto theirs = reply(2, 1, [](auto& to) { to.reply_to_msg_id = 2; });
  ASSERT_TRUE(theirs);
  EXPECT_EQ(world.message(2, 1, theirs->id).value().reply_to().id(), 2);
  EXPECT_EQ(world.message(1, 2, 3).value().reply_to().id(), 1);
}

TEST_F(message_sending_test, OldLayersReplyToo) {
  send(world, 2, 1, "question", 2);
  send_message call;
  fill(call, world, 1, 2, "answer", 77);
  call.reply_to_msg_id = 1;
  ASSERT_TRUE(world.call(1, call, 133));
  world.run();
  EXPECT_EQ(world.message(1, 2, 2).value().reply_to().id(), 1);
  EXPECT_EQ(world.message(2, 1, 2).value().reply_to().id(), 1);
}

TEST_F(message_sending_test, WhatIsGoneIsNotAnswered) {
  world.add(4);
  send(world, 4, 2, "question", 2);
  vanish(world, 4, 2, 1);
  const auto answer = reply(4, 2, [](auto& to) { to.reply_to_msg_id = 1; });
  ASSERT_TRUE(answer);
  EXPECT_FALSE(world.message(4, 2, answer->id).value().has_reply_to());
  EXPECT_FALSE(world.message(2, 4, 2).value().has_reply_to());
}

/// The peer's box may not have what is answered: the reply comes without it.
TEST_F(message_sending_test, ARepliedMessageThatThePeerLostIsNotNamed) {
  block(world, 2, 1);
  send(world, 1, 2, "dropped", 1);
  world.rows(2).erase({records_table::user_relation, entity::id_sub_key(1)});
  world.restart(2);
  send(world, 1, 2, "kept", 2);
  // A reply to one's own message is told by its origin, which the peer looks up.
  ASSERT_TRUE(reply(1, 2, [](auto& to) { to.reply_to_msg_id = 1; }));
  EXPECT_EQ(world.message(1, 2, 3).value().reply_to().id(), 1);
  EXPECT_FALSE(world.message(2, 1, 2).value().has_reply_to());
}

TEST_F(message_sending_test, RepliesToWhatCannotBeAreRefused) {
  send(world, 1, 2, "one", 1);
  for (const message_id id : {0, -1, 2, 1'000'000}) {
    const auto answer = reply(1, 2, [id](auto& to) { to.reply_to_msg_id = id; });
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().errc, rpc_errc::reply_message_id_invalid) << id;
  }
  const auto topic = reply(1, 2, [](auto& to) {
    to.reply_to_msg_id = 1;
    to.todo_item_id = 3;
  });
  ASSERT_FALSE(topic);
  EXPECT_EQ(topic.error().errc, rpc_errc::reply_to_invalid);
}

/// A message of another dialog of the box is none of this one, unless it is named as that.
TEST_F(message_sending_test, AnIdOfAnotherDialogIsNotAnswered) {
  send(world, 1, 3, "elsewhere", 1);
  const auto answer = reply(1, 2, [](auto& to) { to.reply_to_msg_id = 1; });
  ASSERT_TRUE(answer);
  EXPECT_FALSE(world.message(1, 2, answer->id).value().has_reply_to());
}

/// What must not leave its dialog is not told of in another one.
TEST_F(message_sending_test, RepliesIntoAnotherDialogKeepWhatIsRestricted) {
  send_message call;
  fill(call, world, 3, 1, "not for others", 1);
  call.noforwards = true;
  ASSERT_TRUE(world.call(3, call));
  world.run();
  const auto answer = reply(1, 2, [&](auto& to) {
    to.reply_to_msg_id = 1;
    to.reply_to_peer_id = world.peer(1, 3);
  });
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().errc, rpc_errc::chat_forwards_restricted);
  // In its own dialog it is answered as any.
  EXPECT_TRUE(reply(1, 3, [](auto& to) { to.reply_to_msg_id = 1; }));
}

/// Links, mentions and the like of a quote are those of the message that it is from.
TEST_F(message_sending_test, QuotesKeepTheirFormatsAlone) {
  send(world, 2, 1, "bold and linked", 1);
  const auto answer = reply(1, 2, [](auto& to) {
    to.reply_to_msg_id = 1;
    to.quote_text = "bold and linked";
    auto bold = tl::make<tl::messageEntityBold>();
    bold->length = 4;
    auto link = tl::make<tl::messageEntityTextUrl>();
    link->offset = 9;
    link->length = 6;
    link->url = "https://example.com/";
    to.quote_entities.emplace().push_back(std::move(bold));
    to.quote_entities->push_back(std::move(link));
  });
  ASSERT_TRUE(answer);
  const auto row = world.message(2, 1, answer->id);
  ASSERT_TRUE(row);
  ASSERT_EQ(row->reply_to().quote_entity_size(), 1);
  EXPECT_EQ(row->reply_to().quote_entity(0).length(), 4);
}

TEST_F(message_sending_test, QuotesMustBeInTheMessage) {
  // Two places, and characters of two UTF-16 units before the second.
  send(world, 2, 1, "word \xF0\x9F\x98\x80\xF0\x9F\x98\x80 word", 1);
  const auto quoted = [&](const std::string& text, std::int32_t offset) {
    return reply(1, 2, [&](auto& to) {
      to.reply_to_msg_id = 1;
      to.quote_text = text;
      to.quote_offset = offset;
    });
  };
  for (const auto& [wanted, is] : {std::pair{0, 0}, {10, 10}, {9, 10}, {1000, 10}, {-5, 0}}) {
    const auto answer = quoted("word", wanted);
    ASSERT_TRUE(answer) << wanted;
    for (const auto& row : {world.message(1, 2, answer->id), world.message(2, 1, answer->id)}) {
      ASSERT_TRUE(row);
      EXPECT_TRUE(row->reply_to().has_quote());
      EXPECT_EQ(row->reply_to().quote(), "word");
      EXPECT_EQ(row->reply_to().quote_offset(), is) << wanted;
      EXPECT_EQ(row->reply_to().id(), 1);
    }
  }
  send(world, 2, 1, "a word, word, word", 2);
  const auto third = reply(1, 2, [&](auto& to) {
    to.reply_to_msg_id = world.dialog(1, 2).value().top_message();
    to.quote_text = "word";
    to.quote_offset = 14;
  });
  ASSERT_TRUE(third);
  EXPECT_EQ(world.message(1, 2, third->id).value().reply_to().quote_offset(), 14);
  const auto wrong = quoted("words", 0);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().errc, rpc_errc::quote_text_invalid);
}

/// What another dialog's message was is told to those who cannot look it up.
TEST_F(message_sending_test, RepliesIntoAnotherDialogTellWhoseItWas) {
  world.at(1).cards.put(world.at(3).people->own_card(world.now));
  send(world, 3, 1, "a quotable word", 1);
  world.now += 10;
  const auto answer = reply(1, 2, [&](auto& to) {
    to.reply_to_msg_id = 1;
    to.reply_to_peer_id = world.peer(1, 3);
    to.quote_text = "quotable";
  });
  ASSERT_TRUE(answer);
  for (const auto& row : {world.message(1, 2, answer->id), world.message(2, 1, 1)}) {
    ASSERT_TRUE(row);
    EXPECT_EQ(row->reply_to().id(), 0);
    EXPECT_EQ(row->reply_to().from(), 3);
    EXPECT_EQ(row->reply_to().date(), world.now - 10);
    EXPECT_EQ(row->reply_to().quote(), "quotable");
    EXPECT_EQ(row->reply_to().quote_offset(), 2);
  }
}

// --- many at once ------------------------------------------------------------------------------------

/// Queries come back late and in any order, accounts restart: ids and pts have no gap, each message is there once.
TEST_F(message_sending_test, ManyOperationsInAnyOrderKeepTheBoxRight) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    box_world many(seed);
    for (const std::int64_t each : {1, 2, 3}) {
      many.add(each);
    }
    std::vector<std::uint64_t> tickets;
    std::set<std::string> expected;
    for (std::int64_t i = 1; i <= 60; ++i) {
      const std::int64_t from = i % 3 + 1;
      const std::int64_t to = (i / 3) % 3 + 1;
      const std::string text = std::to_string(from) + " to " + std::to_string(to) + ": " + std::to_string(i);
      for (int again = 0; again < 2; ++again) {
        send_message call;
        fill(call, many, from, to, text, i);
        if (i > 20) {
          call.reply_to = tl::make<tl::inputReplyToMessage>();
          call.reply_to->reply_to_msg_id = 1;
        }
        tickets.push_back(many.start(from, call));
      }
      expected.insert(text);
      for (std::uint64_t steps = (seed + static_cast<std::uint64_t>(i)) % 7; steps != 0; --steps) {
        many.step();
      }
    }
    many.run();
    for (std::size_t i = 0; i < tickets.size(); i += 2) {
      const auto* first = many.answer(tickets[i]);
      const auto* again = many.answer(tickets[i + 1]);
      ASSERT_NE(first, nullptr);
      ASSERT_NE(again, nullptr);
      ASSERT_TRUE(first->body && again->body);
      EXPECT_EQ(first->pts, again->pts);
    }
    std::multiset<std::string> found;
    for (const std::int64_t each : {1, 2, 3}) {
      EXPECT_EQ(many.faults(each), "") << "seed " << seed << " account " << each;
      for (const auto& [key, value] : many.table(each, records_table::message)) {
        Message message;
        message.ParseFromString(value);
        if (message.out()) {
          found.insert(message.text());
        }
      }
    }
    EXPECT_EQ(found.size(), expected.size()) << "seed " << seed;
    EXPECT_EQ(std::set<std::string>(found.begin(), found.end()), expected);
  }
}

/// A call that was lost with the node is made again: whether the first try got as far as the rows or not.
TEST_F(message_sending_test, ACallLostInARestartIsMadeAgain) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    box_world many(seed);
    many.add(1);
    many.add(2);
    for (std::int64_t i = 1; i <= 10; ++i) {
      send_message call;
      fill(call, many, 1, 2, std::to_string(i), i);
      const std::uint64_t lost = many.start(1, call);
      for (std::uint64_t steps = seed * 7 % static_cast<std::uint64_t>(i + 1); steps != 0; --steps) {
        many.step();
      }
      const bool was_answered = many.answer(lost) != nullptr;
      many.restart();
      const std::uint64_t ticket = many.start(1, call);
      many.run();
      ASSERT_NE(many.answer(ticket), nullptr);
      ASSERT_TRUE(many.answer(ticket)->body);
      if (was_answered) {
        EXPECT_EQ(many.answer(ticket)->pts, many.answer(lost)->pts);
      }
    }
    EXPECT_EQ(many.table(1, records_table::message).size(), 10U) << seed;
    EXPECT_EQ(many.table(2, records_table::message).size(), 10U) << seed;
    EXPECT_EQ(many.faults(1) + many.faults(2), "") << seed;
  }
}

/// In memory is all that a message needs: no reading but for the first one, and one mutation that answers.
TEST_F(message_sending_test, ASecondMessageReadsNothing) {
  send(world, 1, 2, "first", 1);
  send(world, 1, 2, "second", 2);
  const int queries = world.queries();
  int answers = 0;
  world.on_effects = [&](std::int64_t, const entity_effects& out) {
    if (!out.answers.empty()) {
      ++answers;
      EXPECT_EQ(out.answers.size(), 1U);
      EXPECT_FALSE(out.rows.empty()); // never an answer before its rows
    }
  };
  for (std::int64_t i = 3; i < 100; ++i) {
    send(world, 1, 2, "more", i);
  }
  EXPECT_EQ(answers, 2 * 97);
  EXPECT_LE(world.queries(), queries + 2); // a filter may err
  world.on_effects = nullptr;
}

TEST_F(message_sending_test, TooManyAtOnceHaveToWait) {
  box_world slow(1);
  slow.add(1);
  slow.add(2);
  std::vector<std::uint64_t> tickets;
  for (std::size_t i = 0; i < limits::box_operations_max + 2; ++i) {
    send_message call;
    fill(call, slow, 1, 2, "text", static_cast<std::int64_t>(i) + 1);
    tickets.push_back(slow.start(1, call));
  }
  const auto* last = slow.answer(tickets.back());
  ASSERT_NE(last, nullptr);
  ASSERT_FALSE(last->body);
  EXPECT_EQ(last->body.error(), (rpc_error{rpc_errc::flood_wait, 1}));
  slow.run();
  EXPECT_EQ(slow.table(2, records_table::message).size(), limits::box_operations_max + 1);
}

} // namespace
} // namespace godwit::box::testing
