#include <gtest/gtest.h>

#include "config/limits.hpp"
#include "protocol/tl/api/dialog.hpp"
#include "protocol/tl/api/dialog_fn.hpp"
#include "protocol/tl/api/notify.hpp"
#include "protocol/tl/api/notify_fn.hpp"
#include "tests/actors/box/change_calls.hpp"

namespace godwit::box::testing {
namespace {

using persistence::records::Draft;
using persistence::records::NotifySettings;
namespace fn = tl::fn;

class box_settings_test : public change_test {
protected:
  tl::box<tl::inputDialogPeer> dialog_peer(std::int64_t viewer, std::int64_t peer) {
    auto made = tl::make<tl::inputDialogPeer>();
    made->peer = world.peer(viewer, peer);
    return made;
  }
  tl::box<tl::inputNotifyPeer> notify_peer(std::int64_t peer) {
    auto made = tl::make<tl::inputNotifyPeer>();
    made->peer = world.peer(1, peer);
    return made;
  }

  // --- of account 1 ---

  rpc_result<bool> save(std::int64_t peer, const std::string& text, message_id reply = 0) {
    fn::messages_saveDraft call;
    call.peer = world.peer(1, peer);
    call.message = text;
    if (reply != 0) {
      call.reply_to = tl::make<tl::inputReplyToMessage>();
      call.reply_to->reply_to_msg_id = reply;
    }
    return world.call(1, call);
  }
  std::optional<Draft> draft(std::int64_t peer) {
    return world.row<Draft>(1, records_table::draft, peer_key(user_id{peer}));
  }
  rpc_result<bool> mute(std::int64_t peer, std::optional<std::int32_t> until) {
    fn::account_updateNotifySettings call;
    call.peer = notify_peer(peer);
    call.settings = tl::make<tl::inputPeerNotifySettings>();
    call.settings->mute_until = until;
    return world.call(1, call);
  }
  tl::box<tl::peerNotifySettings> settings_of(tl::box<tl::InputNotifyPeer> peer) {
    fn::account_getNotifySettings call;
    call.peer = std::move(peer);
    return std::move(world.call(1, call).value());
  }
  rpc_result<bool> pin_dialog(std::int64_t peer, bool pinned = true) {
    fn::messages_toggleDialogPin call;
    call.pinned = pinned;
    call.peer = dialog_peer(1, peer);
    return world.call(1, call);
  }
  rpc_result<bool> reorder(const std::vector<std::int64_t>& order, bool force) {
    fn::messages_reorderPinnedDialogs call;
    call.force = force;
    for (const std::int64_t peer : order) {
      call.order.push_back(dialog_peer(1, peer));
    }
    return world.call(1, call);
  }
  std::vector<std::int64_t> pinned() {
    const auto row = world.row<persistence::records::PinnedDialogs>(1, records_table::pinned_dialogs, {});
    return row ? std::vector<std::int64_t>(row->peer().begin(), row->peer().end()) : std::vector<std::int64_t>();
  }
  rpc_result<bool> mark(std::int64_t peer, bool unread) {
    fn::messages_markDialogUnread call;
    call.unread = unread;
    call.peer = dialog_peer(1, peer);
    return world.call(1, call);
  }
  bool type(std::int64_t from, std::int64_t to) {
    fn::messages_setTyping call;
    call.peer = world.peer(from, to);
    call.action = tl::make<tl::sendMessageTypingAction>();
    return world.call(from, call).value();
  }
};

// --- drafts ---

TEST_F(box_settings_test, DraftsAreKeptAndToldToOtherDevices) {
  world.listen(1, 1);
  world.listen(1, 2);
  ASSERT_TRUE(save(2, " half a sen", 7));
  EXPECT_EQ(draft(2)->text(), " half a sen");
  EXPECT_EQ(draft(2)->reply_to().id(), 7);
  EXPECT_EQ(draft(2)->date(), world.now);
  const auto heard = heard_updates<tl::updateDraftMessage>(world, 1, 2);
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(tl::as<tl::draftMessage>(heard[0]->draft)->message, " half a sen");
  EXPECT_TRUE(heard_updates<tl::updateDraftMessage>(world, 1, 1).empty());
  // The same again is nothing new.
  const auto before = world.rows(1);
  ++world.now;
  ASSERT_TRUE(save(2, " half a sen", 7));
  EXPECT_EQ(world.rows(1), before);
  ASSERT_TRUE(save(2, ""));
  EXPECT_FALSE(draft(2));
  EXPECT_NE(tl::as<tl::draftMessageEmpty>(heard_updates<tl::updateDraftMessage>(world, 1, 2).at(1)->draft), nullptr);
}

TEST_F(box_settings_test, OldLayersSaveDrafts) {
  world.listen(1, 2, 133);
  fn::messages_saveDraft call;
  call.peer = world.peer(1, 2);
  call.message = "text";
  call.reply_to_msg_id = 4;
  EXPECT_TRUE(world.call(1, call, 133).value());
  EXPECT_EQ(draft(2)->reply_to().id(), 4);
  EXPECT_EQ(heard_updates<tl::updateDraftMessage>(world, 1, 2).size(), 1U);
  fn::account_updateNotifySettings mute_all;
  mute_all.peer = tl::make<tl::inputNotifyUsers>();
  mute_all.settings = tl::make<tl::inputPeerNotifySettings>();
  mute_all.settings->sound = tl::make<tl::notificationSoundNone>();
  EXPECT_TRUE(world.call(1, mute_all, 133).value());
  EXPECT_EQ(heard_updates<tl::updateNotifySettings>(world, 1, 2).size(), 1U);
}

TEST_F(box_settings_test, DraftsHaveBounds) {
  EXPECT_EQ(save(2, std::string(4097, 'a')).error().errc, rpc_errc::message_too_long);
  fn::messages_saveDraft call;
  call.peer = world.peer(2, 1);
  call.message = "text";
  EXPECT_EQ(world.call(1, call).error().errc, rpc_errc::peer_id_invalid);
}

TEST_F(box_settings_test, ASentMessageTakesItsDraftAway) {
  ASSERT_TRUE(save(2, "text"));
  send_message call;
  fill(call, world, 1, 2, "text", 900);
  call.clear_draft = true;
  ASSERT_TRUE(world.call(1, call));
  EXPECT_FALSE(draft(2));
  // There is none now, which costs the next message nothing.
  const auto updates = world.table(1, records_table::update).size();
  send_message next;
  fill(next, world, 1, 2, "text", 901);
  next.clear_draft = true;
  ASSERT_TRUE(world.call(1, next));
  world.run();
  EXPECT_EQ(world.table(1, records_table::update).size(), updates + 1);
}

/// More than one mutation holds.
TEST_F(box_settings_test, AllDraftsAreCleared) {
  for (std::int64_t peer = 10; peer < 1310; ++peer) {
    Draft row;
    row.set_text("text");
    world.rows(1)[{records_table::draft, peer_key(user_id{peer})}] = row.SerializeAsString();
  }
  world.listen(1, 2);
  EXPECT_TRUE(world.call(1, fn::messages_clearAllDrafts()).value());
  EXPECT_TRUE(world.table(1, records_table::draft).empty());
  EXPECT_EQ(heard_updates<tl::updateDraftMessage>(world, 1, 2).size(), 1300U);
}

// --- how it rings ---

TEST_F(box_settings_test, APeerRingsInItsOwnWay) {
  world.listen(1, 2);
  EXPECT_FALSE(settings_of(notify_peer(2))->mute_until);
  ASSERT_TRUE(mute(2, 2'147'483'647));
  EXPECT_EQ(settings_of(notify_peer(2))->mute_until, 2'147'483'647);
  EXPECT_FALSE(settings_of(notify_peer(3))->mute_until);
  const auto heard = heard_updates<tl::updateNotifySettings>(world, 1, 2);
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_NE(tl::as<tl::notifyPeer>(heard[0]->peer), nullptr);
  EXPECT_EQ(heard[0]->notify_settings->mute_until, 2'147'483'647);
  world.restart(1);
  EXPECT_EQ(settings_of(notify_peer(2))->mute_until, 2'147'483'647);
  const auto before = world.rows(1);
  ASSERT_TRUE(mute(2, 2'147'483'647));
  EXPECT_EQ(world.rows(1), before);
  ASSERT_TRUE(mute(2, std::nullopt)); // as its sort does
  EXPECT_TRUE(world.table(1, records_table::notify_settings).empty());
}

TEST_F(box_settings_test, SortsRingInTheirWay) {
  EXPECT_EQ(settings_of(tl::make<tl::inputNotifyUsers>())->mute_until, 0);
  EXPECT_EQ(settings_of(tl::make<tl::inputNotifyUsers>())->show_previews, true);
  fn::account_updateNotifySettings call;
  call.peer = tl::make<tl::inputNotifyChats>();
  call.settings = tl::make<tl::inputPeerNotifySettings>();
  call.settings->show_previews = false;
  call.settings->sound = tl::make<tl::notificationSoundNone>();
  ASSERT_TRUE(world.call(1, call));
  world.restart(1);
  const auto chats = settings_of(tl::make<tl::inputNotifyChats>());
  EXPECT_EQ(chats->show_previews, false);
  EXPECT_EQ(chats->mute_until, 0);
  EXPECT_NE(tl::as<tl::notificationSoundNone>(chats->android_sound), nullptr);
  EXPECT_EQ(settings_of(tl::make<tl::inputNotifyBroadcasts>())->show_previews, true);
}

TEST_F(box_settings_test, SoundsThatAreNotHereAreRefused) {
  fn::account_updateNotifySettings call;
  call.peer = tl::make<tl::inputNotifyUsers>();
  call.settings = tl::make<tl::inputPeerNotifySettings>();
  auto ringtone = tl::make<tl::notificationSoundRingtone>();
  ringtone->id = 5;
  call.settings->sound = std::move(ringtone);
  EXPECT_EQ(world.call(1, call).error().errc, rpc_errc::settings_invalid);
  fn::account_updateNotifySettings topic;
  auto where = tl::make<tl::inputNotifyForumTopic>();
  where->peer = world.peer(1, 2);
  topic.peer = std::move(where);
  topic.settings = tl::make<tl::inputPeerNotifySettings>();
  EXPECT_EQ(world.call(1, topic).error().errc, rpc_errc::peer_id_invalid);
}

TEST_F(box_settings_test, ExceptionsAreListedAndReset) {
  ASSERT_TRUE(mute(2, 100));
  ASSERT_TRUE(mute(3, 200));
  fn::account_getNotifyExceptions list;
  const auto answer = world.call(1, list);
  ASSERT_TRUE(answer);
  const auto* updates = tl::as<tl::updates>(*answer);
  EXPECT_EQ(updates->updates_.size(), 2U);
  EXPECT_EQ(updates->users.size(), 2U);
  fn::account_getNotifyExceptions of_chats;
  of_chats.peer = tl::make<tl::inputNotifyChats>();
  EXPECT_TRUE(tl::as<tl::updates>(world.call(1, of_chats).value())->updates_.empty());
  world.listen(1, 2);
  EXPECT_TRUE(world.call(1, fn::account_resetNotifySettings()).value());
  EXPECT_TRUE(world.table(1, records_table::notify_settings).empty());
  EXPECT_EQ(heard_updates<tl::updateNotifySettings>(world, 1, 2).size(), 2U);
  EXPECT_FALSE(settings_of(notify_peer(2))->mute_until);
}

TEST_F(box_settings_test, ExceptionsHaveABound) {
  for (std::size_t i = 0; i < limits::notify_exceptions_max; ++i) {
    NotifySettings row;
    row.set_mute_until(1);
    world.rows(1)[{records_table::notify_settings, peer_key(user_id{static_cast<std::int64_t>(1000 + i)})}] =
      row.SerializeAsString();
  }
  world.restart(1);
  EXPECT_EQ(mute(2, 5).error().errc, rpc_errc::settings_invalid);
}

// --- pinned dialogs ---

TEST_F(box_settings_test, DialogsArePinnedOnTop) {
  say(1, 2);
  say(1, 3);
  world.listen(1, 2);
  ASSERT_TRUE(pin_dialog(2));
  ASSERT_TRUE(pin_dialog(3));
  EXPECT_EQ(pinned(), (std::vector<std::int64_t>{3, 2}));
  const auto heard = heard_updates<tl::updateDialogPinned>(world, 1, 2);
  ASSERT_EQ(heard.size(), 2U);
  EXPECT_TRUE(heard[0]->pinned);
  const auto before = world.rows(1);
  ASSERT_TRUE(pin_dialog(2));
  EXPECT_EQ(world.rows(1), before);
  world.restart(1);
  ASSERT_TRUE(pin_dialog(3, false));
  EXPECT_EQ(pinned(), std::vector<std::int64_t>{2});
  ASSERT_TRUE(pin_dialog(2, false));
  EXPECT_TRUE(world.table(1, records_table::pinned_dialogs).empty());
}

TEST_F(box_settings_test, FiveDialogsArePinnedAtMost) {
  EXPECT_EQ(pin_dialog(2).error().errc, rpc_errc::peer_history_empty);
  for (std::int64_t peer = 10; peer < 17; ++peer) {
    world.add(peer);
    say(1, peer);
  }
  for (std::int64_t peer = 10; peer < 15; ++peer) {
    ASSERT_TRUE(pin_dialog(peer));
  }
  EXPECT_EQ(pin_dialog(15).error().errc, rpc_errc::pinned_dialogs_too_much);
  EXPECT_EQ(reorder({15, 10, 11, 12, 13, 14}, true).error().errc, rpc_errc::pinned_dialogs_too_much);
  // A dialog that was deleted takes no place.
  ASSERT_TRUE(erase_history(world, 1, 12, {}));
  EXPECT_TRUE(pin_dialog(15));
  EXPECT_EQ(pinned(), (std::vector<std::int64_t>{15, 14, 13, 11, 10}));
}

TEST_F(box_settings_test, PinnedDialogsAreOrdered) {
  say(1, 2);
  say(1, 3);
  say(1, 1);
  ASSERT_TRUE(pin_dialog(2));
  ASSERT_TRUE(pin_dialog(3));
  world.listen(1, 2);
  ASSERT_TRUE(reorder({2}, false));
  EXPECT_EQ(pinned(), (std::vector<std::int64_t>{2, 3}));
  ASSERT_TRUE(reorder({1, 3}, false)); // 1 is not pinned
  EXPECT_EQ(pinned(), (std::vector<std::int64_t>{3, 2}));
  ASSERT_TRUE(reorder({1, 3}, true));
  EXPECT_EQ(pinned(), (std::vector<std::int64_t>{1, 3}));
  const auto heard = heard_updates<tl::updatePinnedDialogs>(world, 1, 2);
  ASSERT_EQ(heard.size(), 3U);
  EXPECT_EQ(heard[2]->order->size(), 2U);
  fn::messages_reorderPinnedDialogs folder;
  folder.folder_id = 1;
  EXPECT_EQ(world.call(1, folder).error().errc, rpc_errc::folder_id_invalid);
}

// --- marks ---

TEST_F(box_settings_test, DialogsAreMarkedAsUnread) {
  say(1, 2);
  world.listen(1, 2);
  EXPECT_TRUE(mark(2, true).value());
  EXPECT_TRUE(world.dialog(1, 2)->unread_mark());
  const auto marks = world.call(1, fn::messages_getDialogUnreadMarks());
  ASSERT_EQ(marks.value().size(), 1U);
  EXPECT_EQ(heard_updates<tl::updateDialogUnreadMark>(world, 1, 2).size(), 1U);
  const auto before = world.rows(1);
  EXPECT_TRUE(mark(2, true).value());
  EXPECT_EQ(world.rows(1), before);
  EXPECT_TRUE(mark(2, false).value());
  EXPECT_TRUE(world.call(1, fn::messages_getDialogUnreadMarks()).value().empty());
  EXPECT_FALSE(mark(3, true).value()); // not in the list
  ASSERT_TRUE(mark(2, true));
  ASSERT_TRUE(erase_history(world, 1, 2, {}));
  EXPECT_TRUE(world.table(1, records_table::unread_mark).empty());
}

// --- typing ---

TEST_F(box_settings_test, TypingIsToldToWhoIsThere) {
  world.listen(2, 1);
  world.listen(2, 2);
  EXPECT_TRUE(type(1, 2));
  EXPECT_EQ(heard_updates<tl::updateUserTyping>(world, 2, 1).size(), 1U);
  EXPECT_EQ(heard_updates<tl::updateUserTyping>(world, 2, 2).at(0)->user_id, 1);
  EXPECT_TRUE(type(1, 2)); // within the same second
  EXPECT_EQ(heard_updates<tl::updateUserTyping>(world, 2, 1).size(), 1U);
  world.now += 1;
  world.at(2).core->ears.find(box_world::session_of(2, 1))->online_until = world.now + 100;
  EXPECT_TRUE(type(1, 2));
  EXPECT_EQ(heard_updates<tl::updateUserTyping>(world, 2, 1).size(), 2U);
  EXPECT_EQ(heard_updates<tl::updateUserTyping>(world, 2, 2).size(), 1U);
}

/// Whatever it is that is being done, and however many of the account's clients say so.
TEST_F(box_settings_test, APeerIsToldOnceASecond) {
  std::size_t whispers = 0;
  world.on_effects = [&](std::int64_t, const entity_effects& out) { whispers += out.whispers.size(); };
  const auto act = [&](std::int64_t to, tl::box<tl::SendMessageAction> action) {
    fn::messages_setTyping call;
    call.peer = world.peer(1, to);
    call.action = std::move(action);
    EXPECT_TRUE(world.call(1, call));
  };
  for (int i = 0; i < 10; ++i) {
    act(2, tl::make<tl::sendMessageTypingAction>());
    act(2, tl::make<tl::sendMessageChooseStickerAction>());
    act(3, tl::make<tl::sendMessageTypingAction>());
  }
  EXPECT_EQ(whispers, 2U);
  world.now += 1;
  act(2, tl::make<tl::sendMessageChooseStickerAction>());
  EXPECT_EQ(whispers, 3U);
  for (std::int64_t peer = 100; peer < 200; ++peer) {
    world.add(peer);
    act(peer, tl::make<tl::sendMessageTypingAction>());
  }
  EXPECT_EQ(whispers, 2 + limits::typing_peers_per_second_max);
  world.on_effects = nullptr;
}

/// Another node may whisper more than it should.
TEST_F(box_settings_test, SessionsAreToldOfEachTyperOnceASecond) {
  world.listen(2, 1);
  command::Typing typing;
  tl::writer writer(*typing.mutable_action());
  tl::sendMessageTypingAction().store(writer, newest_layer);
  EXPECT_TRUE(type(1, 2)); // so that the relation is in memory
  world.now += 1;
  entity_effects out;
  for (int i = 0; i < 10; ++i) {
    world.at(2).box->typing(user_id{1}, typing, world.now, out);
  }
  EXPECT_EQ(out.messages.size(), 1U);
  // What nobody has read is not asked for without end.
  for (int second = 1; second <= 3; ++second) {
    for (std::int64_t from = 0; from < 100; ++from) {
      world.at(2).box->typing(user_id{1000 * second + from}, typing, world.now + second, out);
    }
  }
  EXPECT_EQ(out.queries.size(), limits::typing_peers_per_second_max);
}

TEST_F(box_settings_test, TypingIsNotForTheBlocked) {
  world.listen(1, 1);
  world.listen(2, 1);
  EXPECT_TRUE(type(1, 1));
  EXPECT_TRUE(world.pushes.empty());
  block(world, 2, 1);
  world.listen(2, 1);
  EXPECT_TRUE(type(1, 2));
  EXPECT_TRUE(world.pushes.empty());
  fn::messages_setTyping call;
  call.peer = world.peer(2, 1);
  call.action = tl::make<tl::sendMessageTypingAction>();
  EXPECT_EQ(world.call(1, call).error().errc, rpc_errc::peer_id_invalid);
}

} // namespace
} // namespace godwit::box::testing
