#include "persistence/lmdb/wake_queue.hpp"

#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace godwit::persistence::lmdb {
namespace {

using clock = std::chrono::steady_clock;
constexpr auto forever = clock::time_point::max();

// Several threads push numbered items and kick after each few; one takes until the queue is closed. The
// thread sanitizer watches. Nothing may be lost and every thread's own order is kept.
TEST(wake_queue, NothingIsLostAndEveryPushersOrderIsKept) {
  constexpr int pushers = 4;
  constexpr int items = 5000;
  wake_queue<std::uint64_t> queue;
  std::vector<std::uint64_t> taken;
  std::thread taker([&] {
    std::vector<std::uint64_t> batch;
    for (bool open = true; open;) {
      open = queue.take(batch, forever);
      taken.insert(taken.end(), batch.begin(), batch.end());
      batch.clear();
    }
  });
  std::vector<std::thread> threads;
  for (std::uint64_t pusher = 0; pusher < pushers; ++pusher) {
    threads.emplace_back([&queue, pusher] {
      for (std::uint64_t item = 0; item < items; ++item) {
        queue.push(pusher << 32 | item);
        if (item % 7 == 0) {
          queue.kick();
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  queue.close();
  taker.join();
  ASSERT_EQ(taken.size(), std::size_t{pushers * items});
  std::vector<std::uint64_t> next(pushers);
  for (const std::uint64_t item : taken) {
    ASSERT_EQ(item & 0xFFFFFFFF, next[item >> 32]++);
  }
}

TEST(wake_queue, TakingEndsAtItsTimeWithWhatWasPushed) {
  wake_queue<int> queue;
  queue.push(1);
  std::vector<int> out;
  const auto until = clock::now() + std::chrono::milliseconds(20);
  EXPECT_TRUE(queue.take(out, until));
  EXPECT_GE(clock::now(), until);
  EXPECT_EQ(out, std::vector<int>{1});
}

// A kick that comes while nobody waits is not forgotten: the next take returns at once.
TEST(wake_queue, AKickBeforeTheTakeIsKept) {
  wake_queue<int> queue;
  queue.push(1);
  queue.kick();
  std::vector<int> out;
  EXPECT_TRUE(queue.take(out, forever));
  EXPECT_EQ(out, std::vector<int>{1});
}

TEST(wake_queue, TakenItemsGoBehindThoseThatWereLeft) {
  wake_queue<int> queue;
  queue.push(2);
  queue.push(3);
  queue.kick();
  std::vector<int> out{1};
  queue.take(out, forever);
  EXPECT_EQ(out, (std::vector<int>{1, 2, 3}));
}

TEST(wake_queue, AClosedQueueHandsOutTheRestAndAcceptsNothing) {
  wake_queue<int> queue;
  EXPECT_TRUE(queue.push(1));
  queue.close();
  EXPECT_FALSE(queue.push(2));
  std::vector<int> out;
  EXPECT_FALSE(queue.take(out, forever));
  EXPECT_EQ(out, std::vector<int>{1});
}

} // namespace
} // namespace godwit::persistence::lmdb
