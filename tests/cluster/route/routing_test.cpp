// Requests between three nodes: who gets them, and what becomes of them when leaders and links change.

#include "cluster/route/peer_replicas.hpp"
#include "cluster/route/request_codec.hpp"
#include "config/cluster_limits.hpp"
#include "tests/cluster/route/route_world.hpp"

namespace godwit::test {
namespace {

using namespace cluster; // NOLINT: the subject

class routing_test : public route_world {};

// Goal: an asker on any node reaches the entity on the leader's, and hears its answer in order. Method: two tell, one
// counts.
TEST_F(routing_test, AnyNodeReachesTheLeader) {
  lead(2, 5);
  for (std::uint64_t from = 1; from <= 3; ++from) {
    ask(from, "tell a" + std::to_string(from), 10 + from);
    ask(from, "count", 20 + from);
  }
  commit(2);
  EXPECT_EQ(heard(1).size(), 2U);
  EXPECT_EQ(heard(2), (strings{"12 1", "22 1/0"}));
  EXPECT_EQ(heard(3).front().substr(0, 3), "13 ");
  ask(3, "count", 1);
  loop.run();
  EXPECT_EQ(heard(3), strings{"1 3/0"});
  EXPECT_EQ(nodes[1]->router.counters().sent.value(), 2U);
  EXPECT_EQ(nodes[2]->router.counters().received.value(), 5U);
}

// Goal: requests of one asker to one entity are handled in the order in which they were sent.
TEST_F(routing_test, OrderIsKeptAcrossALink) {
  lead(3, 1);
  strings expected;
  for (std::uint64_t i = 1; i <= 200; ++i) {
    ask(1, "tell x", i);
    expected.push_back(std::to_string(i) + ' ' + std::to_string(i));
  }
  commit(3);
  EXPECT_EQ(heard(1), expected);
}

// Goal: with no leader known a request waits, and goes to the one that becomes known; in order.
TEST_F(routing_test, RequestsWaitForALeaderAndGoThereInOrder) {
  for (std::uint64_t i = 1; i <= 5; ++i) {
    ask(1, "tell x", i);
  }
  loop.advance(2000);
  EXPECT_TRUE(heard(1).empty());
  lead(2, 3);
  commit(2);
  EXPECT_EQ(heard(1), (strings{"1 1", "2 2", "3 3", "4 4", "5 5"}));
  EXPECT_EQ(nodes[1]->counters.requests_open.value(), 0);
  EXPECT_EQ(nodes[1]->counters.requests_waiting.value(), 0);
}

// Goal: without a leader for too long, the asker is told.
TEST_F(routing_test, WithoutALeaderTheAskerIsToldInTime) {
  ask(1, "count", 1);
  loop.advance(limits::request_timeout_ms - 1);
  EXPECT_TRUE(heard(1).empty());
  loop.advance(2);
  EXPECT_EQ(heard(1), strings{"1 unavailable"});
}

// Goal: a node that leads no more says who does, and the request goes there without its asker's doing. Method: leaders'
// envelopes are lost, so that only the answer can tell.
TEST_F(routing_test, ANodeThatDoesNotLeadNamesTheOneThatDoes) {
  lead(2, 4);
  net.lose(envelope_kind::leaders);
  lead(3, 5);
  nodes[2]->board.note(shard, {node_id{3}, 5});
  loop.run();
  ASSERT_EQ(nodes[1]->board.find(shard).node, node_id{2});
  ask(1, "tell x", 1);
  ask(1, "tell y", 2);
  commit(3);
  EXPECT_EQ(heard(1), (strings{"1 1", "2 2"}));
  EXPECT_EQ(nodes[1]->router.counters().moved.value(), 2U);
  EXPECT_EQ(nodes[1]->board.find(shard), (leadership{node_id{3}, 5}));
}

// Goal: nodes that name one another do not send a request round for ever.
TEST_F(routing_test, NodesThatNameOneAnotherAreAskedABoundedNumberOfTimes) {
  net.lose(envelope_kind::leaders);
  nodes[1]->board.note(shard, {node_id{2}, 1});
  nodes[2]->board.note(shard, {node_id{3}, 2});
  nodes[3]->board.note(shard, {node_id{2}, 3});
  ask(1, "count", 1);
  loop.run();
  // Each answer teaches the asking node a later term; the last one names the node that denied it before.
  EXPECT_EQ(heard(1), strings{"1 unavailable"});
  EXPECT_LE(net.sent(envelope_kind::request), limits::route_hops_max + 1U);
  EXPECT_GE(net.sent(envelope_kind::request), 2U);
}

// Goal: a link that goes down ends what is under way on it, at once; nothing comes twice.
TEST_F(routing_test, ALostLinkAnswersWhatWaits) {
  lead(2, 1);
  ask(1, "hold", 1);
  ask(1, "tell x", 2);
  loop.run();
  link(2, 3, false);
  link(1, 2, false);
  EXPECT_EQ(heard(1), (strings{"1 unavailable", "2 unavailable"}));
  EXPECT_EQ(nodes[1]->board.find(shard).node, persistence::no_node) << "who is out of reach leads nothing";
  commit(2);
  EXPECT_TRUE(heard(1).empty());
  link(1, 2, true);
  EXPECT_EQ(nodes[1]->board.find(shard), (leadership{node_id{2}, 1})) << "a link that comes up tells who leads";
  ask(1, "count", 3);
  loop.run();
  EXPECT_EQ(heard(1), strings{"3 1/0"}) << "what was asked before may have happened, once";
}

// Goal: what waits while a node is out of reach goes there when it is back.
TEST_F(routing_test, RequestsWaitForALinkToComeBack) {
  lead(2, 1);
  link(1, 2, false);
  link(2, 3, false);
  ask(1, "tell x", 1);
  loop.advance(3000);
  EXPECT_TRUE(heard(1).empty());
  link(1, 2, true);
  commit(2);
  EXPECT_EQ(heard(1), strings{"1 1"});
}

// Goal: an answer that never comes is given up.
TEST_F(routing_test, AnAnswerThatIsLostIsGivenUpInTime) {
  lead(2, 1);
  net.lose(envelope_kind::reply);
  ask(1, "count", 1);
  loop.advance(limits::request_timeout_ms + 1);
  EXPECT_EQ(heard(1), strings{"1 unavailable"});
  net.lose(envelope_kind::reply, false);
  loop.advance(limits::request_timeout_ms);
  EXPECT_TRUE(heard(1).empty());
}

// Goal: an entity's own errors arrive as they left.
TEST_F(routing_test, ErrorsCrossByTheirNames) {
  entity_reply said;
  said.token = 9;
  said.status = reply_status::error;
  said.error = {rpc_errc::flood_wait, 7};
  std::string body;
  encode_reply(body, said);
  const auto read = decode_reply(body);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->error, said.error);
  EXPECT_EQ(read->token, 9U);
}

// --- listening ------------------------------------------------------------------------------------

// Goal: an asker on another node hears pushes, in one order with the answers to it, until it ends.
TEST_F(routing_test, PushesCrossInOrderWithAnswers) {
  lead(2, 1);
  ask(1, "count", 50, true);
  ask(1, "tell a", 1);
  loop.run();
  ask(2, "tell b", 2);
  ask(1, "tell c", 3);
  commit(2);
  const strings all = heard(1);
  ASSERT_EQ(all.size(), 6U);
  EXPECT_EQ(all[0], "50 0/1");
  strings pushes;
  for (std::size_t i = 1; i < all.size(); ++i) {
    if (all[i].starts_with("*")) {
      pushes.push_back(all[i]);
    }
  }
  EXPECT_EQ(pushes, (strings{"*50 a", "*50 b", "*50 c"})) << "each bears the asker's own token";
  EXPECT_EQ(nodes[1]->router.counters().listening.value(), 1);
  EXPECT_EQ(nodes[2]->router.counters().listeners.value(), 1);

  caf::anon_send_exit(nodes[1]->asker, caf::exit_reason::kill);
  loop.run();
  EXPECT_EQ(nodes[1]->router.counters().listening.value(), 0);
  EXPECT_EQ(nodes[2]->router.counters().listeners.value(), 0);
  ask(2, "count", 4);
  loop.run();
  EXPECT_EQ(heard(2).back(), "4 3/0") << "the entity has forgotten it";
}

// Goal: who asks again listens once, as it asked last.
TEST_F(routing_test, ListeningAgainTakesThePlaceOfTheFirst) {
  lead(2, 1);
  ask(1, "count", 50, true);
  ask(1, "count", 51, true);
  loop.run();
  ask(2, "tell a", 1);
  commit(2);
  EXPECT_EQ(heard(1), (strings{"50 0/1", "51 0/1", "*51 a"}));
  EXPECT_EQ(nodes[2]->router.counters().listeners.value(), 1);
}

// Goal: an asker that listens anew is not made deaf by what it asked before. Method: its first request waits at a node
// that knows of no leader, its second goes to the one that leads; then the first is sent back, to be asked there.
TEST_F(routing_test, AnOlderRequestDoesNotTakeThePlaceOfALaterOne) {
  net.lose(cluster::envelope_kind::leaders);
  nodes[2]->board.note(shard, {node_id{1}, 1});
  ask(2, "count", 50, true);
  loop.run();
  nodes[3]->board.note(shard, {node_id{3}, 2});
  nodes[3]->replica.lead(2);
  nodes[2]->board.note(shard, {node_id{3}, 2});
  loop.run();
  EXPECT_EQ(heard(2), strings{"*50 gone"});
  ask(2, "count", 51, true);
  loop.run();
  EXPECT_EQ(heard(2), strings{"51 0/1"});
  nodes[1]->board.note(shard, {node_id{3}, 2});
  loop.run();
  EXPECT_EQ(heard(2), strings{"50 unavailable"});
  ask(3, "tell a", 1);
  commit(3);
  EXPECT_EQ(heard(2), strings{"*51 a"});
  EXPECT_EQ(nodes[3]->router.counters().listeners.value(), 1);
}

// Goal: an asker hears that pushes may be lost when the link goes down, and its stand-in at the entity ends.
TEST_F(routing_test, ALostLinkEndsListening) {
  lead(2, 1);
  ask(1, "count", 50, true);
  loop.run();
  (void)heard(1);
  link(1, 2, false);
  EXPECT_EQ(heard(1), strings{"*50 gone"});
  ask(2, "count", 1);
  loop.run();
  EXPECT_EQ(heard(2), strings{"1 0/0"});
  EXPECT_EQ(nodes[1]->router.counters().listening.value(), 0);
}

// Goal: likewise when the shard has another leader, and only the asker's node has heard of it yet.
TEST_F(routing_test, AnotherLeaderEndsListening) {
  lead(2, 1);
  ask(1, "count", 50, true);
  loop.run();
  (void)heard(1);
  net.lose(envelope_kind::leaders);
  nodes[1]->board.note(shard, {node_id{3}, 2});
  loop.run();
  EXPECT_EQ(heard(1), strings{"*50 gone"});
  ask(2, "count", 1);
  loop.run();
  EXPECT_EQ(heard(2), strings{"1 0/0"}) << "the old leader was told";
}

// Goal: an entity that ends tells its listeners elsewhere, once.
TEST_F(routing_test, AnEntityThatEndsTellsItsListeners) {
  lead(2, 1);
  ask(1, "count", 50, true);
  loop.run();
  (void)heard(1);
  lead(2, 2);
  const strings all = heard(1);
  EXPECT_EQ(all, strings{"*50 gone"});
  EXPECT_EQ(nodes[2]->router.counters().listeners.value(), 0);
  ask(1, "count", 51, true);
  loop.run();
  ask(2, "tell a", 1);
  commit(2);
  EXPECT_EQ(heard(1), (strings{"51 0/1", "*51 a"}));
}

// --- lanes and bytes of others ------------------------------------------------------------------------

// Goal: any bytes of another node are refused or understood, and harm nothing.
TEST_F(routing_test, GarbageHarmsNothing) {
  lead(2, 1);
  ask(1, "count", 50, true);
  loop.run();
  (void)heard(1);
  std::uint64_t state = 42;
  const auto next = [&state] { return state = state * 6364136223846793005ULL + 1442695040888963407ULL; };
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes(next() >> 58, '\0');
    for (char& each : bytes) {
      each = static_cast<char>(next() >> 56);
    }
    const auto kind = static_cast<envelope_kind>(3 + (next() >> 60) % 8);
    net.send(node_id{3}, node_id{1 + (next() >> 63)}, kind, std::move(bytes));
  }
  loop.run();
  const std::uint64_t garbage =
    nodes[1]->router.counters().garbage.value() + nodes[2]->router.counters().garbage.value();
  EXPECT_GT(garbage, 1000U);
  EXPECT_EQ(net.refused(), garbage);
  ask(2, "tell a", 1);
  commit(2);
  EXPECT_EQ(heard(1), strings{"*50 a"});
}

