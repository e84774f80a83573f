#include "config/ip_address.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace godwit::config {
namespace {

constexpr std::array<std::uint8_t, 12> v4_prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned v4_prefix_bits = 96;

} // namespace

bool ip_address::is_v4() const { return std::equal(v4_prefix.begin(), v4_prefix.end(), bytes.begin()); }

bool ip_address::is_loopback() const {
  if (is_v4()) {
    return bytes[12] == 127;
  }
  return bytes[15] == 1 && std::all_of(bytes.begin(), bytes.end() - 1, [](std::uint8_t each) { return each == 0; });
}

bool ip_address::is_any() const {
  const auto first = is_v4() ? bytes.begin() + v4_prefix.size() : bytes.begin();
  return std::all_of(first, bytes.end(), [](std::uint8_t each) { return each == 0; });
}

std::optional<ip_address> parse_ip(std::string_view text) {
  const std::string terminated(text);
  if (terminated.find('\0') != std::string::npos) {
    return std::nullopt;
  }
  ip_address address;
  if (::inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1) {
    return address;
  }
  std::copy(v4_prefix.begin(), v4_prefix.end(), address.bytes.begin());
  if (::inet_pton(AF_INET, terminated.c_str(), address.bytes.data() + v4_prefix.size()) == 1) {
    return address;
  }
  return std::nullopt;
}

bool ip_network::contains(const ip_address& address) const {
  const std::size_t whole = prefix / 8;
  if (!std::equal(base.bytes.begin(), base.bytes.begin() + static_cast<std::ptrdiff_t>(whole), address.bytes.begin())) {
    return false;
  }
  const unsigned rest = prefix % 8;
  if (rest == 0) {
    return true;
  }
  const unsigned mask = 0xffU << (8 - rest) & 0xffU;
  return (base.bytes[whole] & mask) == (address.bytes[whole] & mask);
}

std::optional<ip_network> parse_network(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = parse_ip(text.substr(0, slash));
  if (!address) {
    return std::nullopt;
  }
  ip_network network{.base = *address, .prefix = 128};
  if (slash == std::string_view::npos) {
    return network;
  }
  const std::string_view digits = text.substr(slash + 1);
  const bool v4 = address->is_v4() && text.substr(0, slash).find(':') == std::string_view::npos;
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (error != std::errc{} || end != digits.data() + digits.size() || bits > (v4 ? 32U : 128U)) {
    return std::nullopt;
  }
  network.prefix = static_cast<std::uint8_t>(v4 ? bits + v4_prefix_bits : bits);
  for (unsigned bit = network.prefix; bit < 128; ++bit) {
    if ((address->bytes[bit / 8] >> (7 - bit % 8) & 1) != 0) {
      return std::nullopt;
    }
  }
  return network;
}

} // namespace godwit::config
