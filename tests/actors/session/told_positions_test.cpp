#include "actors/session/told_positions.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace godwit::actors {
namespace {

// Goal: it agrees with a set of single positions. Method: random stretches and questions, within the bound.
TEST(told_positions, AgreeWithASetOfPositions) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](unsigned end) { return static_cast<std::int32_t>(random() % end); };
    told_positions told;
    told.reach(10);
    std::set<std::int32_t> known;
    std::int32_t reached = 10;
    for (int step = 0; step < 60; ++step) {
      const std::int32_t from = 5 + below(80);
      const std::int32_t to = from + 1 + below(4);
      if (random() % 3 == 0) {
        told.add(from, to);
        for (std::int32_t each = from + 1; each <= to; ++each) {
          known.insert(each);
        }
      } else if (random() % 10 == 0) {
        told.reach(from);
        reached = std::max(reached, from);
      }
      while (known.contains(reached + 1)) {
        ++reached;
      }
      ASSERT_EQ(told.reached(), reached) << seed;
      bool all = true;
      for (std::int32_t each = from + 1; each <= to; ++each) {
        all = all && (each <= reached || known.contains(each));
      }
      ASSERT_EQ(told.knows(from, to), all) << seed << ": " << from << " to " << to;
    }
  }
}

// Goal: what a client changed itself, one thing after the other, takes no room. Method: more neighbours than stretches
// are kept, behind and before each other.
TEST(told_positions, ThatMeetAreOneStretch) {
  const auto many = static_cast<std::int32_t>(2 * told_positions::stretches_max);
  told_positions told;
  told.reach(10);
  for (std::int32_t i = 0; i < many; ++i) {
    told.add(1000 + i, 1001 + i);
    told.add(999 - i, 1000 - i);
  }
  EXPECT_TRUE(told.knows(1000 - many, 1000 + many));
  EXPECT_FALSE(told.knows(999 - many, 1000));
  told.reach(1000 - many);
  EXPECT_EQ(told.reached(), 1000 + many);
}

TEST(told_positions, AreBounded) {
  told_positions told;
  told.reach(1);
  const auto stretches = static_cast<std::int32_t>(told_positions::stretches_max);
  for (std::int32_t i = 1; i <= stretches + 1; ++i) {
    told.add(10 * i, 10 * i + 1);
  }
  EXPECT_TRUE(told.knows(10 * stretches, 10 * stretches + 1));
  EXPECT_FALSE(told.knows(10 * (stretches + 1), 10 * (stretches + 1) + 1)) << "it would be told again";
  EXPECT_EQ(told.reached(), 1);
  told.clear();
  EXPECT_EQ(told.reached(), 0);
}

} // namespace
} // namespace godwit::actors
