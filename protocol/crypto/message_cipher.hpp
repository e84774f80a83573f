#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "protocol/ids.hpp"

namespace godwit::crypto {

/// The 2048-bit shared secret of a client and the server (MTProto, "Creating an Authorization Key").
/// Big-endian. Wiped when it goes.
struct auth_key {
  std::array<std::uint8_t, 256> bytes{};

  auth_key() = default;
  auth_key(const auth_key&) = default;
  auth_key& operator=(const auth_key&) = default;
  ~auth_key();

  /// Low 64 bits of the SHA-1 of the key.
  [[nodiscard]] auth_key_id id() const;
};

/// Who encrypted: the `x` of the key derivation, 0 for messages from the client and 8 for those to it.
enum class sender : std::uint8_t { client = 0, server = 8 };

using msg_key = std::array<std::uint8_t, 16>;

/// One message to encrypt or decrypt in place (MTProto 2.0, "Detailed description").
struct cipher_job {
  const auth_key* key = nullptr;
  /// Plaintext with its padding, a multiple of 16 bytes; the cipher text takes its place and the other
  /// way round.
  std::uint8_t* data = nullptr;
  std::size_t size = 0;
  /// Encrypting: set. Decrypting: what the packet brought; `good` tells whether the plaintext has it.
  godwit::crypto::msg_key msg_key{};
  sender from = sender::server;
  bool good = false;
};

/// Encrypts all jobs, several interleaved where the processor gains by it. Sizes may differ.
void encrypt(std::span<cipher_job> jobs);

/// Decrypts all jobs and sets `good` by a comparison in constant time. The plaintext of a job that is
/// not good must not be looked at.
void decrypt(std::span<cipher_job> jobs);

/// The variant chosen at the first use: "openssl" or "aesni+shani".
std::string_view cipher_variant();

} // namespace godwit::crypto
