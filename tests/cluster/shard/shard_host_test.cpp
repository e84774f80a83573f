// The host of a shard and its entities on virtual time, over a replica that commits when the test says so.

#include "cluster/shard/shard_host.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>

#include <gtest/gtest.h>

#include "cluster/shard/local_router.hpp"
#include "cluster/shard/messages.hpp"
#include "tests/cluster/shard/asker.hpp"
#include "tests/cluster/shard/counter_entity.hpp"
#include "tests/cluster/shard/fake_replica.hpp"
#include "tests/support/test_loop.hpp"

namespace godwit::test {
namespace {

using namespace cluster; // NOLINT: the subject

class shard_host_test : public ::testing::Test {
protected:
  static host_limits small_limits() {
    host_limits out;
    out.requests_in_flight_max = 20;
    out.request_timeout_ms = 10'000;
    out.proposals_kept_bytes_max = 1000;
    out.entities_max = 8;
    out.entity_idle_ms = 60'000;
    out.entity_restarts_max = 3;
    out.entity_restart_window_ms = 60'000;
    out.entity_refusal_ms = 30'000;
    out.drain_ms = 3000;
    return out;
  }

  shard_host_test() {
    shard_host::setup setup;
    setup.factories = &factories_;
    setup.router = &router_;
    setup.counters = &counters;
    setup.limits = small_limits();
    setup.ended = [this](bool in_order) { ended = in_order; };
    host = system.spawn<shard_host>(loop, replica, std::move(setup));
    me = system.spawn<asker>(loop, &heard);
    loop.run();
  }

