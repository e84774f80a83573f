// The loop: pinned actors, timers, rounds, sleep.

#include <caf/all.hpp>

#include <pthread.h>

#include <ctime>
#include <functional>
#include <future>
#include <thread>

#include "cluster/base/pinned_actor.hpp"
#include "tests/node/edge/edge_fixture.hpp"

namespace godwit::node::test {
namespace {

class loop_of_edge : public edge_fixture {
protected:
  edge_loop& loop() { return *loops_.front(); }
  /// Runs on the loop and waits for it.
  void on_loop(const std::function<void()>& what) {
    std::promise<void> done;
    loop().post([&] {
      what();
      done.set_value();
    });
    done.get_future().wait();
  }
};

/// Counts what it hears and on which thread.
class counting_actor : public cluster::pinned_actor {
public:
  counting_actor(caf::actor_config& config, cluster::home_loop& home, std::atomic<int>& heard,
                 std::atomic<int>& elsewhere)
      : pinned_actor(config, home), heard_(heard), elsewhere_(elsewhere) {}

  caf::behavior make_behavior() override {
    return {[this](int value) {
      elsewhere_ += home().on_loop() ? 0 : 1;
      heard_ += value;
    }};
  }

private:
  std::atomic<int>& heard_;
  std::atomic<int>& elsewhere_;
};

// Goal: a pinned actor runs on its loop alone, whoever sends to it; nothing is lost between threads. Method:
// four threads and another actor's scheduler send, with pauses so that the loop falls asleep in between.
TEST_F(loop_of_edge, PinnedActorsRunOnTheLoopAloneAndAreWokenFromOtherThreads) {
  begin();
  std::atomic<int> heard{0};
  std::atomic<int> elsewhere{0};
  auto actor = system_->spawn<counting_actor>(std::ref(static_cast<cluster::home_loop&>(loop())), std::ref(heard),
                                              std::ref(elsewhere));
  std::vector<std::thread> senders;
  for (int t = 0; t < 4; ++t) {
    senders.emplace_back([&, t] {
      for (int i = 0; i < 2000; ++i) {
        caf::anon_send(actor, 1);
        if (i % 100 == t) {
          std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
      }
    });
  }
  for (std::thread& sender : senders) {
    sender.join();
  }
  EXPECT_TRUE(eventually([&] { return heard == 8000; }));
  EXPECT_EQ(elsewhere, 0);
  EXPECT_GT(loop().counters().wake_ups.load(), 0U);
  caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  actor = nullptr;
  system_->await_all_actors_done();
}

// Goal: one wake-up ends a sleep, however much is posted in it. Method: posts while the loop is held in a job.
TEST_F(loop_of_edge, ASleepIsEndedOnce) {
  begin();
  on_loop([] {});
  const auto before = loop().counters().wake_ups.load();
  std::promise<void> hold;
  std::promise<void> held;
  loop().post([&] {
    held.set_value();
    hold.get_future().wait();
  });
  held.get_future().wait();
  std::atomic<int> ran{0};
  for (int i = 0; i < 1000; ++i) {
    loop().post([&] { ++ran; });
  }
  hold.set_value();
  EXPECT_TRUE(eventually([&] { return ran == 1000; }));
  EXPECT_LE(loop().counters().wake_ups.load(), before + 1);
}

// Goal: an idle loop does nothing, with connections, and timers that are far away. Method: the loop's own
// processor time and its rounds over half a second.
TEST_F(loop_of_edge, AnIdleLoopTakesNoTime) {
  begin();
  std::vector<std::unique_ptr<transport_client>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(
      std::make_unique<transport_client>(port(), mtproto::transport_kind{mtproto::framing::intermediate, true}));
    clients.back()->send(encrypted_packet(1));
    ASSERT_FALSE(clients.back()->receive().empty());
  }
  clockid_t clock{};
  on_loop([&] { ASSERT_EQ(::pthread_getcpuclockid(::pthread_self(), &clock), 0); });
  const auto cpu_us = [&] {
    timespec time{};
    ::clock_gettime(clock, &time);
    return time.tv_sec * 1'000'000 + time.tv_nsec / 1000;
  };
  const auto rounds = loop().counters().rounds.load();
  const auto begin_us = cpu_us();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_LE(loop().counters().rounds.load(), rounds + 2);
  EXPECT_LT(cpu_us() - begin_us, 5000);
}

// Goal: what clients sent to a process that was stopped is not read when it goes on, for they may have sent it to another
// one meanwhile; whoever comes afterwards is served. Method: holds the loop in a job, while one client sends on its
// connection and another one comes.
TEST_F(loop_of_edge, WhatWasSentWhileItStoodStillIsClosedUnread) {
  begin();
  const mtproto::transport_kind kind{mtproto::framing::intermediate, false};
  transport_client there(port(), kind);
  there.send(encrypted_packet(1, 1));
  ASSERT_FALSE(there.receive().empty());
  std::promise<void> hold;
  std::promise<void> held;
  loop().post([&] {
    held.set_value();
    hold.get_future().wait();
  });
  held.get_future().wait();
  there.send(encrypted_packet(1, 2));
  transport_client late(port(), kind);
  late.send(encrypted_packet(1, 3));
  std::this_thread::sleep_for(std::chrono::milliseconds(standstill_ms + 100)); // the standstill itself
  hold.set_value();
  EXPECT_TRUE(there.socket.ended());
  EXPECT_TRUE(late.socket.ended());
  EXPECT_EQ(closed(close_reason::stood_still), 2U);
  EXPECT_EQ(gateway.packets, 1);
  EXPECT_TRUE(eventually([&] {
    transport_client again(port(), kind);
    again.send(encrypted_packet(1, 4));
    return !again.receive().empty();
  }));
}

// Goal: the same when it stands still while it reads. Method: two clients' packets are read in one round, and whoever comes
// first holds the loop.
TEST_F(loop_of_edge, AStandstillAmidARoundLeavesTheRestUnread) {
  begin();
  const mtproto::transport_kind kind{mtproto::framing::intermediate, false};
  std::vector<std::unique_ptr<transport_client>> clients;
  for (int i = 0; i < 2; ++i) {
    clients.push_back(std::make_unique<transport_client>(port(), kind));
    clients.back()->send(encrypted_packet(1));
    ASSERT_FALSE(clients.back()->receive().empty());
  }
  std::promise<void> hold;
  std::promise<void> held;
  loop().post([&] {
    gateway.on_packet = [](const actors::connection_ptr&, std::span<std::uint8_t>, bool) {
      std::this_thread::sleep_for(std::chrono::milliseconds(standstill_ms + 100)); // the standstill itself
    };
    held.set_value();
    hold.get_future().wait();
  });
  held.get_future().wait();
  for (const auto& each : clients) {
    each->send(encrypted_packet(1));
  }
  hold.set_value();
  for (const auto& each : clients) {
    EXPECT_TRUE(each->socket.ended());
  }
  EXPECT_EQ(closed(close_reason::stood_still), 2U);
  EXPECT_EQ(gateway.packets, 3);
}

// Goal: a job that takes its time closes nobody. Method: holds the loop for less than a standstill.
TEST_F(loop_of_edge, AShortHoldUpClosesNobody) {
  begin();
  transport_client there(port(), {mtproto::framing::intermediate, false});
  there.send(encrypted_packet(1, 1));
  ASSERT_FALSE(there.receive().empty());
  std::promise<void> held;
  loop().post([&] {
    held.set_value();
    std::this_thread::sleep_for(std::chrono::milliseconds(standstill_ms / 4));
  });
  held.get_future().wait();
  there.send(encrypted_packet(1, 2));
  EXPECT_EQ(there.receive(), encrypted_packet(1, 2));
}

// Goal: timers ring in time while the loop sleeps, and in order.
TEST_F(loop_of_edge, TimersEndTheSleep) {
  begin();
  std::vector<int> rung;
  std::promise<void> last;
  std::unique_ptr<cluster::loop_timer> one;
  std::unique_ptr<cluster::loop_timer> two;
  const auto begin_time = std::chrono::steady_clock::now();
  on_loop([&] {
    two = std::make_unique<cluster::loop_timer>([&] {
      rung.push_back(2);
      last.set_value();
    });
    one = std::make_unique<cluster::loop_timer>([&] { rung.push_back(1); });
    loop().arm(*two, loop().now() + 60);
    loop().arm(*one, loop().now() + 30);
  });
  last.get_future().wait();
  const auto took = std::chrono::steady_clock::now() - begin_time;
  EXPECT_GE(took, std::chrono::milliseconds(58));
  EXPECT_LT(took, std::chrono::seconds(5));
  EXPECT_EQ(rung, (std::vector<int>{1, 2}));
  on_loop([&] {
    one.reset();
    two.reset();
  });
}

/// Notes when it runs.
class noting_task : public cluster::round_task {
public:
  noting_task(
    std::vector<std::string>& notes, std::string name, std::function<void()> what = [] {})
      : notes_(notes), name_(std::move(name)), what_(std::move(what)) {}
  void run_deferred() override {
    notes_.push_back(name_);
    what_();
  }

private:
  std::vector<std::string>& notes_;
  std::string name_;
  std::function<void()> what_;
};

// Goal: the order of a round: what is read, shards, output, and then one send; what is written as late as in
// the phase `output` leaves in the same round. Method: a packet whose answer is written there, with a quick
// acknowledgement before it; how many rounds and sends it took.
TEST_F(loop_of_edge, ARoundHasItsOrderAndSendsWhatItWrote) {
  std::vector<std::string> notes;
  std::uint64_t round_read = 0;
  std::uint64_t round_written = 0;
  const auto round = [&] { return loop().counters().rounds.load(); };
  actors::connection_ptr connection;
  noting_task shards(notes, "shards");
  noting_task output(notes, "output", [&] {
    round_written = round();
    connection->send({std::string(40, 'a'), nullptr});
    connection = nullptr;
  });
  gateway.on_packet = [&](const actors::connection_ptr& from, std::span<std::uint8_t>, bool) {
    notes.emplace_back("read");
    round_read = round();
    connection = from;
    from->send_quick_ack(1);
    loop().defer(cluster::round_phase::output, output);
    loop().defer(cluster::round_phase::shards, shards);
  };
  begin();
  transport_client client(port(), {mtproto::framing::intermediate, false});
  client.send(encrypted_packet(1));
  ASSERT_FALSE(client.receive().empty());
  on_loop([&] {
    EXPECT_EQ(notes, (std::vector<std::string>{"read", "shards", "output"}));
    EXPECT_EQ(round_written, round_read);
    EXPECT_EQ(round(), round_read + 1);
  });
  EXPECT_EQ(probe().sends.value(), 1U);
}

} // namespace
} // namespace godwit::node::test
