#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "protocol/crypto/bytes.hpp"
#include "protocol/crypto/random.hpp"

namespace godwit::crypto {

using sealing_key = std::array<std::uint8_t, 32>;

/// What sealing adds: a nonce of 12 bytes in front, a tag of 16 behind.
inline constexpr std::size_t sealed_extra_bytes = 28;

/// AES-256-GCM: nobody without the key reads or changes what was sealed. `context` is not kept, and has to be the same
/// for opening: it says what the bytes are, so that one sealed thing cannot stand in the place of another. The nonce is
/// drawn from `random`, which must never repeat itself under one key.
[[nodiscard]] std::string seal(const sealing_key& key, bytes_view context, bytes_view plain, random_source& random);

/// Nothing when the bytes were changed or cut off, or belong to another key or context.
[[nodiscard]] std::optional<std::string> unseal(const sealing_key& key, bytes_view context, bytes_view sealed);

/// A key for one purpose, made of another key.
[[nodiscard]] sealing_key derive_key(bytes_view from, bytes_view purpose);

/// A key made of what a person can remember, by scrypt: a tenth of a second and 32 MB, so that guessing is dear.
[[nodiscard]] sealing_key derive_key_slowly(bytes_view passphrase, bytes_view salt);

} // namespace godwit::crypto
