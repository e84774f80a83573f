#include "config/peer_text.hpp"

#include <charconv>

namespace godwit::config {
namespace {

constexpr std::uint64_t node_max = 4095;

std::optional<std::uint64_t> parse_number(std::string_view digits, std::uint64_t max) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole = !digits.empty() && error == std::errc{} && end == digits.data() + digits.size();
  return whole && value >= 1 && value <= max ? std::optional(value) : std::nullopt;
}

} // namespace

std::string host_port::text() const {
  const bool brackets = host.find(':') != std::string::npos;
  return (brackets ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::optional<host_port> parse_host_port(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view host = text.substr(0, colon);
  const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (brackets) {
    host = host.substr(1, host.size() - 2);
  }
  const bool has_colon = host.find(':') != std::string_view::npos;
  const auto address = parse_ip(host);
  const auto port = parse_number(text.substr(colon + 1), 65'535);
  if (!address || !port || address->is_any() || has_colon != brackets) {
    return std::nullopt;
  }
  return host_port{std::string(host), static_cast<std::uint16_t>(*port)};
}

std::optional<fixed_peer> parse_fixed_peer(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) {
    return std::nullopt;
  }
  const auto node = parse_number(text.substr(0, equals), node_max);
  auto address = parse_host_port(text.substr(equals + 1));
  if (!node || !address) {
    return std::nullopt;
  }
  return fixed_peer{*node, *std::move(address)};
}

} // namespace godwit::config
