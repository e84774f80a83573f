#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "persistence/records/account.pb.h"
#include "protocol/ids.hpp"
#include "protocol/rpc_error.hpp"

namespace godwit::tl::fn {
struct function;
}

namespace godwit::account {

/// What empty answers depend on.
struct empty_context {
  layer_t layer = 0;
  unix_time date = 0;
  const persistence::records::UserBox* box = nullptr; ///< of the account, where one is asked
};

/// Lists that hold nothing for any account so far, and settings that nobody can change yet: the honest answer is
/// the type's empty object. Nothing: not such a call.
std::optional<rpc_result<std::string>> empty_answer(const tl::fn::function& call, const empty_context& context);

/// Whether empty_answer knows the call (kind_id), and whether what it asks about is an account's own.
enum class empty_kind : std::uint8_t { none, of_account, of_everybody };
empty_kind empty_kind_of(std::uint32_t kind);

} // namespace godwit::account
