#pragma once

#include <caf/allowed_unsafe_message_type.hpp>

#include <cstdint>
#include <memory>
#include <string>

#include "protocol/ids.hpp"

namespace godwit::account {

/// To a subscribed session: its login was ended, the row is gone for good. It answers nothing more but 401.
struct session_terminated {
  user_id user;
  authorization_id authorization;
};

/// To a subscribed session: an `Updates` object at the layer that it subscribed with. Comes in the order of the
/// account, as the answers of its calls do.
struct session_update {
  user_id user;
  std::shared_ptr<const std::string> body; ///< shared by the sessions of one layer
  /// The box position behind it, and how far it moves that; 0: it has none.
  std::int32_t pts = 0;
  std::int32_t pts_count = 0;
};

/// To a subscribed session: the account's actor ended, whatever the reason. Updates may be lost from here on;
/// subscribe again.
struct account_gone {
  user_id user;
};

} // namespace godwit::account

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::account::session_terminated)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::account::session_update)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::account::account_gone)
