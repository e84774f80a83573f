#include <deque>
#include <random>

#include "tests/cluster/peer/hub_world.hpp"
#include "tests/cluster/peer/raw_peer.hpp"

namespace godwit::test {
namespace {

using cluster::envelope_kind;
using cluster::peer_agreement;
using cluster::peer_beat;
using cluster::peer_greeting;
using cluster::peer_refusal;
using cluster::peer_welcome;
using cluster::refusal;

/// A hub of node 5, and a test that plays other nodes.
class HubHello : public hub_world {
protected:
  void SetUp() override { start(5); }
  void TearDown() override {
    for (auto& each : raws) {
      network.kill(*each.host);
      each.raw.reset();
    }
    hub_world::TearDown();
  }

  hub_node& hub() { return *nodes.at(5); }
  raw_peer& play(std::uint64_t number) {
    played& made = raws.emplace_back();
    made.loop = std::make_unique<sim_loop>(system);
    made.host = &network.add(*made.loop, address_of(number), node_id(number));
    made.raw = std::make_unique<raw_peer>(*made.host);
    return *made.raw;
  }
  static peer_greeting greeting_of(std::uint64_t number, std::uint64_t incarnation = 1, std::uint64_t process = 77) {
    peer_greeting made;
    made.node = node_id(number);
    made.cluster_id = "0123456789abcdef0123456789abcdef";
    made.incarnation = incarnation;
    made.process = process;
    made.wire = cluster::spoken_versions;
    made.address = address_of(number);
    return made;
  }
  /// Dials the hub, as far as its greeting.
  void reach(raw_peer& who) {
    who.dial(address_of(5));
    ASSERT_TRUE(network.run_until([&] { return who.told<peer_greeting>().has_value(); }, 500));
  }
  /// A whole hello of a node with a lesser number than the hub's.
  void link(raw_peer& who, const peer_greeting& as, std::uint64_t lost = 0) {
    reach(who);
    who.say(as);
    who.say(peer_agreement{lost});
    network.advance(50);
  }
  /// Expects that the hub closes the connection and says why.
  void expect_refused(raw_peer& who, refusal why) {
    ASSERT_TRUE(network.run_until([&] { return who.was_closed(); }, 2000));
    ASSERT_TRUE(who.told<peer_refusal>().has_value());
    EXPECT_EQ(who.told<peer_refusal>()->why, why);
  }

