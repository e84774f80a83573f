#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/box/box_core.hpp"
#include "actors/commands/people_commands.pb.h"
#include "config/limits.hpp"
#include "protocol/rpc_error.hpp"
#include "protocol/tl/api/forward.hpp"
#include "protocol/tl/object.hpp"

namespace godwit::box {

using people::listener_id;

// What the parts of a box do alike.

/// Begins an operation for a call; too many wait: FLOOD_WAIT, and nothing happens.
void begin_call(box_core& core, const call_context& from, entity_effects& out, continuation begin);
/// The same for a call that moves the pts. When it comes once more because a session was lost, `repeated` takes the
/// place of `begin`: it changes nothing, for that could undo something, and tells of what the call changed the first
/// time. Both end the operation. A call without effect costs nothing more; one with an effect a small row beside it.
using repetition = std::function<void(const done_calls::outcome& first, unix_time now, entity_effects& out)>;
void begin_change(box_core& core, const call_context& from, entity_effects& out, continuation begin,
                  repetition repeated);

void refuse(const call_context& from, rpc_errc why, entity_effects& out);

/// Answers a call with what its function yields. `pts`, `pts_count`: as entity::entity_answer has them.
template <class Function>
void answer_call(const call_context& from, const typename Function::result& result, entity_effects& out,
                 std::int32_t pts = 0, std::int32_t pts_count = 0) {
  std::string bytes;
  tl::writer writer(bytes);
  Function::store_result(writer, result, from.layer);
  if (writer.ok()) {
    out.answer(from.ticket, std::move(bytes), pts, pts_count);
  } else {
    refuse(from, rpc_errc::rpc_call_fail, out);
  }
}

/// Whether the peer is an account with a box of its own, which hears of what is done in this one.
[[nodiscard]] bool has_other_box(const box_core& core, user_id peer);
/// Whether this account has blocked the peer. The relation is in memory, as with_dialog sees to.
[[nodiscard]] bool is_blocked(const box_core& core, user_id peer);
/// Adds the account's card to what a peer is told, so that the peer can show it at once; not a large one, which the
/// peer's box asks for if it lacks it.
template <class Told>
void add_own_card(const box_core& core, Told& told, unix_time now) {
  if (command::Card card = core.people.own_card(now); card.ByteSizeLong() <= limits::delivered_card_bytes_max) {
    *told.mutable_card() = std::move(card);
  }
}
/// Keeps the card that came with what a peer told then. A peer tells of itself alone.
template <class Told>
void learn_card(const box_core& core, user_id from, const Told& told, unix_time then) {
  if (told.has_card() && told.card().user() == from.value()) {
    core.people.learn(told.card(), then);
  }
}
/// Sends a delivery to a peer's box. Only where has_other_box.
void deliver(const box_core& core, user_id peer, command::Delivery what, unix_time now, entity_effects& out);

/// The layer of views that sessions of several layers are told: what an older one does not know is left out when it is
/// stored, or that session asks for the difference.
inline constexpr layer_t pushed_layer = 229;

/// Whether a session beside this one listens: else the views for it need not be made.
[[nodiscard]] bool somebody_hears(const box_core& core, const listener_id& but);
/// Tells all sessions but one of updates about these people. Where one of the people is not in memory they are told
/// that they missed something, and it is fetched for the next time.
void tell_sessions(box_core& core, std::vector<tl::box<tl::Update>> list, const std::vector<user_id>& whom,
                   const listener_id& but, unix_time now, entity_effects& out, std::int32_t pts = 0,
                   std::int32_t pts_count = 0);
void tell_sessions(box_core& core, tl::box<tl::Update> what, const listener_id& but, unix_time now, entity_effects& out,
                   std::int32_t pts = 0, std::int32_t pts_count = 0);

} // namespace godwit::box
