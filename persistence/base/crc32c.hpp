#pragma once

#include <cstdint>
#include <string_view>

namespace godwit::persistence {

/// CRC-32C (Castagnoli, as in RFC 3720) of `bytes`. `before` is the checksum of what stands before
/// them, so that a record in several pieces needs no copy:
///
///   crc32c(b, crc32c(a)) == crc32c(a + b)
///
/// Of no bytes at all it is `before`. It finds damage, not forgery.
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

} // namespace godwit::persistence
