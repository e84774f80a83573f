#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "config/limits.hpp"
#include "protocol/tl/api/dialog.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/notify.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/text.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/updates_fn.hpp"
#include "protocol/tl/api/user.hpp"
#include "tests/actors/box/model_client.hpp"
#include "tests/actors/box/row_author.hpp"

namespace godwit::box::testing {
namespace {

using get_difference = tl::fn::updates_getDifference;

constexpr std::int64_t me = 101;
constexpr std::int64_t first_peer = 102;
constexpr int peers = 3;

class BoxDifferenceTest : public ::testing::Test {
protected:
  BoxDifferenceTest() {
    world.add(me, "Me");
    for (int i = 0; i < peers; ++i) {
      world.add(first_peer + i, "Peer");
    }
  }

  /// Something random; deletions of several at once, edits of what is gone, readings.
  void happen(std::mt19937& random, bool deletions = true) {
    const std::int64_t peer = first_peer + static_cast<std::int64_t>(random() % peers);
    const message_id last = author.box().last_message_id();
    const message_id some = last == 0 ? 0 : 1 + static_cast<message_id>(random() % static_cast<unsigned>(last));
    world.now += static_cast<unix_time>(random() % 2);
    switch (random() % 8) {
    case 0: author.edit(peer, some, "edit " + std::to_string(random() % 1000)); break;
    case 1:
      if (deletions) {
        author.remove(peer, {some, some + 1, some + 2});
      }
      break;
    case 2: author.read_inbox(peer, some); break;
    default: author.add(peer, {.out = random() % 3 == 0, .text = "text " + std::to_string(random() % 1000)});
    }
  }

  bool ask(model_client& client, layer_t layer, std::int32_t pts_limit = 0) {
    return ask_difference(world, me, client, layer, pts_limit);
  }
  void expect_same(const model_client& client) {
    ASSERT_EQ(client.messages, messages_of(world, me));
    ASSERT_EQ(client.pts, author.box().pts());
  }

  box_world world;
  row_author author{world, me};
};

// A client that asks now and then has the history in the end, at every layer, in slices and without.
TEST_F(BoxDifferenceTest, ADifferenceLeadsToTheHistory) {
  const std::vector<layer_t> layers = {133, 144, 198, 229};
  for (unsigned seed = 1; seed <= 12; ++seed) {
    std::mt19937 random(seed);
    model_client client;
    for (int round = 0; round < 12; ++round) {
      for (int i = static_cast<int>(random() % 60); i > 0; --i) {
        happen(random);
      }
      const layer_t layer = layers[random() % layers.size()];
      const std::int32_t limit = layer >= 159 && random() % 2 == 0 ? 7 : 0;
      while (ask(client, layer, limit)) {
      }
      ASSERT_NO_FATAL_FAILURE(expect_same(client)) << seed << ' ' << round;
    }
  }
}

// What is unread after a difference is what the dialogs say, also where messages came after a reading.
TEST_F(BoxDifferenceTest, UnreadCountsSurviveADifference) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    model_client client;
    while (ask(client, newest_layer)) {
    }
    for (int i = 0; i < 12; ++i) {
      for (int each = 0; each < 30; ++each) {
        happen(random, false);
      }
      while (ask(client, newest_layer, 1 + static_cast<std::int32_t>(random() % 40))) {
      }
      for (std::int64_t peer = first_peer; peer < first_peer + peers; ++peer) {
        ASSERT_EQ(client.unread[peer], world.dialog(me, peer).value_or(persistence::records::Dialog()).unread());
      }
    }
  }
}

