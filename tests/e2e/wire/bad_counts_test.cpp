// Vectors of nothing, of too much and of the same, and too many calls.

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "protocol/tl/api/contacts.hpp"
#include "protocol/tl/api/contacts_fn.hpp"
#include "protocol/tl/api/dialog.hpp"
#include "protocol/tl/api/dialog_fn.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/privacy.hpp"
#include "protocol/tl/api/privacy_fn.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/updates_fn.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/users.hpp"
#include "protocol/tl/api/users_fn.hpp"
#include "tests/e2e/wire/bad_chat.hpp"

namespace godwit::test {
namespace {

namespace fn = tl::fn;

constexpr std::int32_t int_max = std::numeric_limits<std::int32_t>::max();
constexpr std::int32_t int_min = std::numeric_limits<std::int32_t>::min();
constexpr std::size_t huge = 10'000;

tl::box<tl::InputMessage> numbered_message(std::int32_t id) {
  auto made = tl::make<tl::inputMessageID>();
  made->id = id;
  return made;
}

// Goal: getMessages answers each number in its place, with nothing for what is not there; never more than its bound.
TEST_F(bad_chat, MessagesByNumberComeInTheirPlaces) {
  auto [ada, bob] = acquainted();
  const std::int32_t here = ada->say(*bob, "here");
  const auto got = [&](const std::vector<std::int32_t>& ids) {
    fn::messages_getMessages call;
    for (const std::int32_t id : ids) {
      call.id.push_back(numbered_message(id));
    }
    did(1);
    return ada->ask(call);
  };
  const std::vector<std::int32_t> mixed = {here, 0, -1, int_min, int_max, here + 1, here, here};
  const auto came = got(mixed);
  ASSERT_TRUE(came.result) << came.error;
  const auto* whole = tl::as<tl::messages_messages>(*came.result);
  ASSERT_TRUE(whole != nullptr && whole->messages.size() == mixed.size());
  for (std::size_t i = 0; i < mixed.size(); ++i) {
    const auto* message = tl::as<tl::message>(whole->messages[i]);
    EXPECT_EQ(message != nullptr, mixed[i] == here) << i;
    const auto* none = tl::as<tl::messageEmpty>(whole->messages[i]);
    EXPECT_EQ(message != nullptr ? message->id : none->id, mixed[i]);
  }
  EXPECT_EQ(got({}).error, "");
  EXPECT_EQ(got(std::vector<std::int32_t>(200, here)).error, "");
  EXPECT_EQ(got(std::vector<std::int32_t>(201, here)).error, "LIMIT_INVALID");
  EXPECT_EQ(got(std::vector<std::int32_t>(huge, here)).error, "LIMIT_INVALID");
  // One's own numbers say nothing about those of others.
  fn::messages_getMessages of_bob;
  of_bob.id.push_back(numbered_message(int_max));
  EXPECT_EQ(bob->error_of(of_bob), "");
}

// Goal: deleteMessages counts what it deleted: each message once, nothing for what is not there.
TEST_F(bad_chat, DeletionsCountWhatIsDeleted) {
  auto [ada, bob] = acquainted();
  std::vector<std::int32_t> ids;
  for (int i = 1; i <= 5; ++i) {
    ids.push_back(ada->say(*bob, std::to_string(i)));
  }
  expect_dialog(*ada, *bob, {"1", "2", "3", "4", "5"});
  const auto deleted = [&](std::vector<std::int32_t> which) {
    fn::messages_deleteMessages call;
    call.revoke = true;
    call.id = std::move(which);
    did(1);
    const auto came = ada->ask(call);
    return came.result ? std::to_string((*came.result)->pts_count) : came.error;
  };
  EXPECT_EQ(deleted({}), "0");
  EXPECT_EQ(deleted({0, -1, int_min, int_max, ids.back() + 1}), "0");
  EXPECT_EQ(deleted(std::vector<std::int32_t>(huge, ids[0])), "INPUT_REQUEST_TOO_LONG");
  expect_dialog(*ada, *bob, {"1", "2", "3", "4", "5"});
  EXPECT_EQ(deleted(std::vector<std::int32_t>(1000, ids[0])), "1");
  EXPECT_EQ(deleted({ids[0], ids[1], int_max, ids[1], -5, ids[3]}), "2");
  EXPECT_EQ(deleted({ids[0], ids[1], ids[3]}), "0");
  expect_dialog(*ada, *bob, {"3", "5"});
  expect_consistent(*ada, {bob.get()});
  expect_consistent(*bob, {ada.get()});
}

// Goal: a forward of several is done whole or not at all, and says why.
TEST_F(bad_chat, ForwardsAreWholeOrNothing) {
  auto [ada, bob] = acquainted();
  const std::int32_t one = ada->say(*bob, "one");
  const std::int32_t two = ada->say(*bob, "two");
  const auto forwarded = [&](std::vector<std::int32_t> ids, std::vector<std::int64_t> random_ids) {
    fn::messages_forwardMessages call;
    call.from_peer = ada->peer(*bob);
    call.to_peer = ada->peer(*bob);
    call.id = std::move(ids);
    call.random_id = std::move(random_ids);
    did(1);
    return ada->error_of(call);
  };
  const auto fresh = [&](std::size_t count) {
    std::vector<std::int64_t> random_ids(count);
    std::generate(random_ids.begin(), random_ids.end(), [&] { return ada->fresh_random_id(); });
    return random_ids;
  };
  const std::int32_t pts = ada->pts();
  EXPECT_EQ(forwarded({}, {}), "MESSAGE_IDS_EMPTY");
  EXPECT_EQ(forwarded({}, fresh(1)), "MESSAGE_IDS_EMPTY");
  EXPECT_EQ(forwarded({one}, {}), "RANDOM_ID_INVALID");
  EXPECT_EQ(forwarded({one, two}, fresh(1)), "RANDOM_ID_INVALID");
  EXPECT_EQ(forwarded({one}, fresh(2)), "RANDOM_ID_INVALID");
  EXPECT_EQ(forwarded({one, two}, {5, 5}), "RANDOM_ID_INVALID");
  EXPECT_EQ(forwarded({one, two}, {5, 0}), "RANDOM_ID_INVALID");
  for (const std::int32_t wrong : {0, -1, int_min, int_max, two + 1}) {
    EXPECT_EQ(forwarded({one, wrong}, fresh(2)), "MESSAGE_ID_INVALID");
    EXPECT_EQ(forwarded({wrong, two}, fresh(2)), "MESSAGE_ID_INVALID");
  }
  EXPECT_EQ(forwarded(std::vector<std::int32_t>(101, one), fresh(101)), "INPUT_REQUEST_TOO_LONG");
  EXPECT_EQ(forwarded(std::vector<std::int32_t>(huge, one), fresh(huge)), "INPUT_REQUEST_TOO_LONG");
  EXPECT_EQ(ada->pts(), pts);
  expect_dialog(*ada, *bob, {"one", "two"});

  // The same message as often as one wants; what was sent before is not sent again beside what is new.
  const std::vector<std::int64_t> random_ids = fresh(3);
  EXPECT_EQ(forwarded({one, one, two}, random_ids), "");
  EXPECT_EQ(forwarded({one, one, two}, random_ids), "");
  EXPECT_EQ(forwarded({two, two}, {random_ids[2], ada->fresh_random_id()}), "");
  expect_dialog(*ada, *bob, {"one", "two", "one", "one", "two", "two"});
  EXPECT_EQ(forwarded(std::vector<std::int32_t>(100, one), fresh(100)), "");
  EXPECT_EQ(ada->pts(), pts + 104);
  EXPECT_TRUE(comes_true([&] { return bob->history_with(*ada).size() == 106; }));
  expect_consistent(*bob, {ada.get()});
  expect_consistent(*ada, {bob.get()});
}

// Goal: every other vector has a bound, too, and nothing in it makes a call fail that is right otherwise.
TEST_F(bad_chat, OtherVectorsAreBounded) {
  auto [ada, bob] = acquainted();
  const std::int32_t pts = ada->pts();
  for (const std::size_t count : {std::size_t{0}, huge}) {
    const bool none = count == 0;
    fn::messages_getPeerDialogs dialogs;
    fn::messages_reorderPinnedDialogs order;
    order.force = true;
    fn::users_getUsers users;
    fn::contacts_deleteContacts deletion;
    fn::contacts_deleteByPhones phones;
    fn::messages_getSearchCounters counters;
    counters.peer = ada->peer(*bob);
    fn::messages_readMessageContents contents;
    auto rule = tl::make<tl::inputPrivacyValueAllowUsers>();
    for (std::size_t i = 0; i < count; ++i) {
      dialogs.peers.push_back(dialog_peer(ada->peer(*bob)));
      order.order.push_back(dialog_peer(ada->peer(*bob)));
      users.id.push_back(ada->user(*bob));
      deletion.id.push_back(ada->user(*bob));
      phones.phones.push_back("+1");
      counters.filters.push_back(tl::make<tl::inputMessagesFilterUrl>());
      contents.id.push_back(static_cast<std::int32_t>(i));
      rule->users.push_back(ada->user(*bob));
    }
    fn::account_setPrivacy privacy;
    privacy.key = tl::make<tl::inputPrivacyKeyStatusTimestamp>();
    privacy.rules.push_back(std::move(rule));
    EXPECT_EQ(ada->error_of(dialogs), none ? "" : "LIMIT_INVALID");
    EXPECT_NE(ada->error_of(order).empty(), !none);
    EXPECT_EQ(ada->error_of(users), none ? "" : "INPUT_REQUEST_TOO_LONG");
    EXPECT_NE(ada->error_of(deletion).empty(), !none);
    EXPECT_NE(ada->error_of(phones).empty(), !none);
    EXPECT_EQ(ada->error_of(counters), none ? "" : "LIMIT_INVALID");
    EXPECT_EQ(ada->error_of(contents), "");
    EXPECT_NE(ada->error_of(privacy).empty(), !none);
    did(8);
  }
  fn::contacts_importContacts contacts;
  for (std::size_t i = 0; i < huge; ++i) {
    auto contact = tl::make<tl::inputPhoneContact>();
    contact->client_id = static_cast<std::int64_t>(i);
    contact->phone = i % 2 == 0 ? "+" + std::to_string(bob->number) : std::string(200, '9');
    contact->first_name = std::string(300, 'n');
    contacts.contacts.push_back(std::move(contact));
  }
  ada->error_of(contacts);
  EXPECT_EQ(ada->pts(), pts);
  expect_dialog(*ada, *bob, {});
}

// Goal: who sends more than anybody may is told when to come back, and then is heard; what was accepted is there
// once, what was refused is not, and the same numbers sent again make it whole. Method: what a session may ask at once,
// and some more, all in flight together; cheap calls first, so that a slow machine has no time to forgive.
TEST_F(bad_chat, AFloodIsRefusedAndLosesNothing) {
  constexpr std::size_t cheap_calls = 260;
  constexpr std::size_t messages = 200;
  auto [ada, bob] = acquainted();
  std::vector<pending_call> cheap;
  for (std::size_t i = 0; i < cheap_calls; ++i) {
    cheap.push_back(ada->start(fn::updates_getState()));
  }
  std::map<std::int64_t, std::string> waiting;
  std::multiset<std::string> wanted;
  for (std::size_t i = 0; i < messages; ++i) {
    waiting[ada->fresh_random_id()] = std::to_string(i);
    wanted.insert(std::to_string(i));
  }
  std::size_t refused = 0;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!waiting.empty() && std::chrono::steady_clock::now() < until) {
    std::vector<std::pair<std::int64_t, pending_call>> calls;
    for (const auto& [random_id, text] : waiting) {
      auto message = ada->message(*bob, text);
      message->random_id = random_id;
      calls.emplace_back(random_id, ada->start(*message));
    }
    int pause = 0;
    for (const auto& [random_id, call] : calls) {
      const auto came = ada->finish<fn::messages_sendMessage>(call);
      if (came.result) {
        waiting.erase(random_id);
        continue;
      }
      ++refused;
      ASSERT_TRUE(came.error.starts_with("FLOOD_WAIT_")) << came.error;
      pause = std::max(pause, std::stoi(came.error.substr(11)));
      ASSERT_LE(pause, 10);
    }
    for (const pending_call& each : std::exchange(cheap, {})) {
      EXPECT_EQ(ada->finish<fn::updates_getState>(each).error, "");
    }
    did(calls.size());
    std::this_thread::sleep_for(std::chrono::seconds(pause));
  }
  EXPECT_TRUE(waiting.empty());
  EXPECT_GT(refused, 10U);
  EXPECT_TRUE(ada->client->is_connected());
  EXPECT_EQ(ada->client->new_sessions, 1);
  const auto texts = [](person& who, const person& with) {
    std::multiset<std::string> all;
    for (const auto& [id, each] : who.history_with(with)) {
      all.insert(each.text);
    }
    return all;
  };
  auto tablet = another_device(*ada);
  tablet->meet(*bob);
  EXPECT_TRUE(texts(*tablet, *bob) == wanted);
  EXPECT_TRUE(comes_true([&] { return texts(*bob, *ada) == wanted; }));
  expect_consistent(*bob, {ada.get()});
  expect_consistent(*tablet, {bob.get()});
}

} // namespace
} // namespace godwit::test
