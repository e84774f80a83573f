#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "protocol/crypto/aes_ige.hpp"
#include "protocol/crypto/hash.hpp"
#include "protocol/crypto/message_cipher.hpp"

/// Which bytes of the authorization key go where in MTProto 2.0. For the implementations of the message
/// cipher alone. Source: https://core.telegram.org/mtproto/description, "Defining AES Key and Initialization
/// Vector"
namespace godwit::crypto::key_derivation {

inline constexpr std::size_t message_prefix_size = 32;
inline constexpr std::size_t key_part_size = 36;

/// What goes in front of the plaintext in the hash whose middle is the message key.
inline const std::uint8_t* message_prefix(const cipher_job& job) {
  return job.key->bytes.data() + 88 + static_cast<std::size_t>(job.from);
}

/// Stands behind the message key in the first hash of the derivation.
inline const std::uint8_t* first_key_part(const cipher_job& job) {
  return job.key->bytes.data() + static_cast<std::size_t>(job.from);
}

/// Stands before the message key in the second.
inline const std::uint8_t* second_key_part(const cipher_job& job) {
  return job.key->bytes.data() + 40 + static_cast<std::size_t>(job.from);
}

inline msg_key middle_of(const sha256_hash& hash) {
  msg_key result;
  std::memcpy(result.data(), hash.data() + 8, result.size());
  return result;
}

inline void combine(const sha256_hash& a, const sha256_hash& b, ige_secret& out) {
  std::memcpy(out.key.data(), a.data(), 8);
  std::memcpy(out.key.data() + 8, b.data() + 8, 16);
  std::memcpy(out.key.data() + 24, a.data() + 24, 8);
  std::memcpy(out.iv.data(), b.data(), 8);
  std::memcpy(out.iv.data() + 8, a.data() + 8, 16);
  std::memcpy(out.iv.data() + 24, b.data() + 24, 8);
}

} // namespace godwit::crypto::key_derivation
