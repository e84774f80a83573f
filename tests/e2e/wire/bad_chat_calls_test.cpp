// What is done to messages and dialogs with arguments at their edges, and calls whose bytes were changed.

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "protocol/tl/api/account.hpp"
#include "protocol/tl/api/account_fn.hpp"
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
#include "protocol/tl/api/text.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/updates_fn.hpp"
#include "protocol/tl/api/user.hpp"
#include "tests/e2e/wire/bad_chat.hpp"

namespace godwit::test {
namespace {

namespace fn = tl::fn;

constexpr std::int32_t int_max = std::numeric_limits<std::int32_t>::max();
constexpr std::int32_t int_min = std::numeric_limits<std::int32_t>::min();

// Goal: an answer names a message that is there and quotes what is in it; what was there once may be answered, and then
// answers nothing. All else is refused.
TEST_F(bad_chat, WrongAnswersAreRefused) {
  auto [ada, bob] = acquainted();
  const std::int32_t first = ada->say(*bob, "the quick brown fox");
  const auto answered = [&](std::int32_t id, const std::string& quote, std::optional<std::int32_t> offset = {}) {
    auto message = ada->message(*bob, "an answer");
    message->reply_to = tl::make<tl::inputReplyToMessage>();
    message->reply_to->reply_to_msg_id = id;
    if (!quote.empty()) {
      message->reply_to->quote_text = quote;
    }
    message->reply_to->quote_offset = offset;
    did(1);
    return ada->error_of(*message);
  };
  for (const std::int32_t id : {0, -1, int_min, int_max, first + 1}) {
    EXPECT_EQ(answered(id, {}), "REPLY_MESSAGE_ID_INVALID") << id;
  }
  EXPECT_EQ(answered(first, "slow"), "QUOTE_TEXT_INVALID");
  EXPECT_EQ(answered(first, " \n "), "QUOTE_TEXT_INVALID");
  EXPECT_EQ(answered(first, std::string(1025, 'q')), "QUOTE_TEXT_INVALID");
  EXPECT_EQ(answered(first, std::string(500'000, 'q')), "QUOTE_TEXT_INVALID");
  std::vector<std::string> texts = {"the quick brown fox"};
  for (const std::int32_t offset : {0, -1, int_min, int_max, 4}) {
    EXPECT_EQ(answered(first, "quick", offset), "") << offset;
    texts.push_back("an answer");
  }
  fn::messages_deleteMessages deletion;
  deletion.revoke = true;
  deletion.id = {first};
  EXPECT_EQ(ada->error_of(deletion), "");
  texts.erase(texts.begin());
  EXPECT_EQ(answered(first, {}), "");
  texts.push_back("an answer");
  expect_dialog(*ada, *bob, texts);
  expect_consistent(*ada, {bob.get()});
  expect_consistent(*bob, {ada.get()});
}

// Goal: pins of what is not there, and histories cleared at every edge of their bounds, do what they say or nothing.
TEST_F(bad_chat, PinsAndClearingsAtTheirEdges) {
  auto [ada, bob] = acquainted();
  const std::int32_t first = ada->say(*bob, "1");
  const std::int32_t second = ada->say(*bob, "2");
  const std::int32_t elsewhere = ada->say(*ada, "saved");
  expect_dialog(*ada, *bob, {"1", "2"});
  const std::int32_t pts = ada->pts();
  for (const std::int32_t id : {0, -1, int_min, int_max, elsewhere, elsewhere + 1}) {
    for (const bool unpin : {false, true}) {
      fn::messages_updatePinnedMessage pin;
      pin.peer = ada->peer(*bob);
      pin.id = id;
      pin.unpin = unpin;
      EXPECT_EQ(ada->error_of(pin), "MESSAGE_ID_INVALID") << id;
      did(1);
    }
  }
  const auto cleared = [&](std::int32_t max_id, std::optional<std::int32_t> after, std::optional<std::int32_t> before) {
    fn::messages_deleteHistory call;
    call.peer = ada->peer(*bob);
    call.revoke = true;
    call.max_id = max_id;
    call.min_date = after;
    call.max_date = before;
    did(1);
    const auto came = ada->ask(call);
    return came.result ? std::to_string((*came.result)->pts_count) : came.error;
  };
  EXPECT_EQ(cleared(-1, {}, {}), "MESSAGE_ID_INVALID");
  EXPECT_EQ(cleared(int_min, {}, {}), "MESSAGE_ID_INVALID");
  // Of a time in which nothing was written.
  EXPECT_EQ(cleared(0, int_max, {}), "0");
  EXPECT_EQ(cleared(0, int_max - 1, int_max), "0");
  EXPECT_EQ(cleared(0, {}, 1), "0");
  EXPECT_EQ(cleared(0, 1, 2), "0");
  EXPECT_EQ(ada->pts(), pts);
  expect_dialog(*ada, *bob, {"1", "2"});
  EXPECT_EQ(cleared(first, {}, {}), "1");
  expect_dialog(*ada, *bob, {"2"});
  EXPECT_EQ(cleared(int_max, {}, {}), "1");
  EXPECT_EQ(cleared(int_max, {}, {}), "0");
  expect_dialog(*ada, *bob, {});
  EXPECT_NE(ada->say(*bob, "3"), second);
  expect_dialog(*ada, *bob, {"3"});
  expect_consistent(*ada, {bob.get(), ada.get()});
  expect_consistent(*bob, {ada.get()});
}

// Goal: settings take what there is a place for: nobody blocks themselves, or is a contact of theirs; times and limits
// may be any number.
TEST_F(bad_chat, SettingsAtTheirEdges) {
  auto [ada, bob] = acquainted();
  fn::contacts_block block;
  block.id = tl::make<tl::inputPeerSelf>();
  EXPECT_EQ(ada->error_of(block), "CONTACT_ID_INVALID");
  fn::contacts_addContact contact;
  contact.id = tl::make<tl::inputUserSelf>();
  contact.first_name = "Self";
  EXPECT_NE(ada->error_of(contact), "");
  contact.id = ada->user(*bob);
  contact.first_name = " \n ";
  EXPECT_EQ(ada->error_of(contact), "CONTACT_NAME_EMPTY");
  for (const std::int32_t number : {0, -1, 1, int_min, int_max}) {
    fn::account_updateNotifySettings mute;
    auto whom = tl::make<tl::inputNotifyPeer>();
    whom->peer = ada->peer(*bob);
    mute.peer = std::move(whom);
    mute.settings = tl::make<tl::inputPeerNotifySettings>();
    mute.settings->mute_until = number;
    EXPECT_EQ(ada->error_of(mute), "") << number;
    fn::contacts_getBlocked blocked;
    blocked.offset = number;
    blocked.limit = number;
    EXPECT_EQ(ada->error_of(blocked), "") << number;
    fn::contacts_search search;
    search.q = "quill";
    search.limit = number;
    EXPECT_EQ(ada->error_of(search), "") << number;
    fn::messages_receivedMessages received;
    received.max_id = number;
    EXPECT_EQ(ada->error_of(received), "") << number;
    fn::messages_reorderPinnedDialogs order;
    order.folder_id = number;
    ada->error_of(order);
    did(5);
  }
  const std::int32_t far_pts = bob->pts();
  fn::messages_setTyping typing;
  typing.peer = ada->peer(*bob);
  auto seen = tl::make<tl::sendMessageEmojiInteractionSeen>();
  seen->emoticon = std::string(100'000, 'e');
  typing.action = std::move(seen);
  EXPECT_EQ(ada->error_of(typing), "");
  auto progress = tl::make<tl::sendMessageUploadPhotoAction>();
  progress->progress = int_min;
  typing.action = std::move(progress);
  EXPECT_EQ(ada->error_of(typing), "");
  EXPECT_EQ(bob->pts(), far_pts);
  did(6);
}

// --- changed bytes ----------------------------------------------------------------------------------

/// Right calls of Ada, about Bob and a message.
class right_calls {
public:
  right_calls(person& ada, const person& bob, std::int32_t id) : ada_(ada), bob_(bob), id_(id) {
    about_messages();
    about_dialogs();
    about_people();
  }
  std::vector<std::string> all;

private:
  void add(const tl::fn::function& what) { all.push_back(ada_.client->bytes(what)); }
  void about_messages();
  void about_dialogs();
  void about_people();

  person& ada_;
  const person& bob_;
  std::int32_t id_;
};

void right_calls::about_messages() {
  auto message = ada_.message(bob_, "a text with marks in it, and something to answer");
  auto mark = tl::make<tl::messageEntityTextUrl>();
  mark->offset = 2;
  mark->length = 4;
  mark->url = "https://example.org/";
  message->entities.emplace().push_back(std::move(mark));
  message->reply_to = tl::make<tl::inputReplyToMessage>();
  message->reply_to->reply_to_msg_id = id_;
  message->reply_to->quote_text = "text";
  add(*message);
  fn::messages_editMessage edit;
  edit.peer = ada_.peer(bob_);
  edit.id = id_;
  edit.message = "edited";
  add(edit);
  fn::messages_forwardMessages forward;
  forward.from_peer = ada_.peer(bob_);
  forward.to_peer = tl::make<tl::inputPeerSelf>();
  forward.id = {id_, id_};
  forward.random_id = {ada_.fresh_random_id(), ada_.fresh_random_id()};
  add(forward);
  fn::messages_deleteMessages deletion;
  deletion.id = {id_ + 1, id_ + 2};
  add(deletion);
  fn::messages_updatePinnedMessage pin;
  pin.peer = ada_.peer(bob_);
  pin.id = id_;
  add(pin);
}

void right_calls::about_dialogs() {
  fn::messages_deleteHistory clear;
  clear.peer = ada_.peer(bob_);
  clear.max_id = 3;
  add(clear);
  fn::messages_readHistory reading;
  reading.peer = ada_.peer(bob_);
  reading.max_id = id_;
  add(reading);
  fn::messages_saveDraft draft;
  draft.peer = ada_.peer(bob_);
  draft.message = "a draft";
  add(draft);
  fn::messages_getHistory history;
  history.peer = ada_.peer(bob_);
  history.offset_id = id_;
  history.add_offset = -5;
  history.limit = 20;
  add(history);
  fn::messages_search search;
  search.peer = ada_.peer(bob_);
  search.q = "text";
  search.filter = tl::make<tl::inputMessagesFilterEmpty>();
  search.limit = 10;
  add(search);
  fn::messages_getDialogs dialogs;
  dialogs.offset_peer = ada_.peer(bob_);
  dialogs.offset_id = id_;
  dialogs.limit = 10;
  add(dialogs);
  fn::messages_getPeerDialogs peers;
  peers.peers.push_back(dialog_peer(ada_.peer(bob_)));
  add(peers);
  fn::messages_toggleDialogPin pinned;
  pinned.peer = dialog_peer(ada_.peer(bob_));
  pinned.pinned = true;
  add(pinned);
  fn::updates_getDifference difference;
  difference.pts = 2;
  difference.pts_limit = 100;
  add(difference);
}

void right_calls::about_people() {
  fn::contacts_addContact contact;
  contact.id = ada_.user(bob_);
  contact.first_name = "Bob";
  add(contact);
  fn::account_updateProfile profile;
  profile.first_name = "Ada";
  profile.about = "about";
  add(profile);
}

void change_bytes(std::string& bytes, const std::function<std::uint64_t(std::uint64_t)>& dice) {
  static constexpr std::array<std::uint32_t, 9> words{0,          1,          2,          0x7fffffff, 0x80000000,
                                                      0xffffffff, 0x1cb5c415, 0x7da07ec9, 0xdde8a54c};
  for (std::uint64_t times = 1 + dice(2) * dice(2); times > 0 && bytes.size() > 8; --times) {
    // The method mostly stays what it is.
    const std::size_t first = dice(20) == 0 ? 0 : 4;
    const std::size_t at = first + dice(bytes.size() - first);
    switch (dice(5)) {
    case 0: bytes[at] = static_cast<char>(dice(256)); break;
    case 1: bytes[at] ^= static_cast<char>(1 << dice(8)); break;
    case 2:
      for (std::size_t i = 0, word = dice(words.size()); i < 4 && (at & ~std::size_t{3}) + i < bytes.size(); ++i) {
        bytes[(at & ~std::size_t{3}) + i] = static_cast<char>(words[word] >> (8 * i));
      }
      break;
    case 3: bytes.insert(at & ~std::size_t{3}, bytes.substr(dice(bytes.size()) & ~std::size_t{3}, 4 * dice(8))); break;
    default: bytes.erase(at & ~std::size_t{3}, 4 * (1 + dice(3))); break;
    }
  }
  // A message of nothing is no call: the layer below ends the connection for it.
  bytes.resize(std::max<std::size_t>((bytes.size() + 3) / 4 * 4, 4));
}

// Goal: however the bytes of a right call are changed, it is answered, by a result or an error of the client's making,
// and what it did, if anything, is whole. Method: thousands, from a fixed seed; both boxes are looked at afterwards.
TEST_F(bad_chat, ChangedCallsAreAnsweredAndDoNothingByHalves) {
  constexpr int couples = 6;
  constexpr int of_one_session = 330; // what a session may ask at once, and some for looking
  std::size_t answered = 0;
  std::size_t refused = 0;
  const auto draw = [this](std::uint64_t below) { return dice(below); };
  for (int pair = 0; pair < couples; ++pair) {
    auto [ada, bob] = acquainted();
    std::int32_t id = 0;
    for (int i = 0; i < 8; ++i) {
      id = ada->say(*bob, "text " + std::to_string(i));
      bob->say(*ada, "back " + std::to_string(i));
    }
    for (int device = 0; device < 2; ++device) {
      auto sender = another_device(*ada);
      sender->meet(*bob);
      std::vector<mtproto::client_call> calls;
      for (int i = 0; i < of_one_session; ++i) {
        right_calls right(*sender, *bob, id);
        std::string& body = right.all[draw(right.all.size())];
        change_bytes(body, draw);
        calls.push_back(sender->client->session->call(body));
        did(1);
      }
      for (const mtproto::client_call each : calls) {
        const mtproto::client_answer answer = sender->client->wait(each);
        const bool sensible =
          !answer.is_error || answer.error_code == 400 || answer.error_code == 403 || answer.error_code == 420;
        EXPECT_TRUE(sensible) << answer.error_code << " " << answer.error_text;
        ++(answer.is_error ? refused : answered);
      }
      EXPECT_EQ(sender->client->new_sessions, 1);
    }
    EXPECT_NE(ada->say(*bob, "the end"), 0);
    EXPECT_TRUE(comes_true([&] {
      const auto history = bob->history_with(*ada);
      return !history.empty() && history.rbegin()->second.text == "the end";
    }));
    expect_consistent(*ada, {bob.get(), ada.get()});
    expect_consistent(*bob, {ada.get(), bob.get()});
  }
  EXPECT_GT(answered, 600U);
  EXPECT_GT(refused, 500U);
}

} // namespace
} // namespace godwit::test
