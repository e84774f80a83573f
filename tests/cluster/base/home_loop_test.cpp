#include "cluster/base/home_loop.hpp"

#include <caf/all.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cluster/base/entity.hpp"
#include "cluster/base/pinned_actor.hpp"
#include "tests/support/test_loop.hpp"

namespace godwit::cluster {
namespace {

class home_loop_test : public ::testing::Test {
protected:
  caf::actor_system_config config;
  caf::actor_system system{config};
  test::test_loop loop{system};
};

struct noting : round_task {
  noting(std::vector<std::string>& log, std::string name) : log_(log), name_(std::move(name)) {}
  void run_deferred() override { log_.push_back(name_); }
  std::vector<std::string>& log_;
  std::string name_;
};

class counting_actor : public pinned_actor {
public:
  counting_actor(caf::actor_config& config, home_loop& home, std::vector<std::string>& log)
      : pinned_actor(config, home), log_(log) {}
  caf::behavior make_behavior() override {
    return {[this](const std::string& what) {
      EXPECT_TRUE(home().on_loop());
      log_.push_back(what);
    }};
  }

private:
  std::vector<std::string>& log_;
};

// Goal: an actor runs on its loop's thread alone, whoever sends; each sender's order holds.
TEST_F(home_loop_test, APinnedActorRunsOnItsLoopWhoeverSends) {
  std::vector<std::string> log;
  const caf::actor actor = system.spawn<counting_actor>(std::ref(static_cast<home_loop&>(loop)), std::ref(log));
  std::thread other([&] {
    for (int i = 0; i < 3; ++i) {
      caf::anon_send(actor, std::to_string(i));
    }
  });
  other.join();
  EXPECT_TRUE(log.empty());
  loop.run();
  EXPECT_EQ(log, (std::vector<std::string>{"0", "1", "2"}));
  caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  loop.run();
}

// Goal: what is put off runs once in a round, shards before output, however often it was asked for.
TEST_F(home_loop_test, DeferredWorkRunsOncePerRoundInTheOrderOfThePhases) {
  std::vector<std::string> log;
  noting shards(log, "shards");
  noting output(log, "output");
  for (int i = 0; i < 3; ++i) {
    loop.defer(round_phase::output, output);
    loop.defer(round_phase::shards, shards);
  }
  loop.run();
  EXPECT_EQ(log, (std::vector<std::string>{"shards", "output"}));
  loop.run();
  EXPECT_EQ(log.size(), 2U);
}

// Goal: a task that goes away before its turn is not called.
TEST_F(home_loop_test, ATaskThatWasForgottenIsNotCalled) {
  std::vector<std::string> log;
  auto second = std::make_unique<noting>(log, "second");
  struct killer : round_task {
    void run_deferred() override {
      loop->forget(**victim);
      victim->reset();
    }
    home_loop* loop = nullptr;
    std::unique_ptr<noting>* victim = nullptr;
  } first;
  first.loop = &loop;
  first.victim = &second;
  loop.defer(round_phase::shards, first);
  loop.defer(round_phase::shards, *second);
  loop.run();
  EXPECT_TRUE(log.empty());
}

// Goal: what other threads post runs on the loop in their order, and wakes a sleeping loop once.
TEST_F(home_loop_test, PostsOfOtherThreadsRunInOrderAndWakeTheLoopOnce) {
  loop.run(); // asleep now
  std::vector<int> order;
  const std::uint64_t before = loop.counters().wake_ups;
  std::thread other([&] {
    for (int i = 0; i < 100; ++i) {
      loop.post([&order, i] { order.push_back(i); });
    }
  });
  other.join();
  EXPECT_EQ(loop.counters().wake_ups, before + 1);
  loop.run();
  ASSERT_EQ(order.size(), 100U);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
  }
}

// Goal: timers see virtual time, one after the other.
TEST_F(home_loop_test, TimersRingAtTheirTime) {
  std::vector<monotonic_ms> rung;
  const monotonic_ms begin = loop.time();
  loop_timer early([&] { rung.push_back(loop.now() - begin); });
  loop_timer late([&] { rung.push_back(loop.now() - begin); });
  loop.arm(late, begin + 500);
  loop.arm(early, begin + 100);
  loop.advance(99);
  EXPECT_TRUE(rung.empty());
  loop.advance(1000);
  EXPECT_EQ(rung, (std::vector<monotonic_ms>{100, 500}));
}

// Goal: scattering is one to one (it can be undone), and spreads neighbours over shards.
TEST(entity, ScatteredNumbersSpreadOverShards) {
  std::vector<int> hits(16);
  for (std::uint64_t number = 99966'10000; number < 99966'10000 + 1600; ++number) {
    ++hits[shard_of(scattered(number), 16).value()];
  }
  for (const int count : hits) {
    EXPECT_GT(count, 50);
    EXPECT_LT(count, 150);
  }
}

} // namespace
} // namespace godwit::cluster
