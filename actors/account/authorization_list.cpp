#include "actors/account/authorization_list.hpp"

#include "config/limits.hpp"

namespace godwit::account {
namespace {

constexpr std::uint32_t active_state = 1;
constexpr std::uint32_t ending_state = 2;
constexpr std::uint32_t ended_state = 3;

/// The list of logins tells about when each was used; a row for every call would tell no more.
constexpr std::int32_t touch_seconds = 3600;

std::string sub_key_of(std::int64_t id) { return id_sub_key(static_cast<std::uint64_t>(id)); }

void describe(authorization_list::authorization_row& row, const command::Authorize& what) {
  const command::Device& device = what.device();
  row.set_phone_code_hash(what.phone_code_hash());
  row.set_code_expires_at(what.code_expires_at());
  row.set_layer(what.layer());
  row.set_api_id(device.api_id());
  row.set_device_model(device.device_model());
  row.set_platform(device.platform());
  row.set_system_version(device.system_version());
  row.set_app_name(device.app_name());
  row.set_app_version(device.app_version());
  row.set_system_lang_code(device.system_lang_code());
  row.set_lang_code(device.lang_code());
  row.set_address(what.address());
}

} // namespace

bool authorization_list::load(std::string_view sub_key, std::string_view value) {
  const auto id = id_of_sub_key(sub_key);
  return id && rows_[static_cast<std::int64_t>(*id)].ParseFromString(std::string(value));
}

bool authorization_list::code_used(const command::Authorize& what) const {
  for (const auto& [id, row] : rows_) {
    if (row.state() != active_state && row.key() == what.key() && row.phone_code_hash() == what.phone_code_hash()) {
      return true;
    }
  }
  return false;
}

authorization_list::authorization_row* authorization_list::of_key(std::uint64_t key, std::int64_t& id) {
  for (auto& [each, row] : rows_) {
    if (row.key() == key && row.state() == active_state) {
      id = each;
      return &row;
    }
  }
  return nullptr;
}

rpc_result<authorization_list::authorized> authorization_list::authorize(const command::Authorize& what, unix_time now,
                                                                         crypto::random_source& random,
                                                                         entity_effects& out) {
  sweep(now, out);
  // Whoever was thrown out may still hold the code that let him in.
  if (code_used(what)) {
    return unexpected(rpc_error{rpc_errc::phone_code_expired});
  }
  std::int64_t id = 0;
  authorization_row* const present = of_key(what.key(), id);
  // The rows that tell whether a code was used go when it expires; a repeat of the login it led to is none.
  const bool repeats = present != nullptr && present->phone_code_hash() == what.phone_code_hash();
  if (!repeats && what.code_expires_at() <= now) {
    return unexpected(rpc_error{rpc_errc::phone_code_expired});
  }
  if (present != nullptr) {
    if (!repeats) {
      describe(*present, what);
      present->set_active_at(now);
      write(id, *present, out);
    }
    return authorized{.id = authorization_id{id}, .fresh = false, .ended = std::nullopt};
  }
  const auto ended = make_room(now, out);
  while (id == 0 || rows_.contains(id)) {
    id = static_cast<std::int64_t>(random.next_u64());
  }
  authorization_row& made = rows_[id];
  made.set_key(what.key());
  made.set_state(active_state);
  made.set_created_at(now);
  made.set_active_at(now);
  describe(made, what);
  write(id, made, out);
  return authorized{.id = authorization_id{id}, .fresh = true, .ended = ended};
}

std::optional<authorization_id> authorization_list::make_room(unix_time now, entity_effects& out) {
  std::size_t count = 0;
  std::int64_t oldest = 0;
  for (const auto& [id, row] : rows_) {
    if (row.state() != active_state) {
      continue;
    }
    ++count;
    if (oldest == 0 || row.active_at() < rows_.at(oldest).active_at()) {
      oldest = id;
    }
  }
  if (count < limits::authorizations_per_user_max) {
    return std::nullopt;
  }
  end(authorization_id{oldest}, now, out);
  return authorization_id{oldest};
}

const authorization_list::authorization_row* authorization_list::active(authorization_id id, auth_key_id key) const {
  const auto found = rows_.find(id.value());
  return found != rows_.end() && found->second.state() == active_state && found->second.key() == key.value()
           ? &found->second
           : nullptr;
}

bool authorization_list::end(authorization_id id, unix_time now, entity_effects& out) {
  const auto found = rows_.find(id.value());
  if (found == rows_.end() || found->second.state() != active_state) {
    return false;
  }
  found->second.set_state(ending_state);
  found->second.set_ended_at(now);
  write(id.value(), found->second, out);
  return true;
}

void authorization_list::acknowledged(authorization_id id, unix_time now, entity_effects& out) {
  const auto found = rows_.find(id.value());
  if (found == rows_.end() || found->second.state() != ending_state) {
    return;
  }
  found->second.set_state(ended_state);
  write(id.value(), found->second, out);
  sweep(now, out);
}

void authorization_list::touch(authorization_id id, unix_time now, entity_effects& out) {
  authorization_row& used = rows_.at(id.value());
  if (now - used.active_at() >= touch_seconds) {
    used.set_active_at(now);
    write(id.value(), used, out);
  }
}

void authorization_list::sweep(unix_time now, entity_effects& out) {
  for (auto each = rows_.begin(); each != rows_.end();) {
    if (each->second.state() != ended_state || each->second.code_expires_at() > now) {
      ++each;
      continue;
    }
    out.erase(records_table::user_authorization, sub_key_of(each->first));
    each = rows_.erase(each);
  }
}

std::vector<authorization_id> authorization_list::active_ids() const {
  std::vector<authorization_id> ids;
  for (const auto& [id, row] : rows_) {
    if (row.state() == active_state) {
      ids.emplace_back(id);
    }
  }
  return ids;
}

std::vector<authorization_id> authorization_list::ending_ids() const {
  std::vector<authorization_id> ids;
  for (const auto& [id, row] : rows_) {
    if (row.state() == ending_state) {
      ids.emplace_back(id);
    }
  }
  return ids;
}

void authorization_list::write(std::int64_t id, const authorization_row& what, entity_effects& out) const {
  out.put(records_table::user_authorization, sub_key_of(id), what);
}

} // namespace godwit::account
