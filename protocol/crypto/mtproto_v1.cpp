#include "protocol/crypto/mtproto_v1.hpp"

#include <cstring>

#include "protocol/crypto/hash.hpp"

namespace godwit::crypto::mtproto_v1 {

msg_key message_key(bytes_view plain) {
  const sha1_hash hash = sha1(plain);
  msg_key result;
  std::memcpy(result.data(), hash.data() + 4, result.size());
  return result;
}

ige_secret derive(const auth_key& key, const msg_key& message, sender from) {
  const auto part = [&key, x = static_cast<std::size_t>(from)](std::size_t at, std::size_t size) {
    return bytes_view(key.bytes).subspan(x + at, size);
  };
  sha1_hash a = sha1({message, part(0, 32)});
  sha1_hash b = sha1({part(32, 16), message, part(48, 16)});
  sha1_hash c = sha1({part(64, 32), message});
  sha1_hash d = sha1({message, part(96, 32)});
  ige_secret out;
  std::memcpy(out.key.data(), a.data(), 8);
  std::memcpy(out.key.data() + 8, b.data() + 8, 12);
  std::memcpy(out.key.data() + 20, c.data() + 4, 12);
  std::memcpy(out.iv.data(), a.data() + 8, 12);
  std::memcpy(out.iv.data() + 12, b.data(), 8);
  std::memcpy(out.iv.data() + 20, c.data() + 16, 4);
  std::memcpy(out.iv.data() + 24, d.data(), 8);
  for (sha1_hash* each : {&a, &b, &c, &d}) {
    wipe(*each);
  }
  return out;
}

msg_key encrypt(const auth_key& key, mutable_bytes data, std::size_t plain_size, sender from) {
  const msg_key message = message_key(data.first(plain_size));
  aes_ige_encrypt(data, derive(key, message, from));
  return message;
}

void decrypt(const auth_key& key, const msg_key& message, mutable_bytes data, sender from) {
  aes_ige_decrypt(data, derive(key, message, from));
}

} // namespace godwit::crypto::mtproto_v1
