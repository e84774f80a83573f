// Whether a node's clock is right, by those of the others.

#include "cluster/base/clock_guard.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "config/cluster_limits.hpp"

namespace godwit::cluster {
namespace {

class clock_guards : public ::testing::Test {
protected:
  /// Judges once a second for some seconds.
  void judge(std::vector<std::int64_t> ahead, std::size_t voters = 3, int seconds = 10, bool votes = true) {
    for (int i = 0; i < seconds; ++i) {
      now += 1000;
      guard.judge(now, ahead, voters, votes);
    }
  }

  monotonic_ms now = 1'000'000;
  clock_guard guard;
};

// Goal: among three, a clock that is beyond the bound from the median is skewed, and one within it is not; the text
// names how far and the remedy.
TEST_F(clock_guards, AClockFarFromTheMedianIsSkewed) {
  judge({5000, 5000});
  EXPECT_TRUE(guard.good());
  EXPECT_EQ(guard.trouble(), "");
  judge({-601'000, -600'900});
  EXPECT_FALSE(guard.good());
  EXPECT_EQ(guard.trouble(), "the clock is 601 s ahead of the majority's: set it, e.g. by NTP");
  EXPECT_EQ(guard.trust(), clock_trust::disputed);
  judge({3'600'000, 3'600'000});
  EXPECT_EQ(guard.trouble(), "the clock is 3600 s behind the majority's: set it, e.g. by NTP");
  judge({10, -10}, 3, 1);
  EXPECT_NE(guard.trouble().find("it is right again"), std::string::npos) << guard.trouble();
  judge({10, -10});
  EXPECT_TRUE(guard.good());
  EXPECT_EQ(guard.trust(), clock_trust::agreed);
}

// Goal: one wrong clock among the others makes no difference to a right one.
TEST_F(clock_guards, AnothersWrongClockIsNotOurs) {
  judge({600'000, 3});
  EXPECT_TRUE(guard.good());
  EXPECT_EQ(guard.trust(), clock_trust::agreed);
  judge({-3'600'000, 3});
  EXPECT_TRUE(guard.good());
}

// Goal: a verdict neither comes of one late beat nor flickers at the bound.
TEST_F(clock_guards, AVerdictNeedsTime) {
  judge({0, 0});
  judge({-9000, -9000}, 3, 1);
  EXPECT_TRUE(guard.good());
  EXPECT_EQ(guard.trust(), clock_trust::unheard);
  judge({0, 0}, 3, 1);
  judge({-9000, -9000}, 3, 2);
  EXPECT_TRUE(guard.good());
  judge({-9000, -9000}, 3, 1);
  EXPECT_FALSE(guard.good());
  judge({-4500, -4500}, 3, 60);
  EXPECT_FALSE(guard.good());
  judge({-3900, -3900}, 3, 2);
  EXPECT_FALSE(guard.good());
  judge({-3900, -3900}, 3, 1);
  EXPECT_TRUE(guard.good());
  judge({-4900, -4900}, 3, 60);
  EXPECT_TRUE(guard.good());
}

// Goal: a node that begins with a wrong clock is skewed with the first judgement.
TEST_F(clock_guards, TheFirstVerdictComesAtOnce) {
  judge({600'000, 600'000}, 3, 1);
  EXPECT_FALSE(guard.good());
}

// Goal: with fewer than a majority, the last verdict stays.
TEST_F(clock_guards, WithoutAMajorityTheLastVerdictStays) {
  judge({}, 3);
  EXPECT_TRUE(guard.good());
  EXPECT_FALSE(guard.judged());
  EXPECT_EQ(guard.trust(), clock_trust::unheard);
  judge({-600'000, -600'000});
  EXPECT_TRUE(guard.judged());
  EXPECT_FALSE(guard.good());
  judge({}, 3);
  EXPECT_FALSE(guard.good());
  EXPECT_EQ(guard.trust(), clock_trust::disputed);
  judge({0, 0});
  judge({600'000}, 5);
  EXPECT_TRUE(guard.good());
  EXPECT_EQ(guard.trust(), clock_trust::unheard);
}

// Goal: of two that differ nobody can tell which is right: who was good goes on, who was skewed does not, and who was
// never judged serves nobody until a third tells.
TEST_F(clock_guards, TwoThatDifferCannotTell) {
  judge({600'000});
  EXPECT_FALSE(guard.good());
  EXPECT_NE(guard.trouble().find("too few are up to tell which is right"), std::string::npos);
  judge({600'000, 0});
  EXPECT_TRUE(guard.good());
  judge({600'000});
  EXPECT_TRUE(guard.good());
  EXPECT_EQ(guard.trust(), clock_trust::unheard);
  judge({2000});
  EXPECT_EQ(guard.trust(), clock_trust::agreed);
}

// Goal: a node alone is right; one that does not vote goes by the one that does.
TEST_F(clock_guards, OneVoterIsRight) {
  judge({}, 1);
  EXPECT_TRUE(guard.good());
  EXPECT_EQ(guard.trust(), clock_trust::alone);
  clock_guard standby;
  const std::vector<std::int64_t> voter = {-600'000};
  standby.judge(now, voter, 1, false);
  EXPECT_FALSE(standby.good());
}

// Goal: in any cluster, whoever is right hears that it is good and whoever is wrong that it is not, as long as the
// wrong ones are a minority and all are up. Method: drawn clocks of three to nine nodes, each judging by its own view.
TEST_F(clock_guards, AMinorityOfWrongClocksIsFound) {
  for (std::uint32_t seed = 1; seed <= 300; ++seed) {
    std::mt19937 random(seed);
    const std::size_t nodes = 3 + 2 * (random() % 4);
    std::vector<std::int64_t> clocks;
    for (std::size_t i = 0; i < nodes; ++i) {
      const bool wrong = i < nodes / 2;
      const auto off = static_cast<std::int64_t>(random() % 3'600'000) + 10'000;
      clocks.push_back(wrong ? (random() % 2 == 0 ? off : -off) : static_cast<std::int64_t>(random() % 2000));
    }
    for (std::size_t self = 0; self < nodes; ++self) {
      std::vector<std::int64_t> ahead;
      for (std::size_t i = 0; i < nodes; ++i) {
        if (i != self) {
          ahead.push_back(clocks[i] - clocks[self]);
        }
      }
      clock_guard one;
      one.judge(now, ahead, nodes, true);
      EXPECT_EQ(one.good(), self >= nodes / 2) << "seed " << seed << " node " << self;
    }
  }
}

} // namespace
} // namespace godwit::cluster
