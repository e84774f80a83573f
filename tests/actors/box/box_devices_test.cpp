#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/tl/objects.hpp"
#include "tests/actors/box/message_calls.hpp"
#include "tests/actors/box/model_client.hpp"

namespace godwit::box::testing {
namespace {

constexpr std::int64_t accounts[] = {101, 102, 103};

/// Two devices of one account: one listens, the other asks for the difference now and then.
struct devices {
  std::int64_t account = 0;
  layer_t layer = 0;
  std::uint64_t session = 20;
  model_client listening;
  model_client asking;
  std::size_t heard = 0;
  bool away = false;
  bool sliced = false; ///< the asking device got a part of a difference
};

/// What the listening device was told since it looked last.
void listen_on(box_world& world, devices& who) {
  for (; who.heard < world.pushes.size(); ++who.heard) {
    const auto& push = world.pushes[who.heard];
    if (push.account != user_id{who.account} || !(push.what.to == box_world::session_of(who.account, who.session)) ||
        !push.what.update) {
      continue;
    }
    tl::reader in(*push.what.update);
    const auto object = tl::fetch_object(in);
    ASSERT_TRUE(in.finish());
    if (push.what.pts != 0 && push.what.pts <= who.listening.pts) {
      continue; // what a difference told already
    }
    if (const auto* updates = tl::as<tl::updates>(object)) {
      ASSERT_NO_FATAL_FAILURE(who.listening.take_push(*updates));
    } else if (tl::as<tl::updatesTooLong>(object) != nullptr) {
      while (ask_difference(world, who.account, who.listening, who.layer)) {
      }
    } else {
      ADD_FAILURE() << "a push of another sort";
    }
  }
}

class BoxDevicesTest : public ::testing::TestWithParam<unsigned> {
protected:
  BoxDevicesTest() : random(GetParam()), world(GetParam()) {
    for (const std::int64_t each : accounts) {
      world.add(each, "Account " + std::to_string(each));
    }
  }

  std::int32_t below(std::int32_t bound) { return static_cast<std::int32_t>(random() % static_cast<unsigned>(bound)); }
  message_id some_message(std::int64_t who) { return 1 + below(world.at(who).core->box.last_message_id() + 1); }

  void send_or_forward(std::int64_t who, std::int64_t peer) {
    if (below(5) == 0) {
      forward_messages call;
      fill(call, world, who, accounts[below(3)], peer, {some_message(who)}, ++random_id);
      world.start(who, call);
      return;
    }
    send_message call;
    fill(call, world, who, peer, "text " + std::to_string(below(1000)), ++random_id);
    call.silent = below(2) == 0;
    world.start(who, call);
  }
  void change(std::int64_t who, std::int64_t peer) {
    switch (below(6)) {
    case 0: {
      tl::fn::messages_editMessage call;
      call.peer = world.peer(who, peer);
      call.id = some_message(who);
      call.message = "edit " + std::to_string(below(1000));
      world.start(who, call);
      return;
    }
    case 1: {
      tl::fn::messages_deleteMessages call;
      call.id = {some_message(who), some_message(who)};
      call.revoke = below(2) == 0;
      world.start(who, call);
      return;
    }
    case 2: {
      tl::fn::messages_updatePinnedMessage call;
      call.peer = world.peer(who, peer);
      call.id = some_message(who);
      call.unpin = below(3) == 0;
      call.pm_oneside = below(2) == 0;
      call.silent = below(2) == 0;
      world.start(who, call);
      return;
    }
    case 3:
      if (below(10) == 0) {
        tl::fn::messages_deleteHistory call;
        call.peer = world.peer(who, peer);
        call.revoke = below(2) == 0;
        world.start(who, call);
        return;
      }
      [[fallthrough]];
    default: {
      tl::fn::messages_readHistory call;
      call.peer = world.peer(who, peer);
      call.max_id = some_message(who);
      world.start(who, call);
    }
    }
  }
  /// The listening device goes away, or comes back to where it was, under a new session.
  void leave_or_return(devices& who) {
    if (who.away) {
      who.heard = world.pushes.size();
      world.subscribe(who.account, ++who.session, who.listening.pts, who.layer);
    } else {
      listen_on(world, who);
      world.at(who.account).core->ears.remove(box_world::session_of(who.account, who.session));
    }
    who.away = !who.away;
  }
  void expect_right(const devices& who) {
    const auto all = messages_of(world, who.account);
    EXPECT_EQ(who.listening.messages, all) << "the listening device";
    EXPECT_EQ(who.asking.messages, all) << "the asking device";
    for (const model_client* each : {&who.listening, &who.asking}) {
      EXPECT_EQ(each->pts, world.at(who.account).core->box.pts());
      for (const auto& [peer, max_id] : each->read_outbox) {
        EXPECT_EQ(max_id, world.dialog(who.account, peer)->read_outbox_max_id());
      }
    }
    for (const std::int64_t peer : accounts) {
      const auto dialog = world.dialog(who.account, peer).value_or(persistence::records::Dialog());
      model_client listening = who.listening;
      EXPECT_EQ(listening.unread[peer], dialog.unread()) << "listening, with " << peer;
      model_client asking = who.asking;
      if (!who.sliced) {
        EXPECT_EQ(asking.unread[peer], dialog.unread()) << "asking, with " << peer;
      }
    }
    EXPECT_EQ(world.faults(who.account), "");
  }

  std::mt19937 random;
  box_world world;
  std::int64_t random_id = 0;
};

// Whatever three accounts do to one another, and however late each reading comes back: a device that listens, with
// times away, and one that asks for the difference end with what the rows say.
TEST_P(BoxDevicesTest, ListeningAndAskingLeadToTheSame) {
  std::vector<devices> all;
  const std::vector<layer_t> layers = {133, 144, 198, 229};
  for (const std::int64_t each : accounts) {
    all.push_back({.account = each,
                   .layer = layers[static_cast<std::size_t>(below(4))],
                   .session = 20,
                   .listening = {},
                   .asking = {},
                   .heard = 0,
                   .away = false,
                   .sliced = false});
    world.subscribe(each, 20, 1, all.back().layer);
  }
  for (int round = 0; round < 400; ++round) {
    devices& who = all[static_cast<std::size_t>(below(3))];
    const std::int64_t peer = accounts[below(3)];
    world.now += below(2);
    switch (below(8)) {
    case 0:
    case 1: send_or_forward(who.account, peer); break;
    case 2: change(who.account, peer); break;
    case 3:
      if (below(6) == 0) {
        leave_or_return(who);
      }
      break;
    case 4:
      if (below(4) == 0) {
        ask_difference(world, who.account, who.asking, who.layer, who.layer >= 159 ? below(9) : 0);
      }
      break;
    default: world.step();
    }
  }
  for (devices& each : all) {
    if (each.away) {
      leave_or_return(each);
    }
  }
  world.run();
  for (devices& each : all) {
    ASSERT_NO_FATAL_FAILURE(listen_on(world, each));
    while (ask_difference(world, each.account, each.asking, each.layer)) {
    }
    expect_right(each);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, BoxDevicesTest, ::testing::Range(1u, 41u));

} // namespace
} // namespace godwit::box::testing
