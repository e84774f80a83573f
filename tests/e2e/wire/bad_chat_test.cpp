// Right calls about wrong people and messages.

#include "tests/e2e/wire/bad_chat.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "protocol/tl/api/contacts.hpp"
#include "protocol/tl/api/contacts_fn.hpp"
#include "protocol/tl/api/dialog.hpp"
#include "protocol/tl/api/dialog_fn.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/messages.hpp"
#include "protocol/tl/api/messages_fn.hpp"
#include "protocol/tl/api/notify.hpp"
#include "protocol/tl/api/notify_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/privacy.hpp"
#include "protocol/tl/api/privacy_fn.hpp"
#include "protocol/tl/api/text.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/user_full.hpp"
#include "protocol/tl/api/users.hpp"
#include "protocol/tl/api/users_fn.hpp"

namespace godwit::test {

namespace fn = tl::fn;

namespace {

constexpr std::uint64_t first_number = 99'966'850'000;
constexpr std::int32_t int_max = std::numeric_limits<std::int32_t>::max();

} // namespace

std::unique_ptr<person> bad_chat::newcomer(layer_t layer) {
  static std::uint64_t number = first_number;
  return std::make_unique<person>(node(), ++number, layer);
}

std::unique_ptr<person> bad_chat::another_device(const person& of) {
  return std::make_unique<person>(node(), of.number, of.client->options.layer);
}

bad_chat::couple bad_chat::acquainted(layer_t layer) {
  couple made{newcomer(layer), newcomer(layer)};
  made.ada->meet(*made.bob);
  made.bob->meet(*made.ada);
  return made;
}

namespace {

// --- peers ------------------------------------------------------------------------------------------

/// Somebody whom one may not address, or nobody.
struct target {
  std::string what;
  std::function<tl::box<tl::InputPeer>()> peer;
  std::function<tl::box<tl::InputUser>()> user;
};

target address(std::string what, std::int64_t id, std::int64_t hash) {
  return {std::move(what), [=] { return peer_of(id, hash); }, [=] { return user_of(id, hash); }};
}

/// A call about a target; its error.
struct aimed_call {
  std::string name;
  std::function<std::string(person&, const target&)> run;
};

template <class F>
aimed_call aimed(tl::box<tl::InputPeer> F::*field, std::function<void(F&)> rest = {}) {
  return {std::string(F::name), [=](person& who, const target& at) {
            F call;
            if (rest) {
              rest(call);
            }
            call.*field = at.peer();
            return who.error_of(call);
          }};
}

template <class F>
aimed_call aimed(tl::box<tl::InputUser> F::*field, std::function<void(F&)> rest = {}) {
  return {std::string(F::name), [=](person& who, const target& at) {
            F call;
            if (rest) {
              rest(call);
            }
            call.*field = at.user();
            return who.error_of(call);
          }};
}

template <class F>
aimed_call aimed(tl::box<tl::InputDialogPeer> F::*field) {
  return {std::string(F::name), [=](person& who, const target& at) {
            F call;
            call.*field = dialog_peer(at.peer());
            return who.error_of(call);
          }};
}

template <class F>
aimed_call aimed(tl::box<tl::InputNotifyPeer> F::*field, std::function<void(F&)> rest = {}) {
  return {std::string(F::name), [=](person& who, const target& at) {
            F call;
            if (rest) {
              rest(call);
            }
            auto peer = tl::make<tl::inputNotifyPeer>();
            peer->peer = at.peer();
            call.*field = std::move(peer);
            return who.error_of(call);
          }};
}

tl::box<tl::InputPeer> self_peer() { return tl::make<tl::inputPeerSelf>(); }

void fill_send(fn::messages_sendMessage& call) {
  call.peer = self_peer();
  call.message = "not to be sent";
  call.random_id = 77;
}

void fill_forward(fn::messages_forwardMessages& call) {
  call.from_peer = self_peer();
  call.to_peer = self_peer();
  call.id = {1};
  call.random_id = {78};
}

void fill_search(fn::messages_search& call) {
  call.peer = self_peer();
  call.q = "x";
  call.filter = tl::make<tl::inputMessagesFilterEmpty>();
  call.limit = 10;
}

/// sendMessage to oneself with something in it that names the target.
aimed_call sent_with(std::string name, std::function<void(fn::messages_sendMessage&, const target&)> add) {
  return {std::move(name), [add = std::move(add)](person& who, const target& at) {
            fn::messages_sendMessage call;
            fill_send(call);
            add(call, at);
            return who.error_of(call);
          }};
}

std::vector<aimed_call> calls_about_messages() {
  return {
    aimed<fn::messages_sendMessage>(&fn::messages_sendMessage::peer, fill_send),
    aimed<fn::messages_sendMessage>(&fn::messages_sendMessage::send_as, fill_send),
    aimed<fn::messages_forwardMessages>(&fn::messages_forwardMessages::from_peer, fill_forward),
    aimed<fn::messages_forwardMessages>(&fn::messages_forwardMessages::to_peer, fill_forward),
    aimed<fn::messages_editMessage>(&fn::messages_editMessage::peer,
                                    [](auto& call) {
                                      call.id = 1;
                                      call.message = "not to be there";
                                    }),
    aimed<fn::messages_deleteHistory>(&fn::messages_deleteHistory::peer, [](auto& call) { call.revoke = true; }),
    aimed<fn::messages_getHistory>(&fn::messages_getHistory::peer, [](auto& call) { call.limit = 10; }),
    aimed<fn::messages_readHistory>(&fn::messages_readHistory::peer, [](auto& call) { call.max_id = int_max; }),
    aimed<fn::messages_readMentions>(&fn::messages_readMentions::peer),
    aimed<fn::messages_search>(&fn::messages_search::from_id, fill_search),
    aimed<fn::messages_search>(&fn::messages_search::saved_peer_id, fill_search),
    aimed<fn::messages_getSearchCounters>(&fn::messages_getSearchCounters::peer),
    aimed<fn::messages_setTyping>(&fn::messages_setTyping::peer,
                                  [](auto& call) { call.action = tl::make<tl::sendMessageTypingAction>(); }),
    aimed<fn::messages_saveDraft>(&fn::messages_saveDraft::peer, [](auto& call) { call.message = "draft"; }),
    aimed<fn::messages_updatePinnedMessage>(&fn::messages_updatePinnedMessage::peer, [](auto& call) { call.id = 1; }),
    aimed<fn::messages_unpinAllMessages>(&fn::messages_unpinAllMessages::peer),
    aimed<fn::messages_getPeerSettings>(&fn::messages_getPeerSettings::peer),
    aimed<fn::messages_markDialogUnread>(&fn::messages_markDialogUnread::peer),
    aimed<fn::messages_toggleDialogPin>(&fn::messages_toggleDialogPin::peer),
    aimed<fn::account_getNotifySettings>(&fn::account_getNotifySettings::peer),
    aimed<fn::account_updateNotifySettings>(
      &fn::account_updateNotifySettings::peer,
      [](auto& call) { call.settings = tl::make<tl::inputPeerNotifySettings>(); }),
    sent_with("a mention",
              [](auto& call, const target& at) {
                auto mention = tl::make<tl::inputMessageEntityMentionName>();
                mention->length = 3;
                mention->user_id = at.user();
                call.entities.emplace().push_back(std::move(mention));
              }),
    sent_with("an answer", [](auto& call, const target& at) {
      call.reply_to = tl::make<tl::inputReplyToMessage>();
      call.reply_to->reply_to_msg_id = 1;
      call.reply_to->reply_to_peer_id = at.peer();
    })};
}

std::vector<aimed_call> calls_about_people() {
  return {aimed<fn::contacts_block>(&fn::contacts_block::id),
          aimed<fn::contacts_unblock>(&fn::contacts_unblock::id),
          aimed<fn::users_getFullUser>(&fn::users_getFullUser::id),
          aimed<fn::contacts_addContact>(&fn::contacts_addContact::id, [](auto& call) { call.first_name = "X"; }),
          aimed<fn::contacts_acceptContact>(&fn::contacts_acceptContact::id),
          {"contacts.deleteContacts",
           [](person& who, const target& at) {
             fn::contacts_deleteContacts call;
             call.id.push_back(at.user());
             return who.error_of(call);
           }},
          {"messages.getPeerDialogs",
           [](person& who, const target& at) {
             fn::messages_getPeerDialogs call;
             call.peers.push_back(dialog_peer(self_peer()));
             call.peers.push_back(dialog_peer(at.peer()));
             return who.error_of(call);
           }},
          {"messages.reorderPinnedDialogs", [](person& who, const target& at) {
             fn::messages_reorderPinnedDialogs call;
             call.force = true;
             call.order.push_back(dialog_peer(at.peer()));
             return who.error_of(call);
           }}};
}

/// Their dialogs are as they were: none but the one with the service's notices.
void expect_no_dialogs(person& who) {
  fn::messages_getDialogs list;
  list.offset_peer = tl::make<tl::inputPeerEmpty>();
  list.limit = 100;
  const auto came = who.ask(list);
  ASSERT_TRUE(came.result) << came.error;
  const auto* whole = tl::as<tl::messages_dialogs>(*came.result);
  ASSERT_NE(whole, nullptr);
  EXPECT_TRUE(whole->dialogs.empty());
}

// Goal: an id alone opens nothing. Method: each method that names somebody, with hashes that are none, another's or
// guessed, with ids of nobody and of kinds that are not here; afterwards nothing has changed anywhere.
TEST_F(bad_chat, WithoutTheRightAccessHashNobodyIsReached) {
  auto [ada, bob] = acquainted();
  auto eve = newcomer();
  const std::int64_t hash = ada->hash_of(*bob);
  std::vector<target> targets = {address("no hash", bob->id, 0),
                                 address("a guess", bob->id, hash + 1),
                                 address("what another sees", bob->id, hash),
                                 address("nobody", (std::int64_t{1} << 39) + 5, hash),
                                 address("the smallest id", std::numeric_limits<std::int64_t>::min(), hash),
                                 address("the largest id", std::numeric_limits<std::int64_t>::max(), -1)};
  targets.push_back({"a chat",
                     [] {
                       auto chat = tl::make<tl::inputPeerChat>();
                       chat->chat_id = 1;
                       return chat;
                     },
                     [] { return tl::make<tl::inputUserEmpty>(); }});
  targets.push_back({"somebody of a message",
                     [&] {
                       auto seen = tl::make<tl::inputPeerUserFromMessage>();
                       seen->peer = self_peer();
                       seen->msg_id = 1;
                       seen->user_id = bob->id;
                       return seen;
                     },
                     [&] {
                       auto seen = tl::make<tl::inputUserFromMessage>();
                       seen->peer = self_peer();
                       seen->msg_id = 1;
                       seen->user_id = bob->id;
                       return seen;
                     }});
  ASSERT_NE(eve->say(*eve, "one message, for what needs one"), 0);
  const std::int32_t pts = eve->pts();
  const std::int32_t far_pts = bob->pts();
  const std::vector<std::string> right = {"PEER_ID_INVALID",      "USER_ID_INVALID",    "FROM_PEER_INVALID",
                                          "SEND_AS_PEER_INVALID", "CONTACT_ID_INVALID", "ENTITY_MENTION_USER_INVALID"};
  for (const auto& calls : {calls_about_messages(), calls_about_people()}) {
    for (const aimed_call& call : calls) {
      for (const target& at : targets) {
        const std::string error = call.run(*eve, at);
        EXPECT_EQ(std::count(right.begin(), right.end(), error), 1) << call.name << " of " << at.what << ": " << error;
        did(1);
      }
    }
  }
  EXPECT_EQ(eve->pts(), pts);
  EXPECT_EQ(bob->pts(), far_pts);
  expect_no_dialogs(*bob);
  expect_consistent(*eve, {eve.get()});
}

// Goal: users.getUsers names nobody for a wrong hash, in the order of the ids, and refuses no one for that.
TEST_F(bad_chat, StrangersAreNobodyAmongUsers) {
  auto [ada, bob] = acquainted();
  fn::users_getUsers call;
  call.id.push_back(ada->user(*bob));
  call.id.push_back(user_of(bob->id, ada->hash_of(*bob) + 1));
  call.id.push_back(user_of(-1, 0));
  call.id.push_back(tl::make<tl::inputUserSelf>());
  call.id.push_back(ada->user(*bob));
  const auto users = ada->ask(call);
  ASSERT_TRUE(users.result) << users.error;
  ASSERT_EQ(users.result->size(), 5U);
  for (const std::size_t i : {0U, 3U, 4U}) {
    EXPECT_NE(tl::as<tl::user>((*users.result)[i]), nullptr) << i;
  }
  for (const std::size_t i : {1U, 2U}) {
    EXPECT_NE(tl::as<tl::userEmpty>((*users.result)[i]), nullptr) << i;
  }
  did(2);
}

// Goal: a rule of privacy names those whom its author may address, and the answer tells so.
TEST_F(bad_chat, RulesOfPrivacyNameNoStrangers) {
  auto [ada, bob] = acquainted();
  auto eve = newcomer();
  fn::account_setPrivacy call;
  call.key = tl::make<tl::inputPrivacyKeyPhoneNumber>();
  auto rule = tl::make<tl::inputPrivacyValueAllowUsers>();
  for (const std::int64_t hash : {std::int64_t{0}, ada->hash_of(*bob) + 1}) {
    rule->users.push_back(user_of(bob->id, hash));
    rule->users.push_back(user_of(eve->id, hash));
  }
  call.rules.push_back(std::move(rule));
  const auto came = ada->ask(call);
  ASSERT_TRUE(came.result) << came.error;
  for (const auto& each : (*came.result)->rules) {
    const auto* named = tl::as<tl::privacyValueAllowUsers>(each);
    EXPECT_TRUE(named == nullptr || named->users.empty());
  }
  did(1);
}

// --- messages ---------------------------------------------------------------------------------------

// Goal: what one writes to oneself is there once, outgoing, read, by whatever name one calls oneself.
TEST_F(bad_chat, MessagesToOneselfAreSaved) {
  auto ada = newcomer();
  EXPECT_NE(ada->say(*ada, "by name"), 0);
  auto by_id = ada->message(*ada, "by id");
  by_id->peer = peer_of(ada->id, 0);
  EXPECT_EQ(ada->error_of(*by_id), "");
  const auto kept = ada->history_with(*ada);
  ASSERT_EQ(kept.size(), 2U);
  for (const auto& [id, each] : kept) {
    EXPECT_TRUE(each.out) << each.text;
  }
  expect_consistent(*ada, {ada.get()});
  did(2);
}

// Goal: nobody is told that they are blocked: what they send, edit and delete looks done to them, and nothing of it is
// seen by the one who blocked. Afterwards messages arrive again, and those of meanwhile never.
TEST_F(bad_chat, ABlockedPersonReachesNobody) {
  auto [ada, bob] = acquainted();
  EXPECT_NE(ada->say(*bob, "before"), 0);
  expect_dialog(*ada, *bob, {"before"});
  fn::contacts_block block;
  block.id = bob->peer(*ada);
  EXPECT_EQ(bob->error_of(block), "");
  const std::int32_t far_pts = bob->pts();

  const std::int32_t lost = ada->say(*bob, "into nothing");
  EXPECT_NE(lost, 0);
  fn::messages_editMessage edit;
  edit.peer = ada->peer(*bob);
  edit.id = lost;
  edit.message = "into nothing, again";
  EXPECT_EQ(ada->error_of(edit), "");
  fn::messages_setTyping typing;
  typing.peer = ada->peer(*bob);
  typing.action = tl::make<tl::sendMessageTypingAction>();
  EXPECT_EQ(ada->error_of(typing), "");
  EXPECT_EQ(bob->error_of(*bob->message(*ada, "to somebody blocked")), "YOU_BLOCKED_USER");
  fn::messages_deleteMessages deletion;
  deletion.revoke = true;
  const std::int32_t taken_back = ada->say(*bob, "and back");
  deletion.id = {taken_back};
  EXPECT_EQ(ada->error_of(deletion), "");

  fn::contacts_unblock unblock;
  unblock.id = bob->peer(*ada);
  EXPECT_EQ(bob->error_of(unblock), "");
  EXPECT_NE(ada->say(*bob, "after"), 0);
  const std::vector<std::string> near = {"before", "into nothing, again", "after"};
  const std::vector<std::string> far = {"before", "after"};
  EXPECT_TRUE(comes_true([&] { return texts_of(bob->history_with(*ada)) == far; }));
  EXPECT_EQ(texts_of(ada->history_with(*bob)), near);
  EXPECT_EQ(bob->pts(), far_pts + 1);
  expect_consistent(*ada, {bob.get()});
  expect_consistent(*bob, {ada.get()});
  did(6);
}

// Goal: a message is edited by its author, while it is there, and to something else; all else is refused and changes
// nothing on either side.
TEST_F(bad_chat, WrongEditsChangeNothing) {
  auto [ada, bob] = acquainted();
  ada->say(*bob, "mine");
  const std::int32_t gone = ada->say(*bob, "to be deleted");
  bob->say(*ada, "yours");
  expect_dialog(*ada, *bob, {"mine", "to be deleted", "yours"});
  fn::messages_deleteMessages deletion;
  deletion.revoke = true;
  deletion.id = {gone};
  EXPECT_EQ(ada->error_of(deletion), "");
  expect_dialog(*ada, *bob, {"mine", "yours"});
  const std::int32_t saved = ada->say(*ada, "saved");
  const auto history = ada->history_with(*bob);
  const std::int32_t mine = history.begin()->first;
  const std::int32_t yours = history.rbegin()->first;
  const std::int32_t pts = ada->pts();
  const std::int32_t far_pts = bob->pts();

  const auto edited = [&](std::int32_t id, std::optional<std::string> text, bool to_bob = true) {
    fn::messages_editMessage edit;
    edit.peer = to_bob ? ada->peer(*bob) : self_peer();
    edit.id = id;
    edit.message = std::move(text);
    did(1);
    return ada->error_of(edit);
  };
  EXPECT_EQ(edited(yours, "forged"), "MESSAGE_AUTHOR_REQUIRED");
  EXPECT_EQ(edited(gone, "back"), "MESSAGE_ID_INVALID");
  EXPECT_EQ(edited(mine, "mine"), "MESSAGE_NOT_MODIFIED");
  EXPECT_EQ(edited(mine, " mine\n"), "MESSAGE_NOT_MODIFIED");
  EXPECT_EQ(edited(mine, std::nullopt), "MESSAGE_EMPTY");
  EXPECT_EQ(edited(mine, ""), "MESSAGE_EMPTY");
  EXPECT_EQ(edited(mine, " \n\t "), "MESSAGE_EMPTY");
  EXPECT_EQ(edited(mine, std::string(4097, 'x')), "MESSAGE_TOO_LONG");
  EXPECT_EQ(edited(saved, "elsewhere"), "MESSAGE_ID_INVALID");
  EXPECT_EQ(edited(mine, "elsewhere", false), "MESSAGE_ID_INVALID");
  for (const std::int32_t id : {0, -1, -int_max - 1, int_max, yours + 1'000'000}) {
    EXPECT_EQ(edited(id, "nothing"), "MESSAGE_ID_INVALID") << id;
  }
  EXPECT_EQ(ada->pts(), pts);
  EXPECT_EQ(bob->pts(), far_pts);
  expect_dialog(*ada, *bob, {"mine", "yours"});
  expect_consistent(*ada, {bob.get(), ada.get()});
  expect_consistent(*bob, {ada.get()});
}

// Goal: reading goes as far as there is something, and never back; a stranger's silence is read, too.
TEST_F(bad_chat, ReadingBeyondTheEndReadsToTheEnd) {
  auto [ada, bob] = acquainted();
  for (int i = 1; i <= 3; ++i) {
    ada->say(*bob, std::to_string(i));
  }
  expect_dialog(*ada, *bob, {"1", "2", "3"});
  const auto history = bob->history_with(*ada);
  const std::int32_t last = history.rbegin()->first;
  const auto read = [&](std::int32_t max_id) {
    fn::messages_readHistory call;
    call.peer = bob->peer(*ada);
    call.max_id = max_id;
    did(1);
    const auto came = bob->ask(call);
    return came.result ? std::to_string((*came.result)->pts_count) : came.error;
  };
  EXPECT_EQ(read(-1), "MESSAGE_ID_INVALID");
  EXPECT_EQ(read(-int_max - 1), "MESSAGE_ID_INVALID");
  EXPECT_EQ(read(history.begin()->first), "1");
  EXPECT_EQ(read(int_max), "1");
  EXPECT_EQ(read(int_max), "0");
  EXPECT_EQ(read(history.begin()->first), "0");
  EXPECT_EQ(read(0), "0");
  fn::messages_getPeerDialogs list;
  list.peers.push_back(dialog_peer(bob->peer(*ada)));
  const auto dialogs = bob->ask(list);
  ASSERT_TRUE(dialogs.result);
  const auto* dialog = tl::as<tl::dialog>((*dialogs.result)->dialogs.at(0));
  ASSERT_NE(dialog, nullptr);
  EXPECT_EQ(dialog->read_inbox_max_id, last);
  EXPECT_EQ(dialog->unread_count, 0);
  // What comes later is not read by what was said before.
  ada->say(*bob, "4");
  expect_dialog(*ada, *bob, {"1", "2", "3", "4"});
  expect_consistent(*bob, {ada.get()});
  expect_consistent(*ada, {bob.get()});
  EXPECT_EQ(read(int_max), "1");
}

} // namespace
} // namespace godwit::test
