#include "protocol/crypto/random.hpp"

#include <algorithm>
#include <limits>

#include <openssl/crypto.h>
#include <openssl/rand.h>

namespace godwit::crypto {
namespace {

class openssl_random final : public random_source {
public:
  void fill(std::span<std::uint8_t> out) override {
    while (!out.empty()) {
      const std::size_t piece = std::min<std::size_t>(out.size(), std::numeric_limits<int>::max());
      OPENSSL_assert(RAND_bytes(out.data(), static_cast<int>(piece)) == 1);
      out = out.subspan(piece);
    }
  }
};

} // namespace

random_source& system_random() {
  static openssl_random source;
  return source;
}

} // namespace godwit::crypto
