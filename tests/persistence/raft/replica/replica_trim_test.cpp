// What a leader keeps of its log for followers that are behind.

#include "tests/persistence/raft/replica/replica_fixture.hpp"

namespace godwit::persistence::raft {
namespace {

class replica_trim : public replica_fixture {
protected:
  /// Three voters, of which node 2 keeps up and node 3 does what the test says.
  void lead(const std::function<void(replica_options&)>& adjust) {
    start(3, [&](replica_options& options) {
      options.trailing_entries = 4;
      adjust(options);
    });
    elect();
    settle();
    acknowledge();
    settle();
    ASSERT_NE(subject->ready_term(), 0U);
  }

  /// So many entries, applied and durable in the state; about half a second passes for each ten.
  void go_on(int entries, std::size_t bytes = 10) {
    for (int i = 0; i < entries; ++i) {
      ASSERT_TRUE(propose(subject->ready_term(), ++token_, std::string(bytes, 'v')));
      settle();
      acknowledge();
      settle();
      if (i % 10 == 9) {
        now += 500;
        acknowledge();
        flush_state();
        acknowledge();
      }
    }
    flush_state();
    acknowledge();
  }

  void third_answers(index_t last) {
    append_result result;
    result.last_index = last;
    receive(3, subject->core().term(), result);
  }

  [[nodiscard]] index_t kept() const { return subject->core().last_index() + 1 - subject->core().first_index(); }

private:
  proposal_token token_ = 0;
};

// Goal: a follower that was heard of a while ago finds the log where it left it.
TEST_F(replica_trim, AFollowerThatIsAwayForAWhileFindsTheLog) {
  lead([](replica_options& options) { options.spared_ms = 60'000; });
  go_on(20);
  third_answers(10);
  go_on(200);
  EXPECT_LE(subject->core().first_index(), 11U);
  EXPECT_GT(kept(), 200U);
}

// Goal: when it has caught up, the log shrinks again.
TEST_F(replica_trim, WhenItHasCaughtUpTheLogShrinks) {
  lead([](replica_options& options) { options.spared_ms = 60'000; });
  go_on(200);
  EXPECT_GT(kept(), 200U);
  third_answers(subject->core().last_index());
  flush_state();
  go_on(20);
  third_answers(subject->core().last_index());
  go_on(10);
  EXPECT_LT(kept(), 60U);
}

// Goal: one that stays away is not waited for, though it is a voter still.
TEST_F(replica_trim, AFollowerThatStaysAwayIsNotWaitedFor) {
  lead([](replica_options& options) { options.spared_ms = 20'000; });
  go_on(100);
  EXPECT_GT(kept(), 100U);
  go_on(200); // more than twenty seconds
  EXPECT_LT(kept(), 60U);
  third_answers(1); // there it is, and too late; it gets a snapshot, behind which the log is kept
  const index_t from = subject->core().first_index();
  go_on(100);
  EXPECT_EQ(subject->core().first_index(), from);
}

// Goal: what is kept has a bound in entries and one in bytes.
TEST_F(replica_trim, WhatIsKeptIsBounded) {
  lead([](replica_options& options) { options.spared_entries = 50; });
  go_on(300);
  EXPECT_GE(kept(), 50U);
  EXPECT_LT(kept(), 120U);
}

TEST_F(replica_trim, WhatIsKeptIsBoundedInBytes) {
  lead([](replica_options& options) {
    options.spared_bytes = 100'000;
    options.trailing_bytes = 20'000;
  });
  go_on(600, 1000);
  EXPECT_GE(kept(), 60U);
  EXPECT_LT(kept(), 200U);
}

// Goal: many small entries in a log that is large for another reason are not thrown away by the number of its bytes.
// Method: nobody lags; a hundred entries of a kilobyte, where sixty make the bound.
TEST_F(replica_trim, TheTailIsAsLongAsItsBytesAllow) {
  lead([](replica_options& options) {
    options.trailing_entries = 1000;
    options.trailing_bytes = 60'000;
    options.spared_ms = 0;
  });
  go_on(300, 1000);
  EXPECT_GE(kept(), 40U);
  EXPECT_LT(kept(), 110U);
}

} // namespace
} // namespace godwit::persistence::raft