// Goal: whoever waits for what cannot be read does not wait for long. Method: an answer is garbage.
TEST_F(routing_test, WhatCannotBeReadEndsTheLink) {
  net.refusals_end_links();
  lead(2, 1);
  ask(1, "hold", 1);
  ask(1, "count", 50, true);
  loop.run();
  (void)heard(1);
  net.send(node_id{2}, node_id{1}, envelope_kind::reply, "\xFF\xFF");
  loop.run();
  EXPECT_EQ(heard(1), (strings{"1 unavailable", "*50 gone"}));
  EXPECT_FALSE(nodes[1]->port.up(node_id{2}));
}

// Goal: likewise of what replicas say.
TEST_F(routing_test, AReplicasWordsThatCannotBeReadEndTheLink) {
  net.refusals_end_links();
  peer_replicas::options with;
  with.self = node_id{1};
  peer_replicas replicas(nodes[1]->port, with);
  std::size_t received = 0;
  replicas.attach([&](shard_id, persistence::raft::message) { ++received; });
  net.send(node_id{3}, node_id{1}, envelope_kind::raft, "\xFF\xFF");
  loop.run();
  EXPECT_EQ(received, 0U);
  EXPECT_EQ(replicas.garbage(), 1U);
  EXPECT_FALSE(nodes[1]->port.up(node_id{3}));
  EXPECT_TRUE(nodes[1]->port.up(node_id{2}));
}

// Goal: a node answers for a shard only what it was asked, and only to the node that asked: replies and pushes of a
// third node with numbers of others are passed over.
TEST_F(routing_test, AThirdNodeCannotAnswer) {
  lead(2, 1);
  ask(1, "count", 50, true);
  ask(1, "hold", 1);
  loop.run();
  (void)heard(1);
  for (std::uint64_t number = (1ULL << 32); number < (1ULL << 32) + 10; ++number) {
    entity_reply reply;
    reply.token = number;
    reply.body = "forged";
    std::string body;
    encode_reply(body, reply);
    net.send(node_id{3}, node_id{1}, envelope_kind::reply, body);
    entity_push push;
    push.subscription = number;
    push.body = std::make_shared<const std::string>("forged");
    body.clear();
    encode_push(body, push);
    net.send(node_id{3}, node_id{1}, envelope_kind::push, body);
  }
  loop.run();
  EXPECT_TRUE(heard(1).empty());
}

} // namespace
} // namespace godwit::test
