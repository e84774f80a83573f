#pragma once

#include <cstddef>
#include <cstdint>

namespace godwit::mtproto {

/// Numbers at fixed places of a packet.
inline std::uint32_t load_u32(const std::uint8_t* at) {
  return std::uint32_t{at[0]} | std::uint32_t{at[1]} << 8 | std::uint32_t{at[2]} << 16 | std::uint32_t{at[3]} << 24;
}

inline std::uint64_t load_u64(const std::uint8_t* at) {
  return std::uint64_t{load_u32(at)} | std::uint64_t{load_u32(at + 4)} << 32;
}

inline void store_u32(std::uint8_t* at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) {
    at[i] = static_cast<std::uint8_t>(value >> (8 * i));
  }
}

inline void store_u64(std::uint8_t* at, std::uint64_t value) {
  store_u32(at, static_cast<std::uint32_t>(value));
  store_u32(at + 4, static_cast<std::uint32_t>(value >> 32));
}

} // namespace godwit::mtproto
