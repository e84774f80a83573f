#include "persistence/base/task_pool.hpp"

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace godwit::persistence {
namespace {

/// Keeps the pool's one thread busy until it is opened.
class gate {
public:
  explicit gate(task_pool& pool) {
    EXPECT_TRUE(pool.run([this] {
      entered_.set_value();
      opened_.get_future().wait();
    }));
    entered_.get_future().wait();
  }
  void open() { opened_.set_value(); }

private:
  std::promise<void> entered_;
  std::promise<void> opened_;
};

TEST(task_pool, JobsOfOneThreadRunInTheirOrder) {
  std::vector<int> order;
  {
    task_pool pool(1, 100);
    for (int i = 0; i < 50; ++i) {
      ASSERT_TRUE(pool.run([&order, i] { order.push_back(i); }));
    }
  }
  ASSERT_EQ(order.size(), 50U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(task_pool, AJobBeyondTheBoundIsRefused) {
  task_pool pool(1, 2);
  gate blocked(pool);
  std::atomic<int> ran = 0;
  EXPECT_TRUE(pool.run([&] { ++ran; }));
  EXPECT_TRUE(pool.run([&] { ++ran; }));
  EXPECT_FALSE(pool.run([&] { ran += 100; }));
  blocked.open();
  pool.stop();
  EXPECT_EQ(ran, 2);
}

TEST(task_pool, StoppingRunsWhatIsQueuedAndTakesNothingMore) {
  task_pool pool(3, 1000);
  std::atomic<int> ran = 0;
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(pool.run([&] { ++ran; }));
  }
  pool.stop();
  EXPECT_EQ(ran, 500);
  EXPECT_FALSE(pool.run([&] { ++ran; }));
}

// For the thread sanitizer: several threads hand jobs over while several run them.
TEST(task_pool, NoJobIsLostOrRunTwiceUnderLoad) {
  std::atomic<int> ran = 0;
  std::atomic<int> taken = 0;
  {
    task_pool pool(3, 64);
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 2000; ++i) {
          taken += pool.run([&] { ++ran; }) ? 1 : 0;
        }
      });
    }
    for (std::thread& each : threads) {
      each.join();
    }
  }
  EXPECT_GT(taken, 0);
  EXPECT_EQ(ran, taken);
}

} // namespace
} // namespace godwit::persistence
