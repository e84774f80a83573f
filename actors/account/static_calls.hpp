#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "actors/account/public_addresses.hpp"
#include "protocol/ids.hpp"
#include "protocol/rpc_error.hpp"

namespace godwit::account {

/// What answers depend on that depend on no account.
struct static_context {
  layer_t layer = 0;
  unix_time date = 0;
  std::int32_t dc = 2; ///< the one that the client dialled
  /// Where clients reach this cluster; the first is the node that this one dialled. At least one.
  std::vector<dc_address> addresses;
  std::string country = "DE";
};

/// The DC ids that every client may be told of. All lead to this cluster.
inline constexpr std::int32_t dc_count = 5;

/// Answers a function whose scope is anonymous_static or static_needs_login. `body`: the function alone,
/// without wrappers.
rpc_result<std::string> answer_static(std::string_view body, const static_context& context);

} // namespace godwit::account
