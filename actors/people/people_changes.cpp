#include <algorithm>

#include "actors/commands/account_commands.pb.h"
#include "actors/people/peer_view.hpp"
#include "actors/people/people_core.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/user_full.hpp"

namespace godwit::people {

command::Card people_core::own_card(unix_time now) const {
  command::Card card;
  if (!account.profile) {
    return card;
  }
  const auto& profile = *account.profile;
  card.set_exists(true);
  card.set_user(account.self.value());
  card.set_version(profile.version());
  card.set_deleted(profile.deleted());
  if (profile.deleted()) {
    return card;
  }
  card.set_first_name(profile.first_name());
  card.set_last_name(profile.last_name());
  card.set_username(profile.username());
  card.set_about(profile.about());
  card.set_phone(profile.phone());
  card.set_was_online(last_seen(now));
  privacy.add_to(card);
  return card;
}

void people_core::put_profile(unix_time now, entity_effects& out) {
  auto& profile = *account.profile;
  profile.set_version(profile.version() + 1);
  out.put(records_table::user_profile, {}, profile);
  out.when_applied.push_back([book = account.options.cards, card = own_card(now), now] { book->put(card, now); });
  card_untold_ = true;
  tell_card(now, out);
}

void people_core::tell_card(unix_time now, entity_effects& out) {
  if (!card_untold_ || !card_tells_.take(now)) {
    return;
  }
  card_untold_ = false;
  // Whoever is away asks for the card when it needs it.
  fans.with(now, out, [this](unix_time later, entity_effects& more) {
    command::UserCommand body;
    body.mutable_whisper()->set_from(account.self.value());
    *body.mutable_whisper()->mutable_card() = own_card(later);
    const std::string bytes = body.SerializeAsString();
    std::unordered_set<std::int64_t> told;
    const auto tell = [&](user_id whom, bool blocked) {
      if (!blocked && told.size() < limits::presence_peers_max &&
          account.options.presence->find(whom).online_until > later && told.insert(whom.value()).second) {
        more.whispers.push_back({user_entity(whom), bytes});
      }
    };
    relations.each([&](user_id whom, const Relation& relation) {
      if (relation.has_contact() || relation.has_me()) {
        tell(whom, relation.blocked_at() != 0);
      }
    });
    for (const auto& [whom, is] : fans.members()) {
      tell(user_id{whom}, is.blocked);
    }
  });
}

void people_core::deliver_relation(user_id whom, bool share_phone, unix_time now, entity_effects& out) const {
  const Relation& is = *relation(whom);
  command::Delivery body;
  body.set_from(account.self.value());
  body.set_date(now);
  body.mutable_relation()->set_contact(is.has_contact());
  body.mutable_relation()->set_blocked(is.blocked_at() != 0);
  body.mutable_relation()->set_share_phone(share_phone);
  // One call may change a thousand relations: a card with long lists is asked for by whoever needs it.
  if (command::Card card = own_card(now); is.has_contact() && card.ByteSizeLong() <= limits::delivered_card_bytes_max) {
    *body.mutable_relation()->mutable_card() = std::move(card);
  }
  out.deliveries.push_back({user_entity(whom), body.SerializeAsString()});
}

tl::box<tl::updates> people_core::relation_updates(std::span<const user_id> whom, unix_time now) const {
  static const Relation none;
  auto updates = tl::make<tl::updates>();
  updates->date = now;
  for (const user_id each : whom) {
    const Relation* known = relation(each);
    auto update = tl::make<tl::updatePeerSettings>();
    update->peer = peer_view(each);
    update->settings = settings(each, known == nullptr ? none : *known);
    updates->updates_.push_back(std::move(update));
    updates->users.push_back(view(each, now));
  }
  return updates;
}

void people_core::tell_relations(const tl::updates& what, std::span<const user_id> whom, const listener_id& but,
                                 unix_time now, entity_effects& out) const {
  if (whom.empty()) {
    return;
  }
  account.ears.tell(what, but, out);
  if (account.note_beside) {
    for (const user_id each : whom) {
      account.note_beside(update_kind::user_changed, each.value(), 0, true, now, out);
    }
  }
}

tl::box<tl::Update> people_core::name_update(const tl::User& view) {
  const auto* user = tl::as<tl::user>(&view);
  if (user == nullptr) {
    return nullptr;
  }
  auto update = tl::make<tl::updateUserName>();
  update->user_id = user->id;
  update->first_name = user->first_name.value_or(std::string{});
  update->last_name = user->last_name.value_or(std::string{});
  if (user->username) {
    update->username = *user->username;
    auto name = tl::make<tl::username>();
    name->editable = user->self;
    name->active = true;
    name->username_ = *user->username;
    update->usernames.push_back(std::move(name));
  }
  return update;
}

void people_core::tell_self(tl::box<tl::Update> what, const listener_id& but, unix_time now,
                            entity_effects& out) const {
  tl::updates updates;
  updates.date = now;
  updates.updates_.push_back(std::move(what));
  updates.users.push_back(self_view(now));
  account.ears.tell(updates, but, out);
  if (account.note_beside) {
    account.note_beside(update_kind::user_changed, account.self.value(), 0, true, now, out);
  }
}

} // namespace godwit::people
