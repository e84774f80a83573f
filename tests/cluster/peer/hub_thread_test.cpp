#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cluster/peer/peer_hub.hpp"
#include "tests/support/thread_loop.hpp"

namespace godwit::cluster {
namespace {

using persistence::no_node;
using std::chrono::seconds;

/// Two networks of one connection each, between the threads of two loops.
class crossing_network final : public peer_network {
public:
  explicit crossing_network(home_loop& loop) : loop_(loop) {}
  void across(crossing_network& other) { other_ = &other; }

  std::unique_ptr<peer_connection> dial(const peer_address&, peer_stream what, node_id,
                                        peer_connection_listener& hears) override {
    auto here = std::make_shared<end>(loop_);
    auto there = std::make_shared<end>(other_->loop_);
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
  struct end {
    explicit end(home_loop& its_loop) : loop(its_loop) {}
    home_loop& loop;
    std::weak_ptr<end> other;
    peer_connection_listener* hears = nullptr; ///< on the loop
  };
  class crossing final : public peer_connection {
  public:
    explicit crossing(std::shared_ptr<end> here) : here_(std::move(here)), there_(here_->other.lock()) {}
    ~crossing() override {
      here_->hears = nullptr;
      tell([](peer_connection_listener& who) { who.closed("closed by the other side"); });
    }
    void listen(peer_connection_listener& who) override { here_->hears = &who; }
    void send(std::string frame) override {
      auto bytes = persistence::slice::adopt(std::move(frame));
      tell([bytes](peer_connection_listener& who) { who.received(bytes); });
    }
    [[nodiscard]] std::size_t queued_bytes() const override { return 0; }

  private:
    void tell(std::function<void(peer_connection_listener&)> what) {
      there_->loop.post([there = there_, what = std::move(what)] {
        if (there->hears != nullptr) {
          what(*there->hears);
        }
      });
    }
    std::shared_ptr<end> here_;
    std::shared_ptr<end> there_;
  };

  home_loop& loop_;
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

} // namespace
} // namespace godwit::cluster
