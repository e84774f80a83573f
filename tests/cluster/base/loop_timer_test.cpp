#include "cluster/base/loop_timer.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <vector>

namespace godwit::cluster {
namespace {

// Goal: timers ring in the order of their times, once each.
TEST(timer_queue, RingsWhatIsDueInOrderOfTime) {
  timer_queue queue;
  std::vector<int> rung;
  loop_timer first([&] { rung.push_back(1); });
  loop_timer second([&] { rung.push_back(2); });
  loop_timer third([&] { rung.push_back(3); });
  queue.arm(third, 30);
  queue.arm(first, 10);
  queue.arm(second, 20);
  EXPECT_EQ(queue.next_due(), 10U);
  queue.ring(20);
  EXPECT_EQ(rung, (std::vector<int>{1, 2}));
  queue.ring(100);
  queue.ring(200);
  EXPECT_EQ(rung, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(queue.next_due(), 0U);
}

// Goal: a timer that arms itself for now does not keep the loop in ring().
TEST(timer_queue, ATimerArmedAgainForNowWaitsForTheNextCall) {
  timer_queue queue;
  int rung = 0;
  std::unique_ptr<loop_timer> timer;
  timer = std::make_unique<loop_timer>([&] {
    ++rung;
    queue.arm(*timer, 5);
  });
  queue.arm(*timer, 5);
  queue.ring(5);
  EXPECT_EQ(rung, 1);
  queue.ring(5);
  EXPECT_EQ(rung, 2);
}

// Goal: a timer may die armed, and from inside the call of another one.
TEST(timer_queue, ADeadTimerDoesNotRing) {
  timer_queue queue;
  bool rung = false;
  auto victim = std::make_unique<loop_timer>([&] { rung = true; });
  loop_timer killer([&] { victim.reset(); });
  queue.arm(killer, 1);
  queue.arm(*victim, 2);
  queue.ring(10);
  EXPECT_FALSE(rung);
  EXPECT_EQ(queue.size(), 0U);
}

// Goal: the heap agrees with an ordered map. Method: random arming, moving, disarming and ringing.
TEST(timer_queue, AgreesWithAModel) {
  std::mt19937_64 dice(7);
  timer_queue queue;
  std::map<int, monotonic_ms> model;
  std::map<int, monotonic_ms> rung;
  monotonic_ms now = 0;
  std::vector<std::unique_ptr<loop_timer>> timers;
  for (int i = 0; i < 50; ++i) {
    timers.push_back(std::make_unique<loop_timer>([&, i] { rung[i] = now; }));
  }
  for (int step = 0; step < 20'000; ++step) {
    const int i = static_cast<int>(dice() % timers.size());
    switch (dice() % 4) {
    case 0:
      queue.disarm(*timers[static_cast<std::size_t>(i)]);
      model.erase(i);
      break;
    case 1: {
      now += dice() % 5;
      rung.clear();
      queue.ring(now);
      std::map<int, monotonic_ms> expected;
      std::erase_if(model, [&](const auto& entry) {
        if (entry.second <= now) {
          expected[entry.first] = now;
        }
        return entry.second <= now;
      });
      ASSERT_EQ(rung, expected);
      break;
    }
    default: model[i] = now + 1 + dice() % 100; queue.arm(*timers[static_cast<std::size_t>(i)], model[i]);
    }
    monotonic_ms next = 0;
    for (const auto& [timer, due] : model) {
      next = next == 0 ? due : std::min(next, due);
    }
    ASSERT_EQ(queue.next_due(), next);
  }
}

} // namespace
} // namespace godwit::cluster
