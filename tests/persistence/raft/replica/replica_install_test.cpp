#include "tests/persistence/raft/replica/replica_fixture.hpp"

namespace godwit::persistence::raft {
namespace {

/// A follower that is offered a snapshot at index 50 of term 2, in which two voters and itself are
/// members since index 1.
class replica_install : public replica_fixture {
protected:
  void offer() {
    snapshot_point point;
    point.index = 50;
    point.term = 2;
    point.configuration_index = 1;
    for (std::uint64_t id = 1; id <= 3; ++id) {
      point.members.members.push_back({node_id{id}, member_role::voter});
    }
    offered = point;
    receive(2, 2, install_snapshot{point});
    settle();
  }

  flushed_state arrived_at(index_t index) const {
    flushed_state out;
    out.point = offered;
    out.point.index = index;
    out.generation = 1;
    return out;
  }

  void append(index_t prev, std::size_t count, index_t commit) {
    append_entries more;
    more.prev_index = prev;
    more.prev_term = 2;
    more.leader_commit = commit;
    for (std::size_t i = 0; i < count; ++i) {
      std::string batch;
      std::string mutation;
      mutation_writer{mutation}.put(table_id{1}, entity_id{prev + 1 + i}, "", "v");
      append_mutation(batch, mutation);
      more.entries.push_back({2, entry_kind::command, slice::adopt(std::move(batch))});
    }
    receive(2, 2, more);
    settle();
  }

  bool has_row(index_t index) const {
    slice value;
    return state->find(row_key(table_id{1}, entity_id{index}), value) == shard_state::found::value;
  }

  snapshot_point offered;
};

// Goal: the snapshot is asked for, installed, acknowledged up to the offered point, and the log begins
// behind it, all in this order.
TEST_F(replica_install, AnOfferedSnapshotIsFetchedInstalledAndAcknowledged) {
  start(3);
  offer();
  ASSERT_TRUE(host.fetching);
  EXPECT_EQ(host.fetching->index, 50U);
  EXPECT_TRUE(subject->installing());
  host.sent.clear();
  subject->snapshot_arrived(now, arrived_at(50));
  settle();
  EXPECT_FALSE(subject->installing());
  EXPECT_EQ(log.first, 51U);
  EXPECT_TRUE(log.entries.empty());
  const std::vector<append_result> results = host.take<append_result>();
  ASSERT_FALSE(results.empty());
  EXPECT_EQ(results.back().rejected, 0U);
  EXPECT_EQ(results.back().last_index, 50U);
}

// Goal: a state that stands later than the offer is not rolled back: entries up to it are passed over,
// those behind it applied.
TEST_F(replica_install, AStateLaterThanTheOfferPassesOverTheEntriesItHas) {
  start(3);
  offer();
  subject->snapshot_arrived(now, arrived_at(53));
  settle();
  append(50, 5, 55);
  EXPECT_FALSE(has_row(53));
  EXPECT_TRUE(has_row(54));
  EXPECT_TRUE(has_row(55));
  EXPECT_EQ(state->applied().index, 55U);
}

// Goal: a state older than the offer is not installed.
TEST_F(replica_install, AStateOlderThanTheOfferIsNotInstalled) {
  start(3);
  offer();
  subject->snapshot_arrived(now, arrived_at(49));
  EXPECT_TRUE(subject->installing());
}

// Goal: after an install and a crash before any entry followed, the node starts from the snapshot.
TEST_F(replica_install, ARestartAfterAnInstallGoesOnFromTheSnapshot) {
  start(3);
  offer();
  flushes.point = arrived_at(53);
  subject->snapshot_arrived(now, flushes.point);
  settle();
  restart();
  append(53, 2, 55);
  EXPECT_EQ(subject->core().commit_index(), 55U);
  EXPECT_TRUE(has_row(55));
}

// Goal: a crash between the import and the reset of the log leaves a log that does not reach the state:
// it is dropped.
TEST_F(replica_install, ACrashBetweenImportAndResetDropsTheOldLog) {
  start(3);
  offer();
  flushes.point = arrived_at(53); // imported, but the log store never heard of it
  restart();
  settle();
  EXPECT_EQ(log.first, 54U);
  EXPECT_TRUE(log.entries.empty());
  append(53, 1, 54);
  EXPECT_TRUE(has_row(54));
}

} // namespace
} // namespace godwit::persistence::raft
