#include "actors/account/user_views.hpp"

#include <array>
#include <ctime>

#include "protocol/tl/api/account.hpp"
#include "protocol/tl/api/update.hpp"

namespace godwit::account {

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

std::string new_login_notice(const std::string& first_name, const persistence::records::UserAuthorization& row,
                             unix_time now) {
  const std::time_t seconds = now;
  std::tm calendar{};
  gmtime_r(&seconds, &calendar);
  std::array<char, 40> when{};
  const std::size_t length = std::strftime(when.data(), when.size(), "%d.%m.%Y at %H:%M:%S UTC", &calendar);
  return "New login. Dear " + first_name + ", your account was logged in to on " + std::string(when.data(), length) +
         ".\n\nDevice: " + row.app_name() + " " + row.app_version() + ", " + row.device_model() +
         "\nAddress: " + row.address() + "\n\nIf this was not you, end that login in Settings > Devices.";
}

} // namespace godwit::account
