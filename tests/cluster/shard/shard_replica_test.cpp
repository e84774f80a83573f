// One replica on its loop, over stores that the test moves by hand; the other nodes are the test itself.

#include "cluster/shard/shard_replica.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "cluster/shard/loop_shards.hpp"
#include "cluster/shard/peer_sink.hpp"
#include "config/cluster_limits.hpp"
#include "tests/support/manual_stores.hpp"
#include "tests/support/test_loop.hpp"

namespace godwit::test {
namespace {

using namespace cluster; // NOLINT: the subject
using raft::append_entries;
using raft::append_result;
using raft::install_snapshot;
using raft::request_vote;
using raft::vote_result;

constexpr shard_id shard{3};

/// A loop that may stand still within a round: `behind` is how long ago it read the clock.
class slow_loop final : public test_loop {
public:
  using test_loop::test_loop;
  [[nodiscard]] monotonic_ms fresh_now() const override { return now() + behind; }
  monotonic_ms behind = 0;
};

class importing_store final : public manual_state_store {
public:
  storage_result<void> run_on_reader(std::function<void()> job) override {
    job();
    return {};
  }
  void import_begin(shard_id, import_done done) override {
    ++imports;
    done(flushed_state{});
  }
  int imports = 0;
};

class recording_peers final : public peer_sink {
public:
  void send(shard_id, raft::message what) override { sent.push_back(std::move(what)); }
  void fetch_snapshot(shard_id, node_id, const snapshot_point&) override { ++fetches; }
  void cancel_snapshot(shard_id, std::function<void()> then) override { cancelled = std::move(then); }

  std::vector<raft::message> sent;
  int fetches = 0;
  std::function<void()> cancelled;
};

class counting_listener final : public replica_listener {
public:
  void proposal_done(raft::proposal_token, raft::proposal_outcome) override {}
  void proposals_settled() override { ++settled; }
  void ready_term_changed(term_t ready) override { told.push_back(ready); }
  int settled = 0;
  std::vector<term_t> told;
};

class shard_replica_test : public ::testing::Test {
protected:
  /// Of three voters, or of nothing yet.
  void start(bool begun = true, bool resigned = false) {
    if (begun) {
      configuration members;
      for (std::uint64_t id = 1; id <= 3; ++id) {
        members.members.push_back({node_id{id}, member_role::voter});
      }
      log.submit(raft::replica::bootstrap(shard, members));
      log.persist_one();
    }
    shard_replica::setup setup;
    setup.shard = shard;
    setup.log = *log.recover(shard, 0);
    setup.replica.consensus.self = node_id{1};
    setup.peers = &peers;
    setup.resigned = resigned;
    subject = &loops->add(std::move(setup));
    subject->listen(&listener);
    loops->start();
    settle();
  }
  ~shard_replica_test() override { loops->close(); }

  /// Everything queued becomes durable, until nothing moves.
  void settle() {
    for (loop.run(); !log.queued.empty(); loop.run()) {
      if (const write_generation generation = log.persist_one(); generation != 0) {
        loops->log_written({{shard, generation}});
      }
    }
  }
  void pass(monotonic_ms by) {
    loop.advance(by);
    settle();
  }
  void receive(std::uint64_t from, term_t term, raft::message_body body) {
    subject->receive({node_id{from}, node_id{1}, term, std::move(body)});
    settle();
  }
  template <class Body>
  std::optional<Body> last_sent() {
    std::optional<Body> out;
    for (const raft::message& each : std::exchange(peers.sent, {})) {
      if (const Body* const body = std::get_if<Body>(&each.body)) {
        out = *body;
      }
    }
    return out;
  }
  /// Node 2 votes for it and has its barrier.
  void elect() {
    for (int i = 0; i < 500 && subject->role() != raft::role::candidate; ++i) {
      pass(10);
    }
    receive(2, subject->term(), vote_result{true, true});
    receive(2, subject->term(), vote_result{true, false});
    ASSERT_EQ(subject->role(), raft::role::leader);
    acknowledge();
  }
  void acknowledge() {
    append_result result;
    result.last_index = subject->last_index();
    receive(2, subject->term(), result);
  }
  /// Node 2 goes on answering.
  void lead_for(monotonic_ms time) {
    for (monotonic_ms passed = 0; passed < time; passed += 100) {
      pass(100);
      acknowledge();
    }
  }
  /// What node 2 says as the leader of term 2.
  static append_entries heartbeat() {
    append_entries out;
    out.prev_index = 1;
    out.prev_term = 1;
    out.leader_commit = 1;
    return out;
  }

