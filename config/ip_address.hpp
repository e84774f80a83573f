#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

namespace godwit::config {

/// An IPv4 or IPv6 address, in the 16 bytes of IPv6; IPv4 as ::ffff:a.b.c.d.
struct ip_address {
  std::array<std::uint8_t, 16> bytes{};

  [[nodiscard]] bool is_v4() const;
  /// 127.0.0.0/8 and ::1.
  [[nodiscard]] bool is_loopback() const;
  /// 0.0.0.0 and ::, which mean every address when listened on.
  [[nodiscard]] bool is_any() const;

  friend auto operator<=>(const ip_address&, const ip_address&) = default;
};

/// Numbers only, no names: "192.0.2.1", "2001:db8::1".
std::optional<ip_address> parse_ip(std::string_view text);

/// The addresses that share their first `prefix` bits.
struct ip_network {
  ip_address base;
  std::uint8_t prefix = 128; ///< of the 128 bits, for IPv4 too

  [[nodiscard]] bool contains(const ip_address& address) const;
};

/// "192.0.2.0/24", "2001:db8::/32", or one address alone. Nothing when bits behind the prefix are set.
std::optional<ip_network> parse_network(std::string_view text);

} // namespace godwit::config
