// Every method of chats at layers of the years, with arguments that are right.

#include <string>
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
#include "protocol/tl/api/privacy.hpp"
#include "protocol/tl/api/privacy_fn.hpp"
#include "protocol/tl/api/text.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/updates_fn.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/user_full.hpp"
#include "protocol/tl/api/users.hpp"
#include "protocol/tl/api/users_fn.hpp"
#include "tests/e2e/wire/bad_chat.hpp"

namespace godwit::test {
namespace {

namespace fn = tl::fn;

/// Two people at one layer, who call everything once.
class layer_sweep {
public:
  layer_sweep(person& ada, person& bob) : ada_(ada), bob_(bob) {}

  void run() {
    write();
    change();
    read();
    keep();
    meet();
    rest();
  }
  [[nodiscard]] int asked() const { return asked_; }

private:
  /// The call must be answered; a name that the layer does not have yet is passed over.
  template <class F>
  void ask(person& who, const F& call) {
    if (!call.known_at(who.client->options.layer)) {
      return;
    }
    ++asked_;
    EXPECT_EQ(who.error_of(call), "") << F::name << " at layer " << who.client->options.layer;
  }
  template <class F>
  void ask_of_peer(tl::box<tl::InputPeer> F::*field) {
    F call;
    call.*field = ada_.peer(bob_);
    ask(ada_, call);
  }
  template <class F>
  void ask_plainly() {
    ask(ada_, F());
  }

  /// Messages with every sort of entity, an answer, a forward.
  void write() {
    auto message = ada_.message(bob_, "bold italic code pre link @mention #tag /cmd a@b.example https://example.org");
    auto& marks = message->entities.emplace();
    const auto add = [&marks](auto mark, std::int32_t offset, std::int32_t length) {
      mark->offset = offset;
      mark->length = length;
      marks.push_back(std::move(mark));
    };
    add(tl::make<tl::messageEntityBold>(), 0, 4);
    add(tl::make<tl::messageEntityItalic>(), 5, 6);
    add(tl::make<tl::messageEntityCode>(), 12, 4);
    add(tl::make<tl::messageEntityPre>(), 17, 3);
    auto link = tl::make<tl::messageEntityTextUrl>();
    link->url = "https://example.org/";
    add(std::move(link), 21, 4);
    auto mention = tl::make<tl::inputMessageEntityMentionName>();
    mention->user_id = ada_.user(bob_);
    add(std::move(mention), 26, 8);
    add(tl::make<tl::messageEntityUnderline>(), 35, 4);
    add(tl::make<tl::messageEntityStrike>(), 40, 4);
    add(tl::make<tl::messageEntityBlockquote>(), 0, 11);
    std::erase_if(marks, [&](const auto& each) { return !each->known_at(ada_.client->options.layer); });
    const auto came = ada_.ask(*message);
    ASSERT_TRUE(came.result) << came.error;
    first_ = sent_id(came.result->get());
    auto answer = ada_.message(bob_, "an answer");
    answer->silent = true;
    if (ada_.client->options.layer < 158) {
      answer->reply_to_msg_id = first_;
    } else {
      answer->reply_to = tl::make<tl::inputReplyToMessage>();
      answer->reply_to->reply_to_msg_id = first_;
    }
    ask(ada_, *answer);
    for (const bool drop_author : {false, true}) {
      fn::messages_forwardMessages forward;
      forward.from_peer = ada_.peer(bob_);
      forward.to_peer = drop_author ? ada_.peer(bob_) : ada_.peer(ada_);
      forward.drop_author = drop_author;
      forward.id = {first_};
      forward.random_id = {ada_.fresh_random_id()};
      ask(ada_, forward);
    }
    fn::messages_setTyping typing;
    typing.peer = ada_.peer(bob_);
    typing.action = tl::make<tl::sendMessageTypingAction>();
    ask(ada_, typing);
    EXPECT_NE(bob_.say(ada_, "from the other side"), 0);
  }

  void change() {
    fn::messages_editMessage edit;
    edit.peer = ada_.peer(bob_);
    edit.id = first_;
    edit.message = "something else";
    ask(ada_, edit);
    fn::messages_updatePinnedMessage pin;
    pin.peer = ada_.peer(bob_);
    pin.id = first_;
    ask(ada_, pin);
    fn::messages_readHistory reading;
    reading.peer = ada_.peer(bob_);
    ask(ada_, reading);
    ask_of_peer(&fn::messages_readMentions::peer);
    fn::messages_readMessageContents contents;
    contents.id = {first_};
    ask(ada_, contents);
    fn::messages_receivedMessages received;
    received.max_id = first_;
    ask(ada_, received);
  }

