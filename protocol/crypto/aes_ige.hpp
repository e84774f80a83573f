#pragma once

#include <array>
#include <cstdint>

#include "protocol/crypto/bytes.hpp"

namespace godwit::crypto {

/// Key and initialisation vector of one AES-256-IGE text. The vector's first half stands for the cipher
/// block before the first, its second half for the plain block (MTProto, "Detailed description").
struct ige_secret {
  std::array<std::uint8_t, 32> key{};
  std::array<std::uint8_t, 32> iv{};

  ige_secret() = default;
  ige_secret(const ige_secret&) = default;
  ige_secret& operator=(const ige_secret&) = default;
  ~ige_secret() {
    wipe(key);
    wipe(iv);
  }
};

/// In place. The size is a multiple of 16; what lies behind the last full block stays as it is. For the
/// key exchange and messages of MTProto 1.0; ordinary messages go through message_cipher.hpp.
void aes_ige_encrypt(mutable_bytes data, const ige_secret& secret);
void aes_ige_decrypt(mutable_bytes data, const ige_secret& secret);

} // namespace godwit::crypto
