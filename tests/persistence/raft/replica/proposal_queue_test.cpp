#include "persistence/raft/proposal_queue.hpp"

#include <gtest/gtest.h>

#include "persistence/state/mutation.hpp"

namespace godwit::persistence::raft {
namespace {

std::string one_row(std::string_view value) {
  std::string out;
  mutation_writer{out}.put(table_id{1}, entity_id{7}, "k", value);
  return out;
}

struct outcome_of {
  proposal_token token;
  proposal_outcome outcome;
  friend bool operator==(const outcome_of&, const outcome_of&) = default;
};

std::vector<outcome_of> outcomes(const std::vector<finished_proposal>& finished) {
  std::vector<outcome_of> out;
  for (const finished_proposal& each : finished) {
    out.push_back({each.token, each.outcome});
  }
  return out;
}

// Goal: what is gathered together becomes one batch and ends together, in order.
TEST(proposal_queue, MutationsGatheredTogetherBecomeOneEntryAndEndInOrder) {
  proposal_queue queue;
  queue.gather(one_row("a"), 1);
  queue.gather(one_row("b"), 2);
  const slice batch = queue.take();
  queue.submitted(5, 3);

  batch_reader reader{batch.view()};
  row_write row;
  ASSERT_TRUE(reader.next(row));
  EXPECT_EQ(row.value, "a");
  ASSERT_TRUE(reader.next(row));
  EXPECT_EQ(row.value, "b");
  EXPECT_FALSE(reader.next(row));
  EXPECT_TRUE(reader.ok());

  std::vector<finished_proposal> finished;
  queue.applied(4, 3, finished);
  EXPECT_TRUE(finished.empty());
  queue.applied(5, 3, finished);
  EXPECT_EQ(outcomes(finished),
            (std::vector<outcome_of>{{1, proposal_outcome::applied}, {2, proposal_outcome::applied}}));
  EXPECT_TRUE(queue.idle());
  EXPECT_EQ(queue.in_flight_bytes(), 0U);
}

// Goal: an entry of another term at the proposal's index means that the proposal is lost.
TEST(proposal_queue, AnEntryOfAnotherTermAtItsIndexMeansLost) {
  proposal_queue queue;
  queue.gather(one_row("a"), 1);
  queue.take();
  queue.submitted(5, 3);
  std::vector<finished_proposal> finished;
  queue.applied(5, 4, finished);
  EXPECT_EQ(outcomes(finished), (std::vector<outcome_of>{{1, proposal_outcome::lost}}));
}

// Goal: a leader that was deposed and elected again has entries of both terms waiting; those of the
// newer term do not wait for the indices of the older one. Method: three entries of term 3 from
// index 10 on, then one of term 5 at index 11, which is applied first of the two.
TEST(proposal_queue, EntriesOfALaterTermDoNotWaitBehindLongerRunsOfAnEarlierOne) {
  proposal_queue queue;
  for (index_t index = 10; index <= 12; ++index) {
    queue.gather(one_row("old"), index);
    queue.take();
    queue.submitted(index, 3);
  }
  queue.gather(one_row("new"), 100);
  queue.take();
  queue.submitted(11, 5);

  std::vector<finished_proposal> finished;
  queue.applied(10, 3, finished);
  queue.applied(11, 5, finished);
  EXPECT_EQ(outcomes(finished), (std::vector<outcome_of>{{10, proposal_outcome::applied},
                                                         {11, proposal_outcome::lost},
                                                         {100, proposal_outcome::applied},
                                                         {12, proposal_outcome::lost}}));
  EXPECT_TRUE(queue.idle());
}

// Goal: in a quiet shard nobody waits for an index that may never be reached. Method: an entry of
// a newer term is applied, or stands at the end of a snapshot, far below what waits.
TEST(proposal_queue, ACommittedEntryOfANewerTermMeansThatAllOfOlderTermsBehindItAreLost) {
  for (const bool by_snapshot : {false, true}) {
    proposal_queue queue;
    queue.gather(one_row("a"), 1);
    queue.take();
    queue.submitted(9, 3);
    queue.submitted_alone(10, 4, 2);
    std::vector<finished_proposal> finished;
    queue.applied(4, 3, finished);
    EXPECT_TRUE(finished.empty());
    if (by_snapshot) {
      queue.skipped(5, 4, finished);
    } else {
      queue.applied(5, 4, finished);
    }
    EXPECT_EQ(outcomes(finished), (std::vector<outcome_of>{{1, proposal_outcome::lost}}));
    EXPECT_EQ(queue.in_flight(), 1U) << "the change may still be committed";
  }
}

// Goal: under an installed snapshot nobody can tell; behind it everything stays open.
TEST(proposal_queue, ASnapshotOverAnIndexLeavesItsProposalUnknown) {
  proposal_queue queue;
  queue.gather(one_row("a"), 1);
  queue.take();
  queue.submitted(5, 3);
  queue.submitted_alone(6, 3, 2);
  std::vector<finished_proposal> finished;
  queue.skipped(5, 3, finished);
  EXPECT_EQ(outcomes(finished), (std::vector<outcome_of>{{1, proposal_outcome::unknown}}));
  EXPECT_EQ(queue.in_flight(), 1U);
}

// Goal: what was taken and refused, and what still gathers, is lost at once.
TEST(proposal_queue, WhatNeverBecameAnEntryIsLostAtOnce) {
  proposal_queue queue;
  queue.gather(one_row("a"), 1);
  queue.take();
  queue.gather(one_row("b"), 2);
  std::vector<finished_proposal> finished;
  queue.drop_gathered(finished);
  EXPECT_EQ(outcomes(finished), (std::vector<outcome_of>{{1, proposal_outcome::lost}, {2, proposal_outcome::lost}}));
  EXPECT_TRUE(queue.idle());
  EXPECT_EQ(queue.in_flight_bytes(), 0U);
}

} // namespace
} // namespace godwit::persistence::raft
