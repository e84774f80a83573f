#pragma once

#include <cstdint>
#include <memory>

#include "cluster/base/probe.hpp"
#include "cluster/peer/peer_connection.hpp"
#include "node/edge/edge_loop.hpp"
#include "node/peer/tls_setting.hpp"

namespace godwit::node {

class transport_link;

/// What the transport did; written on its loop, read by a scrape.
struct transport_probe {
  probe::counter dialled;
  probe::counter accepted;
  probe::counter opened;  ///< of both kinds: the other side proved who it is
  probe::counter failed;  ///< ended before that
  probe::counter crowded; ///< ended before that because too many were on their way
  probe::counter frames_in;
  probe::counter sends; ///< calls of the system
  probe::counter bytes_in;
  probe::counter bytes_out;
  probe::gauge open;
};

/// What the links of one network share. On its loop.
struct peer_transport {
  explicit peer_transport(edge_loop& on) : loop(on) {}

  edge_loop& loop;
  std::shared_ptr<const tls_setting> tls; ///< of new connections; null: not encrypted
  cluster::peer_network::taker taker;
  transport_probe probe;

  /// Every link that has a socket, in no order; each knows its place.
  std::vector<std::shared_ptr<transport_link>> links;
  /// Those that others dialled and that have not proved who they are, oldest first.
  std::vector<transport_link*> unknown;

  /// Steps of key exchanges in the present round: they are what a stranger can make this node work.
  [[nodiscard]] bool may_agree();
  std::uint64_t round = 0;
  std::size_t agreed_in_round = 0;

  /// Plain bytes on their way into one record.
  std::string record;
};

} // namespace godwit::node
