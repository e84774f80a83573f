#include "protocol/mtproto/transport/first_bytes.hpp"

#include <algorithm>
#include <array>

#include "protocol/mtproto/transport/little_endian.hpp"

namespace godwit::mtproto {

namespace {

using kind = first_bytes_verdict::kind;

constexpr std::uint8_t abridged_byte = 0xEF;
constexpr std::uint32_t abridged_name = 0xEFEFEFEF;
constexpr std::uint32_t intermediate_name = 0xEEEEEEEE;
constexpr std::uint32_t padded_name = 0xDDDDDDDD;
/// A TLS 1.x handshake record of 256 to 511 bytes: the one that obfuscated headers keep clear of.
constexpr std::uint32_t tls_record = 0x02010316;

constexpr std::uint32_t text(const char (&four)[5]) {
  return static_cast<std::uint32_t>(four[0]) | static_cast<std::uint32_t>(four[1]) << 8 |
         static_cast<std::uint32_t>(four[2]) << 16 | static_cast<std::uint32_t>(four[3]) << 24;
}
constexpr std::array<std::uint32_t, 4> http_methods = {text("GET "), text("POST"), text("HEAD"), text("OPTI")};

} // namespace

first_bytes_verdict tell_first_bytes(std::span<const std::uint8_t> bytes) {
  if (bytes.empty()) {
    return {.what = kind::undecided, .size = 1};
  }
  if (bytes[0] == abridged_byte) {
    return {.what = kind::plain, .framing = framing::abridged, .size = 1};
  }
  if (bytes.size() < 4) {
    return {.what = kind::undecided, .size = 4};
  }
  const std::uint32_t first = load_u32(bytes);
  if (first == intermediate_name || first == padded_name) {
    return {.what = kind::plain, .framing = *framing_of_name(first), .size = 4};
  }
  if (std::find(http_methods.begin(), http_methods.end(), first) != http_methods.end()) {
    return {.what = kind::http};
  }
  if (first == tls_record) {
    return {.what = kind::tls};
  }
  if (bytes.size() < 8) {
    return {.what = kind::undecided, .size = 8};
  }
  // Random headers have no zero here, the first packet of a full transport has its sequence number.
  if (load_u32(bytes.subspan(4)) == 0) {
    return {.what = kind::plain, .framing = framing::full, .size = 0};
  }
  return {.what = kind::obfuscated};
}

std::uint32_t name_of_framing(framing framing) {
  switch (framing) {
  case framing::abridged: return abridged_name;
  case framing::intermediate: return intermediate_name;
  case framing::padded_intermediate: return padded_name;
  case framing::full: break;
  }
  return 0;
}

std::optional<framing> framing_of_name(std::uint32_t name) {
  switch (name) {
  case abridged_name: return framing::abridged;
  case intermediate_name: return framing::intermediate;
  case padded_name: return framing::padded_intermediate;
  default: return std::nullopt;
  }
}

} // namespace godwit::mtproto