  ~shard_host_test() override {
    caf::anon_send(host, shard_stop{});
    loop.advance(10'000);
    EXPECT_TRUE(ended) << "the host did not end";
    EXPECT_EQ(entities.alive, 0);
    EXPECT_EQ(counters.requests_open.value(), 0);
    EXPECT_EQ(counters.requests_waiting.value(), 0);
    EXPECT_EQ(counters.proposals_kept_bytes.value(), 0);
    EXPECT_EQ(counters.shards_ready.value(), 0);
    EXPECT_EQ(counters.entities_of(entity_kind::user).value(), 0);
    caf::anon_send_exit(me, caf::exit_reason::kill);
    loop.run();
  }

  /// Sends without giving the loop a turn.
  entity_request_ptr ask(std::uint64_t user, const std::string& what) {
    entity_request_ptr out = command(user, what, me, ++asked);
    caf::anon_send(host, out);
    return out;
  }
  /// Commits everything, until nobody proposes any more.
  void commit_all() {
    for (loop.run(); !replica.proposed.empty(); loop.run()) {
      replica.commit(replica.proposed.size());
    }
  }
  /// Asks, commits and gives the answer.
  entity_reply call(std::uint64_t user, const std::string& what) {
    ask(user, what);
    commit_all();
    EXPECT_FALSE(heard.empty()) << what;
    const entity_reply out = heard.empty() ? entity_reply{} : heard.back();
    heard.clear();
    return out;
  }
  std::vector<std::string> bodies() const {
    std::vector<std::string> out;
    for (const entity_reply& each : heard) {
      out.push_back(each.status == reply_status::ok ? each.body : "unavailable");
    }
    return out;
  }
  using strings = std::vector<std::string>;

  caf::actor_system_config config;
  caf::actor_system system{config};
  test_loop loop{system};
  counter_entity::record entities;
  const entity_factories factories_ = counter_entity::factories(&entities);
  local_router router_{1};
  shard_counters counters;
  fake_replica replica;
  bool ended = false;
  asker::replies heard;
  std::uint64_t asked = 0;
  caf::actor me;
  caf::actor host;
};

// --- answers --------------------------------------------------------------------------------------

// Goal: no answer before what it rests on is committed (the design, section 3: every reply, errors included,
// waits). Method: the replica holds the proposals back.
TEST_F(shard_host_test, RepliesAndErrorsWaitForTheCommit) {
  replica.lead(1);
  ask(1, "add");
  ask(1, "fail");
  ask(1, "get");
  loop.advance(1000);
  EXPECT_TRUE(heard.empty());
  ASSERT_EQ(replica.proposed.size(), 2U);
  replica.commit();
  loop.run();
  EXPECT_EQ(bodies(), strings{"1"});
  replica.commit();
  loop.run();
  ASSERT_EQ(heard.size(), 3U);
  EXPECT_EQ(heard[1].status, reply_status::error);
  EXPECT_EQ(heard[1].error, rpc_error(rpc_errc::flood_wait, 7));
  EXPECT_EQ(heard[2].body, "2") << "a read sees the second proposal and waits for it";
  EXPECT_EQ(heard[2].token, 3U);
}

// Goal: what one asker sends to one entity is handled in that order, while the entity loads and later.
TEST_F(shard_host_test, RequestsOfOneAskerKeepTheirOrder) {
  for (int i = 0; i < 5; ++i) {
    ask(1, "add");
  }
  loop.run(); // wait for a term
  replica.lead(1);
  for (int i = 0; i < 5; ++i) {
    ask(1, "add"); // come while it loads
  }
  commit_all();
  for (int i = 0; i < 5; ++i) {
    ask(1, "add");
  }
  commit_all();
  ASSERT_EQ(heard.size(), 15U);
  for (std::uint64_t i = 0; i < 15; ++i) {
    EXPECT_EQ(heard[i].token, i + 1);
    EXPECT_EQ(heard[i].body, std::to_string(i + 1));
  }
}

// Goal: a kind that no factory makes is answered, not dropped.
TEST_F(shard_host_test, AnUnknownKindIsUnavailable) {
  replica.lead(1);
  entity_request_ptr strange = command(1, "get", me, 1);
  strange->to.kind = entity_kind::phone;
  caf::anon_send(host, strange);
  loop.run();
  EXPECT_EQ(bodies(), strings{"unavailable"});
}

// --- bounds ---------------------------------------------------------------------------------------

// Goal: without a leader requests wait for a bounded time and in bounded number.
TEST_F(shard_host_test, WithoutALeaderRequestsWaitForTheirTimeAndNoLonger) {
  for (int i = 0; i < 25; ++i) {
    ask(1, "get");
  }
  loop.run();
  EXPECT_EQ(heard.size(), 5U) << "beyond the bound: at once";
  EXPECT_EQ(counters.requests_waiting.value(), 20);
  loop.advance(9999);
  EXPECT_EQ(heard.size(), 5U);
  loop.advance(1);
  EXPECT_EQ(heard.size(), 25U);
  for (const entity_reply& each : heard) {
    EXPECT_EQ(each.status, reply_status::unavailable);
  }
  EXPECT_EQ(counters.timed_out.value(), 20U);
  EXPECT_EQ(counters.requests_waiting.value(), 0);
  heard.clear();
  replica.lead(1);
  EXPECT_EQ(call(1, "get").body, "0");
}

// Goal: an entity that does not answer in time does not keep its asker waiting, and its late answer is not a
// second one.
TEST_F(shard_host_test, ALateAnswerIsPassedOver) {
  replica.lead(1);
  ask(1, "hold");
  loop.advance(10'000);
  EXPECT_EQ(bodies(), strings{"unavailable"});
  heard.clear();
  EXPECT_EQ(call(1, "release").body, "released");
  EXPECT_TRUE(heard.empty());
}

// Goal: when the replica takes no more, proposals wait in their order, and requests behind them; nothing is lost.
TEST_F(shard_host_test, ProposalsWaitForRoomInTheReplica) {
  replica.lead(1);
  replica.room = 2;
  for (int i = 0; i < 6; ++i) {
    ask(1, "add");
  }
  loop.run();
  EXPECT_EQ(replica.proposed.size(), 2U);
  EXPECT_GT(counters.proposals_kept_bytes.value(), 0);
  ask(2, "add");
  loop.run();
  EXPECT_EQ(counters.requests_waiting.value(), 1) << "nothing new is begun meanwhile";
  commit_all();
  EXPECT_EQ(bodies(), (strings{"1", "2", "3", "4", "5", "6", "1"}));
  EXPECT_EQ(counters.proposals_kept_bytes.value(), 0);
}

// Goal: what waits for room is bounded in bytes; the entity of a proposal beyond ends, its requests are
// `unavailable`, and none of its later proposals goes in without the lost one.
TEST_F(shard_host_test, AProposalBeyondTheBoundEndsItsEntity) {
  replica.lead(1);
  replica.room = 1;
  ask(1, "add");
  ask(2, "big 600");
  ask(3, "big 600");
  ask(3, "add");
  loop.run();
  EXPECT_EQ(replica.proposed.size(), 1U);
  EXPECT_EQ(bodies(), (strings{"unavailable", "unavailable"}));
  commit_all();
  EXPECT_EQ(bodies(), (strings{"unavailable", "unavailable", "1", "big"}));
  EXPECT_EQ(call(3, "get").body, "0") << "a proposal behind the lost one was applied";
}

// --- faults ---------------------------------------------------------------------------------------

// Goal: a fault in a handler ends the entity alone; its requests are answered, the next one starts it again from
// what is committed, and not before the last proposal of the old one has ended.
TEST_F(shard_host_test, AFaultInAHandlerRestartsTheEntityFromItsRows) {
  replica.lead(1);
  EXPECT_EQ(call(1, "add").body, "1");
  ask(1, "hold");
  ask(1, "throw"); // proposes 2
  ask(1, "add");   // in the mailbox behind it
  loop.run();
  EXPECT_EQ(bodies(), (strings{"unavailable", "unavailable", "unavailable"}));
  heard.clear();
  ask(1, "get");
  loop.run();
  EXPECT_TRUE(heard.empty()) << "loaded although a proposal of its predecessor was on its way";
  EXPECT_EQ(entities.started.size(), 1U);
  commit_all();
  EXPECT_EQ(bodies(), strings{"2"});
  EXPECT_EQ(entities.started.size(), 2U);
  EXPECT_EQ(counters.entities_failed.value(), 1U);
}

// Goal: an entity that fails again and again is refused for a while, others are not, and it comes back.
TEST_F(shard_host_test, RepeatedFaultsAreRefusedForAWhile) {
  replica.lead(1);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(call(1, "throw").status, reply_status::unavailable);
  }
  EXPECT_EQ(entities.started.size(), 3U);
  EXPECT_EQ(call(1, "get").status, reply_status::unavailable);
  EXPECT_EQ(entities.started.size(), 3U) << "started within its refusal";
  EXPECT_EQ(call(2, "get").body, "0");
  loop.advance(30'000);
  EXPECT_EQ(call(1, "get").body, "3");
}

// Goal: a fault while loading counts too, so that a row that cannot be read does not keep the shard busy.
TEST_F(shard_host_test, FaultsWhileLoadingAreBounded) {
  replica.lead(1);
  entities.load_throws = true;
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(call(1, "get").status, reply_status::unavailable);
  }
  EXPECT_EQ(entities.started.size(), 3U);
  entities.load_throws = false;
  loop.advance(30'000);
  EXPECT_EQ(call(1, "get").body, "0");
}

// Goal: readers that have too much to do delay an entity and its requests, and nothing more.
TEST_F(shard_host_test, AnEntityWaitsForBusyReaders) {
  replica.lead(1);
  EXPECT_EQ(call(9, "add").body, "1");
  replica.flush();
  replica.store.refusals = 3;
  ask(1, "add");
  ask(1, "get");
  loop.run();
  EXPECT_TRUE(heard.empty());
  loop.advance(2 * limits::entity_load_retry_ms);
  EXPECT_EQ(replica.store.refusals, 0);
  EXPECT_TRUE(replica.proposed.empty()) << "handled before its rows were there";
  loop.advance(limits::entity_load_retry_ms);
  commit_all();
  EXPECT_EQ(bodies(), (strings{"1", "1"}));
  EXPECT_EQ(entities.started.size(), 2U);
}

// Goal: rows that cannot be read end the entity, within its restart budget, and its requests are answered.
TEST_F(shard_host_test, RowsThatCannotBeReadEndTheEntity) {
  replica.lead(1);
  EXPECT_EQ(call(9, "add").body, "1");
  replica.flush();
  replica.store.refusal = persistence_errc::corrupt;
  replica.store.refusals = 1;
  EXPECT_EQ(call(1, "get").status, reply_status::unavailable);
  EXPECT_EQ(counters.entities_failed.value(), 1U);
  EXPECT_EQ(call(1, "get").body, "0");
}

// Goal: the end of the term finds an entity that still loads: what waits in it is answered, its timer ends.
TEST_F(shard_host_test, AnEntityThatGoesWhileItLoadsAnswersWhatWaits) {
  replica.lead(1);
  EXPECT_EQ(call(9, "add").body, "1");
  replica.flush();
  replica.store.refusals = 1'000'000;
  ask(1, "add");
  loop.advance(50);
  replica.lead(0);
  loop.advance(50);
  EXPECT_EQ(bodies(), strings{"unavailable"});
  EXPECT_EQ(entities.alive, 0);
  const int refusals = replica.store.refusals;
  loop.advance(1000);
  EXPECT_EQ(replica.store.refusals, refusals) << "it reads on after its end";
}

// Goal: an answer over rows that were gathered and forgotten would acknowledge what is never written.
TEST_F(shard_host_test, AnAnswerOverForgottenRowsIsAFault) {
  replica.lead(1);
  EXPECT_EQ(call(1, "forget").status, reply_status::unavailable);
  EXPECT_EQ(call(1, "get").body, "0");
}

// Goal: an entity killed from outside answers what was in it, in its mailbox too, and is started again when its
// proposal has ended.
TEST_F(shard_host_test, AKilledEntityDropsNoRequest) {
  replica.lead(1);
  ask(1, "hold");
  ask(1, "add");
  loop.run();
  ask(1, "get");
  caf::anon_send_exit(entities.last, caf::exit_reason::kill);
  loop.run();
  ask(1, "get");
  loop.run();
  EXPECT_EQ(bodies(), (strings{"unavailable", "unavailable", "unavailable"})) << "held, proposed, in the mailbox";
  heard.clear();
  commit_all();
  EXPECT_EQ(bodies(), strings{"1"}) << "by its successor, which has the row";
  EXPECT_EQ(entities.started.size(), 2U);
}

// Goal: what one asker asked an entity that ends by a fault is refused to the last, so that none of it is handled before
// what came first is asked again: also what still waits for room in the replica.
TEST_F(shard_host_test, WhatWaitsForRoomIsRefusedWithWhatItsEntityHad) {
  replica.lead(1);
  replica.room = 0;
  ask(2, "add");
  ask(1, "hold");
  loop.run();
  ask(1, "add");
  ask(3, "add");
  loop.run();
  EXPECT_EQ(counters.requests_waiting.value(), 2);
  caf::anon_send_exit(entities.last, caf::exit_reason::kill);
  loop.run();
  EXPECT_EQ(bodies(), (strings{"unavailable", "unavailable"}));
  replica.room = 10;
  replica.lose(0);
  commit_all();
  EXPECT_EQ(bodies(), (strings{"unavailable", "unavailable", "1", "1"}));
  EXPECT_EQ(call(1, "get").body, "0");
}

// Goal: an entity whose proposal is lost within its term knows what nobody else does: it ends.
TEST_F(shard_host_test, ALostProposalEndsItsEntity) {
  replica.lead(1);
  ask(1, "hold");
  ask(1, "add");
  ask(2, "add");
  loop.run();
  replica.lose();
  ask(1, "get");
  commit_all();
  EXPECT_EQ(bodies(), (strings{"unavailable", "unavailable", "unavailable", "1"}))
    << "what came behind is not answered";
  EXPECT_EQ(entities.started.size(), 2U);
  EXPECT_EQ(counters.entities_failed.value(), 0U) << "that is nobody's fault";
}

// --- terms ----------------------------------------------------------------------------------------

// Goal: with its term every entity ends, what waits is `unavailable`, and the next term loads what is committed:
// nothing that was acknowledged is lost, nothing that was not is acknowledged (the design, section 3).
TEST_F(shard_host_test, TheEndOfATermEndsItsEntities) {
  replica.lead(1);
  EXPECT_EQ(call(1, "add").body, "1");
  EXPECT_EQ(call(2, "add").body, "1");
  ask(1, "add");
  ask(2, "hold");
  loop.run();
  replica.lead(0);
  loop.run();
  EXPECT_EQ(bodies(), (strings{"unavailable", "unavailable"}));
  EXPECT_EQ(entities.alive, 0);
  heard.clear();
  replica.lose(); // the next leader did not have it
  ask(1, "get");
  loop.run();
  EXPECT_TRUE(heard.empty()) << "it waits for a leader";
  replica.lead(5);
  commit_all();
  EXPECT_EQ(bodies(), strings{"1"});
}

// Goal: a proposal in flight at the end of the term may be committed later; the new term's entity has it.
TEST_F(shard_host_test, AProposalCommittedAfterItsTermIsThereInTheNext) {
  replica.lead(1);
  ask(1, "add");
  loop.run();
  replica.lead(0);
  loop.run();
  EXPECT_EQ(bodies(), strings{"unavailable"});
  replica.commit();
  replica.lead(2);
  EXPECT_EQ(call(1, "get").body, "1");
}

// Goal: from one term straight into another, no entity of the old one proposes in the new one.
TEST_F(shard_host_test, AnEntityDoesNotOutliveItsTerm) {
  replica.lead(1);
  EXPECT_EQ(call(1, "add").body, "1");
  ask(1, "add"); // in the mailboxes when the term changes
  ask(1, "add");
  replica.lead(2);
  commit_all();
  EXPECT_EQ(entities.started.size(), 2U);
  EXPECT_EQ(heard.size(), 2U);
  EXPECT_EQ(call(1, "get").status, reply_status::ok);
}

// --- idleness -------------------------------------------------------------------------------------

// Goal: entities that nobody asks end after their time and come back with the next request.
TEST_F(shard_host_test, IdleEntitiesEndAndComeBack) {
  replica.lead(1);
  EXPECT_EQ(call(1, "add").body, "1");
  loop.advance(30'000);
  EXPECT_EQ(call(2, "add").body, "1");
  loop.advance(29'999);
  EXPECT_EQ(entities.alive, 2);
  loop.advance(1);
  EXPECT_EQ(entities.alive, 1);
  loop.advance(30'000);
  EXPECT_EQ(entities.alive, 0);
  EXPECT_EQ(counters.entities_rested.value(), 2U);
  EXPECT_EQ(call(1, "add").body, "2");
  EXPECT_EQ(counters.entities_failed.value(), 0U);
}

// Goal: a request that meets an entity on its way to rest is not lost. Method: it is sent in the very round in
// which the entity is asked to end, before and after its answer.
TEST_F(shard_host_test, ARequestThatMeetsAnEntityGoingToRestIsAnswered) {
  replica.lead(1);
  for (int i = 1; i < 20; ++i) {
    EXPECT_EQ(call(1, "add").body, std::to_string(i));
    loop.advance(59'990);
    for (int step = 0; step < 20; ++step) {
      ask(2, "get"); // keeps the loop turning
      loop.advance(1);
      if (step == i) {
        ask(1, "get");
      }
    }
    commit_all();
    EXPECT_EQ(heard.size(), 21U);
    heard.clear();
  }
}

// Goal: an entity with something to do stays: an open request, a proposal, what it says itself.
TEST_F(shard_host_test, ABusyEntityStays) {
  replica.lead(1);
  EXPECT_EQ(call(1, "stay").status, reply_status::ok);
  ask(2, "hold");
  ask(4, "get");
  ask(3, "add");
  loop.run();
  loop.advance(200'000);
  EXPECT_EQ(entities.alive, 3) << "1 says so, 2 holds a request, 3 has a proposal on its way";
  EXPECT_EQ(entities.started.size(), 4U);
}

// Goal: the number of entities is bounded: the longest unused ends for a new one, and when none can end, the new
// one is refused.
TEST_F(shard_host_test, TheNumberOfEntitiesIsBounded) {
  replica.lead(1);
  for (std::uint64_t user = 1; user <= 30; ++user) {
    EXPECT_EQ(call(user, "add").body, "1");
    EXPECT_LE(entities.alive, 9);
  }
  EXPECT_EQ(call(1, "get").body, "1");
  loop.advance(100'000);
  EXPECT_EQ(entities.alive, 0);
  for (std::uint64_t user = 1; user <= 9; ++user) {
    EXPECT_EQ(call(user, "stay").status, reply_status::ok);
  }
  EXPECT_EQ(call(10, "get").status, reply_status::unavailable);
  EXPECT_EQ(call(9, "get").body, "1");
}

// --- the end --------------------------------------------------------------------------------------

// Goal: a stop answers what was taken, refuses what comes, and ends by its deadline whatever happens.
TEST_F(shard_host_test, AStopDrainsWhatWasTaken) {
  replica.lead(1);
  ask(1, "add");
  loop.run();
  caf::anon_send(host, shard_stop{});
  ask(1, "add");
  loop.run();
  EXPECT_EQ(bodies(), strings{"unavailable"});
  EXPECT_FALSE(ended);
  replica.commit();
  loop.run();
  EXPECT_EQ(bodies(), (strings{"unavailable", "1"}));
  EXPECT_TRUE(ended);
}

TEST_F(shard_host_test, AStopDoesNotWaitForEver) {
  replica.lead(1);
  ask(1, "hold");
  loop.run();
  caf::anon_send(host, shard_stop{});
  loop.advance(2999);
  EXPECT_FALSE(ended);
  loop.advance(1);
  EXPECT_TRUE(ended);
  EXPECT_EQ(bodies(), strings{"unavailable"});
}

// --- dates ----------------------------------------------------------------------------------------

/// A loop whose wall clock the test sets.
class set_back_loop final : public home_loop {
public:
  explicit set_back_loop(caf::actor_system& system) : home_loop(system) { attach(); }
  void run(unix_ms wall) {
    while (run_round(++time_, wall)) {
    }
  }

protected:
  void wake() override {}

private:
  monotonic_ms time_ = 1000;
};

// Goal: dates do not go back with the clock (the design, section 7): date = max(clock, last date).
TEST(shard_host_dates, DatesDoNotGoBackWithTheClock) {
  caf::actor_system_config config;
  caf::actor_system system{config};
  set_back_loop loop{system};
  fake_replica replica;
  local_router router{1};
  shard_counters counters;
  const entity_factories none;
  shard_host::setup setup;
  setup.factories = &none;
  setup.router = &router;
  setup.counters = &counters;
  const caf::actor host = system.spawn<shard_host>(loop, replica, std::move(setup));
  auto& context = *dynamic_cast<shard_host*>(caf::actor_cast<caf::abstract_actor*>(host));
  loop.run(1'700'000'000'999);
  EXPECT_EQ(context.date(), 1'700'000'000);
  loop.run(1'700'000'007'000);
  EXPECT_EQ(context.date(), 1'700'000'007);
  loop.run(1'600'000'000'000);
  EXPECT_EQ(context.date(), 1'700'000'007);
  caf::anon_send(host, shard_stop{});
  loop.run(1'700'000'009'000);
}

} // namespace
} // namespace godwit::test
