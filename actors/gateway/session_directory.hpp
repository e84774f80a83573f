#pragma once

#include <caf/actor.hpp>

#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "actors/session/session_key.hpp"

namespace godwit::actors {

/// Every session of the node and where it is, so that a connection finds it from any loop. Any thread. Asked
/// once for each session that is not on the asking loop; hot paths have their own map.
class session_directory {
public:
  struct bounds {
    std::size_t sessions_max = 0;
    std::size_t per_key_max = 0;
  };

  explicit session_directory(bounds limits) : bounds_(limits) {}

  struct answer {
    caf::actor session; ///< null: refused
    bool made = false;
    caf::actor evicted; ///< had no connection and made room: end it
    session_key evicted_key;
  };
  /// The session, or the one that `make` starts, under the lock.
  answer find_or_make(const session_key& key, const std::function<caf::actor()>& make);
  [[nodiscard]] caf::actor find(const session_key& key) const;

  /// Puts a session back that had left. False: another of this name is there.
  bool put(const session_key& key, const caf::actor& session);
  /// Forgets this actor; another of the same name stays.
  void remove(const session_key& key, const caf::actor& session);
  void set_lingering(const session_key& key, bool lingers);

  [[nodiscard]] std::size_t size() const;

private:
  struct entry {
    session_id id;
    caf::actor session;
    bool lingers = false;
  };
  entry* find_entry(const session_key& key);

  const bounds bounds_;
  mutable std::mutex mutex_;
  std::size_t size_ = 0;
  std::unordered_map<auth_key_id, std::vector<entry>> sessions_; // each list oldest first
};

} // namespace godwit::actors
