// The time that clients are told, on virtual clocks.

#include "cluster/base/cluster_clock.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <random>
#include <thread>
#include <vector>

#include "config/cluster_limits.hpp"

namespace godwit::cluster {
namespace {

constexpr unix_ms epoch = 1'700'000'000'000;
constexpr std::int64_t minute = 60'000;
constexpr std::int64_t hour = 60 * minute;

/// Both clocks of a machine, and a cluster_clock over them that is asked every 10 ms.
class cluster_clocks : public ::testing::Test {
protected:
  [[nodiscard]] unix_ms wall() const { return epoch + static_cast<unix_ms>(steady - 1'000'000) + jumped; }
  /// Lets time pass; each step of the clock is checked to go forward and by no more than the slew allows.
  void pass(std::int64_t ms, clock_trust how) {
    for (std::int64_t i = 0; i < ms; i += 10) {
      steady += 10;
      clock.trust(steady, how);
      const unix_ms before = told;
      told = clock.now(steady, wall());
      ASSERT_GE(told, before);
      // A step at most per look, of the greater rate.
      ASSERT_LE(told - before, 10 + limits::clock_slew_far_ms_per_s * limits::clock_look_ms / 1000 + 1);
    }
  }
  [[nodiscard]] std::int64_t error() const { return told - wall(); }