  struct played {
    std::unique_ptr<sim_loop> loop;
    sim_host* host = nullptr;
    std::unique_ptr<raw_peer> raw;
  };
  std::deque<played> raws;
};

// Goal: what the test plays is what a node does: the refusals below are for their one fault alone. A joiner, whom nobody
// named, is taken.
TEST_F(HubHello, AJoinerOfThisClusterIsTaken) {
  raw_peer& two = play(2);
  link(two, greeting_of(2));
  EXPECT_TRUE(two.told<peer_welcome>().has_value());
  EXPECT_TRUE(hub().hub->up(node_id(2)));
  EXPECT_EQ(hub().about(2).address, address_of(2));
  const auto said = two.told<peer_greeting>();
  EXPECT_EQ(said->node, node_id(5));
  EXPECT_EQ(said->address, address_of(5));
}

TEST_F(HubHello, ANodeOfAnotherClusterIsRefused) {
  hub().hub->set_peers({{node_id(2), address_of(2)}});
  raw_peer& two = play(2);
  network.run_until([&] { return two.told<peer_greeting>().has_value(); }, 500);
  peer_greeting foreign = greeting_of(2);
  foreign.cluster_id = "ffffffffffffffffffffffffffffffff";
  two.say(foreign);
  expect_refused(two, refusal::foreign_cluster);
  const std::string trouble = hub().about(2).trouble;
  EXPECT_NE(trouble.find("another cluster"), std::string::npos) << trouble;
  EXPECT_NE(trouble.find("bundle"), std::string::npos) << trouble;
  EXPECT_TRUE(hub().changes.empty());
}

TEST_F(HubHello, ACertificateOfAnotherNodeIsRefused) {
  raw_peer& three = play(3);
  link(three, greeting_of(2));
  expect_refused(three, refusal::certificate);
}

TEST_F(HubHello, AnOlderIncarnationIsRefused) {
  raw_peer& first = play(2);
  link(first, greeting_of(2, 9));
  ASSERT_TRUE(hub().hub->up(node_id(2)));
  raw_peer& second = play(2);
  link(second, greeting_of(2, 8, 78));
  expect_refused(second, refusal::older_incarnation);
  EXPECT_TRUE(hub().hub->up(node_id(2)));
  EXPECT_EQ(hub().hub->incarnation(node_id(2)), 9U);
  // Nor later, when the newer one is gone.
  first.drop();
  network.advance(100);
  ASSERT_FALSE(hub().hub->up(node_id(2)));
  link(second, greeting_of(2, 8, 78));
  expect_refused(second, refusal::older_incarnation);
  EXPECT_NE(hub().about(2).trouble.find("copy of its data folder"), std::string::npos) << hub().about(2).trouble;
}

// Goal: a node that was started anew takes the place of its earlier process at once, and nothing that this one still
// sends is delivered, from the moment that the new greeting is there.
TEST_F(HubHello, ALaterIncarnationEndsTheEarlierOnesLink) {
  raw_peer& first = play(2);
  link(first, greeting_of(2, 1));
  raw_peer& second = play(2);
  reach(second);
  second.say(greeting_of(2, 2, 78));
  network.advance(20);
  first.say(cluster::lone_envelope(envelope_kind::raft, "old"));
  network.advance(20);
  EXPECT_EQ(hub().changes, (std::vector<std::string>{"+2", "-2"}));
  second.say(peer_agreement{});
  second.say(cluster::lone_envelope(envelope_kind::raft, "new"));
  network.advance(20);
  EXPECT_EQ(hub().heard[2], std::vector<std::string>{"new"});
  EXPECT_EQ(hub().changes, (std::vector<std::string>{"+2", "-2", "+2"}));
}

// Goal: two processes from copies of one data folder, with one incarnation, are told apart.
TEST_F(HubHello, ASecondProcessWithOneNumberIsRefused) {
  raw_peer& first = play(2);
  link(first, greeting_of(2, 1, 77));
  raw_peer& second = play(2);
  link(second, greeting_of(2, 1, 78));
  expect_refused(second, refusal::same_number);
  EXPECT_EQ(hub().changes, std::vector<std::string>{"+2"});
}

// Goal: a second connection of the same process is none, unless the process says that it lost the first one.
TEST_F(HubHello, ASecondConnectionIsADuplicateUnlessTheFirstIsLost) {
  raw_peer& first = play(2);
  link(first, greeting_of(2));
  const std::uint64_t number = first.told<peer_welcome>()->link;
  raw_peer& second = play(2);
  link(second, greeting_of(2));
  expect_refused(second, refusal::duplicate);
  EXPECT_EQ(hub().changes, std::vector<std::string>{"+2"});
  link(second, greeting_of(2), number);
  EXPECT_TRUE(second.told<peer_welcome>().has_value());
  EXPECT_EQ(hub().changes, (std::vector<std::string>{"+2", "-2", "+2"}));
}

TEST_F(HubHello, NoCommonVersionIsRefusedAndNeighboursAreNot) {
  raw_peer& two = play(2);
  peer_greeting later = greeting_of(2);
  later.wire = {cluster::wire_version_newest + 1, cluster::wire_version_newest + 2};
  link(two, later);
  expect_refused(two, refusal::wire_version);
  later.wire.lowest = cluster::wire_version_newest;
  link(two, later);
  EXPECT_TRUE(hub().hub->up(node_id(2)));
}

// Goal: another node than the one that was dialled is refused, with its address in the text.
TEST_F(HubHello, AnotherNodeAtAnAddressIsRefused) {
  played& made = raws.emplace_back();
  made.loop = std::make_unique<sim_loop>(system);
  made.host = &network.add(*made.loop, address_of(2), persistence::no_node); // without certificates
  made.raw = std::make_unique<raw_peer>(*made.host);
  hub().hub->set_peers({{node_id(2), address_of(2)}});
  ASSERT_TRUE(network.run_until([&] { return made.raw->told<peer_greeting>().has_value(); }, 500));
  made.raw->say(greeting_of(3));
  expect_refused(*made.raw, refusal::other_node);
  EXPECT_NE(hub().about(2).trouble.find("another node answers at 10.0.0.2:4431"), std::string::npos)
    << hub().about(2).trouble;
}

// Goal: what a node is refused for is what its own operator reads. Method: a node of another cluster, as a whole hub.
TEST_F(HubHello, BothSidesTellWhyALinkWasRefused) {
  auto with = options_of(2);
  with.cluster_id = "ffffffffffffffffffffffffffffffff";
  hub_node& two = start(with, node_id(2));
  introduce({2, 5});
  network.advance(10'000);
  EXPECT_NE(hub().about(2).trouble.find("belongs to another cluster"), std::string::npos) << hub().about(2).trouble;
  EXPECT_NE(two.about(5).trouble.find("belongs to another cluster"), std::string::npos) << two.about(5).trouble;
  EXPECT_TRUE(hub().changes.empty());
  EXPECT_TRUE(two.changes.empty());
  // What only people change is not asked for twice a second.
  EXPECT_LE(hub().host->dialled() + two.host->dialled(), 25U);
}

// Goal: of two processes with one number the one that was started later keeps its links; the other one is told.
TEST_F(HubHello, OfTwoProcessesWithOneNumberTheLaterOneStays) {
  start(2, 1);
  introduce({2, 5});
  ASSERT_TRUE(become_linked(2, 5));
  hub_node& earlier = *nodes.at(2);
  auto with = options_of(2, 2);
  with.self_address = address_of(22);
  hub_node& later = start(with, node_id(2));
  later.hub->set_peers({{node_id(5), address_of(5)}});
  network.advance(10'000);
  EXPECT_TRUE(later.hub->up(node_id(5)));
  EXPECT_FALSE(earlier.hub->up(node_id(5)));
  EXPECT_EQ(hub().hub->incarnation(node_id(2)), 2U);
  EXPECT_NE(earlier.about(5).trouble.find("later start of this node"), std::string::npos) << earlier.about(5).trouble;
  EXPECT_EQ(hub().changes, (std::vector<std::string>{"+2", "-2", "+2"}));
}

// Goal: somebody who connects and says nothing is shown the door, and cannot fill the room.
TEST_F(HubHello, WhoSaysNothingIsClosed) {
  raw_peer& mute = play(2);
  reach(mute);
  ASSERT_TRUE(network.run_until([&] { return mute.was_closed(); }, limits::peer_connect_ms + 100));
  EXPECT_FALSE(hub().hub->up(node_id(2)));
  std::size_t open = 0;
  for (std::uint64_t i = 100; i < 100 + limits::peers_unknown_max + 10; ++i) {
    play(i).dial(address_of(5));
  }
  network.advance(100);
  for (const played& each : raws) {
    open += each.raw->open();
  }
  EXPECT_EQ(open, limits::peers_unknown_max);
  start(7);
  network.advance(limits::peer_connect_ms);
  hub().hub->set_peers({{node_id(7), address_of(7)}});
  EXPECT_TRUE(become_linked(5, 7));
}

// Goal: bytes that are no frame end the connection at every step, are never delivered, and name cause and remedy.
// Method: at each step of a hello, and on the link, each kind of damage.
TEST_F(HubHello, GarbageEndsTheConnectionAtEveryStep) {
  const std::string whole = cluster::lone_envelope(envelope_kind::raft, "body");
  const std::vector<std::string> damages = {
    "",
    std::string(1, '\0'),
    "GET / HTTP/1.1\r\n\r\n",
    std::string(300, '\xff'),
    whole.substr(0, whole.size() - 1),
    whole + "x",
    whole + std::string("\x00\x00\x00\x00\x00", 5),
    cluster::lone_envelope(envelope_kind::hello, "no hello"),
    cluster::lone_envelope(envelope_kind::hello, ""),
    cluster::lone_envelope(envelope_kind::beat, "\xff\xff"),
    cluster::lone_envelope(envelope_kind::hello, cluster::encode_hello(greeting_of(2))) + whole,
    whole + cluster::lone_envelope(envelope_kind::beat, cluster::encode_beat({})),
    cluster::lone_envelope(envelope_kind::beat, cluster::encode_beat({.handled_bytes = 1ULL << 40})),
  };
  raw_peer& two = play(2);
  for (std::size_t step = 0; step < 3; ++step) {
    for (std::size_t i = 0; i < damages.size(); ++i) {
      reach(two);
      if (step >= 1) {
        two.say(greeting_of(2));
      }
      if (step >= 2) {
        two.say(peer_agreement{});
        network.advance(50);
        ASSERT_TRUE(hub().hub->up(node_id(2))) << step << " " << i;
      }
      hub().heard.clear();
      two.say(damages[i]);
      ASSERT_TRUE(network.run_until([&] { return two.was_closed(); }, 500)) << step << " " << i;
      network.advance(10);
      EXPECT_FALSE(hub().hub->up(node_id(2))) << step << " " << i;
      EXPECT_TRUE(hub().heard[2].empty()) << step << " " << i;
      if (step == 2) {
        EXPECT_NE(hub().about(2).trouble.find("no frame of this protocol"), std::string::npos)
          << hub().about(2).trouble;
      }
    }
  }
  link(two, greeting_of(2));
  EXPECT_TRUE(hub().hub->up(node_id(2)));
}

// Goal: a connection that waits for the outcome of the hub's own one is the link when that one fails. Method: the other
// node takes the hub's connection and says nothing there, agrees on its own one, and drops the first.
TEST_F(HubHello, AHeldConnectionIsTakenWhenTheOwnOneFails) {
  raw_peer& taker = play(2);
  hub().hub->set_peers({{node_id(2), address_of(2)}});
  ASSERT_TRUE(network.run_until([&] { return taker.told<peer_greeting>().has_value(); }, 500));
  sim_loop loop(system);
  sim_host& second = network.add(loop, address_of(102), node_id(2));
  raw_peer dialler(second);
  link(dialler, greeting_of(2));
  EXPECT_FALSE(hub().hub->up(node_id(2)));
  taker.drop();
  network.advance(10);
  EXPECT_TRUE(hub().hub->up(node_id(2)));
  EXPECT_TRUE(dialler.told<peer_welcome>().has_value());
  dialler.drop();
  network.advance(10);
  network.kill(second);
}

// Goal: every part of a hello out of its turn ends the connection.
TEST_F(HubHello, AHelloOutOfTurnEndsTheConnection) {
  raw_peer& two = play(2);
  const std::vector<std::vector<cluster::peer_hello>> turns = {
    {peer_agreement{}},
    {peer_welcome{4}},
    {greeting_of(2), greeting_of(2)},
    {greeting_of(2), peer_welcome{4}},
    {greeting_of(2), peer_agreement{}, peer_agreement{}},
    {greeting_of(2), peer_agreement{}, greeting_of(2)},
    {greeting_of(2), peer_agreement{}, peer_welcome{1}},
  };
  for (std::size_t i = 0; i < turns.size(); ++i) {
    reach(two);
    for (const cluster::peer_hello& each : turns[i]) {
      two.say(each);
    }
    ASSERT_TRUE(network.run_until([&] { return two.was_closed(); }, 500)) << i;
    network.advance(10);
    EXPECT_FALSE(hub().hub->up(node_id(2))) << i;
  }
  // To a node with a greater number it is the hub that agrees.
  raw_peer& nine = play(9);
  reach(nine);
  nine.say(greeting_of(9));
  nine.say(peer_agreement{});
  ASSERT_TRUE(network.run_until([&] { return nine.was_closed(); }, 500));
  reach(nine);
  nine.say(greeting_of(9));
  network.advance(20);
  EXPECT_TRUE(nine.told<peer_agreement>().has_value());
  EXPECT_FALSE(hub().hub->up(node_id(9)));
  nine.say(peer_welcome{12});
  network.advance(20);
  EXPECT_TRUE(hub().hub->up(node_id(9)));
}

// Goal: nobody but the hub's own number in another process: both hear that there are two.
TEST_F(HubHello, AnotherProcessWithTheHubsNumberIsRefused) {
  auto with = options_of(5, 3);
  with.self_address = address_of(55);
  hub_node& other = start(with, node_id(5));
  hub_node& first = *processes.front();
  other.hub->set_seeds({address_of(5)});
  network.advance(2000);
  EXPECT_TRUE(first.changes.empty());
  EXPECT_TRUE(other.changes.empty());
  ASSERT_EQ(other.hub->seeds().size(), 1U);
  EXPECT_NE(other.hub->seeds()[0].trouble.find("number of this node"), std::string::npos)
    << other.hub->seeds()[0].trouble;
}

// Goal: the hello and the beat take any bytes. Method: bytes changed, cut and added at random.
TEST(PeerGreeting, TakesAnyBytes) {
  std::mt19937 random(3);
  peer_greeting greeting;
  greeting.node = node_id(7);
  greeting.cluster_id = "0123456789abcdef0123456789abcdef";
  greeting.incarnation = 12;
  greeting.address = {"127.0.0.3", 4431};
  const std::vector<std::string> good = {
    cluster::encode_hello(greeting),
    cluster::encode_hello(peer_agreement{5}),
    cluster::encode_hello(peer_refusal{refusal::wire_version}),
    cluster::encode_beat({1, 2, 3, 4, 5}),
  };
  int taken = 0;
  for (int i = 0; i < 40'000; ++i) {
    std::string bytes = good[static_cast<std::size_t>(i) % good.size()];
    for (auto change = random() % 3; change > 0; --change) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    if (random() % 3 == 0) {
      bytes.resize(random() % (bytes.size() + 5));
    }
    const auto hello = cluster::decode_hello(bytes);
    if (hello && std::holds_alternative<peer_greeting>(*hello)) {
      const auto& read = std::get<peer_greeting>(*hello);
      EXPECT_NE(read.node, persistence::no_node);
      EXPECT_LE(read.address.host.size(), 64U);
      EXPECT_EQ(read.address.host.find_first_of("\n\r \"="), std::string::npos);
      EXPECT_LE(read.wire.lowest, read.wire.newest);
      ++taken;
    }
    if (const auto beat = cluster::decode_beat(bytes)) {
      EXPECT_GE(beat->wall, 0);
    }
  }
  EXPECT_GT(taken, 1000);
}

} // namespace
} // namespace godwit::test
