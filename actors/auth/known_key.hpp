#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "persistence/base/types.hpp"
#include "protocol/crypto/message_cipher.hpp"
#include "protocol/ids.hpp"
#include "protocol/mtproto/handshake/handshake_types.hpp"
#include "protocol/mtproto/message/salts.hpp"
#include "protocol/mtproto/message/types.hpp"

namespace godwit::actors {

struct known_key;
using known_key_ptr = std::shared_ptr<known_key>;

/// What one loop knows of an authorization key: shared by its cache and the sessions of that loop, on the
/// loop's thread alone. What can change is as its entity said last; the user's entity has the last word on
/// authorizations.
struct known_key {
  auth_key_id id;
  std::shared_ptr<const crypto::auth_key> key;
  mtproto::key_kind kind = mtproto::key_kind::permanent;
  /// Of a temporary key.
  unix_time expires_at = 0;
  std::optional<mtproto::first_salt> first;
  std::optional<std::int32_t> dc;

  /// Of a temporary key: the permanent one that it acts for; null while it is not bound.
  known_key_ptr bound_to;

  // --- of a permanent key ---

  /// Who is logged in with it; 0: nobody.
  user_id user;
  authorization_id authorization;
  /// The layer that its client spoke last.
  layer_t layer = 0;
  /// What its client said of itself last; null: nothing.
  std::shared_ptr<const mtproto::client_info> client;
  /// When both were written for the key; 0: not by this loop. And whether they wait to be written again: then
  /// they are newer than what the entity says.
  persistence::monotonic_ms noted_at = 0;
  bool note_waits = false;
  /// When its entity said that it is there.
  persistence::monotonic_ms checked_at = 0;
  /// Gone: destroyed, or no longer what it was. Sessions of it end.
  bool dropped = false;

  [[nodiscard]] bool is_temporary() const { return kind == mtproto::key_kind::temporary; }
  [[nodiscard]] bool is_expired(unix_time now) const { return is_temporary() && expires_at <= now; }
  /// The key that a login belongs to: itself, or the one it is bound to; null when it is bound to none.
  [[nodiscard]] const known_key* permanent() const { return is_temporary() ? bound_to.get() : this; }
  [[nodiscard]] known_key* permanent() { return is_temporary() ? bound_to.get() : this; }
};

} // namespace godwit::actors
