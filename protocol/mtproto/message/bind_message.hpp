#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "protocol/crypto/message_cipher.hpp"
#include "protocol/crypto/random.hpp"
#include "protocol/expected.hpp"
#include "protocol/ids.hpp"

namespace godwit::mtproto {

/// What auth.bindTempAuthKey says openly and by where it came from; its encrypted part must say the same.
struct key_binding {
  auth_key_id temp_key;
  auth_key_id perm_key;
  /// The session of the temporary key that sent the query.
  session_id temp_session;
  std::uint64_t nonce = 0;
  unix_time expires_at = 0;
  /// Of the query itself.
  msg_id query;
};

/// Why a binding is refused. All are 400 ENCRYPTED_MESSAGE_INVALID to the client, who is not told more.
enum class bind_errc : std::uint8_t {
  malformed = 1,    ///< sizes, other constructor, other lengths
  wrong_key,        ///< encrypted with another key than the permanent one
  undecipherable,   ///< msg_key does not fit
  wrong_message_id, ///< the msg_id inside is not that of the query
  wrong_content,    ///< a field differs from `expected`
};

std::string_view to_string(bind_errc code);

/// Checks `encrypted_message` of auth.bindTempAuthKey, MTProto 1.0 under the permanent key. Whether
/// expires_at lies in the future, and whether the temporary key lives that long, is up to the caller.
/// Source: https://core.telegram.org/method/auth.bindTempAuthKey
expected<void, bind_errc> check_bind_message(const crypto::auth_key& permanent,
                                             std::span<const std::uint8_t> encrypted_message,
                                             const key_binding& expected);

/// The client's side.
std::string make_bind_message(const crypto::auth_key& permanent, const key_binding& binding,
                              crypto::random_source& random);

} // namespace godwit::mtproto
