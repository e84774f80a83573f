#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cluster/peer/peer_hub.hpp"
#include "config/cluster_limits.hpp"
#include "tests/support/thread_loop.hpp"

namespace godwit::cluster {
namespace {

using persistence::no_node;
using std::chrono::seconds;

/// Two networks of one connection each, between the threads of two loops. A frame leaves in each round, those that go
/// first before the others.
class crossing_network final : public peer_network {
public:
  explicit crossing_network(home_loop& loop) : loop_(loop) {}
  void across(crossing_network& other) { other_ = &other; }

  // --- from every thread ---

  /// Frames in order wait until it is taken back; those that go first leave.
  void hold(bool on) { traffic_->held = on; }
  /// Frames in order that wait.
  [[nodiscard]] std::size_t waiting() const { return traffic_->waiting; }

  std::unique_ptr<peer_connection> dial(const peer_address&, peer_stream what, node_id,
                                        peer_connection_listener& hears) override {
    auto here = std::make_shared<end>(loop_, traffic_);
    auto there = std::make_shared<end>(other_->loop_, other_->traffic_);
    here->other = there;
    there->other = here;
    here->hears = &hears;
    other_->loop_.post([this, what, there, here] {
      loop_.post([here] {
        if (here->hears != nullptr) {
          here->hears->opened(no_node);
        }
      });
      if (other_->taker_) {
        other_->taker_(std::make_unique<crossing>(there), what, no_node);
      }
    });
    return std::make_unique<crossing>(here);
  }
  void take_with(taker who) override { taker_ = std::move(who); }

private:
  struct traffic {
    std::atomic<bool> held{false};
    std::atomic<std::size_t> waiting{0};
  };
  struct end {
    end(home_loop& its_loop, std::shared_ptr<traffic> its_traffic) : loop(its_loop), all(std::move(its_traffic)) {}
    home_loop& loop;
    const std::shared_ptr<traffic> all;
    std::weak_ptr<end> other;
    // On the loop.
    peer_connection_listener* hears = nullptr;
    std::deque<std::string> first;
    std::deque<std::string> in_order;
    std::size_t queued_bytes = 0;
    bool leaving = false; ///< a job is posted
  };
  class crossing final : public peer_connection {
  public:
    explicit crossing(std::shared_ptr<end> here) : here_(std::move(here)), there_(here_->other.lock()) {}
    ~crossing() override {
      here_->hears = nullptr;
      here_->all->waiting -= here_->in_order.size();
      here_->first.clear();
      here_->in_order.clear();
      tell([](peer_connection_listener& who) { who.closed("closed by the other side"); });
    }
    void listen(peer_connection_listener& who) override { here_->hears = &who; }
    void send(std::string frame) override {
      ++here_->all->waiting;
      queue(here_->in_order, std::move(frame));
    }
    void send_first(std::string frame) override { queue(here_->first, std::move(frame)); }
    [[nodiscard]] std::size_t queued_bytes() const override { return here_->queued_bytes; }

  private:
    void queue(std::deque<std::string>& which, std::string frame) {
      here_->queued_bytes += frame.size();
      which.push_back(std::move(frame));
      leave_later(here_, there_);
    }
    static void leave_later(const std::shared_ptr<end>& from, const std::shared_ptr<end>& to) {
      if (!std::exchange(from->leaving, true)) {
        from->loop.post([from, to] { leave(from, to); });
      }
    }
    static void leave(const std::shared_ptr<end>& from, const std::shared_ptr<end>& to) {
      from->leaving = false;
      std::deque<std::string>& which = from->first.empty() ? from->in_order : from->first;
      if (which.empty()) {
        return;
      }
      if (&which == &from->first || !from->all->held) {
        from->all->waiting -= &which == &from->in_order ? 1 : 0;
        from->queued_bytes -= which.front().size();
        tell(to, [bytes = persistence::slice::adopt(std::move(which.front()))](peer_connection_listener& who) {
          who.received(bytes);
        });
        which.pop_front();
      }
      leave_later(from, to);
    }
    void tell(std::function<void(peer_connection_listener&)> what) const { tell(there_, std::move(what)); }
    static void tell(const std::shared_ptr<end>& whom, std::function<void(peer_connection_listener&)> what) {
      whom->loop.post([whom, what = std::move(what)] {
        if (whom->hears != nullptr) {
          what(*whom->hears);
        }
      });
    }
    std::shared_ptr<end> here_;
    std::shared_ptr<end> there_;
  };

