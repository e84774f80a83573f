#include "protocol/crypto/bytes.hpp"

#include <openssl/crypto.h>

namespace godwit::crypto {

bool equal(bytes_view left, bytes_view right) {
  return left.size() == right.size() && CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

void wipe(mutable_bytes secret) { OPENSSL_cleanse(secret.data(), secret.size()); }

} // namespace godwit::crypto
