#include "protocol/crypto/message_cipher.hpp"

#include <cstring>

#include "protocol/crypto/aes_ige.hpp"
#include "protocol/crypto/hash.hpp"
#include "protocol/crypto/message_cipher_variants.hpp"

namespace godwit::crypto {

auth_key::~auth_key() { wipe(bytes); }

auth_key_id auth_key::id() const {
  const sha1_hash hash = sha1(bytes);
  std::uint64_t low = 0;
  // The last eight bytes as they stand, read as every `long` of the protocol.
  for (std::size_t i = 0; i < sizeof(low); ++i) {
    low |= std::uint64_t{hash[12 + i]} << (8 * i);
  }
  return auth_key_id{low};
}

const cipher_implementation& chosen_cipher() {
  static const cipher_implementation& chosen = native_cipher() != nullptr ? *native_cipher() : openssl_cipher();
  return chosen;
}

void encrypt(std::span<cipher_job> jobs) { chosen_cipher().encrypt(jobs); }

void decrypt(std::span<cipher_job> jobs) { chosen_cipher().decrypt(jobs); }

std::string_view cipher_variant() { return chosen_cipher().name; }

void aes_ige_encrypt(mutable_bytes data, const ige_secret& secret) { chosen_cipher().ige_encrypt(data, secret); }

void aes_ige_decrypt(mutable_bytes data, const ige_secret& secret) { chosen_cipher().ige_decrypt(data, secret); }

} // namespace godwit::crypto
