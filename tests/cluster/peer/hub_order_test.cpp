#include "tests/cluster/peer/hub_world.hpp"

namespace godwit::test {
namespace {

using cluster::envelope_kind;
using cluster::peer_order;

/// Node 2 reads two megabytes a second, once it is burdened.
class HubOrder : public hub_world {
protected:
  void SetUp() override {
    start(1);
    start(2);
    introduce({1, 2});
    ASSERT_TRUE(become_linked(1, 2));
    network.advance(20);
    two().keeps = false;
    two().hub->on(envelope_kind::leaders,
                  [this](node_id, const persistence::slice& body) { words.emplace_back(body.view()); });
  }
  hub_node& one() { return *nodes.at(1); }
  hub_node& two() { return *nodes.at(2); }

  /// So many megabytes wait for node 2, in order and in this stream.
  void burden(std::size_t megabytes, std::uint32_t stream = 0) {
    network.slow(*two().host, 2000);
    const std::string body(100'000, 'y');
    for (std::size_t i = 0; i < megabytes * 10; ++i) {
      ASSERT_TRUE(one().hub->send(node_id(2), envelope_kind::raft, [&](std::string& out) { out += body; },
                                  {.first = false, .stream = stream}));
    }
    network.run();
  }
  bool word(const std::string& what, peer_order how) {
    return one().hub->send(
      node_id(2), envelope_kind::leaders, [&](std::string& out) { out += what; }, how);
  }

  std::vector<std::string> words;
};

// Goal: what goes first overtakes what waits in order, also what waits for credit, and stays in order itself. Method: 40
// MB wait, which take 20 s; what goes first is there as soon as what the kernels hold has gone.
TEST_F(HubOrder, WhatGoesFirstWaitsForNobody) {
  burden(40);
  EXPECT_GT(one().about(2).queued_bytes, 35U << 20);
  EXPECT_TRUE(word("last", {}));
  EXPECT_TRUE(word("a", {.first = true}));
  network.advance(10);
  EXPECT_TRUE(word("b", {.first = true}));
  ASSERT_TRUE(network.run_until([&] { return words.size() == 2; }, 2000));
  EXPECT_EQ(words, (std::vector<std::string>{"a", "b"}));
  ASSERT_TRUE(network.run_until([&] { return words.size() == 3; }, 60'000));
  EXPECT_EQ(words.back(), "last");
  EXPECT_EQ(two().heard_bytes, 40'000'000U);
  EXPECT_EQ(one().changes, std::vector<std::string>{"+2"});
}

// Goal: where nothing waits, what goes first costs no frame of its own. Method: both kinds in one round.
TEST_F(HubOrder, ARoundOfBothSharesAFrame) {
  network.advance(2 * limits::peer_beat_ms + 20);
  const std::uint64_t before = network.frames();
  EXPECT_TRUE(word("second", {}));
  EXPECT_TRUE(word("first", {.first = true}));
  EXPECT_TRUE(word("third", {}));
  network.run();
  EXPECT_EQ(network.frames(), before + 1);
  ASSERT_TRUE(network.run_until([&] { return words.size() == 3; }, 20));
  EXPECT_EQ(words, (std::vector<std::string>{"first", "second", "third"}));
}

// Goal: a link that has much to carry is alive for both sides: beats are not behind it. Method: what node 2 knows of the
// clock of node 1 while 30 MB wait for it is younger than what waits.
TEST_F(HubOrder, BeatsGoBeforeWhatWaits) {
  burden(30);
  network.advance(5000); // everything that was sent before
  one().loop.skew(700'000);
  ASSERT_TRUE(network.run_until([&] { return two().about(1).clock_ahead_ms > 600'000; }, 2500));
  EXPECT_LT(two().heard_bytes, 15'000'000U);
}

// Goal: nothing overtakes its own stream, and a stream that has left holds nothing back. Method: two streams, of which one
// waits.
TEST_F(HubOrder, AStreamIsNotOvertaken) {
  burden(20, 7);
  EXPECT_TRUE(word("seven", {.first = true, .stream = 7}));
  EXPECT_TRUE(word("eight", {.first = true, .stream = 8}));
  ASSERT_TRUE(network.run_until([&] { return !words.empty(); }, 2000));
  EXPECT_EQ(words, std::vector<std::string>{"eight"});
  ASSERT_TRUE(network.run_until([&] { return words.size() == 2; }, 30'000));
  EXPECT_EQ(two().heard_bytes, 20'000'000U);
  burden(20, 8);
  EXPECT_TRUE(word("seven again", {.first = true, .stream = 7}));
  ASSERT_TRUE(network.run_until([&] { return words.size() == 3; }, 2000));
  EXPECT_LT(two().heard_bytes, 25'000'000U);
}

} // namespace
} // namespace godwit::test
