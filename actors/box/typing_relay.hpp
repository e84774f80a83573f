#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "actors/box/box_core.hpp"
#include "actors/commands/people_commands.pb.h"
#include "config/limits.hpp"

namespace godwit::tl::fn {
struct messages_setTyping;
} // namespace godwit::tl::fn

namespace godwit::box {

/// Lets each peer pass once in a second, and not more than limits::typing_peers_per_second_max of them.
class once_a_second {
public:
  [[nodiscard]] bool pass(user_id peer, unix_time now) {
    if (now != second_) {
      second_ = now;
      passed_.clear();
    }
    if (passed_.size() >= limits::typing_peers_per_second_max ||
        std::find(passed_.begin(), passed_.end(), peer) != passed_.end()) {
      return false;
    }
    passed_.push_back(peer);
    return true;
  }

private:
  unix_time second_ = 0;
  std::vector<user_id> passed_;
};

/// Who is typing: whispered from account to account, kept nowhere, told to those who are there.
class typing_relay {
public:
  explicit typing_relay(box_core& core) : core_(core) {}

  /// A peer is told once in a second, whatever it is that is being done.
  void set(const call_context& from, const tl::fn::messages_setTyping& what, entity_effects& out);
  /// Dropped when the account has blocked the peer, or was told of it within the second.
  void heard(user_id from, const command::Typing& what, unix_time now, entity_effects& out);

private:
  void tell(user_id from, const command::Typing& what, unix_time now, entity_effects& out) const;

  box_core& core_;
  once_a_second told_;
  once_a_second heard_;
  std::size_t reading_ = 0; ///< queries under way
};

} // namespace godwit::box
