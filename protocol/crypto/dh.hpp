#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "protocol/crypto/bytes.hpp"

/// Diffie-Hellman over the one group that clients know by heart.
/// Source: https://core.telegram.org/mtproto/auth_key, "Presenting proof of work; Server authentication";
/// https://core.telegram.org/mtproto/security_guidelines, "Diffie-Hellman key exchange"
namespace godwit::crypto::dh {

/// A number of 2048 bits, big-endian.
using number = std::array<std::uint8_t, 256>;

/// The safe prime that every client accepts without testing it.
extern const number prime;
/// Generates the subgroup of order (prime - 1) / 2, for prime mod 3 = 2. Some clients accept only this one.
inline constexpr std::int32_t generator = 3;

/// 1 < value < prime - 1 and 2^(2048-64) <= value <= prime - 2^(2048-64).
[[nodiscard]] bool in_range(const number& value);

/// Whether `candidate` is a safe prime of 2048 bits and `g` one that the protocol allows for it, 2 to 7. Slow
/// for any prime but ours; for clients and tests.
[[nodiscard]] bool is_good_group(const number& candidate, std::int32_t g);
/// Whether `candidate` and (candidate - 1) / 2 are primes; 2048 bits. A second of CPU.
[[nodiscard]] bool is_safe_prime(const number& candidate);

/// generator^exponent mod prime. In constant time, milliseconds.
number power(const number& exponent);
/// base^exponent mod prime: the shared key. In constant time, milliseconds.
number power(const number& base, const number& exponent);

/// Left-pads with zeros; nothing when there are more than 256 bytes.
std::optional<number> number_from(bytes_view big_endian);

} // namespace godwit::crypto::dh
