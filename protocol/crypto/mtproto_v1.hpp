#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "protocol/crypto/aes_ige.hpp"
#include "protocol/crypto/message_cipher.hpp"

/// MTProto 1.0, whose message key is a SHA-1 of the message without its padding. Only the inner message of
/// auth.bindTempAuthKey is still encrypted so.
/// Source: https://core.telegram.org/mtproto/description_v1
namespace godwit::crypto::mtproto_v1 {

/// Bytes 4 to 19 of the SHA-1 of `plain`, the message without padding.
msg_key message_key(bytes_view plain);

ige_secret derive(const auth_key& key, const msg_key& message, sender from);

/// In place: `data` begins with `plain_size` bytes of message, the rest is padding up to a multiple of 16.
/// Yields the message key.
msg_key encrypt(const auth_key& key, mutable_bytes data, std::size_t plain_size, sender from);

/// In place. Whether the message key is right can be told only by whoever knows where the padding begins:
/// compare it with message_key() of the message, by equal().
void decrypt(const auth_key& key, const msg_key& message, mutable_bytes data, sender from);

} // namespace godwit::crypto::mtproto_v1
