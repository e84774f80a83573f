#include "actors/people/people.hpp"

#include <algorithm>
#include <unordered_set>

#include "actors/people/access_hash.hpp"
#include "actors/people/people_parts.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/user.hpp"

namespace godwit::people {

struct people::parts {
  explicit parts(account_core& account)
      : core(account), book(core), finding(core), profile(core), names(core), presence(core), settings(core) {}

  people_core core;
  contact_calls book;
  finding_calls finding;
  profile_calls profile;
  username_change names;
  presence_calls presence;
  privacy_calls settings;
};

people::people(account_core& core) : parts_(std::make_unique<parts>(core)) {}
people::~people() = default;

std::vector<records_table> people::tables() { return {records_table::user_privacy, records_table::user_username}; }

bool people::load(records_table table, std::string_view sub_key, std::string_view value) {
  switch (table) {
  case records_table::user_privacy: return parts_->core.privacy.load(sub_key, value);
  case records_table::user_username: return parts_->names.load(value);
  default: return false;
  }
}

void people::resume(unix_time now, entity_effects& out) { parts_->names.resume(now, out); }

// --- for the other parts of the account --------------------------------------------------------------

void people::with(std::span<const user_id> whom, unix_time now, entity_effects& out, continuation then,
                  patience how_long) {
  parts_->core.with(whom, now, out, std::move(then), how_long);
}

const Relation* people::relation(user_id whom) const { return parts_->core.relation(whom); }

void people::learn(user_id whom, const std::optional<std::string>& row) { parts_->core.relations.learn(whom, row); }

void people::learn(const command::Card& card, unix_time said_at) { parts_->core.learn(card, said_at); }

command::Card people::own_card(unix_time now) const { return parts_->core.own_card(now); }

tl::box<tl::User> people::view(user_id whom, unix_time now) const { return parts_->core.view(whom, now); }

void people::add_views(std::vector<tl::box<tl::User>>& users, std::span<const user_id> whom, unix_time now) const {
  std::unordered_set<std::int64_t> added;
  for (const user_id each : whom) {
    if (is_account_id(each.value()) && added.insert(each.value()).second) {
      users.push_back(parts_->core.view(each, now));
    }
  }
}

rpc_result<user_id> people::resolve(const tl::InputPeer* peer) const { return resolve_peer(parts_->core, peer); }

rpc_result<user_id> people::resolve(const tl::InputUser* user) const { return resolve_user(parts_->core, user); }

namespace {

bool may_address(const people_core& core, std::int64_t id, std::int64_t shown) {
  if (!is_account_id(id)) {
    return false;
  }
  const user_id whom{id};
  return (core.is_self(whom) && shown == 0) ||
         access_hash_fits(core.account.options.access_hash_key, core.account.self, whom, shown);
}

} // namespace

rpc_result<user_id> resolve_peer(const people_core& core, const tl::InputPeer* peer) {
  if (tl::as<tl::inputPeerSelf>(peer) != nullptr) {
    return core.account.self;
  }
  const auto* user = tl::as<tl::inputPeerUser>(peer);
  if (user == nullptr || !may_address(core, user->user_id, user->access_hash)) {
    return unexpected(rpc_error{rpc_errc::peer_id_invalid});
  }
  return user_id{user->user_id};
}

rpc_result<user_id> resolve_user(const people_core& core, const tl::InputUser* user) {
  if (tl::as<tl::inputUserSelf>(user) != nullptr) {
    return core.account.self;
  }
  const auto* other = tl::as<tl::inputUser>(user);
  if (other == nullptr || !may_address(core, other->user_id, other->access_hash)) {
    return unexpected(rpc_error{rpc_errc::user_id_invalid});
  }
  return user_id{other->user_id};
}

// --- requests ----------------------------------------------------------------------------------------

bool people::takes(std::uint32_t kind) {
  static const auto all = [] {
    std::unordered_set<std::uint32_t> kinds;
    for (const auto list : {contact_calls::kinds(), finding_calls::kinds(), profile_calls::kinds(),
                            username_change::kinds(), presence_calls::kinds(), privacy_calls::kinds()}) {
      kinds.insert(list.begin(), list.end());
    }
    return kinds;
  }();
  return all.contains(kind);
}

bool people::call(const call_context& from, const tl::fn::function& what, entity_effects& out) {
  if (!takes(what.kind())) {
    return false;
  }
  parts_->core.tell_card(from.now, out);
  if (parts_->core.busy()) {
    out.answer(from.ticket, refused(rpc_errc::flood_wait, 1));
    return true;
  }
  return parts_->presence.call(from, what, out) || parts_->profile.call(from, what, out) ||
         parts_->book.call(from, what, out) || parts_->finding.call(from, what, out) ||
         parts_->names.call(from, what, out) || parts_->settings.call(from, what, out);
}

void people::relation_changed(std::uint64_t ticket, const command::Delivery& what, unix_time now, entity_effects& out) {
  parts_->book.relation_changed(ticket, what, now, out);
}

void people::whispered(const command::Whisper& what, unix_time now, entity_effects& out) {
  parts_->presence.whispered(what, now, out);
}

void people::presence_changed(unix_time now, entity_effects& out) {
  parts_->core.tell_card(now, out);
  parts_->presence.changed(now, out);
}

bool people::owns_username(std::string_view username) const { return parts_->names.owns(username); }

} // namespace godwit::people
