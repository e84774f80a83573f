#pragma once

#include "cluster/base/probe.hpp"

namespace godwit::actors {

/// What the gateway counted on one loop: written there, read by whoever scrapes.
struct gateway_probe {
  probe::gauge connections;
  probe::counter packets;             ///< with a known key, authentic
  probe::counter packets_malformed;   ///< no packet of the protocol
  probe::counter packets_wrong_key;   ///< msg_key does not fit: closed without a word
  probe::counter packets_broken;      ///< authentic, but broken inside
  probe::counter keys_unknown;        ///< closed with -404
  probe::counter keys_unavailable;    ///< closed without a word
  probe::counter sessions_refused;    ///< beyond a bound: -429
  probe::counter connections_flooded; ///< more packets than may wait: -429
  probe::counter sessions_evicted;    ///< without a connection, to make room
};

} // namespace godwit::actors
