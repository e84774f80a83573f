#pragma once

#include <cstdint>

#include "actors/box/box_core.hpp"
#include "actors/commands/people_commands.pb.h"

namespace godwit::tl::fn {
struct messages_setTyping;
} // namespace godwit::tl::fn

namespace godwit::box {

/// Who is typing: whispered from account to account, kept nowhere, told to those who are there.
class typing_relay {
public:
  explicit typing_relay(box_core& core) : core_(core) {}

  /// Said again within a second, it is not passed on.
  void set(const call_context& from, const tl::fn::messages_setTyping& what, entity_effects& out);
  /// Dropped when the account has blocked the peer.
  void heard(user_id from, const command::Typing& what, unix_time now, entity_effects& out);

private:
  void tell(user_id from, const command::Typing& what, unix_time now, entity_effects& out) const;

  box_core& core_;
  user_id last_peer_;
  std::uint32_t last_action_ = 0;
  unix_time last_at_ = 0;
};

} // namespace godwit::box
