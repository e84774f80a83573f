#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "cluster/peer/peer_connection.hpp"
#include "config/ip_address.hpp"
#include "node/edge/edge_loop.hpp"
#include "node/peer/peer_credentials.hpp"
#include "node/peer/peer_transport.hpp"
#include "protocol/expected.hpp"

namespace godwit::node {

/// Connections between nodes over TCP, on one loop: mutual TLS 1.3, or bytes as they are where there are no
/// certificates, and then on the loopback alone.
class asio_network final : public cluster::peer_network {
public:
  struct options {
    config::ip_address address; ///< where others connect, and from where this node does
    std::uint16_t port = 0;     ///< 0: any
    std::optional<peer_credentials> credentials;
  };

  /// Listens; connections are refused until somebody takes them. The loop outlives the network; it may be started
  /// later. The error is one line for the operator.
  static expected<std::unique_ptr<asio_network>, std::string> open(edge_loop& loop, const options& with);
  /// Stops.
  ~asio_network() override;
  asio_network(const asio_network&) = delete;
  asio_network& operator=(const asio_network&) = delete;

  // --- peer_network, on the loop ---

  std::unique_ptr<cluster::peer_connection> dial(const cluster::peer_address& to, cluster::peer_stream what,
                                                 cluster::node_id expected,
                                                 cluster::peer_connection_listener& hears) override;
  /// Replaces an earlier taker; an empty one: connections are refused again.
  void take_with(taker who) override;

  // --- from every thread ---

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] const transport_probe& probe() const;
  /// Connections from now on show these, and trust their CA alone; those that are there go on. The error is as in
  /// open(), and then everything stays as it is.
  expected<void, std::string> replace(const peer_credentials& credentials);
  /// Ends everything; listeners of connections hear that this node stops. Not from the loop.
  void stop();

private:
  class state;
  explicit asio_network(std::shared_ptr<state> shared);

  std::shared_ptr<state> state_;
};

} // namespace godwit::node
