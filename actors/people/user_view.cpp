#include <algorithm>
#include <string>

#include "actors/people/people_core.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/user_full.hpp"

namespace godwit::people {
namespace {

constexpr unix_time day_seconds = 86'400;

/// What is told of a last visit to those who may not know its moment.
tl::box<tl::UserStatus> about_when(unix_time last, bool by_me, unix_time now) {
  const unix_time age = now - last;
  if (last == 0 || age > 30 * day_seconds) {
    return tl::make<tl::userStatusEmpty>();
  }
  if (age <= 3 * day_seconds) {
    auto status = tl::make<tl::userStatusRecently>();
    status->by_me = by_me;
    return status;
  }
  if (age <= 7 * day_seconds) {
    auto status = tl::make<tl::userStatusLastWeek>();
    status->by_me = by_me;
    return status;
  }
  auto status = tl::make<tl::userStatusLastMonth>();
  status->by_me = by_me;
  return status;
}

tl::box<tl::UserStatus> exactly_when(unix_time online_until, unix_time last, unix_time now) {
  if (online_until > now) {
    auto status = tl::make<tl::userStatusOnline>();
    status->expires = online_until;
    return status;
  }
  if (last == 0) {
    return tl::make<tl::userStatusEmpty>();
  }
  auto status = tl::make<tl::userStatusOffline>();
  status->was_online = last;
  return status;
}

void set_text(std::optional<std::string>& field, const std::string& text) {
  if (!text.empty()) {
    field = text;
  }
}

tl::box<tl::User> no_user(user_id whom) {
  auto user = tl::make<tl::userEmpty>();
  user->id = whom.value();
  return user;
}

} // namespace

bool people_core::sees_status(user_id whom, const command::Card& card, const Relation& relation) const {
  return !relation.hides() && allows(rules_of(card, privacy_key::status_timestamp), account.self, relation.has_me()) &&
         privacy.lets(privacy_key::status_timestamp, whom, relation.has_contact());
}

tl::box<tl::UserStatus> people_core::status(user_id whom, const command::Card& card, const Relation& relation,
                                            unix_time now) const {
  if (relation.hides()) {
    return tl::make<tl::userStatusEmpty>();
  }
  const presence_book::state seen = account.options.presence->find(whom);
  // Nobody says when an online account lapses: what it promised last tells.
  const unix_time lapsed = seen.online_until <= now ? seen.online_until : 0;
  const unix_time last = std::max({card.was_online(), seen.was_online, lapsed});
  if (sees_status(whom, card, relation)) {
    return exactly_when(seen.online_until, last, now);
  }
  const bool other_shows = allows(rules_of(card, privacy_key::status_timestamp), account.self, relation.has_me());
  return about_when(seen.online_until > now ? now : last, other_shows, now);
}

tl::box<tl::User> people_core::view(user_id whom, unix_time now) const {
  if (is_self(whom)) {
    return self_view(now);
  }
  const card_ptr known = card(whom);
  const Relation* known_relation = relation(whom);
  const bool nobody = known == nullptr || known_relation == nullptr ||
                      (!known->exists() && !known_relation->has_contact()); // clients keep what they know of it
  return nobody ? no_user(whom) : view(whom, *known, *known_relation, now);
}

tl::box<tl::User> people_core::view(user_id whom, const command::Card& card, const Relation& relation,
                                    unix_time now) const {
  auto user = tl::make<tl::user>();
  user->id = whom.value();
  user->access_hash = access_hash_of(whom);
  user->contact = relation.has_contact();
  user->mutual_contact = relation.has_contact() && relation.has_me();
  if (card.deleted()) {
    user->deleted = true;
    return user;
  }
  if (relation.has_contact()) {
    user->first_name = relation.contact().first_name();
    set_text(user->last_name, relation.contact().last_name());
  } else {
    user->first_name = card.first_name();
    set_text(user->last_name, card.last_name());
  }
  set_text(user->username, card.username());
  if (whom == service_user) {
    user->verified = true;
    user->support = true;
    user->phone = std::to_string(card.phone());
    return user;
  }
  const bool knows_phone = relation.contact().phone() != 0 && relation.contact().phone() == card.phone();
  if (card.phone() != 0 && (knows_phone || (!relation.hides() && allows(rules_of(card, privacy_key::phone_number),
                                                                        account.self, relation.has_me())))) {
    user->phone = std::to_string(card.phone());
  }
  user->status = status(whom, card, relation, now);
  return user;
}

tl::box<tl::User> people_core::self_view(unix_time now) const {
  if (!account.profile) {
    return no_user(account.self);
  }
  auto user = tl::make<tl::user>();
  user->self = true;
  user->id = account.self.value();
  user->access_hash = access_hash_of(account.self);
  user->first_name = account.profile->first_name();
  set_text(user->last_name, account.profile->last_name());
  set_text(user->username, account.profile->username());
  user->phone = std::to_string(account.profile->phone());
  user->status = exactly_when(account.ears.online_until(now), last_seen(now), now);
  return user;
}

unix_time people_core::last_seen(unix_time now) const {
  const presence_book::state told = account.options.presence->find(account.self);
  unix_time last = std::max(account.was_online, told.was_online);
  for (const listener& each : account.ears.all()) {
    last = std::max(last, each.online_until <= now ? each.online_until : now);
  }
  return told.online_until <= now ? std::max(last, told.online_until) : last;
}

tl::box<tl::peerSettings> people_core::settings(user_id whom, const Relation& relation) const {
  auto settings = tl::make<tl::peerSettings>();
  if (is_self(whom) || whom == service_user) {
    return settings;
  }
  const bool shows_phone = privacy.lets(privacy_key::phone_number, whom, true);
  if (relation.has_contact()) {
    settings->share_contact = !shows_phone;
    return settings;
  }
  // No button to block: clients want one to report beside it, and nobody reads reports.
  settings->add_contact = true;
  settings->need_contacts_exception = !shows_phone;
  return settings;
}

} // namespace godwit::people
