#include "actors/account/call_copies.hpp"

#include "actors/box/done_calls.hpp"
#include "cluster/base/entity.hpp"
#include "config/limits.hpp"

namespace godwit::account {

bool call_copies::late(auth_key_id key, std::string_view body, msg_id message, unix_time now) {
  while (!by_time_.empty() &&
         (now - by_time_.front().first > limits::call_copy_seconds || by_time_.size() >= limits::call_copies_max)) {
    const auto [when, which] = by_time_.front();
    by_time_.pop_front();
    if (const auto found = taken_.find(which); found != taken_.end() && found->second.taken == when) {
      taken_.erase(found);
    }
  }
  const std::uint64_t hash = box::done_calls::hash_of(body) ^ cluster::seeded_hash(key.value());
  copy& known = taken_[hash];
  if (message < known.newest) {
    return true;
  }
  known = {message, now};
  by_time_.emplace_back(now, hash);
  return false;
}

} // namespace godwit::account