  home_loop& loop_;
  const std::shared_ptr<traffic> traffic_ = std::make_shared<traffic>(); ///< jobs may outlive the network
  crossing_network* other_ = nullptr;
  taker taker_;
};

template <class Condition>
bool becomes(const Condition& condition) {
  const auto end = std::chrono::steady_clock::now() + seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) {
      return false;
    }
    std::this_thread::yield();
  }
  return true;
}

void stop(peer_hub& hub) {
  std::promise<void> stopped;
  hub.stop([&] { stopped.set_value(); });
  stopped.get_future().wait();
}

// Goal: sends of several threads arrive, each thread's in its order, while other threads look at the status and the
// peers change. Method: real threads and loops; each body says who sent it and which it is.
TEST(HubThreads, EachThreadsEnvelopesStayInOrder) {
  constexpr int threads = 4;
  constexpr int each_says = 20'000;
  caf::actor_system_config config;
  caf::actor_system system{config};
  test::thread_loop loop_a(system);
  test::thread_loop loop_b(system);
  crossing_network network_a(loop_a);
  crossing_network network_b(loop_b);
  network_a.across(network_b);
  network_b.across(network_a);
  peer_hub::options with;
  with.cluster_id = "c";
  with.incarnation = 1;
  with.self = node_id(1);
  peer_hub a(loop_a, network_a, with);
  with.self = node_id(2);
  with.seed = 2;
  peer_hub b(loop_b, network_b, with);
  std::vector<int> next(threads, 0);
  std::atomic<int> heard{0};
  std::atomic<int> wrong{0};
  b.on(envelope_kind::request, [&](node_id, persistence::slice body) {
    const std::string text(body.view());
    const std::size_t from = static_cast<std::size_t>(text[0] - '0');
    wrong += std::stoi(text.substr(1)) != next[from]++;
    ++heard;
  });
  b.start();
  a.start();
  b.set_peers({{node_id(1), {"1", 1}}});
  ASSERT_TRUE(becomes([&] { return a.up(node_id(2)) && b.up(node_id(1)); }));
  std::vector<std::thread> senders;
  for (int sender = 0; sender < threads; ++sender) {
    senders.emplace_back([&, sender] {
      for (int i = 0; i < each_says; ++i) {
        const std::string body = std::to_string(sender) + std::to_string(i);
        while (!a.send(node_id(2), envelope_kind::request, body)) {
          std::this_thread::yield();
        }
      }
    });
  }
  std::atomic<bool> looking{true};
  std::thread looker([&] {
    while (looking) {
      a.set_peers({{node_id(2), {"2", 1}}});
      EXPECT_LE(a.status().size(), 1U);
      EXPECT_EQ(a.all_up(), std::vector<node_id>{node_id(2)});
      EXPECT_TRUE(a.seeds().empty());
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  for (std::thread& each : senders) {
    each.join();
  }
  EXPECT_TRUE(becomes([&] { return heard == threads * each_says; }));
  EXPECT_EQ(wrong, 0);
  ASSERT_TRUE(becomes([&] { return a.status().size() == 1 && a.status()[0].up; }));
  EXPECT_TRUE(becomes([&] { return a.status()[0].bytes_sent > threads * each_says * 6U; }));
  looking = false;
  looker.join();
  stop(a);
  EXPECT_FALSE(a.send(node_id(2), envelope_kind::request, "late"));
  EXPECT_TRUE(becomes([&] { return !b.up(node_id(1)); }));
  stop(b);
}

// Goal: of what other threads send, a stream keeps its order whether it goes first or not. Method: two threads with a
// stream each, every third envelope of which would go first, over a connection that sends one frame in a round.
TEST(HubThreads, AStreamKeepsItsOrderWhateverGoesFirst) {
  constexpr std::uint32_t threads = 2;
  constexpr int each_says = 20'000;
  caf::actor_system_config config;
  caf::actor_system system{config};
  test::thread_loop loop_a(system);
  test::thread_loop loop_b(system);
  crossing_network network_a(loop_a);
  crossing_network network_b(loop_b);
  network_a.across(network_b);
  network_b.across(network_a);
  peer_hub::options with;
  with.cluster_id = "c";
  with.incarnation = 1;
  with.self = node_id(1);
  peer_hub a(loop_a, network_a, with);
  with.self = node_id(2);
  with.seed = 2;
  peer_hub b(loop_b, network_b, with);
  std::vector<int> next(threads, 0);
  std::atomic<std::uint32_t> heard{0};
  std::atomic<int> wrong{0};
  b.on(envelope_kind::raft, [&](node_id, persistence::slice body) {
    const std::string text(body.view());
    wrong += std::stoi(text.substr(1)) != next[static_cast<std::size_t>(text[0] - '0')]++;
    ++heard;
  });
  b.start();
  a.start();
  b.set_peers({{node_id(1), {"1", 1}}});
  ASSERT_TRUE(becomes([&] { return a.up(node_id(2)) && b.up(node_id(1)); }));
  std::vector<std::thread> senders;
  for (std::uint32_t sender = 0; sender < threads; ++sender) {
    senders.emplace_back([&, sender] {
      for (int i = 0; i < each_says; ++i) {
        const std::string body = std::to_string(sender) + std::to_string(i);
        const auto write = [&](std::string& out) { out += body; };
        while (!a.send(node_id(2), envelope_kind::raft, write, {.first = i % 3 == 2, .stream = sender + 1})) {
          std::this_thread::yield();
        }
      }
    });
  }
  for (std::thread& each : senders) {
    each.join();
  }
  EXPECT_TRUE(becomes([&] { return heard == threads * each_says; }));
  EXPECT_EQ(wrong, 0);
  stop(a);
  stop(b);
}

// Goal: what another thread sends first overtakes what the connection has not sent yet, unless that is of its own stream.
// Method: one stream has a frame that the connection holds; then that stream and another one say something first.
TEST(HubThreads, WhatGoesFirstOvertakesOtherStreams) {
  caf::actor_system_config config;
  caf::actor_system system{config};
  test::thread_loop loop_a(system);
  test::thread_loop loop_b(system);
  crossing_network network_a(loop_a);
  crossing_network network_b(loop_b);
  network_a.across(network_b);
  network_b.across(network_a);
  peer_hub::options with;
  with.cluster_id = "c";
  with.incarnation = 1;
  with.self = node_id(1);
  peer_hub a(loop_a, network_a, with);
  with.self = node_id(2);
  with.seed = 2;
  peer_hub b(loop_b, network_b, with);
  std::string heard; // the first letters; on loop b
  std::atomic<std::size_t> heard_size{0};
  b.on(envelope_kind::raft, [&](node_id, persistence::slice body) {
    heard += body.view().front();
    heard_size = heard.size();
  });
  b.start();
  a.start();
  b.set_peers({{node_id(1), {"1", 1}}});
  ASSERT_TRUE(becomes([&] { return a.up(node_id(2)) && b.up(node_id(1)); }));
  const auto say = [&](const std::string& body, peer_order how) {
    return a.send(
      node_id(2), envelope_kind::raft, [&](std::string& out) { out += body; }, how);
  };
  network_a.hold(true);
  // So much that it does not share a frame with what goes first.
  ASSERT_TRUE(say(std::string(limits::peer_frame_bytes, 'l'), {.first = false, .stream = 7}));
  ASSERT_TRUE(becomes([&] { return network_a.waiting() == 1; }));
  ASSERT_TRUE(say("same", {.first = true, .stream = 7}));
  ASSERT_TRUE(say("other", {.first = true, .stream = 8}));
  EXPECT_TRUE(becomes([&] { return heard_size == 1; }));
  network_a.hold(false);
  EXPECT_TRUE(becomes([&] { return heard_size == 3; }));
  stop(a);
  stop(b);
  EXPECT_EQ(heard, "ols");
}

} // namespace
} // namespace godwit::cluster
