#include "tests/cluster/peer/hub_world.hpp"

#include <random>

namespace godwit::test {
namespace {

/// Three nodes whose processes and connections suffer whatever a seed says.
class HubChaos : public hub_world {
protected:
  static constexpr std::uint64_t count = 3;

  struct process {
    std::uint64_t incarnation = 0;
    std::uint64_t said = 0;
    bool frozen = false;
  };

  void boot(std::uint64_t number) {
    process& now = state[number];
    now = {now.incarnation + 1, 0, false};
    hub_node& node = start(number, now.incarnation);
    node.hub->on_change([&node, number, this](node_id which, bool up) {
      // Up and down take turns, and a process never follows a later one.
      bool& was = believed[{number, which.value()}];
      EXPECT_NE(was, up);
      was = up;
      if (up) {
        std::uint64_t& newest = seen[{number, which.value()}];
        EXPECT_GE(node.hub->incarnation(which), newest);
        newest = node.hub->incarnation(which);
      }
    });
    std::vector<cluster::peer_hub::peer> all;
    for (std::uint64_t each = 1; each <= count; ++each) {
      all.push_back({node_id(each), address_of(each)});
    }
    node.hub->set_peers(all);
  }

  void one_fault(std::mt19937_64& random) {
    const std::uint64_t a = 1 + random() % count;
    const std::uint64_t b = 1 + (a + random() % (count - 1)) % count;
    hub_node& node = *nodes.at(a);
    hub_node& other = *nodes.at(b);
    const bool on = random() % 2 == 0;
    switch (random() % 8) {
    case 0:
      check(a);
      kill(node, on);
      for (std::uint64_t each = 1; each <= count; ++each) {
        believed[{a, each}] = false;
        seen[{a, each}] = 0;
        last[{a, each}] = {};
      }
      boot(a);
      break;
    case 1: network.cut(*node.host, *other.host, on); break;
    case 2: network.silence(*node.host, *other.host, on); break;
    case 3: network.break_connections(*node.host, *other.host); break;
    case 4: network.freeze(*node.host, on); break;
    case 5: network.slow(*node.host, on ? 1 + random() % 2000 : 0); break;
    case 6: network.delay(*node.host, *other.host, on ? static_cast<std::uint32_t>(random() % 800) : 0); break;
    default: network.lossy(on ? static_cast<std::uint32_t>(random() % 20'000) : 0); break;
    }
  }

  void heal() {
    network.lossy(0);
    for (auto& [a, node] : nodes) {
      network.freeze(*node->host, false);
      network.slow(*node->host, 0);
      for (auto& [b, other] : nodes) {
        network.cut(*node->host, *other->host, false);
        network.delay(*node->host, *other->host, 0);
      }
    }
  }

  void talk() {
    for (auto& [from, node] : nodes) {
      process& now = state[from];
      if (node->host->frozen()) {
        continue;
      }
      ++now.said;
      for (auto& [to, other] : nodes) {
        node->say(to, std::to_string(now.incarnation) + " " + std::to_string(now.said));
      }
    }
  }

  /// What a node heard of each other one goes up, by incarnation and by number.
  void check(std::uint64_t at) {
    for (auto& [from, bodies] : nodes.at(at)->heard) {
      for (const std::string& body : bodies) {
        const std::size_t space = body.find(' ');
        const pair now{std::stoull(body.substr(0, space)), std::stoull(body.substr(space + 1))};
        auto& before = last[{at, from}];
        EXPECT_LT(before, now);
        before = now;
        ++heard;
      }
      bodies.clear();
    }
  }

  using pair = std::pair<std::uint64_t, std::uint64_t>;
  std::map<std::uint64_t, process> state;
  std::map<pair, bool> believed;
  std::map<pair, std::uint64_t> seen;
  std::map<pair, pair> last;
  std::uint64_t heard = 0;
};

// Goal: whatever befalls processes and connections, envelopes of a node are heard in order and at most once, those of an
// earlier process never after a later one's, ups and downs take turns; and when it is over each pair has one link within
// a few seconds, which stays. Method: faults drawn from seeds, while all nodes talk to one another.
TEST_F(HubChaos, LinksHoldTheirPromisesUnderFaults) {
  for (std::uint64_t round = 1; round <= 60 && !HasFailure(); ++round) {
    SCOPED_TRACE("seed " + std::to_string(round));
    std::mt19937_64 random(round);
    for (std::uint64_t each = 1; each <= count; ++each) {
      boot(each);
    }
    for (int step = 0; step < 150; ++step) {
      if (random() % 3 == 0) {
        one_fault(random);
      }
      for (int i = 0; i < 10; ++i) {
        talk();
        network.advance(1 + random() % 40);
      }
    }
    heal();
    const bool whole = network.run_until([&] { return linked(1, 2) && linked(1, 3) && linked(2, 3); }, 12'000);
    EXPECT_TRUE(whole) << nodes[1]->about(2).trouble << " | " << nodes[1]->about(3).trouble << " | "
                       << nodes[2]->about(3).trouble;
    network.advance(6000);
    const auto ups = [&] {
      std::uint64_t all = 0;
      for (auto& [number, node] : nodes) {
        for (const auto& each : node->hub->status()) {
          all += each.times_up;
        }
      }
      return all;
    };
    const std::uint64_t before = ups();
    network.advance(10'000);
    EXPECT_EQ(ups(), before);
    for (std::uint64_t a = 1; a <= count; ++a) {
      check(a);
      for (std::uint64_t b = a + 1; b <= count; ++b) {
        EXPECT_TRUE(linked(a, b));
        EXPECT_EQ(network.connections(*nodes[a]->host, *nodes[b]->host), 1U);
      }
    }
    while (!processes.empty()) {
      kill(*processes.back());
    }
    believed.clear();
    seen.clear();
    last.clear();
    state.clear();
  }
  EXPECT_GT(heard, 100'000U);
}

} // namespace
} // namespace godwit::test
