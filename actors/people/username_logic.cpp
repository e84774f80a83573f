#include "actors/people/username_logic.hpp"

#include <algorithm>

#include "actors/people/name_text.hpp"
#include "config/limits.hpp"

namespace godwit::people {
namespace {

using persistence::records::UsernameClaim;

constexpr std::uint32_t reserved = 1;
constexpr std::uint32_t owned_state = 2;
/// How long an account that takes a name holds it before it is asked.
constexpr unix_time reservation_seconds = 600;

} // namespace

std::string username_key(std::string_view username) {
  std::string key(username);
  for (char& each : key) {
    if (each >= 'A' && each <= 'Z') {
      each = static_cast<char>(each - 'A' + 'a');
    }
  }
  return key;
}

cluster::entity_ref username_entity(std::string_view username) {
  // FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv: the id is on disk, so the hash never changes.
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char each : username_key(username)) {
    hash = (hash ^ static_cast<unsigned char>(each)) * 0x100000001b3ULL;
  }
  return {cluster::entity_kind::username, cluster::scattered(hash)};
}

std::unique_ptr<entity::entity_logic> make_username_logic(cluster::entity_ref self) {
  return std::make_unique<username_logic>(self);
}

std::vector<records_table> username_logic::tables() const { return {records_table::username_claim}; }

bool username_logic::load(records_table /*table*/, std::string_view sub_key, std::string_view value) {
  return claims_[std::string(sub_key)].ParseFromArray(value.data(), static_cast<int>(value.size()));
}

void username_logic::handle(const logic_request& request, unix_time now, entity_effects& out) {
  command::UsernameCommand what;
  if (request.type != cluster::request_type::command ||
      !what.ParseFromArray(request.body.data(), static_cast<int>(request.body.size())) ||
      !is_username(what.username()) || username_entity(what.username()) != self_) {
    return out.answer(request.ticket, unexpected(rpc_error{rpc_errc::method_invalid}));
  }
  run(request.ticket, what, false, now, out);
}

void username_logic::run(std::uint64_t ticket, const command::UsernameCommand& what, bool asked, unix_time now,
                         entity_effects& out) {
  if (!asked && must_ask(what, now)) {
    return ask(ticket, what, out);
  }
  const std::string name = username_key(what.username());
  using command::UsernameCommand;
  switch (what.what_case()) {
  case UsernameCommand::kReserve: return out.answer(ticket, reserve(what.username(), what.reserve(), now, out));
  case UsernameCommand::kConfirm: return out.answer(ticket, confirm(what.username(), what.confirm(), out));
  case UsernameCommand::kRelease: return out.answer(ticket, release(name, what.release(), out));
  case UsernameCommand::kFind: return out.answer(ticket, owner(name));
  case UsernameCommand::WHAT_NOT_SET: break;
  }
  out.answer(ticket, unexpected(rpc_error{rpc_errc::method_invalid}));
}

bool username_logic::must_ask(const command::UsernameCommand& what, unix_time now) const {
  const auto found = claims_.find(username_key(what.username()));
  if (found == claims_.end() || found->second.state() != reserved) {
    return false;
  }
  if (what.has_find()) {
    return true;
  }
  return what.has_reserve() && found->second.expires_at() <= now && found->second.user() != what.reserve().user();
}

void username_logic::ask(std::uint64_t ticket, const command::UsernameCommand& what, entity_effects& out) {
  if (asking_ >= limits::username_questions_max) {
    return out.answer(ticket, unexpected(rpc_error{rpc_errc::rpc_call_fail}));
  }
  ++asking_;
  const std::string name = username_key(what.username());
  const std::int64_t holder = claims_[name].user();
  command::UserCommand question;
  question.mutable_owns_username()->set_username(what.username());
  out.commands.push_back({.to = {cluster::entity_kind::user, cluster::entity_id{static_cast<std::uint64_t>(holder)}},
                          .body = question.SerializeAsString(),
                          .token = 0,
                          .then = [this, ticket, what, name, holder](const rpc_result<std::string>& reply,
                                                                     unix_time now, entity_effects& more) {
                            --asking_;
                            command::PhoneOwned said;
                            if (!reply || !said.ParseFromString(*reply)) {
                              return more.answer(ticket, unexpected(rpc_error{rpc_errc::rpc_call_fail}));
                            }
                            settle(name, holder, said.owned(), now, more);
                            run(ticket, what, true, now, more);
                          }});
}

/// The claim may be another one by now: then nothing was asked about it.
void username_logic::settle(const std::string& name, std::int64_t holder, bool owned, unix_time now,
                            entity_effects& out) {
  const auto found = claims_.find(name);
  if (found == claims_.end() || found->second.state() != reserved || found->second.user() != holder) {
    return;
  }
  if (owned) {
    found->second.set_state(owned_state);
    found->second.set_expires_at(0);
    out.put(records_table::username_claim, name, found->second);
  } else if (found->second.expires_at() <= now) {
    claims_.erase(found);
    out.erase(records_table::username_claim, name);
  }
}

username_logic::answer username_logic::reserve(const std::string& written, const command::ReserveUsername& what,
                                               unix_time now, entity_effects& out) {
  const std::string name = username_key(written);
  UsernameClaim& claim = claims_[name];
  const bool free = claim.user() == 0;
  if (free || claim.user() == what.user()) {
    if (free || claim.state() == reserved) {
      claim.set_username(written);
      claim.set_user(what.user());
      claim.set_state(reserved);
      claim.set_expires_at(now + reservation_seconds);
    }
    claim.set_change(std::max(claim.change(), what.change()));
    out.put(records_table::username_claim, name, claim);
  }
  return owner(name);
}

username_logic::answer username_logic::confirm(const std::string& written, const command::ConfirmUsername& what,
                                               entity_effects& out) {
  const std::string name = username_key(written);
  UsernameClaim& claim = claims_[name];
  if (claim.user() == 0 || claim.user() == what.user()) {
    claim.set_username(written);
    claim.set_user(what.user());
    claim.set_state(owned_state);
    claim.set_expires_at(0);
    claim.set_change(std::max(claim.change(), what.change()));
    out.put(records_table::username_claim, name, claim);
  }
  return owner(name);
}

username_logic::answer username_logic::release(const std::string& name, const command::ReleaseUsername& what,
                                               entity_effects& out) {
  const auto found = claims_.find(name);
  if (found != claims_.end() && found->second.user() == what.user() && found->second.change() <= what.change()) {
    claims_.erase(found);
    out.erase(records_table::username_claim, name);
  }
  return owner(name);
}

username_logic::answer username_logic::owner(const std::string& name) const {
  command::UsernameOwner said;
  const auto found = claims_.find(name);
  if (found != claims_.end()) {
    said.set_user(found->second.user());
    said.set_reserved(found->second.state() == reserved);
    said.set_username(found->second.username());
  }
  return said.SerializeAsString();
}

} // namespace godwit::people
