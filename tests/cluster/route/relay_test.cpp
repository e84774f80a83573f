// Three nodes of which two have no link with one another: what goes by way of the third, and what does not.

#include "cluster/route/lane_codec.hpp"
#include "cluster/route/request_codec.hpp"
#include "config/cluster_limits.hpp"
#include "tests/cluster/route/route_world.hpp"

namespace godwit::test {
namespace {

using namespace cluster; // NOLINT: the subject

class relay_test : public route_world {
protected:
  [[nodiscard]] std::uint64_t relayed() const {
    std::uint64_t out = 0;
    for (const auto& [i, each] : nodes) {
      out += each->router.counters().relayed.value();
    }
    return out;
  }
  [[nodiscard]] leadership known(std::uint64_t at) const { return nodes.at(at)->board.find(shard); }
};

// Goal: a leader that this node has no link to is known at once, and reached by way of one that has; answers come back,
// and each command is done once. Method: the links' envelopes are counted.
TEST_F(relay_test, RequestsGoByWayOfANodeThatReachesTheLeader) {
  lead(2, 5);
  ask(1, "hold", 1);
  loop.run();
  link(1, 2, false);
  EXPECT_EQ(heard(1), strings{"1 unavailable"}) << "it may have happened";
  EXPECT_EQ(known(1), (leadership{node_id{2}, 5})) << "the third node had told so before";
  ask(1, "tell x", 2);
  ask(1, "count", 3);
  commit(2);
  EXPECT_EQ(heard(1), (strings{"2 1", "3 1/0"}));
  EXPECT_EQ(relayed(), 2U);
  EXPECT_EQ(nodes[3]->router.counters().relayed.value(), 2U);

  // The link comes back: straight to the leader again.
  link(1, 2, true);
  ask(1, "tell y", 4);
  commit(2);
  EXPECT_EQ(heard(1), strings{"4 2"});
  EXPECT_EQ(relayed(), 2U);
}

// Goal: the same when the links are cut before anybody leads: words alone tell.
TEST_F(relay_test, ALeaderThatIsElectedDuringTheCutIsReached) {
  link(1, 2, false);
  ask(1, "tell x", 1);
  ask(1, "tell y", 2);
  loop.advance(1000);
  EXPECT_TRUE(heard(1).empty());
  lead(2, 3);
  commit(2);
  EXPECT_EQ(heard(1), (strings{"1 1", "2 2"})) << "what waited went there, in order";
  lead(2, 4);
  EXPECT_EQ(known(1), (leadership{node_id{2}, 4}));
  lead(3, 5);
  ask(1, "count", 3);
  loop.run();
  EXPECT_EQ(heard(1).size(), 1U);
  EXPECT_EQ(known(1), (leadership{node_id{3}, 5}));
  EXPECT_EQ(relayed(), 2U);
}

// Goal: requests of one asker keep their order by way of another node, and so do the answers to one that listens.
TEST_F(relay_test, OrderIsKept) {
  lead(2, 1);
  link(1, 2, false);
  strings expected;
  for (std::uint64_t i = 1; i <= 200; ++i) {
    ask(1, "tell x", i, i == 1);
    expected.push_back(std::to_string(i) + ' ' + std::to_string(i));
  }
  commit(2);
  strings answers;
  for (const std::string& each : heard(1)) {
    if (!each.starts_with("*")) {
      answers.push_back(each);
    }
  }
  EXPECT_EQ(answers, expected);
}

// Goal: a command of the server's own that nobody waits for goes the same way.
TEST_F(relay_test, WhatNobodyWaitsForArrives) {
  lead(2, 1);
  link(1, 2, false);
  auto said = caf::make_counted<entity_request>();
  said->to = {entity_kind::user, entity_id{7}};
  said->body = "tell x";
  nodes[1]->router.send(said);
  commit(2);
  ask(2, "count", 1);
  loop.run();
  EXPECT_EQ(heard(2), strings{"1 1/0"});
}

// --- nobody reaches it --------------------------------------------------------------------------------

// Goal: when the third node loses the leader as well, what is under way ends at once, listening does, and nobody leads
// any more, as far as both know; the rest waits and goes on when any way is back.
TEST_F(relay_test, AFullCutEndsWhatGoesByWayOfAnother) {
  lead(2, 1);
  link(1, 2, false);
  ask(1, "count", 50, true);
  loop.run();
  EXPECT_EQ(heard(1), strings{"50 0/1"});
  ask(1, "hold", 1);
  loop.run();
  link(2, 3, false);
  const strings end = heard(1);
  EXPECT_EQ(std::set(end.begin(), end.end()), (std::set<std::string>{"1 unavailable", "*50 gone"}));
  EXPECT_EQ(known(1), (leadership{persistence::no_node, 1}));
  EXPECT_EQ(known(3), (leadership{persistence::no_node, 1}));
  ask(1, "tell x", 2);
  loop.advance(3000);
  EXPECT_TRUE(heard(1).empty());
  link(2, 3, true);
  commit(2);
  EXPECT_EQ(heard(1), strings{"2 1"});
  EXPECT_EQ(known(1), (leadership{node_id{2}, 1}));
}

// Goal: likewise when the link with the third node goes.
TEST_F(relay_test, TheEndOfTheLinkWithTheThirdNodeEndsIt) {
  lead(2, 1);
  link(1, 2, false);
  ask(1, "count", 50, true);
  ask(1, "hold", 1);
  loop.run();
  (void)heard(1);
  link(1, 3, false);
  EXPECT_EQ(heard(1), (strings{"1 unavailable", "*50 gone"}));
  EXPECT_EQ(known(1), (leadership{persistence::no_node, 1}));
  loop.advance(limits::request_timeout_ms + 1); // it stays until what it asked is answered
  ask(2, "count", 2);
  loop.run();
  EXPECT_EQ(heard(2), strings{"2 0/0"}) << "what stood for the asker is gone from the entity, two nodes on";
  ask(1, "count", 3);
  loop.advance(limits::request_timeout_ms + 1);
  EXPECT_EQ(heard(1), strings{"3 unavailable"});
}

// Goal: a node that does not reach the leader any more says so, instead of waiting. Method: it asks to be sent on what
// the other one has just lost; the words of it are lost.
TEST_F(relay_test, AThirdNodeWithoutALinkSaysSo) {
  lead(2, 1);
  link(1, 2, false);
  net.lose(envelope_kind::leaders);
  link(2, 3, false);
  nodes[3]->board.note(shard, {node_id{2}, 1}); // as its own replica may say
  loop.run();
  ASSERT_EQ(known(1), (leadership{node_id{2}, 1}));
  ask(1, "count", 1);
  loop.run();
  EXPECT_EQ(heard(1), strings{"1 unavailable"});
}

// --- words ----------------------------------------------------------------------------------------------

// Goal: two nodes that take one another for the leader do not send a request round. Method: the third believes one.
TEST_F(relay_test, NodesThatNameOneAnotherEndInAnAnswer) {
  lead(2, 1);
  link(1, 2, false);
  net.lose(envelope_kind::leaders);
  nodes[2]->replica.lead(0);
  nodes[2]->board.note(shard, {node_id{1}, 2});
  loop.run();
  ASSERT_EQ(known(1), (leadership{node_id{2}, 1}));
  ASSERT_EQ(known(3), (leadership{node_id{2}, 1}));
  const std::uint64_t before = net.sent(envelope_kind::request);
  ask(1, "count", 1);
  loop.run();
  // The third node hears from the second that the first leads, and the first that it should; there it waits, as for any
  // leader that is about to be.
  EXPECT_EQ(net.sent(envelope_kind::request) - before, 2U);
  loop.advance(limits::request_timeout_ms + 1);
  EXPECT_EQ(heard(1), strings{"1 unavailable"});
}

// Goal: three nodes of which each takes the next one for the leader end it, too.
TEST_F(relay_test, ARingOfBeliefsEndsInAnAnswer) {
  lead(2, 1);
  net.lose(envelope_kind::leaders);
  nodes[2]->replica.lead(0);
  nodes[2]->board.note(shard, {node_id{3}, 2});
  nodes[3]->board.note(shard, {node_id{1}, 3});
  loop.run();
  lane_message what;
  what.from = what.to = shard;
  for (std::uint64_t at = 1; at <= 3; ++at) {
    nodes[at]->router.send_lane(what);
    for (int i = 0; i < 100; ++i) {
      loop.run();
    }
    EXPECT_EQ(net.sent(envelope_kind::lane), 3 * at) << "sent, and sent on twice";
  }
  link(1, 2, false);
  const std::uint64_t before = net.sent(envelope_kind::request);
  ask(1, "count", 1);
  nodes[1]->router.send_lane(what);
  loop.run();
  EXPECT_LE(net.sent(envelope_kind::request) - before, 2U * (limits::route_hops_max + 1U));
  EXPECT_LE(net.sent(envelope_kind::lane), 12U);
  loop.advance(limits::request_timeout_ms + 1);
  EXPECT_EQ(heard(1), strings{"1 unavailable"});
}

// Goal: nodes talk of leaders only when something changed. Method: count envelopes while time passes and requests go.
TEST_F(relay_test, WordsAreSaidOnce) {
  lead(2, 1);
  const std::uint64_t told = net.sent(envelope_kind::leaders);
  EXPECT_LE(told, 4U) << "the leader tells two, each of these the other";
  for (std::uint64_t i = 1; i <= 50; ++i) {
    ask(1, "tell x", i);
    commit(2);
  }
  nodes[1]->board.note(shard, {node_id{2}, 1});
  loop.advance(10'000);
  EXPECT_EQ(net.sent(envelope_kind::leaders), told);
  link(1, 2, false);
  EXPECT_LE(net.sent(envelope_kind::leaders), told + 1) << "the first node takes back that it reaches the second";
  loop.advance(10'000);
  EXPECT_LE(net.sent(envelope_kind::leaders), told + 1);
  EXPECT_EQ(known(1), (leadership{node_id{2}, 1}));
}

// Goal: a word of an earlier term, or about the node that hears it, changes nothing. Method: forged words.
TEST_F(relay_test, StaleWordsChangeNothing) {
  lead(2, 4);
  lead(1, 5);
  const auto say = [&](std::vector<leader_note> what) {
    std::string body;
    encode_leaders(body, what);
    net.send(node_id{3}, node_id{1}, envelope_kind::leaders, body);
    loop.run();
  };
  say({{shard, {node_id{2}, 4}}});
  EXPECT_EQ(known(1), (leadership{node_id{1}, 5}));
  say({{shard, {persistence::no_node, 9}}});
  EXPECT_EQ(known(1), (leadership{node_id{1}, 5}));
  say({{shard, {node_id{1}, 9}}});
  EXPECT_EQ(known(1), (leadership{node_id{1}, 5}));
  say({{shard_id{40}, {node_id{2}, 9}}});
  EXPECT_EQ(net.refused(), 0U);
  say({{shard, {node_id{limits::node_id_max + 1}, 9}}});
  EXPECT_EQ(net.refused(), 1U);
  EXPECT_EQ(known(1), (leadership{node_id{1}, 5}));
}

// --- listening ------------------------------------------------------------------------------------------

// Goal: pushes come by way of the third node, in one order with answers, until their asker ends; both nodes forget it.
TEST_F(relay_test, PushesComeByWayOfTheThirdNode) {
  lead(2, 1);
  link(1, 2, false);
  ask(1, "count", 50, true);
  loop.run();
  ask(2, "tell a", 1);
  commit(2);
  ask(3, "tell b", 1);
  commit(2);
  EXPECT_EQ(heard(1), (strings{"50 0/1", "*50 a", "*50 b"}));
  EXPECT_EQ(nodes[3]->router.counters().listeners.value(), 1);
  EXPECT_EQ(nodes[3]->router.counters().listening.value(), 1);
  EXPECT_EQ(nodes[2]->router.counters().listeners.value(), 1);
  caf::anon_send_exit(nodes[1]->asker, caf::exit_reason::kill);
  loop.run();
  for (std::uint64_t i = 1; i <= 3; ++i) {
    EXPECT_EQ(nodes[i]->router.counters().listeners.value(), 0) << i;
    EXPECT_EQ(nodes[i]->router.counters().listening.value(), 0) << i;
  }
}

// Goal: when the direct link is back, who listens goes on by the old way, its other requests too, so that answers do
// not overtake pushes; when it listens anew it is by the direct way, and the old one is forgotten everywhere.
TEST_F(relay_test, WhoListensAgainListensDirectly) {
  lead(2, 1);
  link(1, 2, false);
  ask(1, "count", 50, true);
  loop.run();
  link(1, 2, true);
  ask(1, "tell a", 1);
  commit(2);
  EXPECT_EQ(relayed(), 2U);
  strings all = heard(1);
  EXPECT_EQ(std::set(all.begin(), all.end()), (std::set<std::string>{"50 0/1", "1 1", "*50 a"}));
  ask(1, "count", 51, true);
  loop.run();
  ask(1, "tell b", 2);
  commit(2);
  all = heard(1);
  EXPECT_EQ(std::set(all.begin(), all.end()), (std::set<std::string>{"51 1/2", "2 2", "*51 b"}))
    << "the old way is taken back when the new one is there";
  EXPECT_EQ(relayed(), 2U);
  EXPECT_EQ(nodes[3]->router.counters().listeners.value(), 0);
  EXPECT_EQ(nodes[2]->router.counters().listeners.value(), 1);
}

// Goal: a later leader ends listening by way of another node.
TEST_F(relay_test, ALaterLeaderEndsIt) {
  lead(2, 1);
  link(1, 2, false);
  ask(1, "count", 50, true);
  loop.run();
  (void)heard(1);
  lead(3, 2);
  EXPECT_EQ(heard(1), strings{"*50 gone"});
  ask(1, "count", 51, true);
  loop.run();
  EXPECT_EQ(heard(1).size(), 1U);
  EXPECT_EQ(nodes[3]->router.counters().listeners.value(), 1);
  EXPECT_EQ(nodes[3]->router.counters().listening.value(), 0);
}

} // namespace
} // namespace godwit::test
