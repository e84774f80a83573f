#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "config/ip_address.hpp"
#include "config/limits.hpp"
#include "protocol/mtproto/transport/frame.hpp"

namespace godwit::node {

/// What an operator, or a test, may choose about connections. Times in milliseconds.
struct edge_options {
  /// Networks whose connections begin with a PROXY header; from nowhere else is one understood.
  std::vector<config::ip_network> proxy_sources;
  std::uint64_t connections_max = 100'000;
  std::uint64_t connections_per_address_max = 4096;

  /// From the accept to the end of the first packet.
  std::uint32_t first_packet_ms = 30'000;
  std::uint32_t known_key_ms = limits::known_key_ms_max;
  std::uint32_t packet_ms = limits::packet_ms_max;
  /// Without a byte from the client. 0: no limit.
  std::uint32_t idle_ms = 300'000;
  std::uint32_t write_stall_ms = limits::write_stall_ms_max;
  std::uint32_t linger_ms = limits::close_linger_ms;

  mtproto::packet_limits first_packets = {limits::first_packet_bytes_max, limits::handshake_packet_bytes_max};
  mtproto::packet_limits packets = {limits::packet_bytes_max, limits::handshake_packet_bytes_max};
  std::size_t unread_bytes_max = limits::connection_unread_bytes_max;
  std::size_t drained_bytes = limits::connection_drained_bytes;
  /// Of the kernel, for each socket; 0: as it chooses.
  int send_buffer_bytes = 0;
};

} // namespace godwit::node
