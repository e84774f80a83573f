#include "tests/cluster/peer/hub_world.hpp"

namespace godwit::test {
namespace {

using cluster::envelope_kind;

using HubLink = hub_world;

// Goal: two nodes that know each other have exactly one link, and what both sides say of it agrees.
TEST_F(HubLink, TwoNodesHaveOneLink) {
  start(1, 7);
  start(2, 8);
  introduce({1, 2});
  ASSERT_TRUE(become_linked(1, 2));
  network.advance(20); // the first beats and their echoes
  EXPECT_TRUE(nodes[1]->about(2).clock_known && nodes[2]->about(1).clock_known);
  network.advance(2000);
  EXPECT_TRUE(linked(1, 2));
  EXPECT_EQ(network.connections(*nodes[1]->host, *nodes[2]->host), 1U);
  EXPECT_EQ(nodes[1]->changes, std::vector<std::string>{"+2"});
  EXPECT_EQ(nodes[2]->changes, std::vector<std::string>{"+1"});
  EXPECT_EQ(nodes[1]->hub->incarnation(node_id(2)), 8U);
  EXPECT_EQ(nodes[2]->hub->incarnation(node_id(1)), 7U);
  const cluster::peer_status status = nodes[1]->about(2);
  EXPECT_TRUE(status.up);
  EXPECT_EQ(status.address, address_of(2));
  EXPECT_EQ(status.incarnation, 8U);
  EXPECT_EQ(status.times_up, 1U);
  EXPECT_LE(status.silent_ms, limits::peer_beat_ms + 10);
  EXPECT_TRUE(status.trouble.empty());
  EXPECT_GE(status.round_trip_us, 2000U);
  EXPECT_LE(status.round_trip_us, 6000U);
  EXPECT_TRUE(status.clock_known);
  EXPECT_LE(std::abs(status.clock_ahead_ms), 3);
  EXPECT_GT(status.bytes_sent, 0U);
  EXPECT_GT(status.bytes_received, 0U);
}

// Goal: whatever the order in which dials and hellos of both sides cross, one link remains on which both agree, and
// none of them sees it fall. Method: both dial at once, over many seeds of delay.
TEST_F(HubLink, BothDialAtOnceAndAgree) {
  for (std::uint64_t each = 1; each <= 200; ++each) {
    sim_network here({.seed = each, .delay_ms_min = 1, .delay_ms_max = 300});
    hub_node a(system);
    hub_node b(system);
    int changes = 0;
    int number = 0;
    for (hub_node* const node : {&a, &b}) {
      const std::uint64_t self = static_cast<std::uint64_t>(++number);
      node->host = &here.add(node->loop, address_of(self), node_id(self));
      node->hub = std::make_unique<cluster::peer_hub>(node->loop, *node->host, options_of(self));
      node->hub->on_change([&](node_id, bool) { ++changes; });
      node->hub->start();
      node->hub->set_peers({{node_id(3 - self), address_of(3 - self)}});
      // So that neither of them waits for the other one to dial.
      node->hub->set_seeds({address_of(3 - self)});
    }
    ASSERT_TRUE(here.run_until([&] { return a.hub->up(node_id(2)) && b.hub->up(node_id(1)); }, 5000)) << each;
    here.advance(5000);
    EXPECT_EQ(changes, 2) << each;
    EXPECT_EQ(here.connections(*a.host, *b.host), 1U) << each;
    EXPECT_TRUE(a.hub->up(node_id(2)) && b.hub->up(node_id(1))) << each;
    a.hub.reset();
    b.hub.reset();
  }
}

// Goal: the rule for two connections of one pair. Method: the connection of the greater node is slow to come about, but
// is on its way when the other one greets; the greater node waits for it.
TEST_F(HubLink, OfTwoConnectionsTheOneOfTheGreaterNodeStays) {
  sim_network here({.seed = 5, .delay_ms_min = 60, .delay_ms_max = 60});
  hub_node a(system);
  hub_node b(system);
  std::uint64_t self = 0;
  for (hub_node* const node : {&a, &b}) {
    ++self;
    node->host = &here.add(node->loop, address_of(self), node_id(self));
    node->hub = std::make_unique<cluster::peer_hub>(node->loop, *node->host, options_of(self));
    node->hub->start();
  }
  a.hub->set_peers({{node_id(2), address_of(2)}});
  here.run_until([&] { return a.host->dialled() == 1; }, 1000);
  here.advance(5);
  b.hub->set_peers({{node_id(1), address_of(1)}});
  ASSERT_TRUE(here.run_until([&] { return a.hub->up(node_id(2)) && b.hub->up(node_id(1)); }, 1000));
  here.advance(1000);
  EXPECT_EQ(a.host->dialled(), 1U);
  EXPECT_EQ(b.host->dialled(), 1U);
  EXPECT_EQ(here.connections(*a.host, *b.host), 1U);
  EXPECT_EQ(here.dialled_by(*a.host, *b.host), 0U);
  EXPECT_EQ(here.dialled_by(*b.host, *a.host), 1U);
  a.hub.reset();
  b.hub.reset();
}

// Goal: the node with the lesser number leaves dialling to the greater one where that can.
TEST_F(HubLink, TheLesserNodeDialsLater) {
  start(1);
  start(2);
  introduce({1, 2});
  ASSERT_TRUE(become_linked(1, 2, 50));
  EXPECT_EQ(nodes[1]->host->dialled(), 0U);
  EXPECT_EQ(nodes[2]->host->dialled(), 1U);
}

// Goal: a link comes about as well when only one side can reach or knows the other one.
TEST_F(HubLink, EitherSideMayBeTheOnlyOneThatDials) {
  start(1);
  start(2);
  nodes[1]->hub->set_peers({{node_id(2), address_of(2)}});
  EXPECT_TRUE(become_linked(1, 2));
  start(3);
  nodes[3]->hub->set_peers({{node_id(2), address_of(2)}});
  EXPECT_TRUE(become_linked(3, 2));
}

// Goal: envelopes arrive in order, each once, whole, small and large ones, also from within a receiver.
TEST_F(HubLink, EnvelopesKeepTheirOrder) {
  start(1);
  start(2);
  introduce({1, 2});
  ASSERT_TRUE(become_linked(1, 2));
  std::vector<std::string> said;
  for (int i = 0; i < 3000; ++i) {
    const std::size_t size = i % 500 == 0 ? 700'000 : static_cast<std::size_t>(i % 97);
    said.push_back(std::to_string(i) + std::string(size, static_cast<char>('a' + i % 26)));
    EXPECT_TRUE(nodes[1]->say(2, said.back()));
    if (i % 100 == 0) {
      network.advance(1);
    }
  }
  ASSERT_TRUE(network.run_until([&] { return nodes[2]->heard[1].size() == said.size(); }, 2000));
  EXPECT_EQ(nodes[2]->heard[1], said);
}

// Goal: what is sent in one round leaves as one frame, and a beat is not held up by it. Method: count what the other
// side was sent besides the bodies.
TEST_F(HubLink, EnvelopesOfOneRoundShareAFrame) {
  start(1);
  start(2);
  introduce({1, 2});
  ASSERT_TRUE(become_linked(1, 2));
  network.advance(100); // first beats
  const std::uint64_t frames = network.frames();
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(nodes[1]->say(2, "a few bytes"));
  }
  network.advance(10);
  EXPECT_EQ(nodes[2]->heard[1].size(), 100U);
  EXPECT_EQ(network.frames() - frames, 1U);
}

// Goal: envelopes go to the receiver of their kind; one without a receiver is of a later version and is passed over.
TEST_F(HubLink, UnknownKindsArePassedOver) {
  start(1);
  start(2);
  introduce({1, 2});
  ASSERT_TRUE(become_linked(1, 2));
  nodes[1]->hub->send(node_id(2), static_cast<envelope_kind>(200), "from the future");
  nodes[1]->say(2, "known");
  network.advance(100);
  EXPECT_EQ(nodes[2]->heard[1], std::vector<std::string>{"known"});
  EXPECT_TRUE(linked(1, 2));
}

// Goal: nothing is taken for a node that is not there, or that does not fit in a frame.
TEST_F(HubLink, SendTellsWhatCannotBeSent) {
  start(1);
  EXPECT_FALSE(nodes[1]->say(2, "nobody"));
  start(2);
  introduce({1, 2});
  EXPECT_FALSE(nodes[1]->say(2, "not yet"));
  ASSERT_TRUE(become_linked(1, 2));
  EXPECT_FALSE(nodes[1]->say(2, std::string(limits::peer_frame_bytes_max, 'x')));
  EXPECT_TRUE(nodes[1]->say(2, std::string(limits::peer_frame_bytes_max - 5, 'x')));
  EXPECT_TRUE(nodes[1]->say(2, "last"));
  ASSERT_TRUE(network.run_until([&] { return nodes[2]->heard[1].size() == 2; }, 1000));
  EXPECT_EQ(nodes[2]->heard[1].back(), "last");
}

// Goal: a seed becomes the node that is there, and both have it in their status; it is dialled no more.
TEST_F(HubLink, ASeedSaysWhoItIs) {
  start(1);
  start(2);
  nodes[2]->hub->set_seeds({address_of(2), address_of(1), address_of(9)});
  ASSERT_TRUE(become_linked(1, 2));
  EXPECT_EQ(nodes[2]->about(1).address, address_of(1));
  EXPECT_EQ(nodes[1]->about(2).address, address_of(2)); // which it was told in the hello
  network.advance(10'000);
  EXPECT_EQ(network.connections(*nodes[1]->host, *nodes[2]->host), 1U);
  const auto seeds = nodes[2]->hub->seeds();
  ASSERT_EQ(seeds.size(), 1U);
  EXPECT_EQ(seeds[0].address, address_of(9));
  EXPECT_NE(seeds[0].trouble.find("10.0.0.9"), std::string::npos) << seeds[0].trouble;
  // It goes on being found there.
  network.break_connections(*nodes[1]->host, *nodes[2]->host);
  network.run_until([&] { return !linked(1, 2); }, 100);
  EXPECT_TRUE(become_linked(1, 2));
  // And once it is named, at its own address.
  nodes[2]->hub->set_peers({{node_id(1), address_of(1)}});
  network.advance(1000);
  EXPECT_EQ(nodes[2]->changes, (std::vector<std::string>{"+1", "-1", "+1"}));
}

// Goal: an address of its own under another name is no peer, and no reason for anything.
TEST_F(HubLink, ASeedThatIsTheNodeItselfIsLeftAlone) {
  auto with = options_of(1);
  with.self_address = {"10.0.0.100", 4431};
  hub_node& node = start(with, node_id(1));
  sim_loop second_name(system);
  node.hub->set_seeds({{"10.0.0.100", 4432}});
  sim_host& alias = network.add(second_name, {"10.0.0.100", 4432}, node_id(1));
  alias.take_with([&](auto connection, auto what, node_id certified) {
    node.host->hand_over(std::move(connection), what, certified);
  });
  network.advance(10'000);
  EXPECT_EQ(node.host->dialled(), 1U);
  EXPECT_TRUE(node.hub->seeds().empty());
  EXPECT_TRUE(node.changes.empty());
  network.kill(alias);
}

// Goal: nodes that are not named any more lose their link; named ones keep theirs.
TEST_F(HubLink, WhoIsNotNamedAnyMoreLosesItsLink) {
  start(1);
  start(2);
  start(3);
  introduce({1, 2, 3});
  ASSERT_TRUE(become_linked(1, 2));
  ASSERT_TRUE(become_linked(1, 3));
  nodes[3]->hub->set_peers({});
  introduce({1, 2});
  network.advance(1000);
  EXPECT_TRUE(linked(1, 2));
  EXPECT_FALSE(nodes[1]->hub->up(node_id(3)));
  EXPECT_EQ(nodes[1]->about(3).node, persistence::no_node);
  EXPECT_EQ(nodes[1]->hub->all_up(), std::vector<node_id>{node_id(2)});
}

// Goal: a node that is named at another address than it was is found there.
TEST_F(HubLink, ANodeThatMovedIsDialledAnew) {
  start(1);
  nodes[1]->hub->set_peers({{node_id(2), address_of(7)}});
  network.advance(1000);
  EXPECT_NE(nodes[1]->about(2).trouble.find("10.0.0.7"), std::string::npos);
  start(2);
  nodes[1]->hub->set_peers({{node_id(2), address_of(2)}});
  EXPECT_TRUE(become_linked(1, 2, 300));
}

// Goal: nothing is called back after stop(), and the others notice at once.
TEST_F(HubLink, AStoppedHubSaysNoMore) {
  start(1);
  start(2);
  introduce({1, 2});
  ASSERT_TRUE(become_linked(1, 2));
  bool done = false;
  nodes[1]->hub->stop([&] { done = true; });
  nodes[2]->say(1, "too late");
  network.advance(20);
  EXPECT_TRUE(done);
  EXPECT_FALSE(nodes[1]->hub->up(node_id(2)));
  EXPECT_FALSE(nodes[2]->hub->up(node_id(1)));
  EXPECT_TRUE(nodes[1]->heard[2].empty());
  EXPECT_EQ(nodes[1]->changes, std::vector<std::string>{"+2"});
  network.advance(10'000);
  EXPECT_EQ(nodes[1]->changes, std::vector<std::string>{"+2"});
}

} // namespace
} // namespace godwit::test
