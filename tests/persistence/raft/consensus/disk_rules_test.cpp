// The adapter's rules on disks: completions, restarts, installations. Scenarios as in
// message_rules_test.cpp.

#include <gtest/gtest.h>

#include "tests/persistence/raft/consensus/lone_consensus.hpp"
#include "tests/support/mutant_on.hpp"

namespace godwit::tests {
namespace {

using namespace persistence;
using namespace persistence::raft;

/// Entry 2 is written, replaced by another leader, and written again by a third one that had the
/// first's. Whether the first write's completion is taken for the third's.
bool completion_of_a_replaced_write_counts() {
  lone_consensus follower{2, {change_to(1, voters(3))}};
  const auto first = follower.receive(2, 2, append(1, 1, {command(2, "a")}));
  follower.receive(3, 3, append(1, 1, {command(3, "b")}));
  follower.receive(2, 4, append(1, 1, {command(2, "a")}));
  follower.step(append_persisted{first->append->generation});
  return follower.core.persisted_index() >= 2;
}

// Rule 2. Behind the first write there is one that removes its entry; a crash after it has reached
// the disk, and before the third has, would take back what was acknowledged.
TEST(consensus_rules, ACompletionSpeaksOfItsOwnWriteOnly) {
  EXPECT_FALSE(completion_of_a_replaced_write_counts());
  const mutant_on off{mutant::completion_by_index};
  EXPECT_TRUE(completion_of_a_replaced_write_counts());
}

// Rule 2. Of a write whose tail was replaced, the rest is durable when it completes.
TEST(consensus_rules, TheSurvivingPartOfAReplacedWriteIsReported) {
  lone_consensus follower{2, {change_to(1, voters(3))}};
  const auto first = follower.receive(2, 2, append(1, 1, {command(2, "a"), command(2, "b"), command(2, "c")}));
  const auto second = follower.receive(3, 3, append(3, 2, {command(3, "d")}));
  follower.step(append_persisted{first->append->generation});
  EXPECT_EQ(follower.core.persisted_index(), 3U);
  follower.step(append_persisted{second->append->generation});
  EXPECT_EQ(follower.core.persisted_index(), 4U);
}

/// A node starts with a log that ended below its snapshot, in an older term; whether it goes on with
/// it.
bool log_beside_the_snapshot_survives() {
  lone_consensus node{
    4, {change_to(1, voters(3)), command(1, "a"), command(1, "b")}, snapshot_point{9, 3, voters(3), 1}};
  return node.core.last_index() != 9 || node.start_effects.log_reset != index_t{10} || node.core.term_of(9) != 3 ||
         node.core.first_index() != 10;
}

/// The same with a log that reaches beyond the snapshot but disagrees with it.
bool log_against_the_snapshot_survives() {
  lone_consensus node{4,
                      {change_to(1, voters(3)), command(1, "a"), command(1, "b"), command(1, "c")},
                      snapshot_point{3, 2, voters(3), 1}};
  return node.core.last_index() != 3 || node.core.term_of(3) != 2;
}

// Rule 3. A crash between the end of an installation and the reset of the log leaves both.
TEST(consensus_rules, ALogThatDoesNotMatchTheSnapshotIsDropped) {
  EXPECT_FALSE(log_beside_the_snapshot_survives());
  EXPECT_FALSE(log_against_the_snapshot_survives());
  const mutant_on off{mutant::keep_mismatched_log};
  EXPECT_TRUE(log_beside_the_snapshot_survives());
  EXPECT_TRUE(log_against_the_snapshot_survives());
}

// Rule 3. A log with the snapshot's entry in it, or right behind it, is kept.
TEST(consensus_rules, ALogThatGoesOnBehindTheSnapshotIsKept) {
  lone_consensus inside{4,
                        {change_to(1, voters(3)), command(1, "a"), command(2, "b"), command(3, "c")},
                        snapshot_point{3, 2, voters(3), 1}};
  EXPECT_EQ(inside.core.last_index(), 4U);
  EXPECT_FALSE(inside.start_effects.log_reset.has_value());
  lone_consensus behind{4, {command(3, "c")}, snapshot_point{3, 2, voters(3), 1}, 4};
  EXPECT_EQ(behind.core.last_index(), 4U);
  EXPECT_FALSE(behind.start_effects.log_reset.has_value());
}

// Rule 3. A log that begins behind a gap has lost entries that are nowhere: going on would lose them
// for the shard.
TEST(consensus_rules, AGapBetweenSnapshotAndLogIsRefused) {
  consensus core{lone_consensus::options()};
  const auto done = core.step(1, started{{4, no_node}, snapshot_point{3, 2, voters(3), 1}, 6, {command(3, "c")}});
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error(), raft_errc::corrupt);
}

// Rule 16. With its log beginning at entry 2 and a snapshot of entry 1, a leader would send a follower
// without any entry nothing but heartbeats.
TEST(consensus_rules, ASnapshotOfTheFirstEntryAloneTrimsNothing) {
  lone_consensus follower{2, {change_to(1, voters(3))}};
  const auto appended = follower.receive(2, 2, append(1, 1, {command(2, "a")}, 2));
  follower.step(append_persisted{appended->append->generation});
  const auto first = follower.step(snapshot_taken{{1, 1, voters(3), 1}, 0});
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->trim_below, 0U);
  EXPECT_EQ(follower.core.first_index(), 1U);
  const auto second = follower.step(snapshot_taken{{2, 2, voters(3), 1}, 0});
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->trim_below, 3U);
}

