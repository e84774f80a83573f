#pragma once

#include <optional>

#include "actors/box/box_core.hpp"
#include "protocol/tl/api/forward.hpp"

namespace godwit::box {

// What sendMessage and forwardMessages have in common.

/// Whom a client writes to. Errors: peer_id_invalid, chat_write_forbidden.
rpc_result<user_id> take_receiver(const tl::InputPeer* peer, const box_core& core);

/// Refuses wishes that change what is sent and that nobody here can fulfil, rather than to pass them over.
template <class Call>
std::optional<rpc_errc> what_there_is_not(const Call& call, const box_core& core) {
  if (call.schedule_date || call.schedule_repeat_period) {
    return rpc_errc::schedule_date_invalid;
  }
  if (call.send_as) {
    const auto author = core.people.resolve(call.send_as.get());
    if (!author || *author != core.account.self) {
      return rpc_errc::send_as_peer_invalid;
    }
  }
  if (call.quick_reply_shortcut) {
    return rpc_errc::premium_account_required;
  }
  if (call.effect.value_or(0) != 0) {
    return rpc_errc::effect_id_invalid;
  }
  return std::nullopt;
}

} // namespace godwit::box
