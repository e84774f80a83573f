#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "protocol/crypto/random.hpp"
#include "protocol/crypto/rsa.hpp"

/// The two ways in which p_q_inner_data is made a number for RSA.
/// Source: https://core.telegram.org/mtproto/auth_key, "RSA_PAD"; the older one, "data_with_hash", stood in
/// its place until 2021.
namespace godwit::mtproto {

enum class rsa_scheme : std::uint8_t {
  pad,  ///< RSA_PAD: OAEP with AES-IGE and SHA-256
  sha1, ///< SHA-1, data, random bytes
};

/// p_q_inner_data as it came out of RSA.
struct unpadded_data {
  unpadded_data() = default;
  unpadded_data(const unpadded_data&) = default;
  unpadded_data& operator=(const unpadded_data&) = default;
  ~unpadded_data();

  rsa_scheme scheme = rsa_scheme::pad;
  std::array<std::uint8_t, 192> bytes{};
  /// Of the data alone with the SHA-1 scheme; with RSA_PAD, padding is in it.
  std::size_t size = 0;
};

/// Nothing when neither scheme's hash is right. Does the same work whichever it is, or none: what this tells by
/// its duration could be used to decrypt another client's data. (Albrecht, Mareková, Paterson, Stepanovs:
/// "Four Attacks and a Proof for Telegram", section on timing and RSA.)
std::optional<unpadded_data> unpad(const crypto::rsa_block& plain);

/// encrypted_data, for clients; `data` has at most 144 bytes.
crypto::rsa_block encrypt_inner_data(std::span<const std::uint8_t> data, rsa_scheme scheme,
                                     const crypto::rsa_public_key& key, crypto::random_source& random);

} // namespace godwit::mtproto
