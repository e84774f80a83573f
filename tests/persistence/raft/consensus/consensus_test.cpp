// What consensus does when nothing is wrong with it: elections, replication, restarts, snapshots,
// members.

#include <gtest/gtest.h>

#include "tests/persistence/raft/consensus/lone_consensus.hpp"

namespace godwit::tests {
namespace {

using namespace persistence;
using namespace persistence::raft;

/// Whether all running nodes have applied entry `index` of node 1's, the same one.
bool applied_everywhere(consensus_cluster& cluster, index_t index) {
  for (unsigned id = 1; id <= cluster.size(); ++id) {
    const auto at = cluster[id].applied.find(index);
    if (at == cluster[id].applied.end() || at->second != cluster[1].applied[index]) {
      return false;
    }
  }
  return true;
}

// One node leads from the start and commits what is durable, not before.
TEST(consensus, ASoleVoterCommitsWhatIsDurable) {
  consensus_cluster cluster{1};
  ASSERT_EQ(cluster.leader(), 1U);
  cluster[1].writes_complete = false;
  const index_t index = cluster.submit(1, "a");
  EXPECT_LT(cluster[1].core->commit_index(), index);
  EXPECT_EQ(cluster[1].core->persisted_index(), index - 1);
  cluster.persist(1);
  EXPECT_EQ(cluster[1].core->commit_index(), index);
  EXPECT_EQ(cluster[1].applied[index].payload.view(), "a");
}

// A new leader's first entry is a barrier of its term.
TEST(consensus, EachElectionMakesABarrier) {
  consensus_cluster cluster{3};
  for (unsigned id : {1U, 2U, 3U}) {
    ASSERT_TRUE(cluster.elect(id));
    cluster.pass(300);
    const index_t last = cluster[id].core->last_index();
    EXPECT_EQ(cluster[id].core->entry(last)->kind, entry_kind::barrier);
    EXPECT_EQ(cluster[id].core->term_of(last), cluster[id].core->term());
    EXPECT_EQ(cluster[id].core->commit_index(), last);
    cluster.isolate(id);
    cluster.pass(3000);
    cluster.heal();
    cluster.pass(300);
  }
}

// Three nodes: an entry on a majority's disks is committed and applied by all.
TEST(consensus, AnEntryReachesAllReplicas) {
  consensus_cluster cluster{3};
  ASSERT_TRUE(cluster.elect(2));
  cluster.deliver();
  index_t last = 0;
  for (int i = 0; i < 100; ++i) {
    last = cluster.submit(2, "entry " + std::to_string(i));
    cluster.deliver();
  }
  cluster.pass(200);
  EXPECT_TRUE(applied_everywhere(cluster, last));
  EXPECT_FALSE(cluster.diverged());
  EXPECT_EQ(cluster[1].core->leader(), node_id{2});
  EXPECT_EQ(cluster[2].core->match_index(node_id{3}), last);
}

// Without a majority's disks nothing is committed, though every replica has the entry in memory.
TEST(consensus, OneDiskOfThreeCommitsNothing) {
  consensus_cluster cluster{3};
  ASSERT_TRUE(cluster.elect(1));
  cluster.pass(300);
  cluster[2].writes_complete = cluster[3].writes_complete = false;
  const index_t index = cluster.submit(1, "a");
  cluster.pass(300);
  EXPECT_EQ(cluster.copies(1, index), 3U);
  EXPECT_LT(cluster[1].core->commit_index(), index);
  cluster.persist(3);
  cluster.deliver();
  EXPECT_EQ(cluster[1].core->commit_index(), index);
}

// What an isolated leader appended is replaced by what the others committed.
TEST(consensus, AConflictingTailIsReplaced) {
  consensus_cluster cluster{3};
  ASSERT_TRUE(cluster.elect(1));
  cluster.pass(300);
  cluster.isolate(1);
  const index_t lost = cluster.submit(1, "never committed");
  cluster.submit(1, "nor this");
  cluster.pass(5000);
  const unsigned next = cluster.leader();
  ASSERT_TRUE(next == 2 || next == 3);
  cluster.submit(next, "committed");
  cluster.pass(300);
  cluster.heal();
  cluster.pass(2000);
  EXPECT_NE(cluster[1].applied[lost].payload.view(), "never committed");
  EXPECT_TRUE(applied_everywhere(cluster, cluster[next].core->commit_index()));
  EXPECT_FALSE(cluster.diverged());
}

// All nodes lose power; what was committed is there again, in a newer term.
TEST(consensus, ARestartKeepsWhatWasCommitted) {
  consensus_cluster cluster{3};
  ASSERT_TRUE(cluster.elect(1));
  cluster.deliver();
  const index_t index = cluster.submit(1, "kept");
  cluster.pass(300);
  const term_t before = cluster[1].core->term();
  for (unsigned id : {1U, 2U, 3U}) {
    cluster.restart(id);
    EXPECT_GE(cluster[id].core->last_index(), index);
    EXPECT_EQ(cluster[id].core->term(), before);
  }
  cluster.pass(10'000);
  ASSERT_NE(cluster.leader(), 0U);
  EXPECT_GT(cluster[cluster.leader()].core->term(), before);
  EXPECT_GE(cluster[cluster.leader()].core->commit_index(), index);
  EXPECT_EQ(cluster[cluster.leader()].core->entry(index)->payload.view(), "kept");
  EXPECT_FALSE(cluster.diverged());
}

// A follower whose next entries are trimmed is offered a snapshot; the state that arrives stands
// later than the offer, and the entries in between come again.
TEST(consensus, AFollowerThatIsTooFarBehindInstallsASnapshot) {
  consensus_cluster cluster{3};
  ASSERT_TRUE(cluster.elect(1));
  cluster.pass(300);
  cluster.isolate(3);
  cluster[3].timers = false;
  for (int i = 0; i < 20; ++i) {
    cluster.submit(1, "entry " + std::to_string(i));
  }
  cluster.pass(300);
  cluster.take_snapshot(1, 5);
  const index_t point = cluster[1].disk.snapshot->index;
  EXPECT_EQ(cluster[1].core->first_index(), point - 4);
  EXPECT_EQ(cluster[1].disk.first, point - 4);
  cluster.heal();
  cluster.pass(500);
  ASSERT_TRUE(cluster[3].installing.has_value());
  EXPECT_EQ(cluster[3].installing->index, point);
  cluster.submit(1, "meanwhile");
  cluster.submit(1, "and this");
  cluster.pass(500);
  EXPECT_EQ(cluster[3].core->first_index(), point + 1);
  cluster.finish_install(3, 1);
  cluster[3].timers = true;
  const index_t last = cluster.submit(1, "after");
  cluster.pass(1000);
  EXPECT_EQ(cluster[3].core->commit_index(), last);
  EXPECT_EQ(cluster[3].core->entry(point + 1)->payload.view(), "meanwhile");
  EXPECT_TRUE(applied_everywhere(cluster, last));
  EXPECT_EQ(cluster.leader(), 1U);

  // A crash right behind the installation: the state stands beyond the offered point.
  cluster.restart(3);
  cluster.pass(3000);
  EXPECT_EQ(cluster[3].core->last_index(), cluster[1].core->last_index());
  EXPECT_FALSE(cluster.diverged());
}

// A second offer during an installation, and a change of the leader, change nothing.
TEST(consensus, AnInstallationOutlivesItsLeader) {
  consensus_cluster cluster{3};
  ASSERT_TRUE(cluster.elect(1));
  cluster.pass(300);
  cluster.isolate(3);
  cluster[3].timers = false;
  cluster.submit(1, "a");
  cluster.pass(300);
  cluster.take_snapshot(1, 0);
  cluster.take_snapshot(2, 0);
  cluster.heal();
  cluster.pass(500);
  ASSERT_TRUE(cluster[3].installing.has_value());
  const snapshot_point accepted = *cluster[3].installing;
  const auto again =
    cluster.step(3, received{{node_id{1}, node_id{3}, cluster[1].core->term(), install_snapshot{accepted}}});
  EXPECT_FALSE(again->install.has_value());
  ASSERT_TRUE(cluster.step(1, transfer_started{node_id{2}}).has_value());
  cluster.pass(2000);
  EXPECT_EQ(cluster.leader(), 2U);
  cluster.finish_install(3, 2);
  cluster.pass(1000);
  EXPECT_EQ(cluster[3].core->last_index(), cluster[2].core->last_index());
  EXPECT_FALSE(cluster.diverged());
}

TEST(consensus, LeadershipIsHandedOver) {
  consensus_cluster cluster{3};
  ASSERT_TRUE(cluster.elect(1));
  cluster.pass(300);
  EXPECT_EQ(cluster.step(1, transfer_started{node_id{9}}).error(), raft_errc::bad_member);
  EXPECT_EQ(cluster.step(2, transfer_started{node_id{3}}).error(), raft_errc::not_leader);
  EXPECT_GT(cluster[1].core->lease_until(), cluster.now); // a refused one ends no lease
  ASSERT_TRUE(cluster.step(1, transfer_started{node_id{3}}).has_value());
  EXPECT_EQ(cluster[1].core->transferee(), node_id{3});
  EXPECT_EQ(cluster.step(1, submitted{slice::copy_of("x")}).error(), raft_errc::transfer_pending);
  EXPECT_EQ(cluster.step(1, transfer_started{node_id{2}}).error(), raft_errc::transfer_pending);
  EXPECT_EQ(cluster.step(1, change_submitted{voters(4)}).error(), raft_errc::transfer_pending);
  cluster.pass(200);
  EXPECT_EQ(cluster.leader(), 3U);
  EXPECT_EQ(cluster[1].core->leader(), node_id{3});
}

// One node grows to three: standby, catch-up, promotion, twice. Nothing is lost on the way.
TEST(consensus, OneNodeGrowsToThree) {
  consensus_cluster cluster{1, 3};
  const index_t index = cluster.submit(1, "from the beginning");
  cluster.pass(300);
  std::vector<member> members{as_voter(1)};
  for (unsigned id : {2U, 3U}) {
    members.push_back(as_standby(id));
    ASSERT_TRUE(cluster.change(1, members));
    cluster.pass(300);
    ASSERT_TRUE(cluster.step(1, catch_up_started{node_id{id}}).has_value());
    EXPECT_TRUE(cluster[1].core->change_pending());
    cluster.pass(500);
    ASSERT_EQ(cluster[1].core->catch_up(node_id{id}), catch_up_status::finished);
    members.back() = as_voter(id);
    ASSERT_TRUE(cluster.change(1, members));
    cluster.pass(300);
    EXPECT_FALSE(cluster[1].core->change_pending());
  }
  EXPECT_EQ(cluster[3].core->members(), voters(3));
  EXPECT_TRUE(applied_everywhere(cluster, index));
  cluster.crash(1);
  cluster.pass(10'000);
  EXPECT_NE(cluster.leader(), 0U);
  EXPECT_NE(cluster.submit(cluster.leader(), "without the first"), 0U);
}

TEST(consensus, ACatchUpIsForMembersThatDoNotVote) {
  consensus_cluster cluster{configuration{{as_voter(1), as_voter(2), as_standby(3)}}, 3};
  ASSERT_TRUE(cluster.elect(1));
  cluster.pass(300);
  EXPECT_EQ(cluster.step(1, catch_up_started{node_id{2}}).error(), raft_errc::bad_member);
  EXPECT_EQ(cluster.step(1, catch_up_started{node_id{7}}).error(), raft_errc::bad_member);
  EXPECT_EQ(cluster.step(2, catch_up_started{node_id{3}}).error(), raft_errc::not_leader);
  cluster.isolate(3);
  ASSERT_TRUE(cluster.step(1, catch_up_started{node_id{3}}).has_value());
  EXPECT_EQ(cluster.step(1, catch_up_started{node_id{3}}).error(), raft_errc::change_pending);
  cluster.pass(11'000); // one round of catching up may take ten seconds
  EXPECT_EQ(cluster[1].core->catch_up(node_id{3}), catch_up_status::aborted);
  EXPECT_FALSE(cluster[1].core->change_pending());
}

// A member is removed; the rest goes on, and the removed one disturbs nobody.
TEST(consensus, AMemberIsRemoved) {
  consensus_cluster cluster{3};
  ASSERT_TRUE(cluster.elect(1));
  cluster.pass(300);
  ASSERT_TRUE(cluster.change(1, {as_voter(1), as_voter(3)}));
  cluster.pass(300);
  EXPECT_EQ(cluster[3].core->members(), (configuration{{as_voter(1), as_voter(3)}}));
  const term_t term = cluster[1].core->term();
  cluster.pass(10'000);
  EXPECT_EQ(cluster.leader(), 1U);
  EXPECT_EQ(cluster[1].core->term(), term);
  cluster.crash(2);
  const index_t index = cluster.submit(1, "by two");
  cluster.pass(300);
  EXPECT_EQ(cluster[3].commit, index);
}

// Applied and durable payloads leave memory, changes and what is not applied stay; a follower that
// needs the others gets them from the log store.
TEST(consensus, PayloadsAreForgottenAndReadAgain) {
  consensus_cluster cluster{3};
  cluster[1].options.cache_bytes_max = 4096;
  cluster.restart(1);
  ASSERT_TRUE(cluster.elect(1));
  cluster.pass(300);
  cluster.isolate(3);
  cluster[3].timers = false;
  index_t last = 0;
  for (int i = 0; i < 50; ++i) {
    last = cluster.submit(1, std::string(500, static_cast<char>('a' + i % 26)));
    cluster.deliver();
  }
  cluster.pass(300);
  const consensus& core = *cluster[1].core;
  EXPECT_LE(core.cache_bytes(), 4096U);
  ASSERT_NE(core.entry(1), nullptr);
  EXPECT_EQ(core.entry(1)->kind, entry_kind::change);
  EXPECT_EQ(core.entry(5), nullptr);
  EXPECT_NE(core.term_of(5), 0U);
  EXPECT_NE(core.entry(last), nullptr);
  cluster[2].writes_complete = false; // nothing more is committed or applied
  cluster[3].writes_complete = false;
  for (int i = 0; i < 20; ++i) {
    last = cluster.submit(1, std::string(500, 'z'));
  }
  for (index_t index = core.commit_index() + 1; index <= last; ++index) {
    EXPECT_NE(core.entry(index), nullptr);
  }
  cluster.persist(2);
  cluster[2].writes_complete = cluster[3].writes_complete = true;
  cluster.heal();
  cluster.pass(3000);
  EXPECT_TRUE(applied_everywhere(cluster, last));
}

// The message says how many entries the sender has to read; it never counts on entries that are not
// in the log store yet.
TEST(consensus, AMessageTellsWhichEntriesAreMissing) {
  consensus_options options = lone_consensus::options();
  options.cache_bytes_max = 0;
  consensus core{options};
  monotonic_ms now = 1000;
  ASSERT_TRUE(
    core
      .step(now, started{{1, no_node},
                         std::nullopt,
                         1,
                         {change_to(1, configuration{{as_voter(1), as_standby(2)}}), command(1, "a"), command(1, "b")}})
      .has_value());
  ASSERT_EQ(core.current_role(), role::leader);
  core.evictable(3);
  ASSERT_EQ(core.entry(2), nullptr);
  core.step(now, submitted{slice::copy_of("not durable")});
  const auto done = core.step(now, received{{node_id{2}, node_id{1}, core.term(), append_result{3, 0, 0}}});
  const message* const out = find_message<append_entries>(*done);
  ASSERT_NE(out, nullptr);
  const auto& body = std::get<append_entries>(out->body);
  EXPECT_EQ(body.prev_index, 0U);
  EXPECT_EQ(body.entries.size(), 1U); // the change is always there
  EXPECT_EQ(body.entries_missing, 2U);
}

// What no replica makes is dropped, not handed to a library without assertions.
TEST(consensus, ImpossibleMessagesAreIgnored) {
  lone_consensus follower{3, {change_to(1, voters(3)), command(2, "a")}};
  const log_entry damaged{3, entry_kind::change, slice::copy_of("\xff\xff")};
  for (append_entries bad : {append(1, 1, {command(0, "x")}), append(1, 1, {command(4, "x")}), append(0, 5, {}),
                             append(1, 0, {}), append(2, 2, {command(3, "x"), command(2, "y")}),
                             append(~index_t{0}, 1, {command(3, "x")}), append(2, 2, {damaged})}) {
    const auto done = follower.receive(2, 3, bad);
    ASSERT_TRUE(done.has_value());
    EXPECT_FALSE(done->append.has_value());
  }
  EXPECT_FALSE(follower.receive(2, 3, install_snapshot{{9, 3, {}, 1}})->install.has_value());
  EXPECT_FALSE(follower.receive(1, 3, append(2, 2, {command(3, "x")}))->append.has_value()); // from itself
  EXPECT_EQ(follower.core.last_index(), 2U);
}

// The log contradicts what was committed: the replica has to stop, and says so.
TEST(consensus, AContradictionOfCommittedEntriesIsReported) {
  lone_consensus follower{1, {change_to(1, voters(3)), command(1, "a")}};
  ASSERT_EQ(follower.receive(2, 1, append(2, 1, {}, 2))->commit, 2U);
  const auto done = follower.receive(3, 2, append(1, 1, {command(2, "b")}));
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error(), raft_errc::corrupt);
}

} // namespace
} // namespace godwit::tests
