#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "config/limits.hpp"
#include "protocol/tl/objects.hpp"
#include "tests/actors/box/message_calls.hpp"
#include "tests/actors/box/row_author.hpp"

namespace godwit::box::testing {
namespace {

constexpr std::int64_t me = 101;
constexpr std::int64_t ann = 102;

/// What a session's client knows by what the session heard since it subscribed.
struct hearer {
  std::uint64_t session = 0;
  std::int32_t pts = 0;
  std::size_t heard = 0; ///< of the world's pushes, all before this
  bool too_long = false;
  std::set<message_id> messages = {};
};

/// The updates of a push that move the pts, as pts and number.
std::vector<std::pair<std::int32_t, std::int32_t>> moves_of(const tl::updates& what, std::set<message_id>& messages) {
  std::vector<std::pair<std::int32_t, std::int32_t>> moves;
  for (const auto& each : what.updates_) {
    if (const auto* fresh = tl::as<tl::updateNewMessage>(each)) {
      moves.emplace_back(fresh->pts, fresh->pts_count);
      messages.insert(tl::as<tl::message>(fresh->message)->id);
    } else if (const auto* deleted = tl::as<tl::updateDeleteMessages>(each)) {
      moves.emplace_back(deleted->pts, deleted->pts_count);
      for (const message_id id : deleted->messages) {
        messages.erase(id);
      }
    } else if (const auto* edit = tl::as<tl::updateEditMessage>(each)) {
      moves.emplace_back(edit->pts, edit->pts_count);
    } else if (const auto* read = tl::as<tl::updateReadHistoryInbox>(each)) {
      moves.emplace_back(read->pts, read->pts_count);
    } else if (const auto* seen = tl::as<tl::updateReadHistoryOutbox>(each)) {
      moves.emplace_back(seen->pts, seen->pts_count);
    }
  }
  return moves;
}

/// Hears on; every number comes once and none is left out.
void hear(const box_world& world, hearer& who) {
  for (; who.heard < world.pushes.size(); ++who.heard) {
    const box_world::push& each = world.pushes[who.heard];
    if (each.account != user_id{me} || !(each.what.to == box_world::session_of(me, who.session)) ||
        each.what.pts == 0) {
      continue;
    }
    ASSERT_EQ(each.what.pts - each.what.pts_count, who.pts) << "session " << who.session;
    who.pts = each.what.pts;
    tl::reader in(*each.what.update);
    const auto object = tl::fetch_object(in);
    ASSERT_TRUE(in.finish());
    if (tl::as<tl::updatesTooLong>(object) != nullptr) {
      who.too_long = true;
      continue;
    }
    const auto* updates = tl::as<tl::updates>(object);
    if (updates == nullptr) {
      continue; // one of the short forms, which hold one update
    }
    std::int32_t last = each.what.pts - each.what.pts_count;
    for (const auto& [its, count] : moves_of(*updates, who.messages)) {
      ASSERT_EQ(its - count, last);
      last = its;
    }
    ASSERT_EQ(last, who.pts);
  }
}

class ReplayTest : public ::testing::Test {
protected:
  static void prepare(box_world& world) {
    world.add(me, "Me");
    world.add(ann, "Ann");
  }
};

// Sessions that subscribe in the middle of a stream, whose queries come back at any time later, hear every number once.
TEST_F(ReplayTest, BetweenReplayAndLiveNothingIsLostOrRepeated) {
  std::size_t replayed = 0;
  for (unsigned seed = 1; seed <= 60; ++seed) {
    std::mt19937 random(seed);
    box_world world(seed);
    prepare(world);
    std::vector<hearer> hearers;
    std::int64_t random_id = 1;
    for (int round = 0; round < 150; ++round) {
      switch (random() % 6) {
      case 0:
        if (hearers.size() < 12) {
          const std::int32_t now_at = world.at(me).core->box.pts();
          const std::int32_t at = 1 + static_cast<std::int32_t>(random() % static_cast<unsigned>(now_at));
          hearers.push_back({.session = 10 + hearers.size(), .pts = at, .heard = world.pushes.size()});
          world.subscribe(me, hearers.back().session, at, random() % 2 == 0 ? 144 : 229);
          replayed += at < now_at ? 1 : 0;
        }
        break;
      case 1:
      case 2: {
        send_message call;
        const bool mine = random() % 2 == 0;
        fill(call, world, mine ? me : ann, mine ? ann : me, "text", ++random_id);
        world.start(mine ? me : ann, call);
        break;
      }
      default: world.step();
      }
    }
    world.run();
    for (hearer& each : hearers) {
      ASSERT_NO_FATAL_FAILURE(hear(world, each)) << seed;
      ASSERT_EQ(each.pts, world.at(me).core->box.pts()) << seed;
      ASSERT_FALSE(world.at(me).core->ears.find(box_world::session_of(me, each.session))->catching_up);
    }
    ASSERT_EQ(world.faults(me), "");
  }
  EXPECT_GT(replayed, 200u);
}

// Who subscribes again while it is being told hears everything from where it says it is, and nothing of the first time.
TEST_F(ReplayTest, ASecondSubscriptionTakesTheFirstOnesPlace) {
  box_world world(3);
  prepare(world);
  row_author author(world, me);
  for (int i = 0; i < 20; ++i) {
    author.add(ann);
  }
  world.subscribe(me, 10, 5);
  world.subscribe(me, 10, 8);
  world.run();
  hearer who{.session = 10, .pts = 8};
  hear(world, who);
  EXPECT_EQ(who.pts, 21);
  EXPECT_EQ(who.messages.size(), 13u);
}

// Messages that came and went leave no gap in what is replayed.
TEST_F(ReplayTest, WhatIsOverLeavesNoGap) {
  box_world world;
  prepare(world);
  row_author author(world, me);
  const message_id gone = author.add(ann);
  author.edit(ann, gone, "edited");
  const message_id stays = author.add(ann);
  author.edit(ann, stays, "again");
  author.edit(ann, stays, "and again");
  author.remove(ann, {gone});
  author.read_inbox(ann, stays);
  world.subscribe(me, 10, 1);
  world.run();
  hearer who{.session = 10, .pts = 1};
  hear(world, who);
  EXPECT_EQ(who.pts, author.box().pts());
  EXPECT_EQ(who.messages, std::set<message_id>{stays});
}

// Who is too far behind is told to ask; who is not behind, or was nowhere, is told nothing.
TEST_F(ReplayTest, AReplayIsBounded) {
  box_world world;
  prepare(world);
  row_author author(world, me);
  for (std::int32_t i = 0; i <= limits::replay_updates_max; ++i) {
    author.add(ann);
  }
  const std::int32_t pts = author.box().pts();
  world.subscribe(me, 10, 1);
  world.run();
  hearer far{.session = 10, .pts = 1};
  hear(world, far);
  EXPECT_TRUE(far.too_long);
  EXPECT_EQ(far.pts, pts);
  world.subscribe(me, 11, 2);
  world.run();
  hearer near{.session = 11, .pts = 2};
  hear(world, near);
  EXPECT_FALSE(near.too_long);
  EXPECT_EQ(near.messages.size(), static_cast<std::size_t>(limits::replay_updates_max));
  const std::size_t before = world.pushes.size();
  world.subscribe(me, 12, pts);
  world.subscribe(me, 13, 0);
  world.subscribe(me, 14, -7);
  world.run();
  EXPECT_EQ(world.pushes.size(), before);
  send(world, ann, me, "for all of them", 99);
  EXPECT_EQ(world.pushes.size(), before + 5);
}

// Long messages are replayed in more than one push, and those beside the pts are told again to who comes back.
TEST_F(ReplayTest, LongReplaysComeInParts) {
  box_world world;
  prepare(world);
  row_author author(world, me);
  for (int i = 0; i < 60; ++i) {
    author.add(ann, {.text = std::string(16'000, 'x')});
  }
  author.beside(people::update_kind::unread_mark, ann, true);
  world.subscribe(me, 10, 1);
  world.run();
  EXPECT_GE(world.pushes.size(), 3u);
  hearer who{.session = 10, .pts = 1};
  hear(world, who);
  EXPECT_EQ(who.pts, 61);
  world.pushes.clear();
  world.subscribe(me, 11, 61);
  world.run();
  ASSERT_EQ(world.pushes.size(), 1u);
  EXPECT_EQ(world.pushes.front().what.pts, 0);
}

} // namespace
} // namespace godwit::box::testing
