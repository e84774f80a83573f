#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>

#include "protocol/crypto/bytes.hpp"

namespace godwit::crypto {

using sha1_hash = std::array<std::uint8_t, 20>;
using sha256_hash = std::array<std::uint8_t, 32>;

/// The hash of `bytes`; of all parts, one behind the other.
sha1_hash sha1(bytes_view bytes);
sha1_hash sha1(std::initializer_list<bytes_view> parts);
sha256_hash sha256(bytes_view bytes);
sha256_hash sha256(std::initializer_list<bytes_view> parts);

sha256_hash hmac_sha256(bytes_view key, bytes_view message);

} // namespace godwit::crypto
