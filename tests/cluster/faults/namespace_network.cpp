#include "tests/cluster/faults/namespace_network.hpp"

#include <net/if.h>

#include <chrono>
#include <cstdio>
#include <utility>

namespace godwit::cluster_faults {
namespace {

constexpr std::uint32_t network = 0x0a4d0000; // 10.77.0.0/24
const std::string router = "10.77.0.254";
/// The router's rules: before those that come with every namespace, behind that of its own addresses.
constexpr unsigned first_rule = 1000;

std::string number(unsigned of) { return std::to_string(of); }
std::string address_of(unsigned node) { return "10.77.0." + number(node); }
/// Where clients go.
std::string client_address_of(unsigned node) { return "127.0.0." + number(node); }
std::string switch_of(unsigned node) { return "switch" + number(node); }
std::string wire_of(unsigned node) { return "wire" + number(node); }

hardware_address hardware_of(unsigned node, bool far) {
  return {2, 0, 0, 0, static_cast<std::uint8_t>(far ? 1 : 2), static_cast<std::uint8_t>(node)};
}

std::string text_of(const hardware_address& of) {
  char text[18];
  std::snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", of[0], of[1], of[2], of[3], of[4], of[5]);
  return text;
}

/// Neighbours are known for good: a question that nobody answers would be an answer, "no route".
std::string neighbour(const std::string& address, const hardware_address& hardware, const std::string& interface) {
  return "neigh replace " + address + " lladdr " + text_of(hardware) + " dev " + interface + " nud permanent\n";
}

void make_router() {
  // Nothing here is on the loopback: it is the way to the nodes.
  run_ip("link set lo up\n"
         "address del 127.0.0.1/8 dev lo\n"
         "address add " +
         router + "/32 dev lo\n");
  set_sysctl("ipv4/ip_forward", "1");
}

void connect_to_router(unsigned node, const network_namespace& space) {
  const std::string wire = wire_of(node);
  const std::string end = switch_of(node);
  run_ip("link add " + end + " address " + text_of(hardware_of(node, false)) + " type bridge\n" + //
         "link add " + wire + " type veth peer name eth0 address " + text_of(hardware_of(node, true)) + " netns " +
         space.path() + "\n" + //
         "link set " + wire + " master " + end + " up\n" + "link set " + end + " up\n");
  set_sysctl("ipv4/conf/" + end + "/route_localnet", "1");
  const std::string there = address_of(node);
  run_ip(neighbour(there, hardware_of(node, true), end) + //
         "route add " + there + "/32 dev " + end + " src " + router + "\n" + "route add " + client_address_of(node) +
         "/32 via " + there + " dev " + end + " onlink src " + router + "\n");
  const inside_namespace inside(space);
  // Packets as a wire takes them: one that is lost is not forty.
  run_ip("link set lo up\n"
         "link set eth0 up gso_max_segs 1\n"
         "address add " +
         there + "/32 dev eth0\n" + neighbour(router, hardware_of(node, false), "eth0") + //
         "route add " + router + "/32 dev eth0\n" + "route add default via " + router + " dev eth0\n");
  set_sysctl("ipv4/conf/eth0/route_localnet", "1");
}

} // namespace

namespace_network::namespace_network(unsigned nodes, std::uint16_t peer_port, std::uint64_t seed)
    : peer_port_(peer_port), unplugged_(nodes + 1), ways_(nodes + 1, std::vector<way>(nodes + 1)) {
  make_router();
  std::vector<packet_delay::port> ports(nodes + 1);
  for (unsigned node = 1; node <= nodes; ++node) {
    namespaces_.push_back(network_namespace::make());
    connect_to_router(node, namespaces_.back());
    ports[node] = {network + node, ::if_nametoindex(switch_of(node).c_str()), hardware_of(node, false),
                   hardware_of(node, true)};
  }
  delay_ = std::make_unique<packet_delay>(std::move(ports), seed);
}

void namespace_network::try_out(unsigned nodes) {
  namespace_network made(nodes, 0, 0);
  network_faults wanted(nodes);
  wanted.unplugged[1] = true;
  if (nodes > 1) {
    wanted.cut[1][2] = true;
    wanted.weather[2][1].delay = std::chrono::milliseconds(1); // as silence, and sockets for packets
  }
  made.set(wanted);
  made.set(network_faults(nodes));
}

void namespace_network::plug(unsigned node) {
  run_ip("link set " + wire_of(node) + (unplugged_[node] ? " down\n" : " up\n"));
}

void namespace_network::set(const network_faults& wanted) {
  const auto nodes = static_cast<unsigned>(namespaces_.size());
  std::string rules;
  packet_delay::ways slow;
  for (unsigned from = 1; from <= nodes; ++from) {
    if (unplugged_[from] != wanted.unplugged[from]) {
      unplugged_[from] = wanted.unplugged[from];
      plug(from);
    }
    for (unsigned to = 1; to <= nodes; ++to) {
      if (from == to) {
        continue;
      }
      const link_weather& weather = wanted.weather[from][to];
      way now = way::open;
      if (weather.silent) {
        now = way::silent;
      } else if (wanted.cut[from][to]) {
        now = way::unreachable;
      } else if (weather.is_slow()) {
        now = way::silent;
        slow[{from, to}] = weather;
      }
      way& before = ways_[from][to];
      const std::string rule = " pref " + number(first_rule + 100 * from + to);
      if (before != now && before != way::open) {
        rules += "rule del" + rule + "\n";
      }
      if (before != now && now != way::open) {
        rules += "rule add" + rule + " from " + address_of(from) + " to " + address_of(to) +
                 (now == way::silent ? " blackhole\n" : " unreachable\n");
      }
      before = now;
    }
  }
  // Before a way has its rule, and until that is gone. Both carry a packet for a moment rather than neither: TCP knows
  // what came twice.
  packet_delay::ways both = slow;
  both.insert(slow_.begin(), slow_.end());
  delay_->set(std::move(both));
  if (!rules.empty()) {
    run_ip(rules);
  }
  slow_ = std::move(slow);
  delay_->set(slow_);
}

std::vector<std::string> namespace_network::settings(unsigned node) const {
  // Every client has the router's address.
  std::vector<std::string> made{"peers.address=" + address_of(node), "limits.handshakes_per_address_minute=1000000"};
  if (node != 1) {
    made.push_back("peers.seeds=" + address_of(1) + ":" + std::to_string(peer_port_));
  }
  return made;
}

std::unique_ptr<inside_namespace> namespace_network::enter(unsigned node) const {
  return std::make_unique<inside_namespace>(namespaces_[node - 1]);
}

} // namespace godwit::cluster_faults
