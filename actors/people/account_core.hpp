#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "actors/people/listeners.hpp"
#include "actors/people/people_options.hpp"
#include "actors/people/update_kind.hpp"
#include "persistence/records/account.pb.h"
#include "protocol/ids.hpp"

namespace godwit::tl {
struct userFull;
}

namespace godwit::people {

/// The peer that the service itself speaks as.
inline constexpr user_id service_user{777000};

/// How long to wait for the card of an account that nobody reaches now: about a second, for what can be said without
/// it, or ten times that, for a change that is judged by it.
enum class patience : std::uint8_t { brief, thorough };

/// What the parts of one account's actor share. Lives as long as they do.
struct account_core {
  user_id self;
  const people_options& options;
  /// Nothing: the account does not exist.
  std::optional<persistence::records::UserProfile> profile;
  /// Counters of the box; who changes them puts the row (records_table::user_box).
  persistence::records::UserBox box;
  listeners ears;
  /// The last time somebody was online, as far as known.
  unix_time was_online = 0;
  /// Keeps an update without a pts for sessions that are away. The box's.
  std::function<void(update_kind kind, std::int64_t peer, std::int32_t id, bool on, unix_time now, entity_effects& out)>
    note_beside;
  /// Adds to what is told of a peer, as users.getFullUser asks for it, what the box knows: how it rings and which
  /// message is pinned; then runs the continuation. The box's; empty: nothing is added.
  std::function<void(user_id peer, const std::shared_ptr<tl::userFull>& full, layer_t layer, unix_time now,
                     entity_effects& out, entity::continuation then)>
    fill_full{};
};

/// Who makes a call of the API.
struct call_context {
  std::uint64_t ticket = 0;
  layer_t layer = 0;
  listener_id asker;
  unix_time now = 0;
  /// A hash of its bytes, where a repetition for a session that was lost must not be executed; else 0.
  std::uint64_t body = 0;
  /// As the client numbered it: of two copies of a call the later one has the greater number.
  msg_id message{};
};

} // namespace godwit::people
