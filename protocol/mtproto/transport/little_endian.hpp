#pragma once

#include <cstdint>
#include <span>

namespace godwit::mtproto {

/// `bytes` has at least 4.
constexpr std::uint32_t load_u32(std::span<const std::uint8_t> bytes) {
  return static_cast<std::uint32_t>(bytes[0]) | static_cast<std::uint32_t>(bytes[1]) << 8 |
         static_cast<std::uint32_t>(bytes[2]) << 16 | static_cast<std::uint32_t>(bytes[3]) << 24;
}

/// `bytes` has at least 4.
constexpr void store_u32(std::span<std::uint8_t> bytes, std::uint32_t value) {
  for (std::uint8_t& byte : bytes.first(4)) {
    byte = static_cast<std::uint8_t>(value);
    value >>= 8;
  }
}

} // namespace godwit::mtproto
