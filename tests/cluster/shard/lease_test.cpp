// What a host answers while another node may lead, or does: leases, barriers, and requests that wait or go on. On virtual
// time, over a replica that leads and commits when the test says so.

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>

#include <gtest/gtest.h>

#include "cluster/shard/entity_push.hpp"
#include "cluster/shard/leader_board.hpp"
#include "cluster/shard/local_router.hpp"
#include "cluster/shard/messages.hpp"
#include "cluster/shard/shard_host.hpp"
#include "tests/cluster/shard/asker.hpp"
#include "tests/cluster/shard/counter_entity.hpp"
#include "tests/cluster/shard/fake_replica.hpp"
#include "tests/support/mutant_on.hpp"
#include "tests/support/test_loop.hpp"

namespace godwit::test {
namespace {

using namespace cluster; // NOLINT: the subject
using persistence::node_id;

/// Keeps what is given back to it.
class keeping_router final : public cluster::router {
public:
  void send(entity_request_ptr request) override { kept.push_back(std::move(request)); }
  [[nodiscard]] std::uint16_t shards() const override { return 1; }
  std::vector<entity_request_ptr> kept;
};

/// Writes down answers and what it is told, in their order.
class listener final : public cluster::pinned_actor {
public:
  listener(caf::actor_config& config, home_loop& home, std::vector<std::string>& heard)
      : cluster::pinned_actor(config, home), heard_(heard) {}

