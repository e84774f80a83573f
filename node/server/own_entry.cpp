#include "node/server/own_entry.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "cluster/peer/wire_version.hpp"
#include "config/cluster_limits.hpp"
#include "config/ip_address.hpp"

namespace godwit::node {
namespace {

using cluster::peer_address;

/// Where a client gets to that is told so; nothing: this says nothing to anybody elsewhere.
std::optional<std::string> host_for_clients(const std::string& listens, const std::string& peer_host) {
  const auto address = config::parse_ip(listens);
  if (!address || !address->is_any()) {
    return listens;
  }
  const auto peer = config::parse_ip(peer_host);
  const bool same_kind = peer && !peer->is_any() && peer->is_v4() == address->is_v4();
  return same_kind ? std::optional(peer_host) : std::nullopt;
}

std::vector<peer_address> clients_of(const config::node_config& config, const std::string& peer_host) {
  const auto port = static_cast<std::uint16_t>(config.dc.port != 0 ? config.dc.port : config.listen.port);
  std::vector<peer_address> out;
  const auto add = [&](const std::string& host) {
    const peer_address address{host, port};
    if (out.size() < limits::node_client_addresses_max && std::find(out.begin(), out.end(), address) == out.end()) {
      out.push_back(address);
    }
  };
  if (!config.dc.address.empty()) {
    add(config.dc.address);
    return out;
  }
  for (const std::string& each : config.listen.addresses) {
    if (const auto host = host_for_clients(each, peer_host)) {
      add(*host);
    }
  }
  return out;
}

peer_address metrics_of(const config::node_config& config, const std::string& peer_host) {
  const auto port = static_cast<std::uint16_t>(config.metrics.port);
  const auto address = config::parse_ip(config.metrics.address);
  const auto peer = config::parse_ip(peer_host);
  if (address && address->is_any()) {
    return {peer_host, port};
  }
  const bool out_of_reach = address && address->is_loopback() && peer && !peer->is_loopback();
  return out_of_reach ? peer_address{} : peer_address{config.metrics.address, port};
}

} // namespace

cluster::node_entry own_entry(const config::node_config& config, std::uint64_t incarnation, std::uint64_t folder) {
  cluster::node_entry self;
  self.id = cluster::node_id{config.node.id};
  self.name = config.node.name.empty() ? "node-" + std::to_string(config.node.id) : config.node.name;
  const config::peers_section& peers = config.peers;
  self.peer = {peers.advertised.empty() ? peers.address : peers.advertised, static_cast<std::uint16_t>(peers.port)};
  self.clients = clients_of(config, self.peer.host);
  self.metrics = metrics_of(config, self.peer.host);
  self.incarnation = incarnation;
  self.folder = folder;
  self.wire_version = cluster::wire_version_newest;
  return self;
}

} // namespace godwit::node
