// Numbers: random_ids, offsets, limits, vectors, and too many calls.

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <map>
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

std::vector<std::string> numbered(int count) {
  std::vector<std::string> texts;
  for (int i = 1; i <= count; ++i) {
    texts.push_back(std::to_string(i));
  }
  return texts;
}

// --- random_ids -------------------------------------------------------------------------------------

std::int32_t sent(person& who, const person& to, const std::string& text, std::int64_t random_id) {
  auto message = who.message(to, text);
  message->random_id = random_id;
  const auto came = who.ask(*message);
  EXPECT_EQ(came.error, "");
  return came.result ? sent_id(came.result->get()) : 0;
}

// Goal: a message is sent once for its random_id, whatever is said with it later, by which device, and whether the
// message is still there; and to nobody else.
TEST_F(bad_chat, ARandomIdIsSentOnce) {
  auto [ada, bob] = acquainted();
  auto eve = newcomer();
  ada->meet(*eve);
  auto message = ada->message(*bob, "without a number");
  message->random_id = 0;
  EXPECT_EQ(ada->error_of(*message), "RANDOM_ID_EMPTY");

  for (const std::int64_t random_id : {std::int64_t{1}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::min(),
                                       std::numeric_limits<std::int64_t>::max()}) {
    const std::int32_t first = sent(*ada, *bob, "number " + std::to_string(random_id), random_id);
    EXPECT_EQ(sent(*ada, *bob, "number " + std::to_string(random_id), random_id), first);
    EXPECT_EQ(sent(*ada, *bob, "another text", random_id), first);
    for (const person* other : {eve.get(), ada.get()}) {
      auto elsewhere = ada->message(*other, "to another");
      elsewhere->random_id = random_id;
      EXPECT_EQ(ada->error_of(*elsewhere), "RANDOM_ID_INVALID");
    }
    did(4);
  }
  auto tablet = another_device(*ada);
  tablet->meet(*bob);
  const std::int32_t first = ada->history_with(*bob).begin()->first;
  EXPECT_EQ(sent(*tablet, *bob, "from another device", 1), first);
  // Another's numbers are their own.
  EXPECT_NE(sent(*bob, *ada, "the same number of another", 1), 0);

  fn::messages_deleteMessages deletion;
  deletion.revoke = true;
  deletion.id = {first};
  EXPECT_EQ(ada->error_of(deletion), "");
  EXPECT_EQ(sent(*ada, *bob, "after it was deleted", 1), first);
  expect_dialog(*ada, *bob,
                {"number -1", "number " + std::to_string(std::numeric_limits<std::int64_t>::min()),
                 "number " + std::to_string(std::numeric_limits<std::int64_t>::max()), "the same number of another"});
  EXPECT_TRUE(ada->history_with(*eve).empty());
  EXPECT_TRUE(ada->history_with(*ada).empty());
  expect_consistent(*ada, {bob.get()});
  expect_consistent(*bob, {ada.get()});
  did(3);
}

// Goal: two devices that send the same number at once, again and again, send one message.
TEST_F(bad_chat, OneRandomIdFromManyAtOnceIsOneMessage) {
  auto [ada, bob] = acquainted();
  auto tablet = another_device(*ada);
  tablet->meet(*bob);
  std::vector<std::string> texts;
  for (const std::int64_t random_id : {4711, 4712, 4713}) {
    std::vector<std::pair<person*, pending_call>> calls;
    for (int i = 0; i < 20; ++i) {
      for (person* each : {ada.get(), tablet.get()}) {
        auto message = each->message(*bob, std::to_string(random_id));
        message->random_id = random_id;
        calls.emplace_back(each, each->start(*message));
        did(1);
      }
    }
    // Both write before either waits.
    ada->client->pump(std::chrono::milliseconds(0));
    tablet->client->pump(std::chrono::milliseconds(0));
    std::map<std::int32_t, int> ids;
    for (const auto& [each, call] : calls) {
      const auto came = each->finish<fn::messages_sendMessage>(call);
      EXPECT_EQ(came.error, "");
      ++ids[came.result ? sent_id(came.result->get()) : 0];
    }
    EXPECT_EQ(ids.size(), 1U);
    texts.push_back(std::to_string(random_id));
  }
  expect_dialog(*ada, *bob, texts);
  expect_consistent(*bob, {ada.get()});
}

