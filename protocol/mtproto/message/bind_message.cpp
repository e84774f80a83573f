#include "protocol/mtproto/message/bind_message.hpp"

#include <array>
#include <cstring>
#include <vector>

#include "protocol/crypto/mtproto_v1.hpp"
#include "protocol/mtproto/message/constructors.hpp"
#include "protocol/mtproto/message/envelope.hpp"
#include "protocol/mtproto/message/little_endian.hpp"

namespace godwit::mtproto {
namespace {

/// random, msg_id, seqno and length in front of the content.
constexpr std::size_t header_bytes = 32;
/// bind_auth_key_inner.
constexpr std::size_t content_bytes = 40;
constexpr std::size_t plain_bytes = header_bytes + content_bytes;
constexpr std::size_t data_bytes = (plain_bytes + 15) / 16 * 16;

} // namespace

std::string_view to_string(bind_errc code) {
  switch (code) {
  case bind_errc::malformed: return "malformed";
  case bind_errc::wrong_key: return "wrong_key";
  case bind_errc::undecipherable: return "undecipherable";
  case bind_errc::wrong_message_id: return "wrong_message_id";
  case bind_errc::wrong_content: return "wrong_content";
  }
  return "unknown";
}

expected<void, bind_errc> check_bind_message(const crypto::auth_key& permanent,
                                             std::span<const std::uint8_t> encrypted_message,
                                             const key_binding& expected) {
  // Everything in it has one size, so there is one size of padding, too.
  if (encrypted_message.size() != outer_header_bytes + data_bytes) {
    return unexpected(bind_errc::malformed);
  }
  if (key_of(encrypted_message) != expected.perm_key || permanent.id() != expected.perm_key) {
    return unexpected(bind_errc::wrong_key);
  }
  crypto::msg_key key{};
  std::memcpy(key.data(), encrypted_message.data() + 8, key.size());
  std::array<std::uint8_t, data_bytes> data{};
  std::memcpy(data.data(), encrypted_message.data() + outer_header_bytes, data.size());
  crypto::mtproto_v1::decrypt(permanent, key, data, crypto::sender::client);
  const auto plain = std::span(data).first<plain_bytes>();
  // The padding is known before the content is looked at, so that nothing tells one mistake from another.
  if (!crypto::equal(crypto::mtproto_v1::message_key(plain), key)) {
    return unexpected(bind_errc::undecipherable);
  }
  if (load_u32(data.data() + 24) != 0 || load_u32(data.data() + 28) != content_bytes) {
    return unexpected(bind_errc::malformed);
  }
  if (load_u64(data.data() + 16) != expected.query.value()) {
    return unexpected(bind_errc::wrong_message_id);
  }
  const std::uint8_t* const inner = data.data() + header_bytes;
  if (load_u32(inner) != constructor::bind_auth_key_inner) {
    return unexpected(bind_errc::malformed);
  }
  const bool same = load_u64(inner + 4) == expected.nonce && load_u64(inner + 12) == expected.temp_key.value() &&
                    load_u64(inner + 20) == expected.perm_key.value() &&
                    load_u64(inner + 28) == expected.temp_session.value() &&
                    load_u32(inner + 36) == static_cast<std::uint32_t>(expected.expires_at);
  if (!same) {
    return unexpected(bind_errc::wrong_content);
  }
  return {};
}

std::string make_bind_message(const crypto::auth_key& permanent, const key_binding& binding,
                              crypto::random_source& random) {
  std::string message(outer_header_bytes + data_bytes, '\0');
  auto* const packet = reinterpret_cast<std::uint8_t*>(message.data());
  std::uint8_t* const data = packet + outer_header_bytes;
  // Random numbers stand where salt and session_id are otherwise, and in the padding.
  random.fill({data, data_bytes});
  store_u64(data + 16, binding.query.value());
  store_u32(data + 24, 0);
  store_u32(data + 28, content_bytes);
  std::uint8_t* const inner = data + header_bytes;
  store_u32(inner, constructor::bind_auth_key_inner);
  store_u64(inner + 4, binding.nonce);
  store_u64(inner + 12, binding.temp_key.value());
  store_u64(inner + 20, binding.perm_key.value());
  store_u64(inner + 28, binding.temp_session.value());
  store_u32(inner + 36, static_cast<std::uint32_t>(binding.expires_at));
  const auto key = crypto::mtproto_v1::encrypt(permanent, {data, data_bytes}, plain_bytes, crypto::sender::client);
  store_u64(packet, binding.perm_key.value());
  std::memcpy(packet + 8, key.data(), key.size());
  return message;
}

} // namespace godwit::mtproto
