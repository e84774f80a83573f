// The functions for one digest with a state on the stack: the ones that replace them fetch and allocate, which
// for the short inputs here costs more than the hash.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "protocol/crypto/hash.hpp"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

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
  std::array<std::uint8_t, SHA256_CBLOCK> inner{};
  if (key.size() > inner.size()) {
    const sha256_hash short_key = sha256(key);
    std::copy(short_key.begin(), short_key.end(), inner.begin());
  } else {
    std::copy(key.begin(), key.end(), inner.begin());
  }
  std::array<std::uint8_t, SHA256_CBLOCK> outer = inner;
  for (std::size_t i = 0; i < inner.size(); ++i) {
    inner[i] ^= 0x36;
    outer[i] ^= 0x5c;
  }
  const sha256_hash result = sha256({outer, sha256({inner, message})});
  OPENSSL_cleanse(inner.data(), inner.size());
  OPENSSL_cleanse(outer.data(), outer.size());
  return result;
}

} // namespace godwit::crypto
