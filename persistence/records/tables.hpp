#pragma once

#include <cstdint>

namespace godwit::persistence::records {

/// The tables of rows, the first byte of their keys; docs/formats.md tells their entities, sub-keys and
/// values. Numbers are on disk: never renumber, never use one again.
enum class table : std::uint8_t {
  // 1 to 15: about shards themselves.

  user_profile = 16,        ///< UserProfile
  user_box = 17,            ///< UserBox
  user_authorization = 18,  ///< UserAuthorization, by authorization

  phone_claim = 32, ///< PhoneClaim
  phone_codes = 33, ///< PhoneCodes: how many were asked for
  phone_code = 34,  ///< PhoneCode, by key

  auth_key = 48, ///< AuthKey
};

} // namespace godwit::persistence::records