  void read() {
    fn::messages_getHistory history;
    history.peer = ada_.peer(bob_);
    history.limit = 100;
    ask(ada_, history);
    fn::messages_getMessages messages;
    for (const std::int32_t id : {first_, first_ + 1, 999'999}) {
      auto wanted = tl::make<tl::inputMessageID>();
      wanted->id = id;
      messages.id.push_back(std::move(wanted));
    }
    ask(ada_, messages);
    fn::messages_search search;
    search.peer = ada_.peer(bob_);
    search.q = "else";
    search.filter = tl::make<tl::inputMessagesFilterEmpty>();
    search.limit = 10;
    ask(ada_, search);
    fn::messages_searchGlobal global;
    global.q = "else";
    global.filter = tl::make<tl::inputMessagesFilterEmpty>();
    global.offset_peer = tl::make<tl::inputPeerEmpty>();
    global.limit = 10;
    ask(ada_, global);
    fn::messages_getSearchCounters counters;
    counters.peer = ada_.peer(bob_);
    counters.filters.push_back(tl::make<tl::inputMessagesFilterUrl>());
    counters.filters.push_back(tl::make<tl::inputMessagesFilterPinned>());
    ask(ada_, counters);
    fn::messages_getDialogs dialogs;
    dialogs.offset_peer = tl::make<tl::inputPeerEmpty>();
    dialogs.limit = 1;
    ask(ada_, dialogs);
    dialogs.limit = 100;
    ask(ada_, dialogs);
    ask_plainly<fn::updates_getState>();
    fn::updates_getDifference difference;
    difference.pts = 1;
    difference.date = 1;
    ask(ada_, difference);
    ask(bob_, difference);
  }

  /// What is kept beside the messages.
  void keep() {
    fn::messages_saveDraft draft;
    draft.peer = ada_.peer(bob_);
    draft.message = "a draft";
    ask(ada_, draft);
    ask_plainly<fn::messages_getAllDrafts>();
    fn::messages_toggleDialogPin pin;
    pin.pinned = true;
    pin.peer = dialog_peer(ada_.peer(bob_));
    ask(ada_, pin);
    ask_plainly<fn::messages_getPinnedDialogs>();
    fn::messages_reorderPinnedDialogs order;
    order.force = true;
    order.order.push_back(dialog_peer(ada_.peer(bob_)));
    ask(ada_, order);
    fn::messages_markDialogUnread mark;
    mark.unread = true;
    mark.peer = dialog_peer(ada_.peer(bob_));
    ask(ada_, mark);
    ask_plainly<fn::messages_getDialogUnreadMarks>();
    fn::messages_getPeerDialogs peers;
    peers.peers.push_back(dialog_peer(ada_.peer(bob_)));
    ask(ada_, peers);
    fn::account_updateNotifySettings mute;
    auto whom = tl::make<tl::inputNotifyPeer>();
    whom->peer = ada_.peer(bob_);
    mute.peer = std::move(whom);
    mute.settings = tl::make<tl::inputPeerNotifySettings>();
    mute.settings->mute_until = 2'000'000'000;
    ask(ada_, mute);
    fn::account_getNotifySettings settings;
    settings.peer = tl::make<tl::inputNotifyUsers>();
    ask(ada_, settings);
    ask_plainly<fn::account_getNotifyExceptions>();
    ask_of_peer(&fn::messages_getPeerSettings::peer);
    ask_plainly<fn::messages_clearAllDrafts>();
    ask_plainly<fn::account_resetNotifySettings>();
    ask_of_peer(&fn::messages_unpinAllMessages::peer);
  }

  void meet() {
    fn::users_getUsers users;
    users.id.push_back(ada_.user(bob_));
    users.id.push_back(ada_.user(ada_));
    ask(ada_, users);
    fn::users_getFullUser full;
    full.id = ada_.user(bob_);
    ask(ada_, full);
    full.id = ada_.user(ada_);
    ask(ada_, full);
    fn::contacts_addContact contact;
    contact.id = ada_.user(bob_);
    contact.first_name = "Robert";
    ask(ada_, contact);
    ask_plainly<fn::contacts_getContacts>();
    ask_plainly<fn::contacts_getContactIDs>();
    ask_plainly<fn::contacts_getStatuses>();
    fn::contacts_search search;
    search.q = "Robert";
    search.limit = 10;
    ask(ada_, search);
    fn::account_updateUsername username;
    username.username = "layer_" + std::to_string(ada_.client->options.layer) + "_ada";
    fn::account_checkUsername check;
    check.username = username.username;
    ask(ada_, check);
    ask(ada_, username);
    fn::contacts_resolveUsername resolve;
    resolve.username = username.username;
    ask(bob_, resolve);
    fn::contacts_resolvePhone phone;
    phone.phone = std::to_string(bob_.number);
    ask(ada_, phone);
    fn::account_updateProfile profile;
    profile.first_name = "Ada";
    profile.about = "counts";
    ask(ada_, profile);
    fn::account_setPrivacy privacy;
    privacy.key = tl::make<tl::inputPrivacyKeyStatusTimestamp>();
    privacy.rules.push_back(tl::make<tl::inputPrivacyValueAllowContacts>());
    ask(ada_, privacy);
    fn::account_getPrivacy rules;
    rules.key = tl::make<tl::inputPrivacyKeyPhoneNumber>();
    ask(ada_, rules);
    fn::account_updateStatus status;
    ask(ada_, status);
    fn::contacts_block block;
    block.id = ada_.peer(bob_);
    ask(ada_, block);
    fn::contacts_getBlocked blocked;
    blocked.limit = 10;
    ask(ada_, blocked);
    fn::contacts_unblock unblock;
    unblock.id = ada_.peer(bob_);
    ask(ada_, unblock);
  }

  void rest() {
    fn::messages_deleteMessages deletion;
    deletion.revoke = true;
    deletion.id = {first_};
    ask(ada_, deletion);
    fn::messages_deleteHistory clear;
    clear.peer = ada_.peer(bob_);
    clear.just_clear = true;
    ask(ada_, clear);
    fn::messages_deleteHistory history;
    history.peer = ada_.peer(ada_);
    ask(ada_, history);
    fn::contacts_deleteContacts contacts;
    contacts.id.push_back(ada_.user(bob_));
    ask(ada_, contacts);
    ask_plainly<fn::contacts_getContacts>();
    fn::updates_getDifference difference;
    difference.pts = 1;
    difference.date = 1;
    ask(ada_, difference);
    ask(bob_, difference);
  }

  person& ada_;
  person& bob_;
  std::int32_t first_ = 0;
  int asked_ = 0;
};

/// What a session was told live is of its layer, to the last byte. How much there was.
int check_pushes(person& who) {
  const layer_t layer = who.client->options.layer;
  for (const mtproto::buffer_slice& each : who.client->seen.pushes) {
    tl::reader in(each.bytes());
    const auto update = tl::Updates::fetch(in);
    std::string again;
    tl::writer out(again);
    if (in.finish()) {
      tl::store_box(out, update.get(), layer);
    }
    EXPECT_TRUE(in.finish() && out.ok() && again == each.text())
      << "a push at layer " << layer << " with constructor " << std::hex << tl::reader(each.bytes()).peek_id();
  }
  return static_cast<int>(who.client->seen.pushes.size());
}

// Goal: clients of every year get answers and updates of their own layer, with nothing left over: one that cannot read
// an answer loses all of it. Method: every method of chats and people once, with right arguments; both people have a
// second device of each of the other layers, which hears what happens.
TEST_F(bad_chat, EveryMethodAtEveryLayer) {
  const std::vector<layer_t> layers = {133, 144, 198, 229};
  for (const layer_t layer : layers) {
    SCOPED_TRACE("layer " + std::to_string(layer));
    auto [ada, bob] = acquainted(layer);
    std::vector<std::unique_ptr<person>> listeners;
    for (const layer_t other : layers) {
      listeners.push_back(std::make_unique<person>(node(), bob->number, other));
      listeners.push_back(std::make_unique<person>(node(), ada->number, other));
    }
    layer_sweep sweep(*ada, *bob);
    sweep.run();
    EXPECT_GE(sweep.asked(), 55);
    did(static_cast<std::size_t>(sweep.asked()));
    EXPECT_TRUE(bob->client->ping());
    check_pushes(*ada);
    EXPECT_GT(check_pushes(*bob), 3);
    for (const auto& each : listeners) {
      EXPECT_TRUE(each->client->ping());
      EXPECT_GT(check_pushes(*each), 3);
    }
  }
}

} // namespace
} // namespace godwit::test
