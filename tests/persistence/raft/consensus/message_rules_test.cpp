// The adapter's rules on messages. Each scenario answers whether the rule's violation was seen, and
// runs twice: with the rule it must not be, with the rule switched off it must.

#include <gtest/gtest.h>

#include "tests/persistence/raft/consensus/lone_consensus.hpp"
#include "tests/support/mutant_on.hpp"

namespace godwit::tests {
namespace {

using namespace persistence;
using namespace persistence::raft;

std::vector<log_entry> short_log() {
  return {change_to(1, voters(3)), command(1, "a"), command(1, "b"), command(1, "c")};
}

/// A leader of an older term sends an append and offers a snapshot; whether an answer claims more
/// than the newer term.
bool answer_to_older_term_claims_something() {
  lone_consensus follower{5, short_log()};
  for (message_body old :
       {message_body{append(3, 1, {command(2, "x")})}, message_body{install_snapshot{{9, 2, voters(3), 1}}}}) {
    const auto done = follower.receive(2, 2, std::move(old));
    const message* const answer = find_message<append_result>(*done);
    if (answer == nullptr || answer->term != 5) {
      return true;
    }
    const auto& body = std::get<append_result>(answer->body);
    if (body.rejected != 0 || body.last_index != 0) {
      return true;
    }
  }
  return false;
}

// Rule 4, F1. The library answers an install of an older term with success and an index it never
// set, which the leader of that very term may take for an acknowledgement.
TEST(consensus_rules, AnAnswerToAnOlderTermClaimsNothing) {
  EXPECT_FALSE(answer_to_older_term_claims_something());
  const mutant_on off{mutant::accept_stale_answer};
  EXPECT_TRUE(answer_to_older_term_claims_something());
}

/// A follower is silent long enough to be probed again, then an old rejection of its arrives at the
/// very index it is known to match; whether it is left behind.
bool late_rejection_starves_a_follower() {
  consensus_cluster cluster{3};
  cluster.elect(1);
  cluster.submit(1, "first");
  cluster.deliver();
  const index_t match = cluster[1].core->match_index(node_id{2});
  cluster[2].timers = cluster[3].timers = false;
  cluster.cut(1, 2);
  cluster.pass(2500);
  cluster.network.push_back({node_id{2}, node_id{1}, cluster[1].core->term(), append_result{match, match - 1, 0}});
  cluster.heal();
  cluster.deliver();
  const index_t last = cluster.submit(1, "second");
  cluster.pass(3000);
  return cluster[2].core->last_index() < last;
}

// Rule 5, F2. A rejection at the match takes the library's next index to the match, where its count
// of entries in flight underflows: nothing but heartbeats goes out from then on. Rule 17 would mend that by the way, so
// it is off.
TEST(consensus_rules, ALateRejectionOfWhatMatchesIsNoRejection) {
  const mutant_on alone{mutant::forgotten_answers};
  EXPECT_FALSE(late_rejection_starves_a_follower());
  const mutant_on off{mutant::pass_low_rejection};
  EXPECT_TRUE(late_rejection_starves_a_follower());
}

/// A follower that has trimmed entry 1 gets the log from its beginning; whether that does harm.
bool append_below_trim_does_harm() {
  lone_consensus follower{1, {command(1, "a"), command(1, "b")}, snapshot_point{2, 1, voters(3), 1}, 2};
  const auto done = follower.receive(2, 1, append(0, 0, {change_to(1, voters(3)), command(1, "a")}));
  return !done || done->append.has_value() || follower.core.last_index() != 3 || follower.core.first_index() != 2;
}

// Rule 5, F3. The library takes entries it has trimmed for new ones and appends them at its end.
TEST(consensus_rules, EntriesBelowTheTrimPointAreSkipped) {
  EXPECT_FALSE(append_below_trim_does_harm());
  const mutant_on off{mutant::pass_below_trim};
  EXPECT_TRUE(append_below_trim_does_harm());
}

// The part above the trim point of such a message counts all the same.
TEST(consensus_rules, EntriesAboveTheTrimPointOfTheSameMessageAreTaken) {
  lone_consensus follower{1, {command(1, "a"), command(1, "b")}, snapshot_point{2, 1, voters(3), 1}, 2};
  const auto done =
    follower.receive(2, 1, append(0, 0, {change_to(1, voters(3)), command(1, "a"), command(1, "b"), command(1, "c")}));
  ASSERT_TRUE(done.has_value());
  ASSERT_TRUE(done->append.has_value());
  EXPECT_EQ(done->append->first, 4U);
  EXPECT_EQ(done->append->entries, std::vector{command(1, "c")});
}

/// A change behind a command in one message is replaced by another leader's entry; whether the
/// follower goes on with the members it brought.
bool replaced_change_stays_in_use() {
  lone_consensus follower{1, {change_to(1, voters(3))}};
  follower.receive(2, 1, append(1, 1, {command(1, "a"), change_to(1, voters(4))}));
  follower.receive(3, 2, append(2, 1, {command(2, "b")}));
  return follower.core.members() != voters(3);
}

// Rule 6, F4. The library books the change at the index of the command before it, and does not roll
// it back when the change alone is replaced.
TEST(consensus_rules, AChangeInsideAMessageIsBookedAtItsOwnIndex) {
  EXPECT_FALSE(replaced_change_stays_in_use());
  const mutant_on off{mutant::unsplit_change};
  EXPECT_TRUE(replaced_change_stays_in_use());
}

// Rule 6. Of two changes in one message the older is committed, for the newer would not be there
// otherwise; when the newer is replaced, the older is what the library must fall back to.
TEST(consensus_rules, AnOlderChangeIsConfirmedBeforeANewerOneArrives) {
  lone_consensus follower{1, {change_to(1, voters(3))}};
  follower.receive(2, 1, append(1, 1, {change_to(1, voters(4)), command(1, "a"), change_to(1, voters(5))}));
  EXPECT_EQ(follower.core.members(), voters(5));
  follower.receive(3, 2, append(3, 1, {command(2, "b")}));
  EXPECT_EQ(follower.core.members(), voters(4));
}

/// A candidate two terms behind asks in a pre-vote and is denied; whether it is told of the term.
bool denial_hides_the_term() {
  lone_consensus voter{7, {change_to(1, voters(3)), command(7, "a")}};
  const auto done = voter.receive(2, 5, request_vote{1, 1, false, true});
  const message* const answer = find_message<vote_result>(*done);
  return answer == nullptr || answer->term < 7;
}

// Rule 9, F5. The library answers a pre-vote in the term that was asked for; a candidate with the
// newest log would never learn that its term is too low to be voted for.
TEST(consensus_rules, ADeniedPreVoteTellsTheVotersTerm) {
  EXPECT_FALSE(denial_hides_the_term());
  const mutant_on off{mutant::hidden_voter_term};
  EXPECT_TRUE(denial_hides_the_term());
}

/// A leader whose log no longer begins at 1, and a new member whose offer is still on its way while
/// it answers heartbeats. How many offers are sent.
int offers_on_a_slow_stream() {
  consensus_cluster cluster{2, 3};
  cluster.elect(1);
  cluster.submit(1, "a");
  cluster.deliver();
  cluster.pass(200);
  cluster.take_snapshot(1, 0);
  int offers = 0;
  cluster.hold = [](const message& m) { return std::holds_alternative<install_snapshot>(m.body); };
  cluster.change(1, {as_voter(1), as_voter(2), as_standby(3)});
  cluster.pass(900);
  for (const message& one : cluster.network) {
    offers += std::holds_alternative<install_snapshot>(one.body) ? 1 : 0;
  }
  return offers;
}

// Rule 10. Each heartbeat that a follower without the snapshot rejects makes the library offer it
// again, while the first one is still being delivered or its rows are on their way.
TEST(consensus_rules, OneSnapshotIsOfferedAtATime) {
  EXPECT_EQ(offers_on_a_slow_stream(), 1);
  const mutant_on off{mutant::unlimited_snapshots};
  EXPECT_GT(offers_on_a_slow_stream(), 3);
}

// Rule 10. An offer that got lost is made again after an election timeout, not after the much
// longer time that an installation may take.
TEST(consensus_rules, ALostOfferIsMadeAgain) {
  consensus_cluster cluster{2, 3};
  cluster.elect(1);
  cluster.submit(1, "a");
  cluster.pass(200);
  cluster.take_snapshot(1, 0);
  cluster.lose = [](const message& m) { return std::holds_alternative<install_snapshot>(m.body); };
  cluster.change(1, {as_voter(1), as_voter(2), as_standby(3)});
  cluster.pass(500);
  EXPECT_FALSE(cluster[3].installing.has_value());
  cluster.lose = nullptr;
  cluster.pass(1500);
  EXPECT_TRUE(cluster[3].installing.has_value());
}

// Rule 10. The same when the leader has trimmed its log further since, so that its heartbeats name a later snapshot than
// the one that it offered.
TEST(consensus_rules, AnOfferThatWasLostBeforeAFurtherTrimIsMadeAgain) {
  consensus_cluster cluster{3};
  cluster.elect(1);
  cluster.submit(1, "a");
  cluster.pass(300);
  cluster.isolate(3);
  for (int i = 0; i < 20; ++i) {
    cluster.submit(1, "b");
  }
  cluster.pass(300);
  cluster.take_snapshot(1, 0);
  cluster.lose = [](const message& m) { return std::holds_alternative<install_snapshot>(m.body); };
  cluster.heal();
  cluster.pass(300);
  cluster.submit(1, "c");
  cluster.pass(100);
  cluster.take_snapshot(1, 0);
  cluster.pass(1000);
  EXPECT_FALSE(cluster[3].installing.has_value());
  cluster.lose = nullptr;
  cluster.pass(2000);
  EXPECT_TRUE(cluster[3].installing.has_value());
}

/// One of three nodes is down, and entries are submitted at times that drift over the heartbeats; how many of them are
/// not committed at once.
int entries_that_wait() {
  consensus_cluster cluster{3};
  cluster.elect(1);
  cluster.pass(300);
  cluster.isolate(3);
  cluster.pass(2000);
  int waiting = 0;
  for (int i = 0; i < 40; ++i) {
    const index_t index = cluster.submit(1, "entry " + std::to_string(i));
    cluster.deliver();
    waiting += cluster[1].commit == index ? 0 : 1;
    cluster.pass(137);
  }
  return waiting;
}

// Rule 17. With a member that is down, timeouts come between the heartbeats to the others, too.
TEST(consensus_rules, ADeadMemberDoesNotHoldUpTheOthersEntries) {
  EXPECT_EQ(entries_that_wait(), 0);
  const mutant_on off{mutant::forgotten_answers};
  EXPECT_GT(entries_that_wait(), 5);
}

// Rule 17. An answer is no contact for ever.
TEST(consensus_rules, ALeaderThatIsCutOffStepsDownAllTheSame) {
  consensus_cluster cluster{3};
  cluster.elect(1);
  cluster.pass(300);
  cluster.isolate(1);
  cluster.pass(2500);
  EXPECT_NE(cluster[1].core->current_role(), role::leader);
}

/// A leader has a spare; whether it is ever told to wake up at a time that has passed.
bool timer_lies_in_the_past() {
  consensus_cluster cluster{configuration{{as_voter(1), as_voter(2), as_standby(3)}}, 3};
  cluster.elect(1);
  cluster.pass(300);
  cluster.change(1, {as_voter(1), as_voter(2), as_spare(3)});
  for (int i = 0; i < 5; ++i) {
    cluster.now += 150;
    if (!cluster.step(1, timer_expired{}) || cluster[1].timer_at <= cluster.now) {
      return true;
    }
    cluster.deliver();
  }
  return false;
}

// Rule 11. The library counts on the last sending to a spare, to which it sends nothing any more.
TEST(consensus_rules, TheTimerIsNeverInThePast) {
  EXPECT_FALSE(timer_lies_in_the_past());
  const mutant_on off{mutant::unclamped_timer};
  EXPECT_TRUE(timer_lies_in_the_past());
}

// Rule 11. Nor does the spare wake an idle leader more often than its heartbeats do.
TEST(consensus_rules, ASpareDoesNotKeepTheLeaderAwake) {
  consensus_cluster cluster{configuration{{as_voter(1), as_voter(2), as_standby(3)}}, 3};
  cluster.elect(1);
  cluster.pass(300);
  cluster.change(1, {as_voter(1), as_voter(2), as_spare(3)});
  cluster.pass(300);
  int woken = 0;
  for (const monotonic_ms end = cluster.now + 1000; cluster.now < end; cluster.pass(1)) {
    woken += cluster[1].timer_at <= cluster.now + 1 ? 1 : 0;
  }
  EXPECT_LE(woken, 12);
  EXPECT_EQ(cluster.leader(), 1U);
}

/// An old heartbeat that reaches less far than what is committed; whether the commit index goes back.
bool commit_goes_back() {
  lone_consensus follower{1, short_log()};
  const index_t before = follower.receive(2, 1, append(4, 1, {}, 4))->commit;
  return before != 4 || follower.receive(2, 1, append(2, 1, {}, 9))->commit < 4;
}

// Rule 12. The library takes the smaller of the leader's commit index and the message's end.
TEST(consensus_rules, TheCommitIndexNeverGoesBack) {
  EXPECT_FALSE(commit_goes_back());
  const mutant_on off{mutant::commit_regression};
  EXPECT_TRUE(commit_goes_back());
}

} // namespace
} // namespace godwit::tests
