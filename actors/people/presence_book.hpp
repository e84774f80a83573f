#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "persistence/base/types.hpp"
#include "protocol/ids.hpp"

namespace godwit::people {

/// Whether an account is there, as it said last.
struct presence_state {
  unix_time online_until = 0; ///< 0: offline
  unix_time was_online = 0;   ///< 0: not known

  friend bool operator==(const presence_state&, const presence_state&) = default;
};

struct presence_change {
  user_id who;
  presence_state now_is;

  friend bool operator==(const presence_change&, const presence_change&) = default;
};

/// How long a client that said it is online is believed; it repeats that more often.
inline constexpr unix_time online_seconds = 300;
/// The same when the node that its account lived on went away, and another one carries on.
inline constexpr unix_time online_without_node_seconds = 120;

/// Tells the other nodes.
class presence_relay {
public:
  virtual ~presence_relay() = default;
  /// Of an account that lives here. From any thread; must not block, nor call the book.
  virtual void changed(const presence_change& what) = 0;
};

/// Who is online, or was not long ago, as this node knows: from the accounts that live on it, from what other nodes
/// tell of theirs, and from whispers. Bounded by limits::presences_max: the one that changed longest ago goes first.
/// What is lost on the way is put right by the next change, and a promise to be online ends by itself. Safe from every
/// thread.
class presence_book {
public:
  using state = presence_state;

  /// Before the first account; outlives what is told. Null: there is no other node.
  void tell_changes_to(presence_relay* whom) { relay_ = whom; }

  /// An account that lives here says so.
  void set(user_id who, const state& now_is);
  /// Somebody says so of another account; what is known and newer stays.
  void learn(user_id who, const state& now_is);
  /// The node that it lives on says so. What one node says comes in its order.
  void heard(persistence::node_id from, const presence_change& what);
  /// That node went away: promises that it told of are believed for online_without_node_seconds more.
  void forget(persistence::node_id which, unix_time now);

  [[nodiscard]] state find(user_id who) const;
  /// The accounts that live here and are online: for a node that hears of them for the first time.
  [[nodiscard]] std::vector<presence_change> online_here(unix_time now) const;

private:
  struct entry {
    state what;
    std::list<user_id>::iterator place;
    persistence::node_id from; ///< no_node: this one, or a whisper
    bool here = false;
    std::uint64_t number = 0; ///< of the change
  };
  struct farewell {
    std::uint64_t number = 0; ///< of the last change before it
    unix_time at = 0;
  };

  [[nodiscard]] state believed(const entry& which) const;
  void put(user_id who, const state& now_is, persistence::node_id from, bool here);

  presence_relay* relay_ = nullptr;
  mutable std::mutex mutex_;
  std::uint64_t last_change_ = 0;
  std::unordered_map<std::int64_t, entry> states_;
  std::list<user_id> order_; ///< longest unchanged first
  std::unordered_map<std::uint64_t, farewell> gone_;
};

} // namespace godwit::people
