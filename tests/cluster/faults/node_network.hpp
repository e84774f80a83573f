#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/cluster/faults/link_weather.hpp"
#include "tests/cluster/faults/network_namespace.hpp"

namespace godwit::cluster_faults {

/// What is to befall the network of a cluster. Nodes are counted from 1; a new one is in order.
struct network_faults {
  explicit network_faults(unsigned nodes)
      : unplugged(nodes + 1),
        cut(nodes + 1, std::vector<bool>(nodes + 1)),
        weather(nodes + 1, std::vector<link_weather>(nodes + 1)) {}

  /// A node has no network at all.
  std::vector<bool> unplugged;
  /// From, to: what is sent is refused, and whoever sends hears of it.
  std::vector<std::vector<bool>> cut;
  /// From, to.
  std::vector<std::vector<link_weather>> weather;

  [[nodiscard]] bool comes_through(unsigned from, unsigned to) const {
    return !unplugged[from] && !unplugged[to] && !cut[from][to] && !weather[from][to].silent;
  }
};

/// The network of a cluster of real processes. For one thread.
class node_network {
public:
  virtual ~node_network() = default;

  /// From now on it is so, and nothing else is wrong with it; connections that are there are affected as well.
  virtual void set(const network_faults& wanted) = 0;
  /// What the process of a node needs to be told, as section.key=value.
  [[nodiscard]] virtual std::vector<std::string> settings(unsigned node) const = 0;
  /// What is started while the result lives is on the network as that node is. Null: no difference.
  [[nodiscard]] virtual std::unique_ptr<inside_namespace> enter(unsigned node) const = 0;
};

/// On 127.0.0.k, with a proxy on each way from one node to another. What it cuts ends, and is refused; a node that is
/// unplugged is so for other nodes alone. `peer_port`: of all nodes. Throws std::runtime_error where the system gives
/// no sockets.
std::unique_ptr<node_network> make_proxy_network(unsigned nodes, std::uint16_t peer_port, std::uint64_t seed);

} // namespace godwit::cluster_faults
