#include "tests/e2e/wire/chat_person.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "protocol/tl/api/contacts.hpp"
#include "protocol/tl/api/contacts_fn.hpp"
#include "protocol/tl/api/dialog.hpp"
#include "protocol/tl/api/dialog_fn.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/updates_fn.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/users.hpp"
#include "protocol/tl/api/users_fn.hpp"
#include "tests/e2e/wire/witness.hpp"

namespace godwit::test {

namespace fn = tl::fn;
using namespace std::chrono_literals;

namespace {

constexpr auto patience = 10s;

socket_client_options options_at(const wire_node& node, layer_t layer) {
  socket_client_options options = canary_options(node);
  options.layer = layer;
  return options;
}

/// The messages of whatever form of a page.
const std::vector<tl::box<tl::Message>>* messages_of(const tl::messages_Messages* page) {
  const auto* as_object = static_cast<const tl::object*>(page);
  if (const auto* whole = tl::as<tl::messages_messages>(as_object)) {
    return &whole->messages;
  }
  const auto* slice = tl::as<tl::messages_messagesSlice>(as_object);
  return slice != nullptr ? &slice->messages : nullptr;
}

constexpr std::int64_t service_user = 777'000;

struct seen_message {
  std::int32_t id = 0;
  std::int64_t peer = 0;
  line what;
};

/// What is done in a dialog is a message without a text.
template <class Message>
seen_message seen(const Message& message, std::string text) {
  const auto* peer = tl::as<tl::peerUser>(message.peer_id);
  return {message.id, peer != nullptr ? peer->user_id : 0, {std::move(text), message.out}};
}

seen_message seen(const tl::Message* message) {
  const auto* as_object = static_cast<const tl::object*>(message);
  if (const auto* said = tl::as<tl::message>(as_object)) {
    return seen(*said, said->message_);
  }
  const auto* done = tl::as<tl::messageService>(as_object);
  EXPECT_NE(done, nullptr);
  return done != nullptr ? seen(*done, {}) : seen_message();
}

/// Adds the messages of a difference, as they are now; what was deleted is not among them. Notices apart.
template <class Difference>
void note(const Difference& difference, std::map<std::int32_t, line>& told) {
  for (const auto& each : difference.new_messages) {
    const seen_message message = seen(each.get());
    if (message.peer != service_user) {
      told[message.id] = message.what;
    }
  }
}

} // namespace

person::person(const wire_node& node, std::uint64_t of_number, layer_t layer)
    : client(std::make_unique<socket_client>(options_at(node, layer))),
      number(of_number),
      last_random_id_(static_cast<std::int64_t>(of_number) * 1'000'000) {
  if (!sign_up(node, *client, number)) {
    throw std::runtime_error("somebody cannot sign in"); // ends the test, which could do nothing else
  }
  fn::users_getUsers self;
  self.id.push_back(tl::make<tl::inputUserSelf>());
  const auto users = ask(self);
  const tl::user* me = users.result && !users.result->empty() ? tl::as<tl::user>(users.result->front()) : nullptr;
  EXPECT_NE(me, nullptr);
  id = me != nullptr ? me->id : 0;
}

person::~person() = default;

std::string person::checked_error(const pending_call& which, const mtproto::client_answer& answer) {
  const bool sensible = answer.error_code == 400 || answer.error_code == 403 || answer.error_code == 420;
  EXPECT_TRUE(sensible) << which.name << ": " << answer.error_code << " " << answer.error_text;
  return answer.error_text.empty() ? "AN ERROR WITHOUT A TEXT" : answer.error_text;
}

std::string person::error_of_bytes(const std::string& query) {
  const mtproto::client_answer answer = client->call(query);
  return answer.is_error ? checked_error({"bytes", answer.call}, answer) : std::string();
}

void person::meet(const person& other) {
  fn::contacts_importContacts import_call;
  auto contact = tl::make<tl::inputPhoneContact>();
  contact->client_id = 1;
  contact->phone = "+" + std::to_string(other.number);
  contact->first_name = canary::first_name;
  import_call.contacts.push_back(std::move(contact));
  const auto came = ask(import_call);
  ASSERT_TRUE(came.result) << came.error;
  for (const auto& each : (*came.result)->users) {
    if (const auto* user = tl::as<tl::user>(each)) {
      hashes_[user->id] = user->access_hash.value_or(0);
    }
  }
  ASSERT_TRUE(hashes_.contains(other.id));
}

tl::box<tl::InputPeer> peer_of(std::int64_t id, std::int64_t access_hash) {
  auto peer = tl::make<tl::inputPeerUser>();
  peer->user_id = id;
  peer->access_hash = access_hash;
  return peer;
}

tl::box<tl::InputUser> user_of(std::int64_t id, std::int64_t access_hash) {
  auto user = tl::make<tl::inputUser>();
  user->user_id = id;
  user->access_hash = access_hash;
  return user;
}

tl::box<tl::InputDialogPeer> dialog_peer(tl::box<tl::InputPeer> peer) {
  auto made = tl::make<tl::inputDialogPeer>();
  made->peer = std::move(peer);
  return made;
}

tl::box<tl::InputPeer> person::peer(const person& other) const {
  return other.id == id ? tl::make<tl::inputPeerSelf>() : peer_of(other.id, hash_of(other));
}

tl::box<tl::InputUser> person::user(const person& other) const {
  return other.id == id ? tl::make<tl::inputUserSelf>() : user_of(other.id, hash_of(other));
}

// --- messages ---------------------------------------------------------------------------------------

tl::box<fn::messages_sendMessage> person::message(const person& to, const std::string& text) {
  auto made = tl::make<fn::messages_sendMessage>();
  made->peer = peer(to);
  made->message = text;
  made->random_id = fresh_random_id();
  return made;
}

std::int32_t person::say(const person& to, const std::string& text) {
  const auto came = ask(*message(to, text));
  EXPECT_EQ(came.error, "");
  return came.result ? sent_id(came.result->get()) : 0;
}

std::int32_t sent_id(const tl::Updates* updates) {
  const auto* as_object = static_cast<const tl::object*>(updates);
  if (const auto* shortly = tl::as<tl::updateShortSentMessage>(as_object)) {
    return shortly->id;
  }
  if (const auto* whole = tl::as<tl::updates>(as_object)) {
    for (const auto& each : whole->updates_) {
      if (const auto* number = tl::as<tl::updateMessageID>(each)) {
        return number->id;
      }
    }
  }
  return 0;
}

std::map<std::int32_t, line> person::history_with(const person& other) {
  std::map<std::int32_t, line> all;
  fn::messages_getHistory page;
  page.peer = peer(other);
  page.limit = 100;
  for (;;) {
    const auto came = ask(page);
    const auto* messages = came.result ? messages_of(came.result->get()) : nullptr;
    EXPECT_NE(messages, nullptr) << came.error;
    if (messages == nullptr || messages->empty()) {
      break;
    }
    for (const auto& each : *messages) {
      const seen_message message = seen(each.get());
      all[message.id] = message.what;
      page.offset_id = message.id;
    }
    if (messages->size() < 100) {
      break;
    }
  }
  return all;
}

std::int32_t person::pts() {
  const auto state = ask(fn::updates_getState());
  return state.result ? (*state.result)->pts : 0;
}

// --- checks -----------------------------------------------------------------------------------------

std::vector<std::string> texts_of(const std::map<std::int32_t, line>& history) {
  std::vector<std::string> texts;
  for (const auto& [id, each] : history) {
    texts.push_back(each.text);
  }
  return texts;
}

bool comes_true(const std::function<bool()>& what) {
  const auto until = std::chrono::steady_clock::now() + patience;
  bool came = what();
  for (auto pause = 2ms; !came && std::chrono::steady_clock::now() < until; pause = std::min(2 * pause, 200ms)) {
    std::this_thread::sleep_for(pause);
    came = what();
  }
  return came;
}

void expect_dialog(person& one, person& other, const std::vector<std::string>& texts) {
  std::vector<std::string> far;
  comes_true([&] {
    far = texts_of(other.history_with(one));
    return far == texts;
  });
  EXPECT_EQ(far, texts) << "on the other side";
  EXPECT_EQ(texts_of(one.history_with(other)), texts) << "on the own side";
}

void expect_consistent(person& who, const std::vector<const person*>& peers) {
  std::map<std::int32_t, line> held;
  std::vector<std::map<std::int32_t, line>> histories;
  fn::messages_getPeerDialogs list;
  for (const person* each : peers) {
    histories.push_back(who.history_with(*each));
    held.insert(histories.back().begin(), histories.back().end());
    list.peers.push_back(dialog_peer(who.peer(*each)));
  }
  std::map<std::int32_t, line> told;
  fn::updates_getDifference difference;
  difference.pts = 1;
  difference.date = 1;
  for (int slices = 0; slices < 100; ++slices) {
    const auto came = who.ask(difference);
    ASSERT_TRUE(came.result) << came.error;
    if (const auto* slice = tl::as<tl::updates_differenceSlice>(*came.result)) {
      note(*slice, told);
      ASSERT_GT(slice->intermediate_state->pts, difference.pts);
      difference.pts = slice->intermediate_state->pts;
      continue;
    }
    if (const auto* last = tl::as<tl::updates_difference>(*came.result)) {
      note(*last, told);
      EXPECT_EQ(last->state->pts, who.pts());
    }
    break;
  }
  EXPECT_TRUE(told == held) << told.size() << " messages in the difference, " << held.size() << " in the histories";
  const auto dialogs = who.ask(list);
  ASSERT_TRUE(dialogs.result) << dialogs.error;
  ASSERT_EQ((*dialogs.result)->dialogs.size(), peers.size());
  for (std::size_t i = 0; i < peers.size(); ++i) {
    const auto* dialog = tl::as<tl::dialog>((*dialogs.result)->dialogs[i]);
    ASSERT_NE(dialog, nullptr);
    const auto unread = std::count_if(histories[i].begin(), histories[i].end(), [&](const auto& each) {
      return !each.second.out && each.first > dialog->read_inbox_max_id;
    });
    EXPECT_EQ(dialog->unread_count, unread);
    EXPECT_EQ(dialog->top_message, histories[i].empty() ? 0 : histories[i].rbegin()->first);
  }
}

} // namespace godwit::test