TEST(consensus_rules, WithTheRuleSwitchedOffASnapshotOfTheFirstEntryTrimsIt) {
  const mutant_on off{mutant::snapshot_of_first_entry};
  lone_consensus follower{2, {change_to(1, voters(3))}};
  const auto appended = follower.receive(2, 2, append(1, 1, {command(2, "a")}, 2));
  follower.step(append_persisted{appended->append->generation});
  const auto first = follower.step(snapshot_taken{{1, 1, voters(3), 1}, 0});
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(follower.core.first_index(), 2U);
}

// Rule 3. Completions of writes to the log that an installation drops mean nothing, and what is
// committed is not raised before its end.
TEST(consensus_rules, AnInstallationDropsTheLogAndItsCompletions) {
  lone_consensus follower{2, {change_to(1, voters(3))}};
  const auto written = follower.receive(2, 2, append(1, 1, {command(2, "a")}));
  const auto offered = follower.receive(2, 2, install_snapshot{{9, 2, voters(3), 1}});
  ASSERT_TRUE(offered->install.has_value());
  EXPECT_EQ(offered->install->index, 9U);
  EXPECT_EQ(offered->install_from, node_id{2});
  const auto completed = follower.step(append_persisted{written->append->generation});
  EXPECT_TRUE(completed->messages.empty());
  EXPECT_LT(completed->commit, 9U);
  EXPECT_EQ(follower.core.entry(2), nullptr);

  const auto installed = follower.step(snapshot_installed{});
  ASSERT_TRUE(installed.has_value());
  EXPECT_EQ(installed->commit, 9U);
  EXPECT_EQ(follower.core.term_of(9), 2U);
  const message* const answer = find_message<append_result>(*installed);
  ASSERT_NE(answer, nullptr);
  EXPECT_EQ(std::get<append_result>(answer->body).last_index, 9U);
}

/// The only voter leads, its entry reaches a standby but not its own disk, and it crashes. Whether
/// it then writes another entry of the same index and term.
bool sole_voter_reuses_its_term() {
  consensus_cluster cluster{configuration{{as_voter(1), as_standby(2)}}, 2};
  cluster.pass(300);
  cluster[1].writes_complete = false;
  const index_t index = cluster.submit(1, "lost by the disk");
  cluster.deliver();
  const log_entry reached = *cluster[2].core->entry(index);
  cluster.restart(1);
  cluster[1].writes_complete = true;
  cluster.persist(1);
  while (cluster[1].core->last_index() < index) {
    if (cluster.submit(1, "written instead") == 0) {
      return true;
    }
  }
  cluster.persist(1);
  const log_entry* const written = cluster[1].core->entry(index);
  return written->term == reached.term && *written != reached;
}

// Rule 13. A sole voter makes itself leader without an election. In the term it had, it could have
// sent entries that only others still hold.
TEST(consensus_rules, ASoleVoterLeadsInANewTerm) {
  EXPECT_FALSE(sole_voter_reuses_its_term());
  const mutant_on off{mutant::sole_voter_keeps_term};
  EXPECT_TRUE(sole_voter_reuses_its_term());
}

// Rule 13. Deposed by a higher term, the only voter comes back in a still newer one with its own
// vote: in the other it may have voted for somebody else.
TEST(consensus_rules, ADeposedSoleVoterReturnsWithItsOwnVote) {
  lone_consensus sole{1, {change_to(1, configuration{{as_voter(1), as_standby(2)}})}};
  ASSERT_EQ(sole.core.current_role(), role::leader);
  sole.step(append_persisted{sole.start_effects.append->generation});
  sole.receive(2, 9, append_result{});
  ASSERT_EQ(sole.core.current_role(), role::follower);
  sole.now += 3000;
  const auto done = sole.step(timer_expired{});
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(sole.core.current_role(), role::leader);
  EXPECT_EQ(done->hard, (hard_state{10, node_id{1}}));
}

} // namespace
} // namespace godwit::tests
