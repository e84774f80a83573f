// The functions for one digest with a state on the stack: the ones that replace them fetch and allocate, which
// for the short inputs here costs more than the hash.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "protocol/crypto/hash.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

namespace godwit::crypto {

sha1_hash sha1(std::initializer_list<bytes_view> parts) {
  SHA_CTX state;
  SHA1_Init(&state);
  for (const bytes_view part : parts) {
    SHA1_Update(&state, part.data(), part.size());
  }
  sha1_hash result;
  SHA1_Final(result.data(), &state);
  OPENSSL_cleanse(&state, sizeof(state));
  return result;
}

sha1_hash sha1(bytes_view bytes) { return sha1({bytes}); }

sha256_hash sha256(std::initializer_list<bytes_view> parts) {
  SHA256_CTX state;
  SHA256_Init(&state);
  for (const bytes_view part : parts) {
    SHA256_Update(&state, part.data(), part.size());
  }
  sha256_hash result;
  SHA256_Final(result.data(), &state);
  OPENSSL_cleanse(&state, sizeof(state));
  return result;
}

sha256_hash sha256(bytes_view bytes) { return sha256({bytes}); }

sha256_hash hmac_sha256(bytes_view key, bytes_view message) {
  // An empty key must not be a null pointer, which asks the library for the key of the call before.
  static constexpr std::uint8_t none = 0;
  sha256_hash result;
  unsigned int size = 0;
  OPENSSL_assert(HMAC(EVP_sha256(), key.empty() ? &none : key.data(), static_cast<int>(key.size()), message.data(),
                      message.size(), result.data(), &size) != nullptr);
  return result;
}

} // namespace godwit::crypto
