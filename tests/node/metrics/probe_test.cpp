#include "cluster/base/probe.hpp"

#include <thread>

#include <gtest/gtest.h>

namespace godwit::probe {
namespace {

using namespace std::chrono_literals;

// Goal: a bucket's bound is inclusive, one nanosecond more is in the next, and what is longer than every
// bound is counted too.
TEST(latency_histogram, PutsEachObservationIntoItsBucket) {
  for (std::size_t i = 0; i < latency_bounds_us.size(); ++i) {
    latency_histogram histogram;
    histogram.observe(std::chrono::microseconds(latency_bounds_us[i]));
    histogram.observe(std::chrono::microseconds(latency_bounds_us[i]) + 1ns);
    EXPECT_EQ(histogram.values().buckets[i], 1U) << i;
    EXPECT_EQ(histogram.values().buckets[i + 1], 1U) << i;
    EXPECT_EQ(histogram.values().count(), 2U);
  }
  latency_histogram histogram;
  histogram.observe(-5s);
  histogram.observe(1h);
  EXPECT_EQ(histogram.values().buckets.front(), 1U);
  EXPECT_EQ(histogram.values().buckets.back(), 1U);
  EXPECT_EQ(histogram.values().sum_us, 3'600'000'000U);
}

// Goal: those of several loops add up.
TEST(latency_histogram, ValuesOfSeveralLoopsAddUp) {
  latency_histogram one;
  latency_histogram two;
  one.observe(60us);
  two.observe(60us);
  two.observe(2s);
  latency_values sum = one.values();
  sum += two.values();
  EXPECT_EQ(sum.count(), 3U);
  EXPECT_EQ(sum.buckets[1], 2U);
  EXPECT_EQ(sum.sum_us, 2'000'120U);
}

// Goal: a scrape reads while a loop counts. Worth most under the thread sanitizer.
TEST(counter, IsReadWhileItIsWritten) {
  counter events;
  gauge depth;
  shared_counter shared;
  constexpr std::uint64_t rounds = 100'000;
  std::thread loop([&] {
    for (std::uint64_t i = 0; i < rounds; ++i) {
      events.add();
      depth.add(i % 2 == 0 ? 1 : -1);
      shared.add();
    }
  });
  std::uint64_t last = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t now = events.value();
    EXPECT_GE(now, last);
    last = now;
    shared.add();
  }
  loop.join();
  EXPECT_EQ(events.value(), rounds);
  EXPECT_EQ(depth.value(), 0);
  EXPECT_EQ(shared.value(), rounds + 1000);
}

} // namespace
} // namespace godwit::probe
