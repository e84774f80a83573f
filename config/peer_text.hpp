#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/ip_address.hpp"

namespace godwit::config {

/// Where a node takes connections, as operators write it: "192.0.2.1:4431", "[2001:db8::1]:4431".
struct host_port {
  std::string host; ///< an IP address, without brackets
  std::uint16_t port = 0;

  [[nodiscard]] std::string text() const;
  friend bool operator==(const host_port&, const host_port&) = default;
};

/// Numbers only, no names; nothing for port 0 and for addresses that mean every one (0.0.0.0).
std::optional<host_port> parse_host_port(std::string_view text);

/// "3=192.0.2.1:4431": that node is there.
struct fixed_peer {
  std::uint64_t node = 0;
  host_port address;
};

std::optional<fixed_peer> parse_fixed_peer(std::string_view text);

} // namespace godwit::config
