#include "actors/auth/key_cache.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace godwit::actors {
namespace {

constexpr std::size_t looked_at_max = 16;

} // namespace

known_key_ptr key_cache::find(auth_key_id id) {
  const auto at = keys_.find(id);
  if (at == keys_.end()) {
    return nullptr;
  }
  by_use_.splice(by_use_.begin(), by_use_, at->second);
  return *at->second;
}

void key_cache::put(known_key_ptr key) {
  const auth_key_id id = key->id;
  if (const auto at = keys_.find(id); at != keys_.end()) {
    by_use_.erase(at->second);
    keys_.erase(at);
  }
  by_use_.push_front(std::move(key));
  keys_.emplace(id, by_use_.begin());
  if (keys_.size() > keys_max_) {
    make_room();
  }
}

void key_cache::make_room() {
  // What somebody holds stays, or the same key would be known twice, and differently.
  for (std::size_t tries = std::min(keys_.size(), looked_at_max); tries > 0; --tries) {
    if (by_use_.back().use_count() == 1) {
      keys_.erase(by_use_.back()->id);
      by_use_.pop_back();
      return;
    }
    by_use_.splice(by_use_.begin(), by_use_, std::prev(by_use_.end()));
  }
}

void key_cache::drop(auth_key_id id) {
  const auto at = keys_.find(id);
  if (at == keys_.end()) {
    return;
  }
  (*at->second)->dropped = true;
  by_use_.erase(at->second);
  keys_.erase(at);
}

} // namespace godwit::actors
