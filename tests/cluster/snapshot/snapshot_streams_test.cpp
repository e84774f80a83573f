#include "tests/cluster/snapshot/snapshot_fixture.hpp"

namespace godwit::test {
namespace {

using cluster::snapshot_transfer;
namespace wire = cluster::wire;

class snapshot_streams_test : public snapshot_fixture {
protected:
  /// 100 rows in about 20 chunks, at node 1, index 50.
  void SetUp() override {
    from = &start(1);
    to = &start(2);
    fill(*from, some_rows(100, 180), 50);
  }

  node* from = nullptr;
  node* to = nullptr;
};

// Goal: rows and point of the leader become the receiver's, in a generation of their own.
TEST_F(snapshot_streams_test, AReplicaGetsTheRowsOfItsLeader) {
  fetch(*to, 50);
  ASSERT_TRUE(wait_for(1));
  EXPECT_EQ(arrived[0].second.point, point_at(50));
  EXPECT_EQ(arrived[0].second.generation, 1U);
  expect_equal(*to, *from);
  const cluster::snapshot_counters& counters = to->streams->counters();
  EXPECT_EQ(counters.received_rows.value(), 100U);
  EXPECT_EQ(counters.received_bytes.value(), from->streams->counters().sent_bytes.value());
  EXPECT_EQ(counters.begun_anew.value() + counters.broken.value() + counters.damaged.value(), 0U);
  EXPECT_GT(to->store.chunks_imported, 15);
}

// Goal: an empty shard, and the cluster's own, whose number is beside the others.
TEST_F(snapshot_streams_test, AnEmptyShardAndTheClustersOwnArriveToo) {
  fill(*from, {}, 7, shard_id{4});
  fill(*from, some_rows(3, 10), 8, cluster::meta_shard);
  fetch(*to, 1, shard_id{4});
  fetch(*to, 1, cluster::meta_shard);
  ASSERT_TRUE(wait_for(2));
  expect_equal(*to, *from, shard_id{4});
  expect_equal(*to, *from, cluster::meta_shard);
}

// Goal: nothing is held when it is over: no picture of the sender's store, no connection, no transfer on the board.
TEST_F(snapshot_streams_test, NothingIsHeldWhenItIsOver) {
  fetch(*to);
  ASSERT_TRUE(wait_for(1));
  loop.advance(1000);
  EXPECT_EQ(from->store.exports_open, 0);
  EXPECT_EQ(from->streams->counters().sent.value(), 1U);
  EXPECT_EQ(from->streams->counters().exports.value(), 0);
  EXPECT_TRUE(from->streams->status().empty());
  EXPECT_TRUE(to->streams->status().empty());
}

// Goal: what an operator sees in the middle of a transfer, at both ends. Method: a slow import.
TEST_F(snapshot_streams_test, ATransferUnderWayIsSeenAtBothEnds) {
  to->store.import_ms = 500;
  fetch(*to);
  loop.advance(5000);
  const std::vector<snapshot_transfer> in = to->streams->status();
  const std::vector<snapshot_transfer> out = from->streams->status();
  ASSERT_EQ(in.size(), 1U);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_TRUE(in[0].incoming);
  EXPECT_FALSE(out[0].incoming);
  EXPECT_EQ(in[0].peer, node_id{1});
  EXPECT_EQ(out[0].peer, node_id{2});
  EXPECT_EQ(in[0].shard, the_shard);
  EXPECT_EQ(in[0].now, snapshot_transfer::phase::streaming);
  EXPECT_GT(in[0].rows, 10U);
  EXPECT_NEAR(static_cast<double>(in[0].bytes_per_second), 2000.0, 500.0);
  EXPECT_GT(out[0].bytes, in[0].bytes);
  EXPECT_EQ(to->streams->counters().receiving.value(), 1);
  EXPECT_EQ(from->streams->counters().sending.value(), 1);
}

// Goal: what a slow receiver has not imported does not pile up: the sender is a few chunks ahead, no more.
TEST_F(snapshot_streams_test, ASlowReceiverIsNotOverrun) {
  to->store.import_ms = 1000;
  std::uint64_t sent = 0;
  std::uint64_t most_ahead = 0;
  wires.on_frame = [&](node_id, node_id, std::string& frame) {
    if (const auto chunk = chunk_in(frame)) {
      sent = chunk->chunk().number() + 1;
      most_ahead = std::max(most_ahead, sent - static_cast<std::uint64_t>(to->store.chunks_imported));
    }
    return true;
  };
  fetch(*to);
  ASSERT_TRUE(wait_for(1));
  EXPECT_EQ(most_ahead, limits::snapshot_window_chunks);
  EXPECT_EQ(to->streams->counters().broken.value(), 0U);
  expect_equal(*to, *from);
}

// Goal: a rate for all streams together. Method: two streams of 20 KB each at 4 KB a second take ten seconds.
TEST_F(snapshot_streams_test, AllStreamsShareOneRate) {
  stop(*from);
  bytes_per_second = 4000;
  start(1);
  node& third = start(3);
  fill(*from, some_rows(100, 180), 50, shard_id{4});
  const monotonic_ms begin = loop.time();
  fetch(*to);
  fetch(third, 1, shard_id{4});
  loop.advance(5000);
  EXPECT_TRUE(arrived.empty());
  const std::uint64_t half = from->streams->counters().sent_bytes.value();
  EXPECT_NEAR(static_cast<double>(half), 20'000.0, 3000.0);
  ASSERT_TRUE(wait_for(2));
  const auto bytes = static_cast<double>(from->streams->counters().sent_bytes.value());
  EXPECT_NEAR(static_cast<double>(loop.time() - begin), bytes / 4, 1000.0);
  expect_equal(*to, *from);
  expect_equal(third, *from, shard_id{4});
}

// Goal: two streams at once, others in turn, none forgotten, and those that wait do not take it for silence.
TEST_F(snapshot_streams_test, StreamsBeyondTheBoundWaitForTheirTurn) {
  to->store.import_ms = 800;
  std::int64_t most = 0;
  for (std::uint16_t i = 0; i < 5; ++i) {
    fill(*from, some_rows(100, 180, static_cast<char>('a' + i)), 50, shard_id{i});
    fetch(*to, 1, shard_id{i});
  }
  for (int i = 0; i < 30'000 && arrived.size() < 5; ++i) {
    loop.advance(10);
    most = std::max(most, from->streams->counters().sending.value());
    EXPECT_LE(from->store.exports_open, 2);
  }
  ASSERT_EQ(arrived.size(), 5U);
  EXPECT_EQ(most, 2);
  EXPECT_EQ(to->streams->counters().broken.value(), 0U);
  for (std::uint16_t i = 0; i < 5; ++i) {
    expect_equal(*to, *from, shard_id{i});
  }
}

// Goal: whoever is asked and does not lead names who does.
TEST_F(snapshot_streams_test, ANodeThatDoesNotLeadNamesWhoDoes) {
  node& third = start(3);
  fill(third, some_rows(100, 180), 60);
  leader = no_node; // the receiver asks node 1, which offered it …
  bool told = false;
  wires.on_frame = [&](node_id, node_id to_node, std::string&) {
    if (!std::exchange(told, true)) {
      EXPECT_EQ(to_node, node_id{1});
      leader = node_id{3}; // … and knows better when the question arrives
    }
    return true;
  };
  fetch(*to);
  ASSERT_TRUE(wait_for(1));
  EXPECT_TRUE(told);
  expect_equal(*to, third);
  EXPECT_EQ(from->store.exports, 0);
}

// Goal: a leader whose rows do not reach what is wanted is asked again until they do; nothing is imported before.
TEST_F(snapshot_streams_test, RowsThatDoNotReachFarEnoughAreWaitedFor) {
  fetch(*to, 51);
  loop.advance(2000);
  EXPECT_TRUE(arrived.empty());
  EXPECT_TRUE(to->store.imports.empty());
  from->store.shards[the_shard].at.point.index = 51;
  ASSERT_TRUE(wait_for(1, 1000));
  EXPECT_TRUE(stale.empty());
  expect_equal(*to, *from);
}

// Goal: after four seconds of that the replica is better made anew: told once, the store untouched, the fetch ended.
TEST_F(snapshot_streams_test, ALeaderThatStaysBehindMakesTheFetchStale) {
  fetch(*to, 51);
  loop.advance(limits::snapshot_stale_ms - 100);
  EXPECT_TRUE(stale.empty());
  loop.advance(1000);
  ASSERT_EQ(stale, std::vector<shard_id>{the_shard});
  from->store.shards[the_shard].at.point.index = 51;
  loop.advance(60'000);
  EXPECT_EQ(stale.size(), 1U);
  EXPECT_TRUE(arrived.empty());
  EXPECT_TRUE(to->store.shards[the_shard].rows.empty());
  EXPECT_TRUE(to->streams->status().empty());
}

// Goal: nobody to ask is no reason to give a replica up; the fetch goes on when a leader is there.
TEST_F(snapshot_streams_test, WithoutALeaderItIsWaitedForOne) {
  stop(*from);
  leader = no_node;
  fetch(*to, 51);
  loop.advance(60'000);
  EXPECT_TRUE(stale.empty());
  node& third = start(3);
  fill(third, some_rows(10, 10), 51);
  leader = node_id{3};
  ASSERT_TRUE(wait_for(1, 5000));
  expect_equal(*to, third);
}

// Goal: a later fetch of the shard takes the earlier one's place, and what was imported, which is new enough.
TEST_F(snapshot_streams_test, ALaterFetchGoesOnWithWhatIsThere) {
  to->store.import_ms = 100;
  bool first_done = false;
  to->streams->fetch(the_shard, node_id{1}, point_at(10), [&](const flushed_state&) { first_done = true; });
  loop.advance(1000);
  fetch(*to, 50);
  ASSERT_TRUE(wait_for(1));
  EXPECT_FALSE(first_done);
  EXPECT_EQ(from->store.exports, 1);
  EXPECT_EQ(to->streams->counters().begun_anew.value(), 0U);
  expect_equal(*to, *from);
}

// Goal: where it is not new enough, it begins anew, and the earlier one's rows never become the shard's.
TEST_F(snapshot_streams_test, ALaterFetchThatWantsMoreBeginsAnew) {
  to->store.import_ms = 100;
  bool first_done = false;
  to->streams->fetch(the_shard, node_id{1}, point_at(10), [&](const flushed_state&) { first_done = true; });
  loop.advance(1000);
  fill(*from, some_rows(90, 180, 'w'), 70);
  fetch(*to, 60);
  ASSERT_TRUE(wait_for(1));
  EXPECT_FALSE(first_done);
  EXPECT_EQ(arrived[0].second.point.index, 70U);
  EXPECT_EQ(to->streams->counters().begun_anew.value(), 1U);
  expect_equal(*to, *from);
}

// Goal: a cancelled fetch is told to have ended only when no call of its import is under way. Method: cancelled at
// every moment of a slow import; after the answer the shard stays what it is.
TEST_F(snapshot_streams_test, ACancelledFetchLeavesTheStoreAlone) {
  to->store.import_ms = 100;
  for (monotonic_ms at = 0; at < 2600; at += 50) {
    to->store.shards.clear();
    to->store.imports.clear();
    arrived.clear();
    fetch(*to);
    loop.advance(at);
    bool ended = false;
    state_generation then = 99;
    to->streams->cancel(the_shard, [&] {
      ended = true;
      then = to->store.shards[the_shard].at.generation;
    });
    loop.advance(200);
    ASSERT_TRUE(ended) << at;
    const std::size_t before = arrived.size();
    loop.advance(5000);
    EXPECT_EQ(to->store.shards[the_shard].at.generation, then) << at;
    EXPECT_EQ(arrived.size(), before) << at;
  }
}

// Goal: nothing is called back after a stop, in whatever state it comes.
TEST_F(snapshot_streams_test, NothingHappensAfterAStop) {
  to->store.import_ms = 100;
  for (int i = 0; i < 30; ++i) {
    fetch(*to);
    loop.advance(static_cast<monotonic_ms>(i) * 90);
    const std::size_t before = arrived.size();
    stop(*to);
    EXPECT_EQ(to->store.exports_open, 0);
    loop.advance(1000);
    EXPECT_EQ(arrived.size(), before);
    to->store.shards.clear();
    start(2);
  }
}

} // namespace
} // namespace godwit::test
