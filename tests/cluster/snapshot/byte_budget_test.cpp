#include "cluster/snapshot/byte_budget.hpp"

#include <gtest/gtest.h>

namespace godwit::cluster {
namespace {

/// Takes pieces of `bytes` as early as the budget allows; how long `count` of them took.
persistence::monotonic_ms time_for(byte_budget& budget, persistence::monotonic_ms begin, int count, std::size_t bytes) {
  persistence::monotonic_ms now = begin;
  for (int i = 0; i < count; ++i) {
    while (!budget.open(now)) {
      const persistence::monotonic_ms next = budget.open_at(now);
      EXPECT_GT(next, now);
      now = next;
    }
    budget.take(now, bytes);
  }
  return now - begin;
}

// Goal: the rate holds over time, whatever the size of the pieces, large ones and rates below a byte a millisecond too.
TEST(byte_budget, TheRateHoldsForPiecesOfAnySize) {
  for (const std::uint64_t rate : {300ULL, 64ULL << 10, 64ULL << 20}) {
    for (const std::size_t bytes : {std::size_t{100}, std::size_t{256} << 10, std::size_t{8} << 20}) {
      byte_budget budget(rate);
      const auto took = static_cast<double>(time_for(budget, 1000, 2001, bytes));
      const double ideal = 2000.0 * static_cast<double>(bytes) * 1000 / static_cast<double>(rate);
      EXPECT_NEAR(took, ideal, 110 + ideal / 1000) << rate << " " << bytes;
    }
  }
}

// Goal: a long rest saves up no more than a tenth of a second.
TEST(byte_budget, ARestSavesUpLittle) {
  byte_budget budget(1000);
  EXPECT_TRUE(budget.open(3'600'000));
  const auto took = time_for(budget, 3'600'000, 100, 10);
  EXPECT_NEAR(static_cast<double>(took), 1000 - 110, 20);
}

TEST(byte_budget, WithoutARateNothingWaits) {
  byte_budget budget(0);
  EXPECT_EQ(time_for(budget, 1, 1000, 1 << 20), 0U);
}

} // namespace
} // namespace godwit::cluster
