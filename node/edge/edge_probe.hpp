#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "cluster/base/probe.hpp"
#include "protocol/mtproto/transport/transport_errc.hpp"
#include "protocol/mtproto/transport/transport_kind.hpp"

namespace godwit::node {

/// Why a connection ended.
enum class close_reason : std::uint8_t {
  by_client,     ///< it closed, or its network broke
  by_session,    ///< the session or the gateway closed it
  framing_error, ///< no packets can be told apart any more; counted by kind too
  http,          ///< a request that is no WebSocket handshake was answered
  websocket,     ///< the rules of WebSocket were broken
  first_packet,  ///< no whole packet within the time limit
  known_key,     ///< no packet of a known key within the time limit
  packet_time,   ///< a packet took longer than the time limit
  idle,          ///< nothing came for the time limit
  slow_reader,   ///< too many bytes wait for the client, or it takes none
  address_limit, ///< behind a proxy: too many connections of one address
  refused,       ///< nobody wanted it
  stood_still,   ///< its loop did; what the client sent meanwhile it may long have sent to another node
  stopping,      ///< the node stops
};
inline constexpr std::size_t close_reasons = 14;
std::string_view name_of(close_reason reason);

/// Why a connection was closed when it was accepted.
enum class reject_reason : std::uint8_t { connections, address };
inline constexpr std::size_t reject_reasons = 2;
std::string_view name_of(reject_reason reason);

/// What the connections of one loop did; written by the loop, read by any thread.
struct edge_probe {
  probe::gauge open;
  probe::counter accepted;
  /// Connections whose transport is known, by transport; those inside a WebSocket are counted there too.
  std::array<probe::counter, mtproto::transport_kinds> transports;
  probe::counter websockets;
  probe::counter bytes_in;
  probe::counter bytes_out;
  probe::counter packets_in;
  probe::counter packets_out;
  probe::counter reads;
  probe::counter sends;
  probe::counter quick_acks;
  std::array<probe::counter, mtproto::transport_errors> framing_errors;
  std::array<probe::counter, close_reasons> closed;
  std::array<probe::counter, reject_reasons> rejected;
  /// Accepts that failed for want of descriptors or memory.
  probe::counter accept_failures;
};

} // namespace godwit::node
