#include "actors/account/rate_limits.hpp"

#include <algorithm>

#include "config/ip_address.hpp"

namespace godwit::account {
namespace {

constexpr std::int64_t second_us = 1'000'000;

} // namespace

rate_limiter::rate_limiter(rate rule, std::size_t keys_max)
    : rule_(rule),
      keys_max_(std::max<std::size_t>(keys_max, 1)),
      token_us_(
        std::max<std::int64_t>(rule.period_seconds * second_us / std::max<std::uint32_t>(rule.per_period, 1), 1)) {}

std::optional<std::int32_t> rate_limiter::take(std::uint64_t key, unix_ms now, std::uint32_t cost) {
  const std::int64_t now_us = now * 1000;
  auto found = buckets_.find(key);
  if (found == buckets_.end()) {
    if (buckets_.size() >= keys_max_) {
      buckets_.erase(by_use_.front());
      by_use_.pop_front();
    }
    by_use_.push_back(key);
    found = buckets_.emplace(key, bucket{now_us, std::prev(by_use_.end())}).first;
  } else {
    by_use_.splice(by_use_.end(), by_use_, found->second.place);
  }
  // A bucket is as empty as the time until it is full again is long.
  const std::int64_t full_at = std::max(found->second.full_at_us, now_us) + cost * token_us_;
  const std::int64_t too_much = full_at - now_us - rule_.burst * token_us_;
  if (too_much > 0) {
    return static_cast<std::int32_t>(std::min<std::int64_t>((too_much + second_us - 1) / second_us, 86'400));
  }
  found->second.full_at_us = full_at;
  return std::nullopt;
}

std::uint64_t rate_key(std::span<const std::uint8_t> address) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const std::uint8_t each : address) {
    hash = (hash ^ each) * 0x100000001b3ULL;
  }
  return hash;
}

std::uint64_t rate_key_of_text(std::string_view address) {
  constexpr std::size_t network_bytes = 8;
  const auto ip = config::parse_ip(address);
  if (!ip) {
    return rate_key({});
  }
  const std::span<const std::uint8_t> bytes(ip->bytes);
  return rate_key(ip->is_v4() ? bytes : bytes.first(network_bytes));
}

} // namespace godwit::account
