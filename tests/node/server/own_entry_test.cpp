#include "node/server/own_entry.hpp"

#include <gtest/gtest.h>

#include "config/cluster_limits.hpp"

namespace godwit::node {
namespace {

using cluster::peer_address;

config::node_config node_at(const std::string& peer_host) {
  config::node_config out;
  out.peers.address = peer_host;
  return out;
}

std::vector<peer_address> clients_of(config::node_config config, std::vector<std::string> listens) {
  config.listen.addresses = std::move(listens);
  return own_entry(config, 1, 1).clients;
}

// Goal: where a node listens on all addresses, clients and Prometheus elsewhere are told the one that its peers use.
TEST(OwnEntry, NamesAnAddressThatLeadsHere) {
  auto config = node_at("192.0.2.7");
  config.metrics.address = "0.0.0.0";
  EXPECT_EQ(own_entry(config, 1, 1).metrics, (peer_address{"192.0.2.7", 9430}));
  EXPECT_EQ(clients_of(config, {"0.0.0.0", "::"}), (std::vector<peer_address>{{"192.0.2.7", 4430}}));
  EXPECT_EQ(clients_of(config, {"192.0.2.7", "0.0.0.0"}), (std::vector<peer_address>{{"192.0.2.7", 4430}}));
  EXPECT_TRUE(clients_of(config, {"::"}).empty()) << "nothing answers there at an address of IPv4";
  config.peers.advertised = "2001:db8::7";
  EXPECT_EQ(clients_of(config, {"::"}), (std::vector<peer_address>{{"2001:db8::7", 4430}}));
  config.dc.address = "203.0.113.7";
  config.dc.port = 443;
  EXPECT_EQ(clients_of(config, {"0.0.0.0"}), (std::vector<peer_address>{{"203.0.113.7", 443}}));
}

// Goal: metrics for this machine alone are not told to others, unless the whole cluster is on it.
TEST(OwnEntry, LeavesMetricsOutThatNobodyElsewhereReaches) {
  auto config = node_at("192.0.2.7");
  EXPECT_EQ(own_entry(config, 1, 1).metrics, peer_address{});
  config.peers.address = "127.0.0.2";
  EXPECT_EQ(own_entry(config, 1, 1).metrics, (peer_address{"127.0.0.1", 9430}));
  config.metrics.address = "192.0.2.8";
  EXPECT_EQ(own_entry(config, 1, 1).metrics, (peer_address{"192.0.2.8", 9430}));
}

// Goal: a node with more addresses than the cluster keeps of one still gets in.
TEST(OwnEntry, HasNoMoreAddressesThanTheClusterTakes) {
  std::vector<std::string> many;
  for (int i = 1; i <= 40; ++i) {
    many.push_back("192.0.2." + std::to_string(i));
  }
  EXPECT_EQ(clients_of(node_at("192.0.2.1"), many).size(), limits::node_client_addresses_max);
}

} // namespace
} // namespace godwit::node
