#include "tests/cluster/peer/hub_world.hpp"

namespace godwit::test {
namespace {

class HubFault : public hub_world {
protected:
  void SetUp() override {
    start(1);
    start(2);
    introduce({1, 2});
    ASSERT_TRUE(become_linked(1, 2));
    network.advance(3000);
  }
  hub_node& one() { return *nodes.at(1); }
  hub_node& two() { return *nodes.at(2); }
};

// Goal: a broken connection is told of on both sides and is back soon.
TEST_F(HubFault, ABrokenConnectionIsMadeAnew) {
  for (int i = 0; i < 5; ++i) {
    network.break_connections(*one().host, *two().host);
    ASSERT_TRUE(network.run_until([&] { return !linked(1, 2); }, 20));
    ASSERT_TRUE(become_linked(1, 2, 400)) << i;
    network.advance(2500);
  }
  EXPECT_EQ(one().changes.size(), 11U);
  EXPECT_EQ(two().changes.size(), 11U);
  EXPECT_EQ(one().about(2).times_up, 6U);
}

// Goal: a node that is started again is linked again at once, with its new incarnation; what its earlier process sent is
// not delivered after that.
TEST_F(HubFault, ARestartedNodeIsBackSoon) {
  kill(two());
  ASSERT_TRUE(network.run_until([&] { return !one().hub->up(node_id(2)); }, 20));
  network.advance(5000);
  EXPECT_NE(one().about(2).trouble.find("10.0.0.2:4431"), std::string::npos) << one().about(2).trouble;
  EXPECT_NE(one().about(2).trouble.find("refused"), std::string::npos) << one().about(2).trouble;
  // Pauses double up to their bound: 100, 200, ... 2000 ms, of each a half at least.
  EXPECT_GE(one().host->dialled(), 4U);
  EXPECT_LE(one().host->dialled(), 11U);
  start(2, 2);
  introduce({1, 2});
  ASSERT_TRUE(become_linked(1, 2, 200));
  EXPECT_EQ(one().about(2).incarnation, 2U);
  EXPECT_EQ(one().changes, (std::vector<std::string>{"+2", "-2", "+2"}));
}

// Goal: a dead machine is missed within the silence bound, and found again within a redial when it returns.
TEST_F(HubFault, SilenceEndsALink) {
  const monotonic_ms begin = network.now();
  kill(two(), false);
  ASSERT_TRUE(network.run_until([&] { return !one().hub->up(node_id(2)); }, 10'000));
  EXPECT_GE(network.now() - begin, limits::peer_silence_ms - limits::peer_beat_ms);
  EXPECT_LE(network.now() - begin, limits::peer_silence_ms + limits::peer_beat_ms);
  EXPECT_NE(one().about(2).trouble.find("silent"), std::string::npos) << one().about(2).trouble;
  network.advance(20'000);
  EXPECT_NE(one().about(2).trouble.find("does not answer"), std::string::npos) << one().about(2).trouble;
  // Pauses are bounded: one attempt in five seconds at least, none without a pause.
  EXPECT_GE(one().host->dialled(), 4U);
  EXPECT_LE(one().host->dialled(), 12U);
  start(2, 2);
  introduce({1, 2});
  EXPECT_TRUE(become_linked(1, 2, 500));
}

// Goal: a partition takes the link down on both sides, and healing brings it back within the longest pause.
TEST_F(HubFault, APartitionHeals) {
  network.cut(*one().host, *two().host);
  ASSERT_TRUE(network.run_until([&] { return !one().hub->up(node_id(2)) && !two().hub->up(node_id(1)); }, 4000));
  network.advance(30'000);
  network.cut(*one().host, *two().host, false);
  EXPECT_TRUE(become_linked(1, 2, limits::peer_redial_ms_max + 2 * limits::peer_redial_ms));
}

// Goal: the same when only one direction is cut, whichever: no side goes on believing in a link that the other has not.
TEST_F(HubFault, OneWaySilenceTakesBothSidesDown) {
  for (const bool first : {true, false}) {
    const sim_host& from = first ? *one().host : *two().host;
    const sim_host& to = first ? *two().host : *one().host;
    network.silence(from, to);
    ASSERT_TRUE(network.run_until([&] { return !one().hub->up(node_id(2)) && !two().hub->up(node_id(1)); }, 8000));
    network.advance(10'000);
    EXPECT_FALSE(one().hub->up(node_id(2)));
    EXPECT_FALSE(two().hub->up(node_id(1)));
    network.silence(from, to, false);
    EXPECT_TRUE(become_linked(1, 2, 3000));
    network.advance(5000);
    EXPECT_TRUE(linked(1, 2));
  }
}

// Goal: of a connection that ended nothing is delivered, even what was on its way when it did. Method: frames wait in a
// silent direction; the receiver's side ends the link and has a new one before the silence is over.
TEST_F(HubFault, NothingOfAnEarlierConnectionIsDelivered) {
  network.silence(*one().host, *two().host);
  EXPECT_TRUE(one().say(2, "old"));
  ASSERT_TRUE(network.run_until([&] { return !two().hub->up(node_id(1)); }, 4000));
  EXPECT_FALSE(two().hub->up(node_id(1)));
  network.silence(*one().host, *two().host, false);
  ASSERT_TRUE(network.run_until([&] { return linked(1, 2); }, 4000));
  EXPECT_TRUE(one().say(2, "new"));
  network.advance(1000);
  EXPECT_EQ(two().heard[1], std::vector<std::string>{"new"});
}

// Goal: a stopped process costs its peers bounded memory, however much is sent to it, and the link is ended. Method:
// flood a frozen node as fast as send() takes it; twice, for the second link has the same bounds.
TEST_F(HubFault, AFloodTowardsAStoppedPeerIsBounded) {
  const std::string body(64 << 10, 'x');
  for (int round = 0; round < 2; ++round) {
    network.freeze(*two().host);
    std::size_t most = 0;
    std::size_t taken = 0;
    while (one().hub->up(node_id(2)) && taken < (400U << 20)) {
      for (int i = 0; i < 32 && one().say(2, body); ++i) {
        taken += body.size();
      }
      network.run();
      most = std::max(most, one().about(2).queued_bytes);
    }
    EXPECT_FALSE(one().hub->up(node_id(2)));
    EXPECT_LE(most, limits::peer_queue_bytes_max + (4U << 20));
    EXPECT_LE(taken, limits::peer_queue_bytes_max + limits::peer_credit_bytes + (8U << 20));
    EXPECT_LE(network.queued_bytes_max(), limits::peer_credit_bytes);
    EXPECT_NE(one().about(2).trouble.find("does not take what is sent"), std::string::npos) << one().about(2).trouble;
    EXPECT_EQ(one().about(2).queued_bytes, 0U);
    network.freeze(*two().host, false);
    ASSERT_TRUE(become_linked(1, 2, 5000));
    network.advance(3000);
  }
  EXPECT_TRUE(one().say(2, "alive"));
  network.advance(100);
  EXPECT_EQ(two().heard[1].back(), "alive");
}

// Goal: a slow receiver gets everything in order and loses no link: credit and beats go on. Method: it reads 10 MB a
// second while 60 MB wait for it.
TEST_F(HubFault, ASlowReceiverKeepsItsLink) {
  two().keeps = false;
  network.slow(*two().host, 10'000);
  const std::string body(100'000, 'y');
  for (int i = 0; i < 600; ++i) {
    ASSERT_TRUE(one().say(2, body));
  }
  network.run();
  EXPECT_GT(one().about(2).queued_bytes, 20U << 20);
  EXPECT_LE(network.queued_bytes_max(), limits::peer_credit_bytes);
  ASSERT_TRUE(network.run_until([&] { return two().heard_bytes == 60'000'000; }, 10'000));
  EXPECT_EQ(one().changes, std::vector<std::string>{"+2"});
  network.advance(1000);
  EXPECT_EQ(one().about(2).queued_bytes, 0U);
}

// Goal: both sides may flood each other: credit comes back although neither has any left to send with, and as soon as a
// part of it is handled, not with the next beat that is due. Method: what 240 MB would take if credit came back once in
// a beat, and less than half of that.
TEST_F(HubFault, CreditReturnsWhenBothSidesHaveNone) {
  one().keeps = two().keeps = false;
  const std::string body(1 << 20, 'z');
  const monotonic_ms begin = network.now();
  for (std::size_t round = 1; round <= 4; ++round) {
    for (int i = 0; i < 60; ++i) {
      ASSERT_TRUE(one().say(2, body));
      ASSERT_TRUE(two().say(1, body));
    }
    const std::size_t all = round * (60U << 20);
    ASSERT_TRUE(network.run_until([&] { return one().heard_bytes == all && two().heard_bytes == all; }, 5000));
  }
  EXPECT_TRUE(linked(1, 2));
  const std::size_t beats = 4 * (60U << 20) / limits::peer_credit_bytes - 1;
  EXPECT_LT(network.now() - begin, beats * limits::peer_beat_ms / 2) << "of " << network.now() - begin;
}

// Goal: what a receiver cannot read ends the link at once: nothing behind it is delivered, both sides tell cause and
// remedy, and the link is back after the usual pause, which grows while it happens again and again. Method: the word
// stands between others in one frame.
TEST_F(HubFault, WhatCannotBeReadEndsTheLink) {
  one().hates = "bad";
  for (const char* word : {"before", "bad", "behind"}) {
    EXPECT_TRUE(two().say(1, word));
  }
  ASSERT_TRUE(network.run_until([&] { return !one().hub->up(node_id(2)); }, 20));
  std::string told = one().about(2).trouble;
  EXPECT_NE(told.find("node 2 at 10.0.0.2:4431 sent what this program cannot read"), std::string::npos) << told;
  EXPECT_NE(told.find("one version"), std::string::npos) << told;
  EXPECT_NE(told.find("a test's word"), std::string::npos) << told;
  ASSERT_TRUE(network.run_until([&] { return !two().hub->up(node_id(1)); }, 20));
  told = two().about(1).trouble;
  EXPECT_NE(told.find("cannot read what this node sent"), std::string::npos) << told;
  EXPECT_NE(told.find("one version"), std::string::npos) << told;
  ASSERT_TRUE(become_linked(1, 2, 400));
  EXPECT_TRUE(two().say(1, "again"));
  network.advance(100);
  EXPECT_EQ(one().heard[2], (std::vector<std::string>{"before", "again"}));

  const std::uint64_t before = one().about(2).times_up;
  for (int i = 0; i < 3000; ++i) {
    (void)two().say(1, "bad");
    network.advance(10);
  }
  EXPECT_LE(one().about(2).times_up - before, 30U) << "it is not hammered";
  EXPECT_GE(one().about(2).times_up - before, 10U);
  EXPECT_TRUE(become_linked(1, 2, 2 * limits::peer_redial_ms_max));
  // From elsewhere, and of nobody: nothing happens.
  one().hub->refuse(node_id(77), "nothing");
  EXPECT_TRUE(linked(1, 2));
}

// Goal: a process that stood still for a moment keeps its link, one that stood still for long has a new one.
TEST_F(HubFault, AFrozenProcessComesBack) {
  network.freeze(*two().host);
  network.advance(2000);
  network.freeze(*two().host, false);
  network.advance(1000);
  EXPECT_EQ(one().changes, std::vector<std::string>{"+2"});
  network.freeze(*two().host);
  network.advance(20'000);
  EXPECT_FALSE(one().hub->up(node_id(2)));
  network.freeze(*two().host, false);
  ASSERT_TRUE(become_linked(1, 2, 3000));
  network.advance(3000);
  EXPECT_TRUE(linked(1, 2));
  EXPECT_EQ(network.connections(*one().host, *two().host), 1U);
}

// Goal: beats tell by how much the other clock is wrong, also over a slow line, and a jump is seen within a beat.
TEST_F(HubFault, BeatsTellTheOtherClock) {
  two().loop.skew(90'000);
  network.advance(600);
  EXPECT_NEAR(static_cast<double>(one().about(2).clock_ahead_ms), 90'000, 5);
  EXPECT_NEAR(static_cast<double>(two().about(1).clock_ahead_ms), -90'000, 5);
  network.delay(*one().host, *two().host, 100);
  network.delay(*two().host, *one().host, 100);
  network.advance(2000);
  EXPECT_NEAR(static_cast<double>(one().about(2).round_trip_us), 204'000, 10'000);
  EXPECT_NEAR(static_cast<double>(one().about(2).clock_ahead_ms), 90'000, 10);
}

// Goal: whatever connections suffer, what a receiver hears of one link is an unbroken part of what was sent, in order,
// and links return. Method: three nodes count to each other while frames break connections at random.
TEST_F(HubFault, OrderHoldsOverBreaks) {
  start(3);
  introduce({1, 2, 3});
  network.lossy(1'000);
  for (int i = 0; i < 20'000; ++i) {
    for (auto& [from, node] : nodes) {
      for (auto& [to, other] : nodes) {
        node->say(to, std::to_string(i));
      }
    }
    network.advance(3);
  }
  network.lossy(0);
  network.advance(5000);
  std::size_t breaks = 0;
  for (auto& [to, node] : nodes) {
    for (auto& [from, bodies] : node->heard) {
      EXPECT_GT(bodies.size(), 2000U);
      for (std::size_t i = 1; i < bodies.size(); ++i) {
        const int step = std::stoi(bodies[i]) - std::stoi(bodies[i - 1]);
        ASSERT_GT(step, 0);
        breaks += step > 1;
      }
    }
  }
  EXPECT_GT(breaks, 60U);
  EXPECT_TRUE(linked(1, 2) && linked(1, 3) && linked(2, 3));
}

} // namespace
} // namespace godwit::test
