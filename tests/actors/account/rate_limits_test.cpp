#include <gtest/gtest.h>

#include "actors/account/rate_limits.hpp"

namespace godwit::account {
namespace {

// Goal: the burst goes through, the next call is told exactly when it will. Method: waits for that long.
TEST(rate_limiter, LetsABurstThroughAndTellsWhenToComeAgain) {
  rate_limiter limiter({.burst = 3, .per_period = 1, .period_seconds = 10}, 10);
  unix_ms now = 1'000'000;
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(limiter.take(1, now));
  }
  EXPECT_EQ(limiter.take(1, now), 10);
  now += 9'999;
  EXPECT_EQ(limiter.take(1, now), 1);
  now += 1;
  EXPECT_FALSE(limiter.take(1, now));
  EXPECT_TRUE(limiter.take(1, now));
}

TEST(rate_limiter, KeepsKeysApart) {
  rate_limiter limiter({.burst = 1, .per_period = 1, .period_seconds = 1}, 10);
  EXPECT_FALSE(limiter.take(1, 0));
  EXPECT_FALSE(limiter.take(2, 0));
  EXPECT_TRUE(limiter.take(1, 0));
}

TEST(rate_limiter, ARefusedCallCostsNothing) {
  rate_limiter limiter({.burst = 1, .per_period = 1, .period_seconds = 2}, 10);
  EXPECT_FALSE(limiter.take(1, 0));
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(limiter.take(1, 0), 2);
  }
  EXPECT_FALSE(limiter.take(1, 2000));
}

TEST(rate_limiter, RemembersSoManyKeysAndForgetsTheOneUsedLongestAgo) {
  rate_limiter limiter({.burst = 1, .per_period = 1, .period_seconds = 3600}, 2);
  EXPECT_FALSE(limiter.take(1, 0));
  EXPECT_FALSE(limiter.take(2, 1));
  EXPECT_TRUE(limiter.take(1, 2));
  EXPECT_FALSE(limiter.take(3, 3)) << "takes the place of 2";
  EXPECT_EQ(limiter.size(), 2U);
  EXPECT_TRUE(limiter.take(1, 4));
  EXPECT_FALSE(limiter.take(2, 5));
}

} // namespace
} // namespace godwit::account
