// Connections between nodes: frames, purposes, ends.

#include <future>
#include <random>

#include "tests/node/peer/peer_fixture.hpp"

namespace godwit::node::test {
namespace {

class network : public peer_fixture {};
/// The same without certificates, or with.
class network_of_both : public peer_fixture, public ::testing::WithParamInterface<bool> {
protected:
  test_node& any_node(std::uint64_t id) { return GetParam() ? node(id) : node_with(std::nullopt); }
};

INSTANTIATE_TEST_SUITE_P(plain_and_tls, network_of_both, ::testing::Bool(),
                         [](const auto& of) { return std::string(of.param ? "Tls" : "Plain"); });

// Goal: each side learns who the other is, by its certificate, and what the connection is for.
TEST_F(network, EachSideLearnsWhoTheOtherIsAndWhatFor) {
  test_node& one = node(1);
  test_node& two = node(2);
  session& dialled = link(one, two, peer_stream::bulk);
  EXPECT_EQ(dialled.certified(), 2U);
  EXPECT_EQ(two.taken()->certified(), 1U);
  EXPECT_EQ(two.taken_for(), peer_stream::bulk);
  link(two, one, peer_stream::control);
  EXPECT_EQ(one.taken()->certified(), 2U);
  EXPECT_EQ(one.taken_for(), peer_stream::control);
}

// Goal: frames of all sizes come in order, each once and whole, in both directions, and those that were sent before the
// connection was there do too. Method: sizes around those of records and buffers, and drawn ones; both sides send.
TEST_P(network_of_both, FramesComeInOrderAndWhole) {
  test_node& one = any_node(1);
  test_node& two = any_node(2);
  std::vector<std::string> sent;
  std::mt19937 random(7);
  for (const std::size_t size : {1, 2, 4, 16379, 16380, 16381, 16384, 32764, 32768, 65532, 65536, 65537, 300'000}) {
    sent.emplace_back(size, static_cast<char>('a' + sent.size() % 26));
  }
  for (int i = 0; i < 300; ++i) {
    sent.emplace_back(1 + random() % (i % 10 == 0 ? 100'000 : 300), static_cast<char>('a' + i % 26));
  }
  session& there = one.dial(two.port());
  one.on_loop([&] {
    for (const std::string& frame : sent) {
      there.handle->send(frame);
    }
  });
  session* const here = two.taken();
  ASSERT_NE(here, nullptr);
  two.on_loop([&] {
    for (const std::string& frame : sent) {
      here->handle->send(frame);
    }
  });
  EXPECT_TRUE(eventually([&] { return here->frames_heard() == sent.size() && there.frames_heard() == sent.size(); }));
  EXPECT_TRUE(here->frames() == sent);
  EXPECT_TRUE(there.frames() == sent);
  EXPECT_FALSE(there.end());
}

// Goal: the longest frame that is allowed arrives.
TEST_P(network_of_both, TheLongestFrameArrives) {
  test_node& one = any_node(1);
  test_node& two = any_node(2);
  session& there = link(one, two);
  one.send(there, std::string(limits::peer_frame_bytes_max, 'x'));
  EXPECT_TRUE(eventually([&] { return two.taken()->bytes_heard() == limits::peer_frame_bytes_max; }));
}

// Goal: what is sent in one round leaves with one call of the system. Method: many small frames in one job of the loop.
TEST_F(network, ARoundsFramesLeaveTogether) {
  test_node& one = node(1);
  test_node& two = node(2);
  session& there = link(one, two);
  const auto sends = one.network().probe().sends.value();
  one.on_loop([&] {
    for (int i = 0; i < 200; ++i) {
      there.handle->send("frame " + std::to_string(i));
    }
  });
  EXPECT_TRUE(eventually([&] { return two.taken()->frames_heard() == 200; }));
  EXPECT_EQ(one.network().probe().sends.value(), sends + 1);
}

// Goal: frames that go first leave before those that have not begun to leave, each class in its order, and none in the
// middle of another. Method: both kinds in one round; then, in the round behind theirs, one that goes before the second
// of two long frames, while the kernel has taken a part of the first.
TEST_P(network_of_both, FramesThatGoFirstDoSo) {
  test_node& one = any_node(1);
  test_node& two = any_node(2);
  session& there = link(one, two);
  session& here = *two.taken();
  one.on_loop([&] {
    there.handle->send("c");
    there.handle->send_first("a");
    there.handle->send("d");
    there.handle->send_first("b");
  });
  ASSERT_TRUE(eventually([&] { return here.frames_heard() == 4; }));
  EXPECT_EQ(here.frames(), (std::vector<std::string>{"a", "b", "c", "d"}));
  here.keeps = false;
  std::vector<std::size_t> lengths; // on the receiver's loop
  here.on_frame = [&](session&, const persistence::slice& frame) { lengths.push_back(frame.size()); };
  const std::string longest(limits::peer_frame_bytes_max, 'x');
  one.on_loop([&] {
    there.handle->send(longest);
    there.handle->send(longest);
    one.loop().post([&] { there.handle->send_first("first"); }); // the next round, however busy the machine is
  });
  ASSERT_TRUE(eventually([&] { return here.frames_heard() == 7; }));
  two.on_loop([&] { EXPECT_EQ(lengths, (std::vector<std::size_t>{longest.size(), 5, longest.size()})); });
}

// Goal: one end ends, and the other hears it; what was sent just before arrives; the ended side's listener hears
// nothing.
TEST_P(network_of_both, TheOtherSideHearsOfTheEndAfterTheLastFrame) {
  test_node& one = any_node(1);
  test_node& two = any_node(2);
  session& there = link(one, two);
  session& here = *two.taken();
  two.send(here, "not read by its receiver any more");
  one.on_loop([&] {
    there.handle->send("last words");
    there.handle.reset();
  });
  EXPECT_TRUE(eventually([&] { return here.end().has_value(); }));
  EXPECT_EQ(here.frames(), (std::vector<std::string>{"last words"}));
  EXPECT_EQ(here.end(), "the other node closed it");
  EXPECT_FALSE(there.end());
}

// Goal: a listener may end its connection from inside of a call, with more frames behind.
TEST_P(network_of_both, AConnectionMayEndFromInsideOfACall) {
  test_node& one = any_node(1);
  test_node& two = any_node(2);
  two.on_taken = [](session& made) {
    made.on_frame = [](session& self, const persistence::slice&) { self.handle.reset(); };
  };
  session& there = link(one, two);
  one.on_loop([&] {
    for (int i = 0; i < 100; ++i) {
      there.handle->send("again");
    }
  });
  EXPECT_TRUE(eventually([&] { return there.end().has_value(); }));
  EXPECT_EQ(two.taken()->frames_heard(), 1U);
}

// Goal: connections that nobody takes are refused, with a reason that the dialler hears; and so are those whose taker
// drops them.
TEST_F(network, ConnectionsThatNobodyTakesAreRefused) {
  test_node& one = node(1);
  test_node& deaf = node_with(authority.issue(2), false);
  EXPECT_EQ(refusal(one, deaf), "the other node takes no connections: it is starting or stopping");
  test_node& dropping = node(3);
  dropping.on_taken = [](session& made) { made.handle.reset(); };
  session& there = one.dial(dropping.port());
  EXPECT_TRUE(eventually([&] { return there.end().has_value(); }));
}

// Goal: an address where nobody listens, and one that is none, are told with their remedy.
TEST_F(network, AddressesWithoutANodeAreNamed) {
  test_node& one = node(1);
  std::uint16_t free_port = 0;
  {
    test_node gone(*system_, authority.issue(2));
    free_port = gone.port();
  }
  session& refused = one.dial(free_port);
  EXPECT_TRUE(eventually([&] { return refused.end().has_value(); }));
  EXPECT_EQ(refused.end().value_or(""), "cannot connect to 127.0.0.1 port " + std::to_string(free_port) +
                                          ": Connection refused. Does the node run, and is this its address?");
  session& named = one.dial(4431, peer_stream::control, no_node, "node.example");
  EXPECT_TRUE(eventually([&] { return named.end().has_value(); }));
  EXPECT_NE(named.end().value_or("").find("\"node.example\" port 4431 is no address"), std::string::npos);
}

// Goal: the end of a network is heard on both sides, and handles outlive it.
TEST_F(network, TheEndOfANetworkIsHeardOnBothSides) {
  test_node& one = node(1);
  test_node& two = node(2);
  session& there = link(one, two);
  two.network().stop();
  EXPECT_EQ(two.taken()->end(), "this node stops");
  EXPECT_TRUE(eventually([&] { return there.end().has_value(); }));
}

// Goal: a receiver that does not read holds its sender back, and nothing else; when it reads again everything comes.
// Method: the receiver's loop is held in a job while 40 MB are sent; the sender's loop answers, the queue grows and is
// told; then it is let go.
TEST_P(network_of_both, ASlowReceiverHoldsItsSenderBackAndNothingElse) {
  test_node& one = any_node(1);
  test_node& two = any_node(2);
  test_node& three = any_node(3);
  session& slow = link(one, two);
  session& quick = link(one, three);
  two.taken()->keeps = false;
  std::promise<void> hold;
  std::promise<void> held;
  two.loop().post([&] {
    held.set_value();
    hold.get_future().wait();
  });
  held.get_future().wait();
  constexpr std::size_t frames = 160;
  constexpr std::size_t frame_bytes = 256 << 10;
  one.on_loop([&] {
    for (std::size_t i = 0; i < frames; ++i) {
      slow.handle->send(std::string(frame_bytes, 's'));
    }
  });
  one.send(quick, "goes on");
  EXPECT_TRUE(eventually([&] { return three.taken()->frames_heard() == 1; }));
  std::size_t queued = 0;
  one.on_loop([&] { queued = slow.handle->queued_bytes(); });
  EXPECT_GT(queued, limits::peer_queue_bytes_high);
  EXPECT_EQ(slow.times_writable(), 0U);
  hold.set_value();
  EXPECT_TRUE(eventually([&] { return two.taken()->frames_heard() == frames; }));
  EXPECT_EQ(two.taken()->bytes_heard(), frames * frame_bytes);
  EXPECT_TRUE(eventually([&] { return slow.times_writable() == 1; }));
  one.on_loop([&] { queued = slow.handle->queued_bytes(); });
  EXPECT_EQ(queued, 0U);
}

// Goal: a queue beyond its bound ends the connection, with the reason.
TEST_F(network, AQueueBeyondItsBoundEndsTheConnection) {
  test_node& one = node(1);
  test_node& two = node(2);
  session& slow = link(one, two);
  std::promise<void> hold;
  two.loop().post([&] { hold.get_future().wait(); });
  one.on_loop([&] {
    for (std::size_t sent = 0; sent <= limits::peer_queue_bytes_max; sent += limits::peer_frame_bytes_max) {
      slow.handle->send(std::string(limits::peer_frame_bytes_max, 's'));
    }
  });
  EXPECT_TRUE(eventually([&] { return slow.end().has_value(); }));
  EXPECT_NE(slow.end().value_or("").find("more than 64 MB wait for it"), std::string::npos);
  hold.set_value();
}

// Goal: a connection carries a lot in both directions at once, many frames in a round. Method: an echo of a hundred
// thousand frames, with a thousand on their way; no time is asserted.
TEST_P(network_of_both, ALotGoesThroughInBothDirections) {
  test_node& one = any_node(1);
  test_node& two = any_node(2);
  two.on_taken = [](session& made) {
    made.keeps = false;
    made.on_frame = [](session& self, const persistence::slice& frame) {
      self.handle->send(std::string(frame.view()));
    };
  };
  session& there = link(one, two);
  there.keeps = false;
  constexpr std::size_t frames = 100'000;
  std::size_t sent = 1000;
  one.on_loop([&] {
    there.on_frame = [&](session& self, const persistence::slice& frame) {
      if (sent < frames) {
        ++sent;
        self.handle->send(std::string(frame.view()));
      }
    };
    for (std::size_t i = 0; i < 1000; ++i) {
      there.handle->send(std::string(300, 'm'));
    }
  });
  EXPECT_TRUE(eventually([&] { return there.frames_heard() == frames; }));
  EXPECT_EQ(there.bytes_heard(), frames * 300);
}

} // namespace
} // namespace godwit::node::test