  monotonic_ms steady = 1'000'000;
  std::int64_t jumped = 0; ///< the wall clock, in all
  cluster_clock clock{steady, epoch};
  unix_ms told = epoch;
};

// Goal: a clock that does not jump is told as it is.
TEST_F(cluster_clocks, AQuietClockIsToldAsItIs) {
  for (const auto how : {clock_trust::alone, clock_trust::unheard, clock_trust::agreed}) {
    pass(hour / 6, how);
    EXPECT_EQ(error(), 0);
  }
  EXPECT_EQ(clock.jumps(), 0U);
}

// Goal: a jump that the majority does not share is not followed, however long it lasts, and when it is taken back
// nothing has happened. Method: jumps of ten minutes and an hour, both ways, under each kind of doubt.
TEST_F(cluster_clocks, AJumpThatNobodySharesReachesNobody) {
  for (const std::int64_t by : {10 * minute, -10 * minute, hour, -hour, std::int64_t{1001}}) {
    for (const auto how : {clock_trust::unheard, clock_trust::disputed}) {
      jumped += by;
      pass(10 * minute, how);
      EXPECT_EQ(error(), -by);
      EXPECT_EQ(clock.wall_ahead_ms(), by);
      EXPECT_EQ(clock.settled(), how != clock_trust::disputed);
      jumped -= by;
      pass(minute, clock_trust::agreed);
      EXPECT_EQ(error(), 0);
      EXPECT_TRUE(clock.settled());
    }
  }
  EXPECT_EQ(clock.jumps(), 20U);
}

// Goal: a clock that came to be wrong without a jump is not followed while it is disputed.
TEST_F(cluster_clocks, ADisputedClockIsNotFollowed) {
  jumped = 900;
  pass(minute, clock_trust::disputed);
  EXPECT_EQ(error(), -900);
  pass(minute, clock_trust::agreed);
  EXPECT_GT(error(), -900);
}

// Goal: after a jump that was taken back the clock follows as before, with nobody to ask.
TEST_F(cluster_clocks, AJumpThatWasTakenBackIsForgotten) {
  jumped = hour;
  pass(minute, clock_trust::unheard);
  EXPECT_EQ(error(), -hour);
  jumped = 500;
  pass(200'000, clock_trust::unheard);
  EXPECT_EQ(error(), 0);
}

// Goal: what the others said of a clock before it jumped says nothing of it afterwards; what they say later does.
// Method: `agreed` without a break, which is stale for the first seconds.
TEST_F(cluster_clocks, AnOldAgreementDoesNotCoverAJump) {
  pass(minute, clock_trust::agreed);
  jumped = hour;
  pass(limits::clock_settle_ms - 100, clock_trust::agreed);
  EXPECT_EQ(error(), -hour);
  pass(10'000, clock_trust::agreed);
  EXPECT_GT(error(), -hour);
}

// Goal: a jump that the majority shares, or of a node alone, is followed by slewing, to its end. Method: ten minutes,
// both ways: it takes as long as the rate says.
TEST_F(cluster_clocks, ASharedJumpIsFollowedSlowly) {
  for (const auto how : {clock_trust::agreed, clock_trust::alone}) {
    for (const std::int64_t by : {10 * minute, -10 * minute}) {
      jumped += by;
      pass(minute, how);
      const std::int64_t done = std::abs(by) - std::abs(error());
      EXPECT_GT(done, 2000);
      EXPECT_LE(done, minute / 1000 * limits::clock_slew_far_ms_per_s + 5);
      pass(4 * hour, how);
      EXPECT_EQ(error(), 0);
    }
  }
}

// Goal: a small difference is followed by 5 ms in a second.
TEST_F(cluster_clocks, ASmallDifferenceIsFollowedSlowly) {
  jumped = 900;
  pass(10'000, clock_trust::unheard);
  EXPECT_LE(std::abs(error() + 900 - 10 * limits::clock_slew_ms_per_s), 2);
  pass(200'000, clock_trust::unheard);
  EXPECT_EQ(error(), 0);
}

// Goal: a node that began with a wrong clock is not settled until that clock is right, and then told at once;
// backwards, too.
TEST_F(cluster_clocks, AClockThatBeganWrongIsSetWhenItIsRight) {
  for (const std::int64_t by : {10 * minute, -10 * minute}) {
    cluster_clock wrong(steady, wall() + by);
    const auto at = [&](std::int64_t later, std::int64_t off, clock_trust how) {
      steady += static_cast<monotonic_ms>(later);
      wrong.trust(steady, how);
      return wrong.now(steady, wall() + off) - wall();
    };
    EXPECT_EQ(at(1000, by, clock_trust::disputed), by);
    EXPECT_EQ(at(1000, 0, clock_trust::disputed), by);
    EXPECT_EQ(at(1000, 0, clock_trust::agreed), by);
    EXPECT_FALSE(wrong.settled());
    EXPECT_EQ(at(limits::clock_settle_ms, 0, clock_trust::agreed), 0);
    EXPECT_TRUE(wrong.settled());
  }
}

// Goal: a process that was stopped for a minute catches up no faster than others.
TEST_F(cluster_clocks, APauseIsNoReasonToHurry) {
  jumped = 500;
  pass(1000, clock_trust::alone);
  steady += 60'000;
  told = clock.now(steady, wall());
  EXPECT_LE(error(), -500 + 5 + 5 + 1);
}

// Goal: whatever a wall clock does, and whatever is known of it, time goes forward and at a rate within the slew, as
// long as nobody disputed it. Method: drawn jumps, drifts, pauses and opinions.
TEST_F(cluster_clocks, TimeGoesForwardWhateverTheWallClockDoes) {
  for (std::uint32_t seed = 1; seed <= 100; ++seed) {
    std::mt19937 random(seed);
    cluster_clock under(steady, wall());
    unix_ms last = wall();
    const monotonic_ms began = steady;
    const unix_ms began_at = last;
    std::int64_t off = 0;
    for (int i = 0; i < 2000; ++i) {
      steady += random() % 20 == 0 ? random() % 30'000 : random() % 300;
      if (random() % 50 == 0) {
        off += static_cast<std::int64_t>(random() % (2 * hour)) - hour;
      }
      off += static_cast<std::int64_t>(random() % 3) - 1;
      constexpr clock_trust opinions[] = {clock_trust::alone, clock_trust::unheard, clock_trust::agreed};
      under.trust(steady, opinions[random() % 3]);
      const unix_ms now = under.now(steady - random() % 5, wall() + off);
      ASSERT_GE(now, last) << "seed " << seed;
      last = now;
    }
    const auto passed = static_cast<std::int64_t>(steady - began);
    const std::int64_t gained = last - began_at - passed;
    EXPECT_LE(std::abs(gained), passed * limits::clock_slew_far_ms_per_s / 1000 + 10) << "seed " << seed;
  }
}

// Goal: several loops read it at once, and none sees time go back. Method: threads that read the real steady clock.
TEST_F(cluster_clocks, SeveralThreadsReadIt) {
  std::vector<std::thread> readers;
  std::atomic<bool> back{false};
  for (int t = 0; t < 4; ++t) {
    readers.emplace_back([&, t] {
      unix_ms last = 0;
      for (int i = 0; i < 20'000; ++i) {
        const unix_ms now = clock.now(steady + static_cast<monotonic_ms>(i / 10), epoch + i / 10 + (t % 2) * 100'000);
        back = back || now < last;
        last = now;
      }
    });
  }
  for (std::thread& reader : readers) {
    reader.join();
  }
  EXPECT_FALSE(back);
}

} // namespace
} // namespace godwit::cluster
