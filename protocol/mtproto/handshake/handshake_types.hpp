#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/crypto/message_cipher.hpp"
#include "protocol/ids.hpp"

namespace godwit::mtproto {

enum class key_kind : std::uint8_t {
  permanent,
  temporary, ///< for perfect forward secrecy: usable after auth.bindTempAuthKey
};

/// What an exchange made. Both sides hold the same.
struct new_auth_key {
  crypto::auth_key key;
  auth_key_id id;
  key_kind kind = key_kind::permanent;
  /// Of a temporary key: its life from now on, at least 1 and at most what the server allows. Else 0.
  std::int32_t expires_in_seconds = 0;
  /// The DC that the client believes to talk to, where it said so: negative for one that serves media, beyond
  /// 10000 for a test DC.
  std::optional<std::int32_t> dc;
  /// The first salt of the key.
  std::int64_t server_salt = 0;
};

/// Why an exchange ended. For counters and logs: the client is told the same whatever it was, for an answer
/// that tells a wrong padding from a wrong field would help to decrypt other clients' exchanges.
enum class handshake_errc : std::uint8_t {
  malformed = 1,   ///< not a query of the key exchange, or bytes left, missing or beyond their bounds
  out_of_order,    ///< a query of another step than the one due, with other content than before
  wrong_nonce,     ///< nonce or server_nonce is of another exchange
  wrong_factors,   ///< p and q are not those of pq
  unknown_key,     ///< no RSA key with this fingerprint
  undecipherable,  ///< encrypted_data has no right hash
  bad_inner_data,  ///< decrypted, but a field is wrong
  bad_group,       ///< prime, generator or a public number is not what the protocol allows
  retries_used_up, ///< too many keys whose id was taken
  failed,          ///< the other side gave up
};

std::string_view to_string(handshake_errc code);

} // namespace godwit::mtproto
