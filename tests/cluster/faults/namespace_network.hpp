#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/cluster/faults/node_network.hpp"
#include "tests/cluster/faults/packet_delay.hpp"

namespace godwit::cluster_faults {

/// Nodes whose networks are real: a namespace for each, with the address 10.77.0.k, a wire to a switch of its own, and
/// between these switches the namespace of this process, which routes. What is taken away vanishes on its way:
///
/// - a node is unplugged at its switch, for clients as well, and neither side is told;
/// - what is silent from one node to another is dropped by the router, what is cut is answered with "unreachable";
/// - what is slow or lossy goes through a packet_delay instead of the router.
///
/// Clients are in the router's namespace, and reach a node by its wire, too: 127.0.0.k leads there, so that nodes listen
/// for clients on the loopback, as they do without namespaces (on any other address they take no test numbers).
class namespace_network final : public node_network {
public:
  /// Within enter_own_network(). Throws std::runtime_error with what is not permitted, or is missing.
  namespace_network(unsigned nodes, std::uint16_t peer_port, std::uint64_t seed);

  /// Makes such a network, and does to it once whatever set() may be asked for: what is not permitted throws now, and
  /// not in the middle of a run.
  static void try_out(unsigned nodes);

  void set(const network_faults& wanted) override;
  [[nodiscard]] std::vector<std::string> settings(unsigned node) const override;
  [[nodiscard]] std::unique_ptr<inside_namespace> enter(unsigned node) const override;

  /// Of packets that were delayed.
  [[nodiscard]] const packet_delay& delayed() const { return *delay_; }

private:
  /// What the router does with what goes from one node to another.
  enum class way : std::uint8_t { open, silent, unreachable };

  void plug(unsigned node);

  std::uint16_t peer_port_;
  std::vector<network_namespace> namespaces_; ///< of node k at k - 1
  std::vector<bool> unplugged_;
  std::vector<std::vector<way>> ways_; ///< from, to
  packet_delay::ways slow_;
  std::unique_ptr<packet_delay> delay_;
};

} // namespace godwit::cluster_faults