  caf::actor_system_config config;
  caf::actor_system system{config};
  slow_loop loop{system};
  manual_log_store log;
  importing_store store;
  recording_peers peers;
  counting_listener listener;
  std::shared_ptr<loop_shards> loops = std::make_shared<loop_shards>(loop, log, store);
  shard_replica* subject = nullptr;
};

// Goal: what a follower promises its leader counts from the moment at which it answers. Method: the loop stands still
// for long between reading the clock and hearing the leader; another node asks for a vote right after.
TEST_F(shard_replica_test, APromiseBeginsWhenItIsMade) {
  start();
  for (int i = 0; i < 15; ++i) {
    receive(2, 2, heartbeat()); // it says nothing of its own for a while after a start
    pass(100);
  }
  constexpr monotonic_ms frozen = 5000;
  loop.behind = frozen;
  receive(2, 2, heartbeat());
  ASSERT_TRUE(last_sent<append_result>());
  loop.behind = 0;
  pass(frozen + 500);
  EXPECT_EQ(subject->role(), raft::role::follower);
  EXPECT_EQ(subject->term(), 2U);
  receive(3, 3, request_vote{10, 2, false, false});
  const auto answer = last_sent<vote_result>();
  EXPECT_TRUE(!answer || !answer->granted);
  EXPECT_EQ(subject->term(), 2U);
  pass(3000);
  receive(3, subject->term() + 1, request_vote{10, 2, false, false});
  const auto later = last_sent<vote_result>();
  ASSERT_TRUE(later);
  EXPECT_TRUE(later->granted) << "that silence ends";
}

// Goal: a transfer that nobody took up ends: the host hears that there is room, and proposals are taken, though without
// a lease for the rest of the term.
TEST_F(shard_replica_test, AFailedTransferIsToldToWhoWaits) {
  start();
  elect();
  lead_for(300);
  const term_t term = subject->ready_term();
  ASSERT_NE(term, 0U);
  ASSERT_TRUE(subject->transfer(node_id{2}));
  settle();
  EXPECT_TRUE(last_sent<raft::timeout_now>());
  ASSERT_TRUE(subject->transferring());
  const auto refused = subject->propose(term, "", 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), raft::raft_errc::transfer_pending);
  const int before = listener.settled;
  lead_for(3000);
  ASSERT_EQ(subject->ready_term(), term);
  EXPECT_FALSE(subject->transferring());
  EXPECT_EQ(listener.settled, before + 1);
  EXPECT_TRUE(subject->propose(term, "", 2));
  EXPECT_EQ(subject->lease_until(), 0U);
}

// Goal: a node that begins resigned never serves what it is elected to, and does when it may lead.
TEST_F(shard_replica_test, WhoBeginsResignedServesNothing) {
  start(true, true);
  EXPECT_TRUE(subject->resigned());
  elect();
  lead_for(limits::resign_ms + 1000);
  EXPECT_EQ(subject->role(), raft::role::leader);
  EXPECT_EQ(subject->ready_term(), 0U);
  EXPECT_TRUE(listener.told.empty());
  subject->resign(false);
  settle();
  EXPECT_EQ(subject->ready_term(), subject->term());
}

// Goal: nor does one that is elected within the time in which it may give away what it has.
TEST_F(shard_replica_test, WhoIsElectedAfterItResignedServesNothing) {
  start();
  for (int i = 0; i < 500 && subject->role() != raft::role::candidate; ++i) {
    pass(10);
  }
  subject->resign(true);
  elect();
  EXPECT_EQ(subject->ready_term(), 0U);
  EXPECT_TRUE(listener.told.empty());
}

// Goal: one that resigns while it leads serves until somebody takes over, for its time.
TEST_F(shard_replica_test, WhoResignsServesForAWhile) {
  start();
  elect();
  lead_for(300);
  ASSERT_NE(subject->ready_term(), 0U);
  subject->resign(true);
  settle();
  EXPECT_NE(subject->ready_term(), 0U);
  lead_for(limits::resign_ms + 1000);
  EXPECT_EQ(subject->role(), raft::role::leader);
  EXPECT_EQ(subject->ready_term(), 0U);
}

// Goal: a replica that installs nothing is not made again, whoever says so late.
TEST_F(shard_replica_test, OnlyWhoInstallsIsMadeAgain) {
  start();
  elect();
  subject->make_again();
  settle();
  EXPECT_FALSE(peers.cancelled);
  EXPECT_EQ(store.imports, 0);
  EXPECT_EQ(subject->role(), raft::role::leader);
}

// Goal: the import of a snapshot that is given up has ended before another one begins, which is before the replica is
// there again.
TEST_F(shard_replica_test, WhatIsFetchedEndsBeforeAReplicaIsMadeAgain) {
  start(false);
  install_snapshot offer;
  offer.point.index = 100;
  offer.point.term = 5;
  offer.point.members.members = {{node_id{1}, member_role::voter}, {node_id{2}, member_role::voter}};
  offer.point.configuration_index = 1;
  receive(2, 5, offer);
  ASSERT_EQ(peers.fetches, 1);
  pass(1000);
  ASSERT_TRUE(subject->status().installing);
  subject->make_again();
  subject->make_again(); // once is enough
  settle();
  ASSERT_TRUE(peers.cancelled);
  EXPECT_EQ(store.imports, 0);
  pass(1000);
  EXPECT_EQ(store.imports, 0);
  EXPECT_EQ(subject->term(), 0U) << "there is none";
  std::exchange(peers.cancelled, nullptr)();
  settle();
  EXPECT_EQ(store.imports, 1);
  EXPECT_EQ(subject->term(), 5U) << "of the disk";
  pass(1000);
  EXPECT_FALSE(subject->status().installing);
  receive(2, 5, offer);
  EXPECT_EQ(peers.fetches, 2) << "it takes part again";
}

} // namespace
} // namespace godwit::test
