#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>

#include "protocol/ids.hpp"

namespace godwit::account {

/// So many at once, and so many in a time, evenly.
struct rate {
  std::uint32_t burst = 1;
  std::uint32_t per_period = 1;
  std::uint32_t period_seconds = 1;
};

/// The one table of limits on what clients ask.
namespace rates {
/// Calls of one session, of all kinds.
inline constexpr rate session_calls{.burst = 400, .per_period = 30, .period_seconds = 1};
/// Calls of one account over all its sessions.
inline constexpr rate account_calls{.burst = 1200, .per_period = 60, .period_seconds = 1};
/// Calls without a login, by address.
inline constexpr rate anonymous_calls{.burst = 2000, .per_period = 100, .period_seconds = 1};
/// Proofs of a code, by permanent key: below the attempts of a code, so that it bounds many numbers, too.
inline constexpr rate code_checks{.burst = 20, .per_period = 60, .period_seconds = 3600};
} // namespace rates

/// Token buckets by key, bounded in number: the one that was used longest ago goes first. Its key then begins anew
/// with a full bucket, so `keys_max` has to be larger than the number of keys that ask at once. One thread at a time.
class rate_limiter {
public:
  rate_limiter(rate rule, std::size_t keys_max);

  /// Takes `cost` tokens of the key. Nothing: go on. Else the seconds of FLOOD_WAIT_n, at least 1, and nothing
  /// was taken. `now`: monotonic or wall time, never backwards by more than is harmless.
  std::optional<std::int32_t> take(std::uint64_t key, unix_ms now, std::uint32_t cost = 1);

  [[nodiscard]] std::size_t size() const { return buckets_.size(); }

private:
  struct bucket {
    std::int64_t full_at_us = 0; ///< when it is full again; in the past: it is
    std::list<std::uint64_t>::iterator place;
  };
  rate rule_;
  std::size_t keys_max_;
  std::int64_t token_us_;
  std::list<std::uint64_t> by_use_; ///< the one used longest ago first
  std::unordered_map<std::uint64_t, bucket> buckets_;
};

/// A rate_limiter for every loop of a node together: for what is rare, and must not multiply with the loops.
class shared_rate_limiter {
public:
  shared_rate_limiter(rate rule, std::size_t keys_max) : limiter_(rule, keys_max) {}

  /// Any thread.
  std::optional<std::int32_t> take(std::uint64_t key, unix_ms now) {
    const std::lock_guard lock(mutex_);
    return limiter_.take(key, now);
  }

private:
  std::mutex mutex_;
  rate_limiter limiter_;
};

/// The key of an address in a rate_limiter.
std::uint64_t rate_key(std::span<const std::uint8_t> address);
/// The same of an address in words; an IPv6 one counts with all of its /64.
std::uint64_t rate_key_of_text(std::string_view address);

} // namespace godwit::account
