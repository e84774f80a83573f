#include "actors/people/access_hash.hpp"

#include <string>

#include "actors/entity/entity_logic.hpp"
#include "protocol/crypto/bytes.hpp"
#include "protocol/crypto/hash.hpp"

namespace godwit::people {

using entity::id_sub_key;

std::int64_t access_hash(const std::array<std::uint8_t, 32>& key, user_id viewer, user_id target) {
  const std::string message = "user" + id_sub_key(static_cast<std::uint64_t>(viewer.value())) +
                              id_sub_key(static_cast<std::uint64_t>(target.value()));
  const crypto::sha256_hash code = crypto::hmac_sha256(key, crypto::as_bytes(message));
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    bits = bits << 8 | code[i];
  }
  bits >>= 1;
  return bits == 0 ? 1 : static_cast<std::int64_t>(bits);
}

bool access_hash_fits(const std::array<std::uint8_t, 32>& key, user_id viewer, user_id target, std::int64_t shown) {
  const std::string right = id_sub_key(static_cast<std::uint64_t>(access_hash(key, viewer, target)));
  const std::string given = id_sub_key(static_cast<std::uint64_t>(shown));
  return crypto::equal(crypto::as_bytes(right), crypto::as_bytes(given));
}

} // namespace godwit::people
