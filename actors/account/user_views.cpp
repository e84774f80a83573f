#include "actors/account/user_views.hpp"

#include "protocol/tl/api/account.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/user.hpp"

namespace godwit::account {

rpc_result<std::string> stored(const tl::object& what, layer_t layer) {
  std::string bytes;
  tl::writer out(bytes);
  what.store(out, layer);
  if (!out.ok()) {
    return unexpected(rpc_error{rpc_errc::rpc_call_fail});
  }
  return bytes;
}

tl::box<tl::User> self_view(user_id id, std::int64_t access_hash, const persistence::records::UserProfile& profile,
                            unix_time online_until, unix_time was_online) {
  auto user = tl::make<tl::user>();
  user->self = true;
  user->id = id.value();
  user->access_hash = access_hash;
  user->first_name = profile.first_name();
  if (!profile.last_name().empty()) {
    user->last_name = profile.last_name();
  }
  user->phone = std::to_string(profile.phone());
  if (online_until != 0) {
    auto status = tl::make<tl::userStatusOnline>();
    status->expires = online_until;
    user->status = std::move(status);
  } else if (was_online != 0) {
    auto status = tl::make<tl::userStatusOffline>();
    status->was_online = was_online;
    user->status = std::move(status);
  }
  return user;
}

tl::box<tl::User> stranger_view(user_id id, std::int64_t access_hash, const std::string& first_name,
                                const std::string& last_name) {
  auto user = tl::make<tl::user>();
  user->id = id.value();
  user->access_hash = access_hash;
  user->first_name = first_name;
  if (!last_name.empty()) {
    user->last_name = last_name;
  }
  return user;
}

tl::box<tl::User> no_user(std::int64_t id) {
  auto user = tl::make<tl::userEmpty>();
  user->id = id;
  return user;
}

tl::box<tl::authorization> authorization_view(std::int64_t hash, const persistence::records::UserAuthorization& row) {
  auto login = tl::make<tl::authorization>();
  login->current = hash == 0;
  login->hash = hash;
  login->device_model = row.device_model();
  login->platform = row.platform();
  login->system_version = row.system_version();
  login->api_id = row.api_id();
  login->app_name = row.app_name();
  login->app_version = row.app_version();
  login->date_created = row.created_at();
  login->date_active = row.active_at();
  login->ip = row.address();
  login->country = row.country();
  login->region = row.region();
  return login;
}

std::string new_authorization_update(authorization_id id, const persistence::records::UserAuthorization& row,
                                     layer_t layer) {
  auto update = tl::make<tl::updateNewAuthorization>();
  if (!update->known_at(layer)) {
    return {};
  }
  update->hash = id.value();
  update->unconfirmed = true;
  update->date = row.created_at();
  update->device = row.app_name() + ", " + row.device_model();
  update->location = row.country();
  tl::updateShort envelope;
  envelope.update = std::move(update);
  envelope.date = row.created_at();
  return stored(envelope, layer).value_or(std::string{});
}

} // namespace godwit::account
