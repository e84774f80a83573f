#pragma once

#include <array>
#include <cstdint>

#include "protocol/ids.hpp"

namespace godwit::people {

/// What a viewer has to show to address a user: the first 63 bits of an HMAC-SHA256 over both ids under the
/// cluster's key. Never negative, never 0.
std::int64_t access_hash(const std::array<std::uint8_t, 32>& key, user_id viewer, user_id target);

/// In constant time.
bool access_hash_fits(const std::array<std::uint8_t, 32>& key, user_id viewer, user_id target, std::int64_t shown);

} // namespace godwit::people