  caf::behavior make_behavior() override {
    return {
      [this](const entity_reply& reply) {
        heard_.push_back(reply.status == reply_status::ok ? "answer " + reply.body : "unavailable");
      },
      [this](const entity_push& what) { heard_.push_back("told " + std::to_string(what.number)); },
    };
  }

private:
  std::vector<std::string>& heard_;
};

class lease_test : public ::testing::Test {
protected:
  lease_test() {
    shard_host::setup setup;
    setup.self = node_id{1};
    setup.factories = &factories;
    setup.router = &router;
    setup.board = &board;
    setup.counters = &counters;
    setup.ended = [this](bool) { ended = true; };
    host = system.spawn<shard_host>(loop, replica, std::move(setup));
    board.on_change([this](shard_id, leadership) { caf::anon_send(host, shard_leader_known{}); });
    me = system.spawn<asker>(loop, &heard);
    loop.run();
  }
  ~lease_test() override {
    caf::anon_send(host, shard_stop{});
    loop.advance(10'000);
    EXPECT_TRUE(ended);
    EXPECT_EQ(counters.requests_open.value(), 0);
    EXPECT_EQ(counters.requests_waiting.value(), 0);
    caf::anon_send_exit(me, caf::exit_reason::kill);
    loop.run();
  }

  void ask(const std::string& what, node_id origin = persistence::no_node, bool listens = false) {
    const entity_request_ptr out = command(1, what, me, ++asked);
    out->origin = origin;
    out->listens = listens;
    caf::anon_send(host, out);
  }
  using strings = std::vector<std::string>;
  strings bodies() {
    strings out;
    for (const entity_reply& each : std::exchange(heard, {})) {
      out.push_back(each.status == reply_status::ok      ? each.body
                    : each.status == reply_status::moved ? "moved to " + std::to_string(each.leader.value())
                                                         : "unavailable");
    }
    return out;
  }
  void commit_all() {
    for (loop.run(); !replica.proposed.empty(); loop.run()) {
      replica.commit(replica.proposed.size());
    }
  }

  caf::actor_system_config config;
  caf::actor_system system{config};
  test_loop loop{system};
  const entity_factories factories = counter_entity::factories();
  keeping_router router;
  leader_board board{1};
  shard_counters counters;
  fake_replica replica;
  bool ended = false;
  asker::replies heard;
  std::uint64_t asked = 0;
  caf::actor me;
  caf::actor host;
};

// Goal: within a lease, and for a sole voter, an answer from memory costs no proposal.
TEST_F(lease_test, WithinALeaseAnAnswerLeavesAtOnce) {
  replica.lead(1);
  ask("get");
  loop.run();
  EXPECT_EQ(bodies(), strings{"0"});
  replica.lease = loop.time() + 1;
  ask("get");
  loop.run();
  EXPECT_EQ(bodies(), strings{"0"});
  EXPECT_TRUE(replica.proposed.empty());
}

// Goal: without a lease answers wait for one proposal of nothing, all of a round for the same, and leave in order.
TEST_F(lease_test, WithoutALeaseAnswersWaitForOneBarrier) {
  replica.lead(1);
  replica.lease = loop.time();
  for (int i = 0; i < 10; ++i) {
    ask("get");
  }
  loop.run();
  EXPECT_TRUE(heard.empty());
  ASSERT_EQ(replica.proposed.size(), 1U);
  EXPECT_TRUE(replica.proposed.front().mutation.empty());
  ask("add");
  ask("get");
  commit_all();
  strings expected(10, "0");
  expected.insert(expected.end(), {"1", "1"});
  EXPECT_EQ(bodies(), expected);
}

// Goal: who begins to listen is answered without a lease too, as after a transfer that was given up, by a barrier, and
// before it hears of what was proposed after it asked. Method: the barrier and that proposal are committed at once.
TEST_F(lease_test, WhoListensHearsNothingBeforeItsAnswer) {
  strings told;
  const caf::actor ear = system.spawn<listener>(loop, told);
  replica.lead(1);
  replica.lease = 0;
  const entity_request_ptr listen = command(1, "get", ear);
  listen->listens = true;
  caf::anon_send(host, listen);
  loop.run();
  EXPECT_TRUE(told.empty());
  ask("tell");
  ask("tell");
  loop.run();
  ASSERT_EQ(replica.proposed.size(), 3U);
  replica.commit(3);
  loop.run();
  EXPECT_EQ(told, (strings{"answer 0", "told 1", "told 2"}));
  EXPECT_EQ(bodies(), (strings{"1", "2"}));
  caf::anon_send_exit(ear, caf::exit_reason::kill);
  loop.run();
}

// Goal: while leadership is handed over, what is proposed waits, barriers too; when that was given up it goes on, in
// order and without a lease, and nobody's entity has ended.
TEST_F(lease_test, WhatIsProposedDuringAHandOverWaitsForItsEnd) {
  replica.lead(1);
  ask("add");
  commit_all();
  EXPECT_EQ(bodies(), strings{"1"});
  replica.handing_over = true;
  replica.lease = 0;
  ask("add");
  ask("get", persistence::no_node, true);
  loop.run();
  EXPECT_TRUE(heard.empty());
  EXPECT_TRUE(replica.proposed.empty());
  replica.give_transfer_up();
  commit_all();
  EXPECT_EQ(bodies(), (strings{"2", "2"}));
  EXPECT_EQ(counters.entities_started.value(), 1U);
  EXPECT_EQ(counters.lost.value(), 0U);
}

// Goal: when the hand-over succeeds, what waited is answered as everything of a term that ended.
TEST_F(lease_test, WhatWaitedForAHandOverEndsWithTheTerm) {
  replica.lead(1);
  replica.handing_over = true;
  ask("add");
  ask("get");
  loop.run();
  EXPECT_TRUE(heard.empty());
  replica.lead(0);
  loop.run();
  EXPECT_EQ(bodies(), (strings{"unavailable", "unavailable"}));
  EXPECT_EQ(counters.proposals_kept_bytes.value(), 0);
}

// Goal: a proposal made before the request came proves nothing about the time after it: its answer needs the lease too.
TEST_F(lease_test, AnOlderProposalIsNoProof) {
  replica.lead(1);
  replica.lease = 0;
  ask("add");
  loop.run();
  ask("get");
  loop.run();
  ASSERT_EQ(replica.proposed.size(), 1U);
  replica.commit();
  loop.run();
  EXPECT_EQ(bodies(), strings{"1"}) << "only what was written is answered";
  ASSERT_EQ(replica.proposed.size(), 1U);
  commit_all();
  EXPECT_EQ(bodies(), strings{"1"});
}

// Goal: a leader that was deposed and does not know it answers nothing, neither from memory nor by its barrier.
TEST_F(lease_test, ADeposedLeaderAnswersNothing) {
  replica.lead(1);
  replica.lease = 0;
  ask("get");
  loop.advance(5000);
  EXPECT_TRUE(heard.empty());
  replica.lose(replica.proposed.size());
  loop.run();
  EXPECT_EQ(bodies(), strings{"unavailable"});
  ask("get");
  loop.run();
  replica.lead(0);
  loop.run();
  EXPECT_EQ(bodies(), strings{"unavailable"});
}

// Goal: the test above is worth something: with the rule switched off an old answer leaves.
TEST_F(lease_test, WithoutTheRuleADeposedLeaderWouldAnswer) {
  const tests::mutant_on off(persistence::mutant::answer_without_lease);
  replica.lead(1);
  replica.lease = 0;
  ask("get");
  loop.run();
  EXPECT_EQ(bodies(), strings{"0"});
}

// Goal: when the replica has no room, a barrier waits with the other proposals, in order.
TEST_F(lease_test, ABarrierWaitsForRoom) {
  replica.lead(1);
  replica.lease = 0;
  replica.room = 1;
  ask("add");
  ask("add");
  ask("get");
  loop.run();
  EXPECT_EQ(replica.proposed.size(), 1U);
  replica.commit();
  loop.run();
  EXPECT_EQ(bodies(), strings{"1"});
  commit_all();
  EXPECT_EQ(bodies(), (strings{"2", "2"}));
}

// --- while another node leads -------------------------------------------------------------------------

// Goal: requests wait only while nobody is known to lead; then the local ones go back to the router, in order, and those
// of other nodes are told who leads.
TEST_F(lease_test, WhatWaitsGoesOnWhenAnotherNodeLeads) {
  ask("get");
  ask("get", node_id{3});
  ask("add");
  loop.advance(1000);
  EXPECT_EQ(counters.requests_waiting.value(), 3);
  board.note(shard_id{0}, {node_id{2}, 7});
  loop.run();
  ASSERT_EQ(router.kept.size(), 2U);
  EXPECT_EQ(router.kept[0]->token, 1U);
  EXPECT_EQ(router.kept[1]->token, 3U);
  EXPECT_EQ(bodies(), strings{"moved to 2"});
  ask("get", node_id{3});
  ask("get");
  loop.run();
  EXPECT_EQ(bodies(), strings{"moved to 2"}) << "and later ones at once";
  EXPECT_EQ(router.kept.size(), 3U);
}

// Goal: likewise when another leader was heard of while this replica still led, and its rows were yet to be read.
TEST_F(lease_test, WhatWaitsGoesOnWhenTheTermEndsBeforeItIsOpen) {
  replica.lead(1);
  ask("add");
  commit_all();
  replica.flush();
  replica.lead(0);
  loop.run();
  (void)bodies();
  replica.store.refusals = 1'000'000;
  replica.lead(2);
  ask("get");
  ask("get", node_id{3});
  loop.run();
  EXPECT_EQ(counters.requests_waiting.value(), 2);
  board.note(shard_id{0}, {node_id{2}, 7});
  loop.run();
  EXPECT_EQ(counters.requests_waiting.value(), 2) << "this replica leads, as far as it knows";
  replica.lead(0);
  loop.run();
  EXPECT_EQ(router.kept.size(), 1U);
  EXPECT_EQ(bodies(), strings{"moved to 2"});
}

// Goal: a node that is to lead nothing refuses at once what nobody else is known to take.
TEST_F(lease_test, ANodeThatMayNotLeadRefuses) {
  replica.may_not_lead = true;
  ask("get");
  loop.run();
  EXPECT_EQ(bodies(), strings{"unavailable"});
}

} // namespace
} // namespace godwit::test
