// Leases. Scenarios as in message_rules_test.cpp; the violation is a lease that is still held when
// another leader may have committed.

#include <limits>

#include <gtest/gtest.h>

#include "tests/persistence/raft/consensus/lone_consensus.hpp"
#include "tests/support/mutant_on.hpp"

namespace godwit::tests {
namespace {

using namespace persistence;
using namespace persistence::raft;

/// Whether another node has committed an entry of a newer term while node 1 holds a lease.
bool lease_overlaps_another_leader(consensus_cluster& cluster) {
  const unsigned other = cluster.leader();
  return other != 1 && other != 0 &&
         cluster[other].core->term_of(cluster[other].core->commit_index()) == cluster[other].core->term() &&
         cluster[1].core->lease_until() > cluster.now;
}

// A majority's answers make a lease; it ends earlier than the voters' patience by the drift allowed.
TEST(consensus_lease, ALeaseRunsFromTheSendingOfWhatAMajorityAnswered) {
  consensus_cluster cluster{3};
  cluster.elect(1);
  cluster.pass(300);
  const monotonic_ms until = cluster[1].core->lease_until();
  EXPECT_GT(until, cluster.now);
  EXPECT_LE(until, cluster.now + 1000 - 10);
  EXPECT_EQ(cluster[2].core->lease_until(), 0U);
  cluster.isolate(1);
  cluster.pass(500);
  EXPECT_EQ(cluster[1].core->lease_until(), until);
}

// Nobody else can be elected, so that a sole voter's reads need no answer from anyone.
TEST(consensus_lease, ASoleVotersLeaseHasNoEnd) {
  consensus_cluster cluster{1};
  EXPECT_EQ(cluster[1].core->lease_until(), std::numeric_limits<monotonic_ms>::max());
}

/// An answer that took 900 ms; whether the lease is longer than an election timeout from the sending.
bool lease_counts_from_the_receipt() {
  consensus_cluster cluster{3};
  cluster.elect(1);
  cluster.pass(300);
  for (unsigned id : {1U, 2U, 3U}) {
    cluster[id].timers = false;
  }
  cluster.isolate(3);
  const monotonic_ms sent = cluster.now += 100;
  cluster.step(1, timer_expired{});
  cluster.deliver_now([](const message& m) { return m.to != node_id{1}; });
  cluster.now += 900;
  cluster.deliver();
  return cluster[1].core->lease_until() > sent + 1000;
}

// The follower's patience began when it received the append, not when its answer arrived.
TEST(consensus_lease, ALateAnswerMakesNoLongerLease) {
  EXPECT_FALSE(lease_counts_from_the_receipt());
  const mutant_on off{mutant::lease_from_receipt};
  EXPECT_TRUE(lease_counts_from_the_receipt());
}

/// Leadership is handed over while the old leader hears of nothing any more.
bool lease_outlives_a_transfer() {
  consensus_cluster cluster{3};
  cluster.elect(1);
  cluster.pass(300);
  EXPECT_TRUE(cluster.step(1, transfer_started{node_id{2}}).has_value());
  cluster.deliver_now([](const message& m) { return std::holds_alternative<timeout_now>(m.body); });
  cluster.isolate(1);
  cluster.deliver();
  cluster.pass(50);
  cluster.submit(2, "new");
  cluster.deliver();
  cluster.pass(100);
  cluster.submit(2, "newer");
  cluster.deliver();
  EXPECT_EQ(cluster.leader(), 2U);
  return lease_overlaps_another_leader(cluster);
}

// The one that takes over is elected at once, with leave to disturb who is still patient.
TEST(consensus_lease, ATransferEndsTheLease) {
  EXPECT_FALSE(lease_outlives_a_transfer());
  const mutant_on off{mutant::lease_over_transfer};
  EXPECT_TRUE(lease_outlives_a_transfer());
}

/// A voter acknowledges the leader, restarts, and is asked for its vote by one that has long been
/// waiting.
bool restarted_voter_breaks_the_lease() {
  consensus_cluster cluster{3};
  cluster.elect(1);
  cluster.pass(300);
  cluster.isolate(3);
  cluster[1].timers = cluster[2].timers = cluster[3].timers = false;
  cluster.pass(2500); // node 3 is due to stand
  cluster.step(1, timer_expired{});
  cluster.deliver();
  cluster.heal();
  cluster.isolate(1);
  cluster.restart(2);
  for (int i = 0; i < 3; ++i) {
    cluster.now += 20;
    cluster.step(3, timer_expired{});
    cluster.deliver();
  }
  cluster.submit(3, "new");
  cluster.deliver();
  return lease_overlaps_another_leader(cluster);
}

// A restart forgets the patience that the leader counts on.
TEST(consensus_lease, ARestartedVoterIsSilentForAnElectionTimeout) {
  EXPECT_FALSE(restarted_voter_breaks_the_lease());
  const mutant_on off{mutant::vote_after_restart};
  EXPECT_TRUE(restarted_voter_breaks_the_lease());
}

// While members change there are two kinds of majority.
TEST(consensus_lease, AChangeOfMembersSuspendsTheLease) {
  consensus_cluster cluster{3, 4};
  cluster.elect(1);
  cluster.pass(300);
  cluster.isolate(1);
  ASSERT_TRUE(cluster.change(1, {as_voter(1), as_voter(2), as_voter(3), as_standby(4)}));
  EXPECT_EQ(cluster[1].core->lease_until(), 0U);
  cluster.heal();
  cluster.pass(300);
  EXPECT_GT(cluster[1].core->lease_until(), cluster.now);
}

} // namespace
} // namespace godwit::tests
