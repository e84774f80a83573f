#pragma once

#include <cstdint>

namespace godwit::account {

/// Who answers a function of the API, and whether it needs an account.
enum class method_scope : std::uint8_t {
  unknown,            ///< not served: METHOD_INVALID
  anonymous_static,   ///< answer_static, logged in or not
  static_needs_login, ///< answer_static; AUTH_KEY_UNREGISTERED without a login
  auth_flow,          ///< account_flow, logged in or not
  user,               ///< the account's entity, as a call; AUTH_KEY_UNREGISTERED without a login
};

/// By the constructor number of any layer. Wrappers (invokeWithLayer and the like) are the session's own and
/// unknown here.
method_scope scope_of(std::uint32_t constructor);

} // namespace godwit::account