// However far a client is behind, it is told everything, a bounded number of updates and bytes at a time.
TEST_F(BoxDifferenceTest, AFarAwayClientIsToldInSlices) {
  std::mt19937 random(7);
  for (int i = 0; i < 2600; ++i) {
    happen(random);
  }
  model_client client;
  while (ask(client, newest_layer)) {
  }
  expect_same(client);
  EXPECT_GE(client.answers, 4);

  const std::string long_text(16'000, 'x');
  for (int i = 0; i < 200; ++i) {
    author.add(first_peer, {.text = long_text});
  }
  const int before = client.answers;
  while (ask(client, newest_layer)) {
  }
  expect_same(client);
  EXPECT_GE(client.answers, before + 3);
}

// Too long is said to nobody but who asked for it.
TEST_F(BoxDifferenceTest, TooLongIsForThoseWhoAsk) {
  for (int i = 0; i < 50; ++i) {
    author.add(first_peer);
  }
  get_difference call;
  call.pts = 1;
  call.pts_total_limit = 49;
  auto answer = world.call(me, call);
  ASSERT_TRUE(answer);
  ASSERT_NE(tl::as<tl::updates_differenceTooLong>(*answer), nullptr);
  EXPECT_EQ(tl::as<tl::updates_differenceTooLong>(*answer)->pts, 51);
  call.pts_total_limit = 50;
  EXPECT_NE(tl::as<tl::updates_difference>(*world.call(me, call)), nullptr);
}

// A pts that is none is refused; one that the box never had is brought back to where the box is.
TEST_F(BoxDifferenceTest, AWrongPtsIsAnswered) {
  get_difference call;
  call.pts = 0;
  EXPECT_EQ(text_of(world.call(me, call).error()), "PERSISTENT_TIMESTAMP_EMPTY");
  call.pts = -1;
  EXPECT_EQ(text_of(world.call(me, call).error()), "PERSISTENT_TIMESTAMP_INVALID");
  author.add(first_peer);
  for (const std::int32_t pts : {3, 1000, std::numeric_limits<std::int32_t>::max()}) {
    call.pts = pts;
    const auto answer = world.call(me, call);
    ASSERT_TRUE(answer);
    const auto* difference = tl::as<tl::updates_difference>(*answer);
    ASSERT_NE(difference, nullptr);
    EXPECT_EQ(difference->state->pts, 2);
  }
  call.pts = 2;
  EXPECT_NE(tl::as<tl::updates_differenceEmpty>(*world.call(me, call)), nullptr);
  const auto state = world.call(me, tl::fn::updates_getState());
  ASSERT_TRUE(state);
  EXPECT_EQ((*state)->pts, 2);
  EXPECT_EQ((*state)->unread_count, 1);
  EXPECT_EQ((*state)->date, world.now);
}

// A message that came and went is told as gone; one that was edited often is told once.
TEST_F(BoxDifferenceTest, WhatIsOverIsNotToldAnew) {
  const message_id gone = author.add(first_peer);
  const message_id stays = author.add(first_peer);
  author.edit(first_peer, stays, "second");
  author.edit(first_peer, gone, "lost");
  author.edit(first_peer, stays, "third");
  author.remove(first_peer, {gone});
  get_difference call;
  call.pts = 1;
  const auto answer = world.call(me, call);
  const auto* difference = tl::as<tl::updates_difference>(*answer);
  ASSERT_NE(difference, nullptr);
  ASSERT_EQ(difference->new_messages.size(), 1u);
  EXPECT_EQ(tl::as<tl::message>(difference->new_messages[0])->message_, "third");
  ASSERT_EQ(difference->other_updates.size(), 2u);
  const auto* edit = tl::as<tl::updateEditMessage>(difference->other_updates[0]);
  ASSERT_NE(edit, nullptr);
  EXPECT_EQ(edit->pts, 6);
  EXPECT_NE(tl::as<tl::updateDeleteMessages>(difference->other_updates[1]), nullptr);
}

// What happened beside the pts is told to those whose date is not behind it, the last of each sort alone, and is not
// lost between two slices.
TEST_F(BoxDifferenceTest, WhatHappensBesideThePtsIsTold) {
  const unix_time began = world.now;
  author.add(first_peer);
  world.now += 10;
  for (int i = 0; i < 5; ++i) {
    author.beside(people::update_kind::unread_mark, first_peer, i % 2 == 0);
  }
  author.beside(people::update_kind::user_changed, first_peer + 1, false);
  world.now += 10;
  const auto beside = [&](std::int32_t pts, unix_time date, layer_t layer) {
    get_difference call;
    call.pts = pts;
    call.date = date;
    const auto answer = world.call(me, call, layer);
    const auto* difference = tl::as<tl::updates_difference>(*answer);
    return difference == nullptr ? std::size_t{0} : difference->other_updates.size();
  };
  for (const layer_t layer : {133, 144, 152, 198, 229}) {
    EXPECT_EQ(beside(1, began, layer), 2u);
    EXPECT_EQ(beside(2, began, layer), 2u);
    EXPECT_EQ(beside(2, began + 10, layer), 2u);
    EXPECT_EQ(beside(2, began + 11, layer), 0u);
  }
  author.add(first_peer);
  author.add(first_peer);
  get_difference call;
  call.pts = 1;
  call.date = began;
  call.pts_limit = 1;
  std::size_t told = 0;
  for (int i = 0; i < 10; ++i) {
    const auto answer = world.call(me, call);
    if (const auto* slice = tl::as<tl::updates_differenceSlice>(*answer)) {
      call.pts = slice->intermediate_state->pts;
      call.date = slice->intermediate_state->date;
      told += slice->other_updates.size();
      continue;
    }
    const auto* last = tl::as<tl::updates_difference>(*answer);
    ASSERT_NE(last, nullptr);
    told += last->other_updates.size();
    break;
  }
  EXPECT_GE(told, 2u);
}

// However much lies ahead, one slice reads what it tells and little more.
TEST_F(BoxDifferenceTest, ASliceCostsItsLength) {
  for (int i = 0; i < 20'000; ++i) {
    author.add(first_peer);
  }
  for (const std::int32_t pts : {1, 10'000, 19'990}) {
    get_difference call;
    call.pts = pts;
    entity_effects out;
    world.at(me).box->call({.ticket = 1, .layer = newest_layer, .asker = {}, .now = world.now}, call, out);
    ASSERT_EQ(out.queries.size(), 1u);
    counting_reader reader(world.rows(me));
    out.queries.front().read(reader);
    EXPECT_LE(reader.visited, limits::difference_updates_max + 1);
    EXPECT_LE(reader.gets, limits::difference_updates_max + 2);
  }
}

// Thousands of settings changed beside one pts neither stop a difference nor make it long.
TEST_F(BoxDifferenceTest, ManyChangesBesideOnePtsAreBounded) {
  for (int i = 0; i < 5000; ++i) {
    author.beside(people::update_kind::unread_mark, first_peer + i, true);
  }
  const message_id after = author.add(first_peer);
  for (int i = 0; i < 50; ++i) {
    author.beside(people::update_kind::unread_mark, first_peer + i, false);
  }
  const message_id last = author.add(first_peer);
  model_client client;
  client.date = world.now;
  while (ask(client, newest_layer)) {
  }
  EXPECT_LE(client.answers, 3);
  EXPECT_TRUE(client.messages.contains(after));
  EXPECT_TRUE(client.messages.contains(last));
}

} // namespace
} // namespace godwit::box::testing
