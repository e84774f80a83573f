#include "actors/account/auth_key_logic.hpp"

#include <algorithm>
#include <utility>

#include "config/limits.hpp"
#include "protocol/crypto/bytes.hpp"
#include "protocol/crypto/sealing.hpp"

namespace godwit::account {
namespace {

constexpr std::uint32_t permanent = 1;
constexpr std::uint32_t temporary = 2;
constexpr std::size_t key_bytes = 256;
/// MTProto, "Creating an Authorization Key": the server may forget keys that nobody logs in with.
constexpr std::int32_t unbound_seconds = 86'400;
constexpr std::int32_t logged_out_seconds = 30 * 86'400;

template <class Message>
rpc_result<std::string> encoded(const Message& message) {
  return message.SerializeAsString();
}

rpc_result<std::string> refused(rpc_errc why) { return unexpected(rpc_error{why}); }

} // namespace

bool auth_key_logic::load(records_table /*table*/, std::string_view /*sub_key*/, std::string_view value) {
  if (!row_.emplace().ParseFromString(std::string(value))) {
    return false;
  }
  if (row_->sealed_key().empty()) {
    key_ = std::move(*row_->mutable_key());
    row_->clear_key();
    return true;
  }
  auto opened = options_.record_key ? crypto::unseal(*options_.record_key, crypto::as_bytes(context()),
                                                     crypto::as_bytes(row_->sealed_key()))
                                    : std::nullopt;
  key_ = opened.value_or(std::string());
  return opened.has_value();
}

/// A sealed key opens in its own row alone.
std::string auth_key_logic::context() const {
  std::string out;
  for (int shift = 56; shift >= 0; shift -= 8) {
    out += static_cast<char>(self_.value() >> shift & 0xff);
  }
  return out;
}

void auth_key_logic::put(entity_effects& out) {
  if (!options_.record_key) {
    auto open = *row_;
    open.set_key(key_);
    out.put(records_table::auth_key, {}, open);
    return;
  }
  if (row_->sealed_key().empty()) {
    row_->set_sealed_key(
      crypto::seal(*options_.record_key, crypto::as_bytes(context()), crypto::as_bytes(key_), *options_.random));
  }
  out.put(records_table::auth_key, {}, *row_);
}

void auth_key_logic::handle(const logic_request& request, unix_time now, entity_effects& out) {
  command::KeyCommand what;
  if (request.type != cluster::request_type::command || !what.ParseFromString(std::string(request.body))) {
    out.answer(request.ticket, refused(rpc_errc::method_invalid));
    return;
  }
  drop_expired(now, out);
  const auto said = run(what, now, out);
  if (row_ && options_.record_key && row_->sealed_key().empty()) {
    put(out); // of an earlier version, with the key in the open
  }
  out.answer(request.ticket, said);
}

auth_key_logic::answer auth_key_logic::run(const command::KeyCommand& what, unix_time now, entity_effects& out) {
  using command::KeyCommand;
  switch (what.what_case()) {
  case KeyCommand::kCreate: return create(what.create(), now, out);
  case KeyCommand::kLookup: return lookup();
  case KeyCommand::kBindTemp: return bind_temp(what.bind_temp(), now, out);
  case KeyCommand::kAddTemp: return add_temp(what.add_temp(), now, out);
  case KeyCommand::kBindUser: return bind_user(what.bind_user(), out);
  case KeyCommand::kUnbindUser: return unbind_user(what.unbind_user(), now, out);
  case KeyCommand::kDestroy: return destroy(out);
  case KeyCommand::kExpire: return encoded(command::Done{}); // drop_expired did it
  case KeyCommand::kNoteLayer: return note_layer(what.note_layer(), out);
  case KeyCommand::WHAT_NOT_SET: break;
  }
  return refused(rpc_errc::method_invalid);
}

void auth_key_logic::drop_expired(unix_time now, entity_effects& out) {
  if (row_ && row_->expires_at() != 0 && row_->expires_at() <= now) {
    row_.reset();
    out.erase(records_table::auth_key, {});
  }
}

auth_key_logic::answer auth_key_logic::create(const command::CreateKey& what, unix_time now, entity_effects& out) {
  if (what.key().size() != key_bytes || (what.temporary() && what.expires_in() <= 0)) {
    return refused(rpc_errc::method_invalid);
  }
  command::KeyCreated created;
  if (row_) {
    // The same key again is a repeat after a lost answer.
    created.set_id_taken(!crypto::equal(crypto::as_bytes(key_), crypto::as_bytes(what.key())));
    return encoded(created);
  }
  row_.emplace();
  key_ = what.key();
  row_->set_kind(what.temporary() ? temporary : permanent);
  row_->set_created_at(now);
  row_->set_expires_at(now + (what.temporary() ? what.expires_in() : unbound_seconds));
  row_->set_server_salt(what.server_salt());
  if (what.has_dc()) {
    row_->set_dc(what.dc());
  }
  put(out);
  out.sweep_keys = true;
  return encoded(created);
}

auth_key_logic::answer auth_key_logic::lookup() const {
  command::KeyFound found;
  if (row_) {
    found.set_found(true);
    found.set_key(key_);
    found.set_temporary(row_->kind() == temporary);
    found.set_expires_at(row_->expires_at());
    found.set_permanent_key(row_->permanent_key());
    found.set_user(row_->user());
    found.set_authorization(row_->authorization());
    found.set_layer(row_->layer());
    found.set_server_salt(row_->server_salt());
    found.set_created_at(row_->created_at());
    if (row_->has_dc()) {
      found.set_dc(row_->dc());
    }
    command::Device& device = *found.mutable_device();
    device.set_api_id(row_->api_id());
    device.set_device_model(row_->device_model());
    device.set_system_version(row_->system_version());
    device.set_app_version(row_->app_version());
    device.set_system_lang_code(row_->system_lang_code());
    device.set_lang_code(row_->lang_code());
    device.set_platform(row_->platform());
  }
  return encoded(found);
}

auth_key_logic::answer auth_key_logic::bind_temp(const command::BindTemp& what, unix_time now, entity_effects& out) {
  if (!is(temporary)) {
    return refused(rpc_errc::temp_auth_key_empty);
  }
  if (what.expires_at() <= now) {
    return refused(rpc_errc::expires_at_invalid);
  }
  if (row_->permanent_key() != 0 && row_->permanent_key() != what.permanent_key()) {
    return refused(rpc_errc::temp_auth_key_already_bound);
  }
  // The key's own life, agreed on when it was made, is the bound.
  const std::int32_t expires_at = std::min(row_->expires_at(), what.expires_at());
  if (row_->permanent_key() == 0 || row_->expires_at() != expires_at) {
    row_->set_permanent_key(what.permanent_key());
    row_->set_expires_at(expires_at);
    put(out);
  }
  command::TempBound bound;
  bound.set_expires_at(expires_at);
  return encoded(bound);
}

auth_key_logic::answer auth_key_logic::add_temp(const command::AddTemp& what, unix_time now, entity_effects& out) {
  if (!is(permanent)) {
    return refused(rpc_errc::encrypted_message_invalid);
  }
  auto& list = *row_->mutable_temporary_key();
  for (const auto& each : list) {
    if (each.key() == what.temporary_key() && each.expires_at() == what.expires_at()) {
      return encoded(command::Done{});
    }
  }
  const auto over = [&](const auto& each) { return each.expires_at() <= now || each.key() == what.temporary_key(); };
  list.erase(std::remove_if(list.begin(), list.end(), over), list.end());
  if (static_cast<std::size_t>(list.size()) >= limits::temporary_keys_per_key_max) {
    list.erase(list.begin());
  }
  auto& added = *row_->add_temporary_key();
  added.set_key(what.temporary_key());
  added.set_expires_at(what.expires_at());
  put(out);
  return encoded(command::Done{});
}

auth_key_logic::answer auth_key_logic::bind_user(const command::BindUser& what, entity_effects& out) {
  if (!is(permanent)) {
    return refused(rpc_errc::auth_key_unregistered);
  }
  if (row_->user() != what.user() || row_->authorization() != what.authorization()) {
    row_->set_user(what.user());
    row_->set_authorization(what.authorization());
    row_->set_expires_at(0);
    put(out);
  }
  return encoded(command::UserBound{});
}

auth_key_logic::answer auth_key_logic::unbind_user(const command::UnbindUser& what, unix_time now,
                                                   entity_effects& out) {
  // Another login may have come in between: that one stays.
  if (is(permanent) && row_->user() == what.user() && row_->authorization() == what.authorization()) {
    row_->clear_user();
    row_->clear_authorization();
    row_->set_expires_at(now + logged_out_seconds);
    put(out);
  }
  return encoded(command::Done{});
}

auth_key_logic::answer auth_key_logic::destroy(entity_effects& out) {
  command::KeyDestroyed destroyed;
  destroyed.set_existed(row_.has_value());
  if (row_ && row_->authorization() != 0) {
    destroyed.set_user(row_->user());
    destroyed.set_authorization(row_->authorization());
    return encoded(destroyed);
  }
  if (row_) {
    for (const auto& each : row_->temporary_key()) {
      command::KeyCommand also;
      also.mutable_destroy();
      out.commands.push_back(
        {{cluster::entity_kind::auth_key, cluster::entity_id{each.key()}}, also.SerializeAsString(), 0});
    }
    row_.reset();
    out.erase(records_table::auth_key, {});
  }
  return encoded(destroyed);
}

auth_key_logic::answer auth_key_logic::note_layer(const command::NoteLayer& what, entity_effects& out) {
  if (!row_) {
    return refused(rpc_errc::auth_key_unregistered);
  }
  const command::Device& device = what.device();
  auto noted = *row_;
  noted.set_layer(what.layer());
  noted.set_api_id(device.api_id());
  noted.set_device_model(device.device_model());
  noted.set_system_version(device.system_version());
  noted.set_app_version(device.app_version());
  noted.set_system_lang_code(device.system_lang_code());
  noted.set_lang_code(device.lang_code());
  noted.set_platform(device.platform());
  if (noted.SerializeAsString() != row_->SerializeAsString()) {
    *row_ = noted;
    put(out);
  }
  return encoded(command::Done{});
}

} // namespace godwit::account
