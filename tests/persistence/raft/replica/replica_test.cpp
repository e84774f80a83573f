#include "tests/persistence/raft/replica/replica_fixture.hpp"

namespace godwit::persistence::raft {
namespace {

using replica_proposals = replica_fixture;
using replica_messages = replica_fixture;
using replica_handover = replica_fixture;
using replica_log = replica_fixture;
using replica_start = replica_fixture;

// --- proposals ------------------------------------------------------------------------------------

// Goal: a group of one leads at once, and is ready when its barrier is durable and applied.
TEST_F(replica_proposals, ASingleReplicaIsReadyOnceItsBarrierIsDurable) {
  start(1);
  EXPECT_EQ(subject->ready_term(), 0U);
  EXPECT_EQ(propose(2, 1).error(), raft_errc::not_ready);
  settle();
  EXPECT_EQ(subject->ready_term(), subject->core().term());
}

// Goal: nothing is answered before its entry is durable and applied.
TEST_F(replica_proposals, AProposalIsAnsweredOnlyWhenItsEntryIsDurable) {
  start(1);
  settle();
  ASSERT_TRUE(propose(subject->ready_term(), 1));
  subject->round(now);
  EXPECT_TRUE(host.done.empty());
  persist_one();
  ASSERT_EQ(host.done.size(), 1U);
  EXPECT_EQ(host.done[0].outcome, proposal_outcome::applied);
  slice value;
  EXPECT_EQ(state->find(row_key(table_id{1}, entity_id{7}, "key1"), value), shard_state::found::value);
}

// Goal: with three voters a leader's own disk is not enough, and an answer before the majority's is
// seen by this scenario.
TEST_F(replica_proposals, AProposalIsAnsweredOnlyWhenAMajorityHasIt) {
  const auto answered_early = [this] {
    host.done.clear();
    EXPECT_TRUE(propose(subject->ready_term(), 1));
    settle();
    return !host.done.empty();
  };
  start(3);
  elect();
  settle();
  acknowledge();
  EXPECT_FALSE(answered_early());
  acknowledge();
  EXPECT_EQ(host.done.size(), 1U);
  mutants_on.set(static_cast<std::size_t>(mutant::acknowledge_before_majority));
  EXPECT_TRUE(answered_early());
}

// Goal: what an actor of an earlier term decided is refused.
TEST_F(replica_proposals, AProposalOfAnotherTermIsRefused) {
  start(1);
  settle();
  const term_t earlier = subject->ready_term();
  restart();
  settle();
  ASSERT_GT(subject->ready_term(), earlier);
  EXPECT_EQ(propose(earlier, 1).error(), raft_errc::stale_term);
  mutants_on.set(static_cast<std::size_t>(mutant::no_term_fence));
  EXPECT_TRUE(propose(earlier, 1)) << "the switch has no effect";
}

// Goal: proposals made while others are being written go into one entry.
TEST_F(replica_proposals, ProposalsGatherWhileOthersAreWritten) {
  start(1, [](replica_options& options) { options.appends_in_flight_max = 1; });
  settle();
  const index_t before = subject->core().last_index();
  ASSERT_TRUE(propose(subject->ready_term(), 1));
  subject->round(now);
  for (proposal_token token = 2; token <= 50; ++token) {
    ASSERT_TRUE(propose(subject->ready_term(), token));
    subject->round(now);
  }
  EXPECT_EQ(subject->core().last_index(), before + 1);
  settle();
  EXPECT_EQ(subject->core().last_index(), before + 2);
  EXPECT_EQ(host.done.size(), 50U);
}

// Goal: at the bound the next proposal is refused, not queued, and room comes back.
TEST_F(replica_proposals, TheBoundOnProposalsRefusesTheNextOne) {
  start(1, [](replica_options& options) { options.proposals_in_flight_max = 2; });
  settle();
  ASSERT_TRUE(propose(subject->ready_term(), 1));
  ASSERT_TRUE(propose(subject->ready_term(), 2));
  EXPECT_EQ(propose(subject->ready_term(), 3).error(), raft_errc::too_many);
  settle();
  EXPECT_TRUE(propose(subject->ready_term(), 3));
}

// Goal: a mutation that no entry may hold is refused by name, for waiting would not help.
TEST_F(replica_proposals, AMutationBeyondItsBoundIsRefused) {
  start(1);
  settle();
  EXPECT_EQ(subject->propose(subject->ready_term(), std::string(limits::mutation_bytes_max + 1, 'x'), 1).error(),
            raft_errc::too_large);
  EXPECT_TRUE(subject->proposals().idle());
}

// Goal: a deposed leader answers what never became an entry at once, and leaves the rest open until
// its index is decided. Method: node 3 leads term + 1 and puts another entry in that place.
TEST_F(replica_proposals, SteppingDownDecidesNothingAboutEntriesInTheLog) {
  start(3, [](replica_options& options) { options.appends_in_flight_max = 1; });
  elect();
  settle();
  acknowledge();
  const term_t term = subject->core().term();
  ASSERT_TRUE(propose(subject->ready_term(), 1));
  subject->round(now);
  ASSERT_TRUE(propose(subject->ready_term(), 2)); // gathers, for one append is in flight
  append_entries other;
  other.prev_index = subject->core().last_index() - 1;
  other.prev_term = term;
  other.leader_commit = other.prev_index;
  other.entries.push_back({term + 1, entry_kind::barrier, {}});
  receive(3, term + 1, other);
  ASSERT_EQ(host.done.size(), 1U);
  EXPECT_EQ(host.done[0].token, 2U);
  EXPECT_EQ(host.done[0].outcome, proposal_outcome::lost);

  settle();
  append_entries commit;
  commit.prev_index = other.prev_index + 1;
  commit.prev_term = term + 1;
  commit.leader_commit = commit.prev_index;
  receive(3, term + 1, commit);
  ASSERT_EQ(host.done.size(), 2U);
  EXPECT_EQ(host.done[1].token, 1U);
  EXPECT_EQ(host.done[1].outcome, proposal_outcome::lost);
}

// --- messages -------------------------------------------------------------------------------------

// Goal: a vote leaves only when it is durable (Raft, figure 2), and what follows does not overtake it.
TEST_F(replica_messages, AVoteLeavesOnlyWhenItIsDurable) {
  const auto left_early = [this](term_t term) {
    host.sent.clear();
    now += 10'000;
    request_vote ask;
    ask.last_index = 10;
    ask.last_term = 9;
    receive(2, term, ask);
    return !host.take<vote_result>().empty();
  };
  start(3);
  now += 10'000; // a voter that was just started keeps silent for an election timeout
  EXPECT_FALSE(left_early(10));
  EXPECT_EQ(subject->messages_held(), 1U);
  persist_one();
  const std::vector<vote_result> votes = host.take<vote_result>();
  ASSERT_EQ(votes.size(), 1U);
  EXPECT_TRUE(votes[0].granted);
  mutants_on.set(static_cast<std::size_t>(mutant::send_before_hard_state));
  EXPECT_TRUE(left_early(11));
}

// Goal: a long catch-up goes in pieces of bounded size that fit together.
TEST_F(replica_messages, LongAppendsGoInPieces) {
  start(3, [](replica_options& options) {
    options.append_bytes_max = 1000;
    options.appends_in_flight_max = 1000;
  });
  elect();
  settle();
  acknowledge();
  const index_t first = subject->core().last_index() + 1;
  for (proposal_token token = 1; token <= 10; ++token) {
    ASSERT_TRUE(propose(subject->ready_term(), token, std::string(300, 'x')));
    subject->round(now);
  }
  settle();
  host.sent.clear();
  append_result behind; // node 3 has nothing of it
  behind.rejected = first - 1;
  behind.last_index = 1;
  receive(3, subject->core().term(), behind);
  append_result probed;
  probed.last_index = 1;
  receive(3, subject->core().term(), probed);
  index_t next = 0;
  std::size_t entries = 0;
  for (const append_entries& each : host.take<append_entries>()) {
    std::size_t bytes = 0;
    for (const log_entry& entry : each.entries) {
      bytes += entry.payload.size();
    }
    EXPECT_TRUE(bytes <= 1000 || each.entries.size() == 1);
    if (next != 0 && !each.entries.empty() && each.prev_index >= next) {
      EXPECT_EQ(each.prev_index, next);
    }
    next = each.prev_index + each.entries.size();
    entries += each.entries.size();
  }
  EXPECT_GE(entries, 10U);
}

// Goal: a follower whose disk hangs does not gather a leader's entries in memory, and still knows its leader.
// Method: nothing that it is sent becomes durable; the leader sends without end.
TEST_F(replica_messages, AFollowerWithAHangingDiskTakesNoMoreEntriesThanItsBound) {
  start(3, [](replica_options& options) { options.proposals_in_flight_bytes_max = 10'000; });
  append_entries more;
  more.prev_index = 1;
  more.prev_term = 1;
  for (int i = 0; i < 100; ++i) {
    more.entries.assign(1, {2, entry_kind::command, slice::adopt(std::string(1000, 'x'))});
    receive(2, 2, more);
    more.prev_index = subject->core().last_index();
    more.prev_term = subject->core().term_of(more.prev_index);
    now += 100;
    subject->timer(now);
  }
  EXPECT_LE(subject->core().last_index(), 13U);
  EXPECT_EQ(subject->core().current_role(), role::follower);
  EXPECT_EQ(subject->core().leader(), node_id{2});
  settle();
  receive(2, 2, more);
  EXPECT_EQ(subject->core().last_index(), more.prev_index + 1);
}

// Goal: completions that were meant for an earlier replica of the shard in this process mean nothing.
TEST_F(replica_messages, CompletionsOfAnEarlierReplicaMeanNothing) {
  start(3);
  now += 10'000;
  request_vote ask;
  ask.last_index = 10;
  ask.last_term = 9;
  receive(2, 10, ask);
  ASSERT_FALSE(log.queued.empty());
  const write_generation old = log.queued.back().generation;
  restart([](replica_options& options) { options.incarnation = 1; });
  now += 10'000;
  ask.last_term = 10;
  receive(2, 11, ask);
  ASSERT_EQ(subject->messages_held(), 1U);
  subject->log_written(now, old + 100);
  EXPECT_EQ(subject->messages_held(), 1U);
}

// --- handing over ---------------------------------------------------------------------------------

// Goal: leadership goes only after what was accepted is answered, and nothing new is accepted.
TEST_F(replica_handover, ATransferWaitsForWhatIsInFlight) {
  start(3);
  elect();
  settle();
  acknowledge();
  ASSERT_TRUE(propose(subject->ready_term(), 1));
  subject->round(now);
  host.sent.clear();
  ASSERT_TRUE(subject->transfer(now, node_id{2}));
  EXPECT_EQ(propose(subject->ready_term(), 2).error(), raft_errc::transfer_pending);
  settle();
  EXPECT_TRUE(host.take<timeout_now>().empty());
  acknowledge();
  settle();
  EXPECT_EQ(host.done.size(), 1U);
  EXPECT_EQ(host.take<timeout_now>().size(), 1U);
}

// Goal: a transfer to somebody who cannot lead is refused at once.
TEST_F(replica_handover, ATransferGoesToAnotherVoterOnly) {
  start(3);
  elect();
  settle();
  acknowledge();
  EXPECT_EQ(subject->transfer(now, node_id{1}).error(), raft_errc::bad_member);
  EXPECT_EQ(subject->transfer(now, node_id{9}).error(), raft_errc::bad_member);
  EXPECT_TRUE(propose(subject->ready_term(), 1));
}

// Goal: a transfer that leads nowhere ends, and the leader works again.
TEST_F(replica_handover, ATransferThatFailsIsGivenUp) {
  start(3);
  elect();
  settle();
  acknowledge();
  ASSERT_TRUE(subject->transfer(now, node_id{3}));
  settle();
  for (int i = 0; i < 40; ++i) { // node 2 keeps the leader in office, node 3 says nothing
    now += 100;
    subject->timer(now);
    acknowledge();
    settle();
  }
  ASSERT_EQ(subject->core().current_role(), role::leader);
  EXPECT_TRUE(propose(subject->ready_term(), 1));
}

// Goal: nothing is accepted that the core would refuse. Method: what is in flight takes almost two
// election timeouts, so that the replica gives up long before the core does.
TEST_F(replica_handover, NothingIsAcceptedWhileTheCoreStillWaitsForASuccessor) {
  start(3);
  elect();
  settle();
  acknowledge();
  append_result alive; // keeps the leader in office and has nothing new
  alive.last_index = subject->core().last_index();
  ASSERT_TRUE(propose(subject->ready_term(), 1));
  settle();
  ASSERT_TRUE(subject->transfer(now, node_id{3})); // which says nothing
  for (int i = 0; i < 19; ++i) {
    now += 100;
    subject->timer(now);
    receive(2, subject->core().term(), alive);
  }
  acknowledge();
  settle();
  ASSERT_EQ(subject->core().transferee(), node_id{3});
  now += 150;
  settle();
  ASSERT_EQ(subject->core().transferee(), node_id{3});
  EXPECT_EQ(propose(subject->ready_term(), 2).error(), raft_errc::transfer_pending);
  EXPECT_EQ(subject->transfer(now, node_id{2}).error(), raft_errc::transfer_pending);
  for (int i = 0; i < 12; ++i) {
    now += 100;
    subject->timer(now);
    acknowledge();
    settle();
  }
  EXPECT_TRUE(propose(subject->ready_term(), 3));
}

// Goal: what gathered before a hung disk made the leader hand over is not lost when nobody takes over.
TEST_F(replica_handover, WhatGatheredSurvivesAHandoverThatFails) {
  start(3);
  elect();
  settle();
  acknowledge();
  ASSERT_TRUE(propose(subject->ready_term(), 1));
  subject->round(now);
  ASSERT_TRUE(propose(subject->ready_term(), 2));
  for (int i = 0; i < 15 && subject->core().transferee() == no_node; ++i) {
    now += 100;
    subject->timer(now);
    acknowledge();
  }
  ASSERT_NE(subject->core().transferee(), no_node);
  subject->round(now);
  EXPECT_TRUE(host.done.empty());
  for (int i = 0; i < 12; ++i) {
    now += 100;
    subject->timer(now);
    acknowledge();
  }
  settle();
  acknowledge();
  ASSERT_EQ(host.done.size(), 2U);
  EXPECT_EQ(host.done[0].outcome, proposal_outcome::applied);
  EXPECT_EQ(host.done[1].outcome, proposal_outcome::applied);
}

// Goal: a leader whose disk hangs longer than the election timeout hands over.
TEST_F(replica_handover, ALeaderWithAHangingDiskHandsOver) {
  start(3);
  elect();
  settle();
  acknowledge();
  ASSERT_TRUE(propose(subject->ready_term(), 1));
  subject->round(now);
  bool handed_over = false;
  for (int i = 0; i < 15 && !handed_over; ++i) {
    now += 100;
    subject->timer(now);
    acknowledge();
    handed_over = !host.take<timeout_now>().empty();
  }
  EXPECT_TRUE(handed_over);
}

// --- the log --------------------------------------------------------------------------------------

// Goal: the log loses its oldest entries only behind the durable state.
TEST_F(replica_log, TheLogIsTrimmedBehindTheDurableStateOnly) {
  const auto adjust = [](replica_options& options) { options.trailing_entries = 4; };
  start(1, adjust);
  settle();
  for (proposal_token token = 1; token <= 40; ++token) {
    ASSERT_TRUE(propose(subject->ready_term(), token));
    settle();
  }
  EXPECT_EQ(subject->core().first_index(), 1U);
  flush_state();
  EXPECT_GT(subject->core().first_index(), 30U);
  EXPECT_LE(subject->core().first_index(), state->durable().index);
  settle();
  restart(adjust);
  settle();
  EXPECT_NE(subject->ready_term(), 0U);
}

// Goal: trimming by what is applied, not durable, is seen.
TEST_F(replica_log, TrimmingBeyondTheDurableStateIsNoticedAtTheNextStart) {
  mutants_on.set(static_cast<std::size_t>(mutant::trim_beyond_state));
  start(1, [](replica_options& options) { options.trailing_entries = 0; });
  settle();
  ASSERT_TRUE(propose(subject->ready_term(), 1));
  settle();
  flush_state();
  for (proposal_token token = 2; token <= 40; ++token) {
    ASSERT_TRUE(propose(subject->ready_term(), token));
    settle();
  }
  const flush_completion nothing_new{shard, flushes.point, flushes.point.point.index};
  subject->state_flushed(now, nothing_new);
  settle();
  flushes.queued.clear();
  state = std::make_unique<shard_state>(shard, flushes, flushes.point, shard_state::options{});
  replica_options options;
  options.consensus.self = node_id{1};
  replica again(shard, options, log, *state, host);
  const storage_result<void> started = again.start(now, *log.recover(shard, 0));
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, persistence_errc::corrupt);
}

// Goal: entries that memory has lost are read back for a follower that is behind, once per follower.
TEST_F(replica_log, EntriesThatLeftMemoryAreReadForAFollower) {
  start(3, [](replica_options& options) { options.consensus.cache_bytes_max = 1000; });
  elect();
  settle();
  acknowledge();
  for (proposal_token token = 1; token <= 50; ++token) {
    ASSERT_TRUE(propose(subject->ready_term(), token, std::string(200, 'x')));
    settle();
    acknowledge();
  }
  host.sent.clear();
  append_result behind;
  behind.rejected = 2;
  behind.last_index = 1;
  receive(3, subject->core().term(), behind);
  append_result probed;
  probed.last_index = 1;
  receive(3, subject->core().term(), probed);
  ASSERT_EQ(host.reads.size(), 1U);
  const log_read_request request = host.reads[0];
  EXPECT_EQ(request.peer, node_id{3});
  host.sent.clear();
  subject->log_read_done(now, request, log.read(shard, request.first, request.count, request.bytes_max));
  const std::vector<append_entries> appends = host.take<append_entries>();
  ASSERT_FALSE(appends.empty());
  EXPECT_EQ(appends[0].prev_index, request.first - 1);
  EXPECT_FALSE(appends[0].entries.empty());
  EXPECT_FALSE(appends[0].entries.back().payload.empty());
}

// --- the start ------------------------------------------------------------------------------------

// Goal: a state that is older than the log's beginning is refused with a remedy, not replayed with a hole.
TEST_F(replica_start, AStateOlderThanTheLogIsRefused) {
  state = std::make_unique<shard_state>(shard, flushes, flushed_state{}, shard_state::options{});
  replica_options options;
  options.consensus.self = node_id{1};
  replica one(shard, options, log, *state, host);
  recovered_log recovered;
  recovered.hard = {4, node_id{1}};
  recovered.first = 20;
  const storage_result<void> started = one.start(now, recovered);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, persistence_errc::corrupt);
  EXPECT_NE(started.error().message.find("shard 3"), std::string::npos);
}

// Goal: everything answered before a restart is there after it, although the state was not flushed.
TEST_F(replica_start, WhatWasAnsweredIsThereAfterARestart) {
  start(1);
  settle();
  for (proposal_token token = 1; token <= 10; ++token) {
    ASSERT_TRUE(propose(subject->ready_term(), token));
  }
  settle();
  ASSERT_EQ(host.done.size(), 10U);
  restart();
  settle();
  for (proposal_token token = 1; token <= 10; ++token) {
    slice value;
    EXPECT_EQ(state->find(row_key(table_id{1}, entity_id{7}, "key" + std::to_string(token)), value),
              shard_state::found::value);
  }
}

} // namespace
} // namespace godwit::persistence::raft
