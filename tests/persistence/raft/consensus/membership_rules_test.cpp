// The adapter's rules on changes of members. Scenarios as in message_rules_test.cpp.

#include <gtest/gtest.h>

#include "tests/persistence/raft/consensus/lone_consensus.hpp"
#include "tests/support/mutant_on.hpp"

namespace godwit::tests {
namespace {

using namespace persistence;
using namespace persistence::raft;

/// A new voter does not hear of its promotion, and another voter is demoted next. Whether all three,
/// up and connected, then fail to find a leader.
bool two_changes_leave_nobody_to_vote() {
  consensus_cluster cluster{configuration{{as_voter(1), as_voter(2), as_standby(3)}}, 3};
  cluster.elect(1);
  cluster.pass(300);
  cluster.isolate(3);
  cluster[2].timers = cluster[3].timers = false;
  cluster.change(1, {as_voter(1), as_voter(2), as_voter(3)});
  cluster.pass(300);
  cluster.change(1, {as_voter(1), as_standby(2), as_voter(3)});
  cluster.deliver();
  cluster.restart(1);
  cluster.heal();
  cluster[2].timers = cluster[3].timers = true;
  cluster.pass(20'000);
  return cluster.leader() == 0;
}

// Rule 7, F6. A voter that does not know of its promotion refuses its vote in the library, and one that
// knows of its demotion does as well, committed or not. Rule 14 alone would do here, so it is off.
TEST(consensus_rules, AChangeWaitsUntilAllVotersHaveTheLastOne) {
  const mutant_on alone{mutant::nonvoter_refuses};
  EXPECT_FALSE(two_changes_leave_nobody_to_vote());
  const mutant_on off{mutant::change_without_wait};
  EXPECT_TRUE(two_changes_leave_nobody_to_vote());
}

/// One node grows to two; the second, a standby with the whole log, does not hear of its promotion
/// before the first has lost its leadership for want of it. Whether both, up and connected, then
/// fail to find a leader.
bool promotion_leaves_nobody_to_vote() {
  consensus_cluster cluster{configuration{{as_voter(1), as_standby(2)}}, 2};
  cluster.pass(300);
  cluster.step(1, catch_up_started{node_id{2}});
  cluster.pass(300);
  cluster.isolate(2);
  cluster.change(1, {as_voter(1), as_voter(2)});
  cluster.pass(5000);
  cluster.heal();
  cluster.pass(10'000);
  return cluster.leader() == 0;
}

// Rule 14, F6. Whose vote counts is for the candidate's configuration to say.
TEST(consensus_rules, AVoterThatDoesNotKnowItIsOneVotes) {
  EXPECT_FALSE(promotion_leaves_nobody_to_vote());
  const mutant_on off{mutant::nonvoter_refuses};
  EXPECT_TRUE(promotion_leaves_nobody_to_vote());
}

// Rule 14. A node that never had a log may once have had one: it does not vote.
TEST(consensus_rules, ANodeThatKnowsOfNoMembersDoesNotVote) {
  consensus core{lone_consensus::options()};
  ASSERT_TRUE(core.step(1, started{}).has_value());
  const auto done = core.step(2000, received{{node_id{2}, node_id{1}, 5, request_vote{9, 4, false, false}}});
  const message* const answer = find_message<vote_result>(*done);
  EXPECT_TRUE(answer == nullptr || !std::get<vote_result>(answer->body).granted);
}

/// Of three voters one is down and one installs a snapshot, whose rows nobody sends while nobody
/// leads. Whether the third, restarted, fails to be elected.
bool installation_leaves_nobody_to_vote() {
  consensus_cluster cluster{3};
  cluster.elect(1);
  cluster.pass(300);
  cluster.isolate(3);
  cluster[3].timers = false;
  cluster.submit(1, "a");
  cluster.pass(300);
  cluster.take_snapshot(1, 0);
  cluster.heal();
  cluster.pass(500);
  EXPECT_TRUE(cluster[3].installing.has_value());
  cluster[3].timers = true;
  cluster.crash(2);
  cluster.restart(1);
  cluster.pass(10'000);
  return cluster.leader() == 0;
}

// Rule 15. What an installing voter may have acknowledged before lies below the snapshot, which is the
// end of its log for whoever asks.
TEST(consensus_rules, AVoterThatInstallsASnapshotVotes) {
  EXPECT_FALSE(installation_leaves_nobody_to_vote());
  const mutant_on off{mutant::installing_refuses};
  EXPECT_TRUE(installation_leaves_nobody_to_vote());
}

// Rule 7. A dead voter would otherwise stay for ever.
TEST(consensus_rules, TheVoterThatLagsMayBeRemoved) {
  consensus_cluster cluster{configuration{{as_voter(1), as_voter(2), as_voter(3), as_standby(4)}}, 4};
  cluster.elect(1);
  cluster.pass(300);
  cluster.isolate(3);
  ASSERT_TRUE(cluster.change(1, {as_voter(1), as_voter(2), as_voter(3), as_spare(4)}));
  cluster.pass(300);
  EXPECT_TRUE(cluster[1].core->change_pending());
  EXPECT_FALSE(cluster.change(1, {as_voter(1), as_voter(2), as_voter(3), as_standby(4)}));
  EXPECT_TRUE(cluster.change(1, {as_voter(1), as_voter(2), as_spare(4)}));
  cluster.pass(300);
  EXPECT_FALSE(cluster[1].core->change_pending());
}

/// The known fault of one-by-one changes: a leader's addition is in its own log and the new server's,
/// another leader's removal of the first one is committed by a majority without either, and the
/// first one is elected by the rest. Whether two nodes apply different entries.
bool disjoint_majorities_commit() {
  consensus_cluster cluster{4, 5};
  cluster.elect(1);
  cluster.pass(300);
  cluster[1].timers = cluster[4].timers = false;
  for (unsigned other : {2U, 3U, 4U}) {
    cluster.cut(1, other);
  }
  cluster.change(1, {as_voter(1), as_voter(2), as_voter(3), as_voter(4), as_voter(5)});
  for (int i = 0; i < 5; ++i) { // the new server gets the log, piece by piece
    cluster.now += 100;
    cluster.step(1, timer_expired{});
    cluster.deliver();
  }
  for (unsigned other : {1U, 2U, 3U, 4U}) {
    cluster.cut(5, other);
  }
  // The second leader's heartbeats reach the fourth, its entries do not.
  cluster.lose = [](const message& m) { return m.to == node_id{4} && carries_entries(m); };
  cluster.elect(2);
  cluster.change(2, {as_voter(2), as_voter(3), as_voter(4)});
  cluster.deliver();
  cluster.pass(200);
  cluster.lose = nullptr;
  cluster.heal();
  for (unsigned a : {1U, 4U, 5U}) {
    cluster.cut(a, 2);
    cluster.cut(a, 3);
    cluster[a].timers = true;
  }
  cluster.pass(20'000);
  return cluster.diverged();
}

// Rule 7b, F7. A barrier of its own term in a majority's logs keeps older leaders from being elected
// before the second leader changes anything.
TEST(consensus_rules, AChangeNeedsACommittedEntryOfItsLeadersTerm) {
  EXPECT_FALSE(disjoint_majorities_commit());
  const mutant_on off{mutant::change_without_barrier};
  EXPECT_TRUE(disjoint_majorities_commit());
}

/// Whether a refused change leaves something in the library's log that is in no other.
bool refused_change_leaves_a_ghost() {
  consensus_cluster cluster{3, 4};
  cluster.elect(1);
  cluster.pass(300);
  cluster.isolate(1);
  cluster.change(1, {as_voter(1), as_voter(2), as_voter(3), as_standby(4)});
  EXPECT_FALSE(cluster.change(1, {as_voter(1), as_voter(2), as_voter(3), as_spare(4)}));
  const index_t before = cluster[1].core->last_index();
  return cluster.submit(1, "next") != before + 1;
}

// Rule 8. The library refuses the change after it has counted the command before it.
TEST(consensus_rules, AChangeGoesAlone) {
  EXPECT_FALSE(refused_change_leaves_a_ghost());
  const mutant_on off{mutant::batched_change};
  EXPECT_TRUE(refused_change_leaves_a_ghost());
}

/// A standby that is far behind is made a voter. Whether an entry counts as committed that fewer
/// than a majority of the four voters have.
bool reordering_commits_without_majority() {
  consensus_cluster cluster{configuration{{as_voter(1), as_voter(2), as_voter(3), as_standby(4)}}, 4};
  cluster.elect(1);
  cluster.pass(300);
  for (unsigned id : {2U, 3U, 4U}) {
    cluster[id].timers = false;
  }
  cluster.isolate(1);
  cluster.submit(1, "a");
  const index_t index = cluster.submit(1, "b");
  cluster.change(1, {as_voter(1), as_voter(2), as_voter(3), as_voter(4)});
  cluster.heal();
  cluster.cut(1, 3);
  cluster.cut(1, 4);
  cluster.pass(300);
  return cluster[1].core->commit_index() >= index && cluster.copies(1, index) < 3;
}

// Rule 8. The library keeps what it knows of followers by position (membership.c:131).
TEST(consensus_rules, MembersKeepTheirOrder) {
  EXPECT_FALSE(reordering_commits_without_majority());
  const mutant_on off{mutant::reordered_members};
  EXPECT_TRUE(reordering_commits_without_majority());
}

// Rule 8. One server at a time, the order kept, and never the leader itself.
TEST(consensus_rules, OtherChangesAreRefused) {
  consensus_cluster cluster{3, 5};
  cluster.elect(1);
  cluster.pass(300);
  const std::vector<std::vector<member>> bad{
    {as_voter(1), as_voter(2), as_voter(3)},                               // nothing differs
    {as_voter(1), as_voter(3), as_voter(2)},                               // another order
    {as_voter(1), as_voter(2), as_voter(3), as_standby(4), as_standby(5)}, // two at once
    {as_voter(1), as_standby(2), as_standby(3)},                           // two at once
    {as_voter(1), as_voter(2), as_standby(4)},                             // one for another
    {as_standby(4), as_voter(1), as_voter(2), as_voter(3)},                // not at the end
    {as_voter(1), as_voter(2), as_voter(3), as_standby(3)},                // twice
    {as_voter(1), as_voter(2), as_voter(3), as_standby(0)},                // nobody
    {as_voter(2), as_voter(3)},                                            // without its leader
    {as_standby(1), as_voter(2), as_voter(3)},                             // its leader no voter
    {}};
  for (const std::vector<member>& next : bad) {
    const auto done = cluster.step(1, change_submitted{configuration{next}});
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error(), raft_errc::bad_member);
  }
  EXPECT_EQ(cluster.step(2, change_submitted{voters(4)}).error(), raft_errc::not_leader);
}

/// One of two voters is demoted, hears of it, and the leader crashes before its own disk has it.
/// Whether both, up and connected, then fail to find a leader.
bool demotion_leaves_nobody_to_vote() {
  consensus_cluster cluster{2};
  cluster.elect(1);
  cluster.pass(300);
  cluster[2].timers = false;
  cluster[1].writes_complete = false;
  cluster.change(1, {as_voter(1), as_standby(2)});
  cluster.pass(500);
  cluster.restart(1);
  cluster[1].writes_complete = true;
  cluster.persist(1);
  cluster[2].timers = true;
  cluster.pass(10'000);
  return cluster.leader() == 0;
}

// Rule 13. The demotion is committed by the first voter alone, so that the second need not know; once
// it knows, it refuses its vote, without which the first cannot lead when it has forgotten.
TEST(consensus_rules, TheLastDemotionIsDurableBeforeItIsSent) {
  EXPECT_FALSE(demotion_leaves_nobody_to_vote());
  const mutant_on off{mutant::unsynced_demotion};
  EXPECT_TRUE(demotion_leaves_nobody_to_vote());
}

} // namespace
} // namespace godwit::tests
