#include "actors/base/restart_budget.hpp"

#include <gtest/gtest.h>

namespace godwit::actors {
namespace {

TEST(restart_budget, IsUsedUpByFailuresInAShortTimeAndComesBackWithIt) {
  restart_counter counter({.restarts = 2, .within_ms = 1000});
  EXPECT_TRUE(counter.take(0));
  EXPECT_TRUE(counter.take(500));
  EXPECT_FALSE(counter.take(999));
  EXPECT_TRUE(counter.take(1000)) << "the first is a second ago";
  EXPECT_FALSE(counter.take(1400));
  EXPECT_TRUE(counter.take(1500));
}

TEST(restart_budget, OfZeroAllowsNone) {
  restart_counter counter({.restarts = 0, .within_ms = 1000});
  EXPECT_FALSE(counter.take(5000));
}

} // namespace
} // namespace godwit::actors
