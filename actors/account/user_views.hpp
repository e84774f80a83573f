#pragma once

#include <cstdint>
#include <string>

#include "actors/entity/tl_answer.hpp"
#include "persistence/records/account.pb.h"
#include "protocol/ids.hpp"
#include "protocol/rpc_error.hpp"
#include "protocol/tl/api/forward.hpp"
#include "protocol/tl/object.hpp"

namespace godwit::account {

using entity::stored;

/// One line of the list of logins. `hash`: 0 for the caller's own.
tl::box<tl::authorization> authorization_view(std::int64_t hash, const persistence::records::UserAuthorization& row);

/// `Updates` that tells of a new login; empty for layers that do not have it.
std::string new_authorization_update(authorization_id id, const persistence::records::UserAuthorization& row,
                                     layer_t layer);

/// What the service writes to an account whose login on another device began.
std::string new_login_notice(const std::string& first_name, const persistence::records::UserAuthorization& row,
                             unix_time now);

} // namespace godwit::account
