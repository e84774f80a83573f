#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "protocol/crypto/message_cipher.hpp"
#include "protocol/ids.hpp"

namespace godwit::mtproto {

/// The salt that both sides computed in the key exchange: accepted until its time has passed, so that a
/// client's first packet is not refused. Whoever keeps the key keeps it, for limits::first_salt_seconds.
struct first_salt {
  std::uint64_t salt = 0;
  unix_time valid_until = 0;
};

/// Server salts are derived, never stored: one for each half-hour and key. A salt is valid for an hour, so
/// that two overlap at any time. Nobody without the key can tell them.
/// Source: https://core.telegram.org/mtproto/description#server-salt
std::uint64_t derive_salt(const crypto::auth_key& key, std::int64_t half_hour);

/// The salts of one key as a session uses them. Computes each once.
class server_salts {
public:
  explicit server_salts(std::optional<first_salt> first = std::nullopt);

  /// What the server's own messages carry, and what bad_server_salt tells.
  std::uint64_t current(const crypto::auth_key& key, unix_time now);
  /// Present, previous, or first salt; within a minute of the change also the next one.
  bool accepts(const crypto::auth_key& key, std::uint64_t salt, unix_time now);
  /// The body of future_salts, with at most limits::future_salts_max salts.
  static std::string future_salts(const crypto::auth_key& key, msg_id request, std::int32_t wanted, unix_time now);

private:
  void move_to(const crypto::auth_key& key, std::int64_t half_hour);

  std::int64_t half_hour_ = -1;
  std::uint64_t current_ = 0;
  std::uint64_t previous_ = 0;
  first_salt first_;
};

} // namespace godwit::mtproto
