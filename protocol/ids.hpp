#pragma once

#include <cstdint>

#include "protocol/strong_id.hpp"

namespace godwit {

/// Low 64 bits of the SHA-1 of an authorization key. Never 0: that number marks unencrypted packets.
using auth_key_id = strong_id<struct auth_key_id_tag, std::uint64_t>;

/// Random number a client chose for one of its sessions over an authorization key.
using session_id = strong_id<struct session_id_tag, std::uint64_t>;

/// Identifies an MTProto message: unix time * 2^32; the two lowest bits tell who sent it.
using msg_id = strong_id<struct msg_id_tag, std::uint64_t>;

/// An account. Below 2^40; the lowest bits are its shard.
using user_id = strong_id<struct user_id_tag, std::int64_t>;

/// One login of an account on a device, `hash` of the API's `authorization`. 0 is the caller's own in
/// the API, and so never given out.
using authorization_id = strong_id<struct authorization_id_tag, std::int64_t>;

/// Seconds since 1970, as the API's `date` counts them.
using unix_time = std::int32_t;

/// Milliseconds since 1970 by the wall clock.
using unix_ms = std::int64_t;

/// A layer of the API's schema; 0: not known yet.
using layer_t = std::int32_t;

} // namespace godwit
