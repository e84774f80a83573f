#pragma once

#include <cstdint>
#include <string>

#include "persistence/records/account.pb.h"
#include "protocol/ids.hpp"
#include "protocol/rpc_error.hpp"
#include "protocol/tl/api/forward.hpp"
#include "protocol/tl/object.hpp"

namespace godwit::account {

/// An object at a layer. Error: rpc_call_fail when the layer does not have it, which is a mistake of this program.
rpc_result<std::string> stored(const tl::object& what, layer_t layer);

/// An account as its owner sees it: never min, with the phone number. `online_until`: 0 while nobody is online.
tl::box<tl::User> self_view(user_id id, std::int64_t access_hash, const persistence::records::UserProfile& profile,
                            unix_time online_until, unix_time was_online);

/// An account as somebody sees it who knows its access hash alone.
tl::box<tl::User> stranger_view(user_id id, std::int64_t access_hash, const std::string& first_name,
                                const std::string& last_name);
tl::box<tl::User> no_user(std::int64_t id);

/// One line of the list of logins. `hash`: 0 for the caller's own.
tl::box<tl::authorization> authorization_view(std::int64_t hash, const persistence::records::UserAuthorization& row);

/// `Updates` that tells of a new login; empty for layers that do not have it.
std::string new_authorization_update(authorization_id id, const persistence::records::UserAuthorization& row,
                                     layer_t layer);

} // namespace godwit::account
