#pragma once

#include <cstddef>
#include <list>
#include <unordered_map>

#include "actors/auth/known_key.hpp"

namespace godwit::actors {

/// The keys that one loop knows, the one used longest ago first to go. A key that a session or another key holds
/// stays, beyond the bound if need be: sessions have a bound of their own.
class key_cache {
public:
  explicit key_cache(std::size_t keys_max) : keys_max_(keys_max) {}

  /// Null: not there. Counts as use.
  known_key_ptr find(auth_key_id id);
  /// Takes the place of what was there.
  void put(known_key_ptr key);
  /// Marks it as dropped for all who hold it.
  void drop(auth_key_id id);

  [[nodiscard]] std::size_t size() const { return keys_.size(); }

private:
  using order = std::list<known_key_ptr>; // used last at the front

  void make_room();

  std::size_t keys_max_;
  order by_use_;
  std::unordered_map<auth_key_id, order::iterator> keys_;
};

} // namespace godwit::actors
