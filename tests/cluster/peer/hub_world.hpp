#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cluster/peer/peer_hub.hpp"
#include "config/cluster_limits.hpp"
#include "tests/cluster/peer/sim_network.hpp"

namespace godwit::test {

/// One process with a hub, and what the hub told.
struct hub_node {
  hub_node(caf::actor_system& system) : loop(system) {}

  sim_loop loop;
  sim_host* host = nullptr;
  std::unique_ptr<cluster::peer_hub> hub;
  std::vector<std::string> changes;                        ///< "+2": node 2 is up, "-2": it is down
  std::map<std::uint64_t, std::vector<std::string>> heard; ///< bodies of `raft` envelopes, by sender
  std::size_t heard_bytes = 0;
  bool keeps = true; ///< what it hears
  std::string hates; ///< a body that it refuses the link for; empty: none

  [[nodiscard]] cluster::peer_status about(std::uint64_t node) const {
    for (const cluster::peer_status& each : hub->status()) {
      if (each.node.value() == node) {
        return each;
      }
    }
    return {};
  }
  bool say(std::uint64_t to, std::string_view what) {
    return hub->send(node_id(to), cluster::envelope_kind::raft, what);
  }
};

/// Several hubs on one simulated network.
class hub_world : public ::testing::Test {
protected:
  static cluster::peer_address address_of(std::uint64_t number) { return {"10.0.0." + std::to_string(number), 4431}; }

  cluster::peer_hub::options options_of(std::uint64_t number, std::uint64_t incarnation = 1) {
    cluster::peer_hub::options with;
    with.self = node_id(number);
    with.cluster_id = "0123456789abcdef0123456789abcdef";
    with.incarnation = incarnation;
    with.seed = ++seed;
    with.self_address = address_of(number);
    return with;
  }

  hub_node& start(cluster::peer_hub::options with, node_id certified) {
    auto made = std::make_unique<hub_node>(system);
    hub_node& node = *made;
    if (!with.wall) {
      with.wall = [&node, this] { return node.loop.wall_at(network.now()); };
    }
    const node_id self = with.self;
    node.host = &network.add(node.loop, with.self_address, certified);
    node.hub = std::make_unique<cluster::peer_hub>(node.loop, *node.host, std::move(with));
    node.hub->on(cluster::envelope_kind::raft, [&node](node_id from, persistence::slice body) {
      if (!node.hates.empty() && body.view() == node.hates) {
        node.hub->refuse(from, "a test's word");
        return;
      }
      node.heard_bytes += body.size();
      if (node.keeps) {
        node.heard[from.value()].emplace_back(body.view());
      }
    });
    node.hub->on_change([&node](node_id which, bool up) {
      EXPECT_EQ(node.hub->up(which), up);
      node.changes.push_back((up ? "+" : "-") + std::to_string(which.value()));
    });
    node.hub->start();
    processes.push_back(std::move(made));
    nodes[self.value()] = &node;
    return node;
  }
  hub_node& start(std::uint64_t number, std::uint64_t incarnation = 1) {
    return start(options_of(number, incarnation), node_id(number));
  }
  /// A process dies; `told`: its machine lives.
  void kill(hub_node& node, bool told = true) {
    network.kill(*node.host, told);
    node.hub.reset();
    std::erase_if(nodes, [&](const auto& each) { return each.second == &node; });
    std::erase_if(processes, [&](const auto& each) { return each.get() == &node; });
  }
  /// Tells each of these nodes of all of them.
  void introduce(const std::vector<std::uint64_t>& numbers) {
    std::vector<cluster::peer_hub::peer> all;
    for (const std::uint64_t each : numbers) {
      all.push_back({node_id(each), address_of(each)});
    }
    for (const std::uint64_t each : numbers) {
      nodes.at(each)->hub->set_peers(all);
    }
  }
  [[nodiscard]] bool linked(std::uint64_t a, std::uint64_t b) const {
    return nodes.at(a)->hub->up(node_id(b)) && nodes.at(b)->hub->up(node_id(a));
  }
  bool become_linked(std::uint64_t a, std::uint64_t b, monotonic_ms within = 500) {
    return network.run_until([&] { return linked(a, b); }, within);
  }

  void TearDown() override {
    for (const auto& process : processes) {
      process->hub.reset();
    }
  }

  caf::actor_system_config config;
  caf::actor_system system{config};
  std::uint32_t seed = 0;
  sim_network network{sim_profile{}};
  std::vector<std::unique_ptr<hub_node>> processes;
  std::map<std::uint64_t, hub_node*> nodes;
};

} // namespace godwit::test
