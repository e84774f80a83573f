#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "persistence/base/slice.hpp"
#include "persistence/base/types.hpp"

namespace godwit::cluster {

using persistence::node_id;

/// Where a node takes connections of other nodes.
struct peer_address {
  std::string host; ///< an IP address
  std::uint16_t port = 0;

  friend bool operator==(const peer_address&, const peer_address&) = default;
};

/// What a connection between two nodes is for: the first thing that its dialer says. Never renumber.
enum class peer_stream : std::uint8_t {
  control = 1, ///< everything that is small and must not wait
  bulk = 2,    ///< snapshots: may be slow, and waits for its receiver
};

/// Hears of one connection, on the loop of the peers. May end the connection from inside of a call.
class peer_connection_listener {
public:
  virtual ~peer_connection_listener() = default;

  /// It is there: encrypted, and the other side proved to be of this cluster. `certified` is the node that its
  /// certificate names; no_node where connections are not encrypted.
  virtual void opened(node_id certified) = 0;
  /// One frame as the other side sent it, in order, each once.
  virtual void received(persistence::slice frame) = 0;
  /// What waited to be sent has gone down to half of limits::peer_queue_bytes_high, after it had been above it.
  virtual void writable() {}
  /// It never came about, or ended. The last call.
  virtual void closed(const std::string& why) = 0;
};

/// One connection to another node, as frames in both directions. On the loop of the peers alone.
class peer_connection {
public:
  /// Ends it; the listener hears nothing any more.
  virtual ~peer_connection() = default;

  /// Of a connection that was taken; a dialled one has it from the beginning.
  virtual void listen(peer_connection_listener& who) = 0;
  /// At most limits::peer_frame_bytes_max. Leaves at the end of the loop's round, together with others. Lost when the
  /// connection ends.
  virtual void send(std::string frame) = 0;
  /// As send(), but before all frames of send() that have not begun to leave; those of send_first() stay in order.
  virtual void send_first(std::string frame) { send(std::move(frame)); }
  /// Sent and not yet taken by the kernel.
  [[nodiscard]] virtual std::size_t queued_bytes() const = 0;
};

/// Makes connections between nodes: node/peer over TCP and TLS, tests on virtual time. On the loop of the peers.
class peer_network {
public:
  virtual ~peer_network() = default;

  /// Never blocks; `hears` is told of what becomes of it, later. `expected`: the other side's certificate has to name
  /// this node; no_node: any of the cluster.
  virtual std::unique_ptr<peer_connection> dial(const peer_address& to, peer_stream what, node_id expected,
                                                peer_connection_listener& hears) = 0;

  /// Takes the connections that others dialled, opened already; `certified` as in opened(). Connections that nobody
  /// takes are closed.
  using taker = std::function<void(std::unique_ptr<peer_connection> connection, peer_stream what, node_id certified)>;
  virtual void take_with(taker who) = 0;
};

} // namespace godwit::cluster