// Goal: a number is remembered beyond the death of the node: what was answered is there, once, whether it was deleted
// meanwhile or not. Method: a node of its own, killed twice.
TEST(BadChatAlone, RandomIdsSurviveTheNode) {
  wire_node node;
  auto ada = std::make_unique<person>(node, 99'966'860'001);
  auto bob = std::make_unique<person>(node, 99'966'860'002);
  ada->meet(*bob);
  bob->meet(*ada);
  std::map<std::int64_t, std::int32_t> ids;
  for (std::int64_t i = 1; i <= 20; ++i) {
    ids[i] = sent(*ada, *bob, std::to_string(i), i);
  }
  fn::messages_deleteMessages deletion;
  deletion.revoke = true;
  deletion.id = {ids[20]};
  EXPECT_EQ(ada->error_of(deletion), "");
  for (int times = 0; times < 2; ++times) {
    node.kill();
    node.start();
    ada = std::make_unique<person>(node, 99'966'860'001);
    bob = std::make_unique<person>(node, 99'966'860'002);
    ada->meet(*bob);
    bob->meet(*ada);
    for (const auto& [random_id, id] : ids) {
      EXPECT_EQ(sent(*ada, *bob, "again", random_id), id);
    }
    expect_dialog(*ada, *bob, numbered(19));
    expect_consistent(*ada, {bob.get()});
    expect_consistent(*bob, {ada.get()});
  }
}

// --- offsets and limits -----------------------------------------------------------------------------

const std::vector<tl::box<tl::Message>>* page_of(const tl::messages_Messages* page) {
  const auto* as_object = static_cast<const tl::object*>(page);
  if (const auto* whole = tl::as<tl::messages_messages>(as_object)) {
    return &whole->messages;
  }
  const auto* slice = tl::as<tl::messages_messagesSlice>(as_object);
  return slice != nullptr ? &slice->messages : nullptr;
}

std::vector<std::int32_t> ids_of(const tl::messages_Messages* page) {
  std::vector<std::int32_t> ids;
  if (const auto* messages = page_of(page)) {
    for (const auto& each : *messages) {
      const auto* message = tl::as<tl::message>(each);
      ids.push_back(message != nullptr ? message->id : 0);
    }
  }
  return ids;
}

/// What getHistory is to find among `all`, which are in the order of their ids, by the documentation of its offsets.
/// Source: https://core.telegram.org/api/offsets
std::vector<std::int32_t> right_page(const std::vector<std::int32_t>& all, const fn::messages_getHistory& call,
                                     std::int32_t first_date, std::int32_t last_date) {
  std::vector<std::int32_t> listed; // newest first
  for (auto id = all.rbegin(); id != all.rend(); ++id) {
    if (*id > call.min_id && (call.max_id <= 0 || *id < call.max_id)) {
      listed.push_back(*id);
    }
  }
  const auto newer = [&](std::int32_t id) {
    if (call.offset_id > 0) {
      return id >= call.offset_id;
    }
    return call.offset_date > 0 && call.offset_date <= first_date;
  };
  EXPECT_TRUE(call.offset_date <= first_date || call.offset_date > last_date);
  const std::int64_t at = std::count_if(listed.begin(), listed.end(), newer);
  const std::int64_t begin = at + call.add_offset;
  const std::int64_t end = begin + std::clamp(call.limit, 0, 100);
  std::vector<std::int32_t> page;
  for (std::int64_t i = std::max<std::int64_t>(begin, 0); i < end && i < std::ssize(listed); ++i) {
    page.push_back(listed[static_cast<std::size_t>(i)]);
  }
  return page;
}

// Goal: no number in a call for a history leads anywhere but to the page that it describes. Method: each number at
// each of its edges alone, then all at random, from a fixed seed; the right page is worked out here.
TEST_F(bad_chat, HistoriesAtEveryEdgeAreRight) {
  auto [ada, bob] = acquainted();
  for (const std::string& each : numbered(40)) {
    ada->say(*bob, each);
  }
  expect_dialog(*ada, *bob, numbered(40));
  std::vector<std::int32_t> all;
  for (const auto& [id, each] : bob->history_with(*ada)) {
    all.push_back(id);
  }
  const std::int32_t now = static_cast<std::int32_t>(socket_client::now() / 1000);
  const std::vector<std::int32_t> edges = {0,       1,           -1,          2,       int_min,    int_min + 1,
                                           int_max, int_max - 1, all.front(), all[20], all.back(), all.back() + 1,
                                           5,       -5,          100,         101};
  const std::vector<std::int32_t> dates = {0, -1, 1, int_min, int_max, int_max - 1, now - 86'400, now + 86'400};
  std::vector<std::array<std::int32_t, 6>> wanted;
  for (std::size_t field = 0; field < 6; ++field) {
    for (const std::int32_t edge : field == 1 ? dates : edges) {
      wanted.push_back({0, 0, 0, 10, 0, 0});
      wanted.back()[field] = edge;
    }
  }
  while (wanted.size() < 500) {
    const auto draw = [&] { return edges[dice(edges.size())]; };
    wanted.push_back({draw(), dates[dice(dates.size())], draw(), draw(), draw(), draw()});
  }
  std::unique_ptr<person> reader;
  for (std::size_t begin = 0; begin < wanted.size(); begin += 100) {
    if (begin % 300 == 0) {
      reader = another_device(*bob); // a session may ask so much at once
      reader->meet(*ada);
    }
    std::vector<std::pair<tl::box<fn::messages_getHistory>, pending_call>> calls;
    for (std::size_t i = begin; i < std::min(begin + 100, wanted.size()); ++i) {
      auto call = tl::make<fn::messages_getHistory>();
      call->peer = reader->peer(*ada);
      call->offset_id = wanted[i][0];
      call->offset_date = wanted[i][1];
      call->add_offset = wanted[i][2];
      call->limit = wanted[i][3];
      call->max_id = wanted[i][4];
      call->min_id = wanted[i][5];
      pending_call started = reader->start(*call);
      calls.emplace_back(std::move(call), std::move(started));
      did(1);
    }
    for (const auto& [call, pending] : calls) {
      const auto came = reader->finish<fn::messages_getHistory>(pending);
      ASSERT_TRUE(came.result) << came.error;
      EXPECT_EQ(ids_of(came.result->get()), right_page(all, *call, now - 3600, now + 3600))
        << "offset_id " << call->offset_id << " offset_date " << call->offset_date << " add_offset " << call->add_offset
        << " limit " << call->limit << " max_id " << call->max_id << " min_id " << call->min_id;
    }
  }
}

/// Asks for all of these, a few together; nothing is refused. What came.
template <class F>
std::vector<typename F::result> all_of(person& who, const std::vector<tl::box<F>>& calls) {
  constexpr std::size_t together = 8;
  std::vector<typename F::result> results;
  for (std::size_t begin = 0; begin < calls.size(); begin += together) {
    std::vector<pending_call> pending;
    for (std::size_t i = begin; i < std::min(begin + together, calls.size()); ++i) {
      pending.push_back(who.start(*calls[i]));
    }
    for (const pending_call& each : pending) {
      auto came = who.finish<F>(each);
      EXPECT_EQ(came.error, "");
      if (came.result) {
        results.push_back(std::move(*came.result));
      }
    }
  }
  return results;
}

// Goal: the same of lists of dialogs, of searches and of differences: an answer to each, whole and right for its layer,
// not longer than a page, with messages in order.
TEST_F(bad_chat, ListsAndSearchesAtEveryEdgeAreAnswered) {
  auto [ada, bob] = acquainted();
  for (const std::string& each : numbered(20)) {
    ada->say(*bob, "word " + each);
  }
  ada->say(*ada, "word of one's own");
  const std::vector<std::int32_t> edges = {0, 1, -1, 5, -5, 20, 100, 501, int_min, int_min + 1, int_max, int_max - 1};
  const auto draw = [&] { return edges[dice(edges.size())]; };
  std::vector<tl::box<fn::messages_getDialogs>> dialogs;
  std::vector<tl::box<fn::messages_search>> searches;
  std::vector<tl::box<fn::messages_searchGlobal>> everywhere;
  for (int i = 0; i < 120; ++i) {
    auto list = tl::make<fn::messages_getDialogs>();
    list->exclude_pinned = dice(2) == 0;
    list->offset_date = draw();
    list->offset_id = draw();
    list->limit = draw();
    list->offset_peer = dice(3) == 0 ? tl::make<tl::inputPeerEmpty>() : ada->peer(dice(2) == 0 ? *bob : *ada);
    list->hash = draw();
    dialogs.push_back(std::move(list));
    auto search = tl::make<fn::messages_search>();
    search->peer = dice(4) == 0 ? tl::make<tl::inputPeerEmpty>() : ada->peer(*bob);
    search->q = dice(4) == 0 && search->peer->kind() != tl::inputPeerEmpty::kind_id ? "" : "word";
    search->filter = tl::make<tl::inputMessagesFilterEmpty>();
    search->min_date = draw();
    search->max_date = draw();
    search->offset_id = draw();
    search->add_offset = draw();
    search->limit = draw();
    search->max_id = draw();
    search->min_id = draw();
    searches.push_back(std::move(search));
    auto global = tl::make<fn::messages_searchGlobal>();
    global->q = "word";
    global->filter = tl::make<tl::inputMessagesFilterEmpty>();
    global->min_date = draw();
    global->max_date = draw();
    global->offset_rate = draw();
    global->offset_peer = dice(2) == 0 ? tl::make<tl::inputPeerEmpty>() : ada->peer(*bob);
    global->offset_id = draw();
    global->limit = draw();
    everywhere.push_back(std::move(global));
    did(3);
  }
  EXPECT_EQ(all_of(*ada, dialogs).size(), dialogs.size());
  auto tablet = another_device(*ada);
  const auto check_order = [](const auto& pages) {
    for (const auto& page : pages) {
      const std::vector<std::int32_t> ids = ids_of(page.get());
      EXPECT_LE(ids.size(), 100U);
      EXPECT_TRUE(std::is_sorted(ids.rbegin(), ids.rend()));
    }
  };
  check_order(all_of(*tablet, searches));
  check_order(all_of(*tablet, everywhere));
  for (const std::int32_t folder : {-1, 2, int_min, int_max}) {
    fn::messages_getDialogs list;
    list.folder_id = folder;
    list.offset_peer = tl::make<tl::inputPeerEmpty>();
    list.limit = 10;
    EXPECT_EQ(ada->error_of(list), "FOLDER_ID_INVALID");
    fn::messages_getPinnedDialogs pinned;
    pinned.folder_id = folder;
    EXPECT_EQ(ada->error_of(pinned), "FOLDER_ID_INVALID");
    did(2);
  }
}

// Goal: a difference from wherever: an error for what was never a state, else an answer that ends at the state there
// is.
TEST_F(bad_chat, DifferencesFromEverywhereAreAnswered) {
  auto [ada, bob] = acquainted();
  for (const std::string& each : numbered(10)) {
    ada->say(*bob, each);
  }
  expect_dialog(*ada, *bob, numbered(10));
  const std::int32_t pts = bob->pts();
  const std::vector<std::int32_t> edges = {0, 1, -1, int_min, int_max, 2, pts, pts + 1, pts - 1};
  for (int i = 0; i < 250; ++i) {
    fn::updates_getDifference call;
    const auto draw = [&] { return edges[dice(edges.size())]; };
    call.pts = edges[static_cast<std::size_t>(i) % edges.size()];
    call.date = draw();
    call.qts = draw();
    if (dice(2) == 0) {
      call.pts_limit = draw();
    }
    if (dice(3) == 0) {
      call.pts_total_limit = draw();
    }
    const auto came = bob->ask(call);
    did(1);
    if (call.pts <= 0) {
      EXPECT_EQ(came.error, call.pts == 0 ? "PERSISTENT_TIMESTAMP_EMPTY" : "PERSISTENT_TIMESTAMP_INVALID");
      continue;
    }
    ASSERT_TRUE(came.result) << came.error;
    if (const auto* whole = tl::as<tl::updates_difference>(*came.result)) {
      EXPECT_EQ(whole->state->pts, pts);
      EXPECT_EQ(std::ssize(whole->new_messages), std::max(pts - call.pts, 0));
    } else if (const auto* slice = tl::as<tl::updates_differenceSlice>(*came.result)) {
      EXPECT_GT(slice->intermediate_state->pts, call.pts);
    } else if (const auto* too_long = tl::as<tl::updates_differenceTooLong>(*came.result)) {
      EXPECT_EQ(too_long->pts, pts);
    } else {
      EXPECT_EQ(call.pts, pts);
    }
  }
}

} // namespace
} // namespace godwit::test
