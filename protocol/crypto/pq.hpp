#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "protocol/crypto/bytes.hpp"

namespace godwit::crypto {

/// The work a client does before the server exponentiates for it: a product of two primes to take apart.
/// Source: https://core.telegram.org/mtproto/auth_key, steps 2 and 3.
struct pq_numbers {
  std::uint64_t pq = 0; ///< below 2^62, at least 2^60
  std::uint32_t p = 0;  ///< p < q, both of 31 bits
  std::uint32_t q = 0;
};

/// The same numbers for the same seed. A few microseconds.
pq_numbers make_pq(const std::array<std::uint8_t, 32>& seed);

[[nodiscard]] bool is_prime(std::uint32_t number);

/// Takes a product of two different odd primes apart, milliseconds for 63 bits; nothing for a prime.
/// For clients and tests.
std::optional<pq_numbers> factorize(std::uint64_t pq);

} // namespace godwit::crypto
