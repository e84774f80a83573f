#include <algorithm>
#include <array>
#include <unordered_set>

#include "actors/commands/account_commands.pb.h"
#include "actors/people/people_parts.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/account_fn.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/user.hpp"

namespace godwit::people {
namespace {

namespace fn = tl::fn;

/// Others are told of a renewal when what they know is about to end.
constexpr unix_time renewal_seconds = 120;

} // namespace

std::span<const std::uint32_t> presence_calls::kinds() {
  static constexpr std::array<std::uint32_t, 1> all{fn::account_updateStatus::kind_id};
  return all;
}

bool presence_calls::call(const call_context& from, const fn::function& what, entity_effects& out) {
  const auto* status = tl::as<fn::account_updateStatus>(&what);
  if (status == nullptr) {
    return false;
  }
  if (listener* present = core_.account.ears.find(from.asker)) {
    core_.account.ears.guess_no_more();
    present->online_until = status->offline ? 0 : from.now + online_seconds;
    changed(from.now, out);
  } else if (!status->offline) {
    core_.account.was_online = from.now; // a session that hears nothing is not there for others
  }
  out.answer(from.ticket, result_of<fn::account_updateStatus>(true, from.layer));
  return true;
}

void presence_calls::changed(unix_time now, entity_effects& out) {
  const presence_book::state before = core_.account.options.presence->find(core_.account.self);
  const bool was_online = before.online_until > now;
  presence_book::state state;
  state.online_until = core_.account.ears.online_until(now);
  const bool is_online = state.online_until != 0;
  if (!is_online && !was_online && before.online_until == 0) {
    return;
  }
  // Whoever says nothing is offline from the moment that it promised to be online until.
  const unix_time left = was_online ? now : before.online_until;
  state.was_online = std::max({core_.account.was_online, before.was_online, is_online ? 0 : left});
  core_.account.was_online = state.was_online;
  core_.account.options.presence->set(core_.account.self, state);
  const bool renewed = is_online && told_until_ < now + renewal_seconds && told_until_ < state.online_until;
  if (is_online != was_online || renewed) {
    told_until_ = state.online_until;
    tell_others(now, out);
  }
}

/// Those that have this account in their contacts, or were of interest to it lately, and are online.
void presence_calls::tell_others(unix_time now, entity_effects& out) {
  if (now / 60 != minute_) {
    minute_ = now / 60;
    told_in_minute_ = 0;
  }
  if (++told_in_minute_ > limits::presence_changes_per_minute) {
    return; // what others know expires by itself
  }
  core_.fans.with(now, out, [this](unix_time later, entity_effects& more) {
    const presence_book::state state = core_.account.options.presence->find(core_.account.self);
    command::UserCommand body;
    body.mutable_whisper()->set_from(core_.account.self.value());
    body.mutable_whisper()->mutable_presence()->set_online_until(state.online_until > later ? state.online_until : 0);
    body.mutable_whisper()->mutable_presence()->set_was_online(state.was_online);
    const std::string bytes = body.SerializeAsString();
    std::unordered_set<std::int64_t> told;
    const auto tell = [&](user_id whom, bool contact, bool blocked) {
      if (!blocked && told.size() < limits::presence_peers_max &&
          core_.account.options.presence->find(whom).online_until > later &&
          core_.privacy.lets(privacy_key::status_timestamp, whom, contact) && told.insert(whom.value()).second) {
        more.whispers.push_back({user_entity(whom), bytes});
      }
    };
    for (const auto& [whom, is] : core_.fans.members()) {
      tell(user_id{whom}, is.contact, is.blocked);
    }
    core_.relations.each(
      [&](user_id whom, const Relation& relation) { tell(whom, relation.has_contact(), relation.blocked_at() != 0); });
  });
}

void presence_calls::whispered(const command::Whisper& what, unix_time now, entity_effects& out) {
  const user_id from{what.from()};
  if (!core_.is_other(from)) {
    return;
  }
  if (what.has_presence()) {
    came(from, what.presence(), now, out);
  } else if (what.has_card()) {
    card_came(from, what.card(), now, out);
  }
}

void presence_calls::came(user_id from, const command::Presence& what, unix_time now, entity_effects& out) {
  core_.account.options.presence->learn(from, {what.online_until(), what.was_online()});
  if (core_.account.ears.online_until(now) == 0 || core_.busy()) {
    return;
  }
  const std::vector<user_id> one{from};
  core_.with(one, now, out, [this, from](unix_time later, entity_effects& more) {
    const card_ptr card = core_.card(from);
    const Relation& relation = *core_.relation(from);
    if (card == nullptr || !card->exists() || !core_.sees_status(from, *card, relation)) {
      return;
    }
    auto update = tl::make<tl::updateUserStatus>();
    update->user_id = from.value();
    update->status = core_.status(from, *card, relation, later);
    tl::updateShort envelope;
    envelope.update = std::move(update);
    envelope.date = later;
    core_.account.ears.tell_online(envelope, later, more);
  });
}

bool presence_calls::is_news(const command::Card& card) {
  if (told_versions_.size() >= limits::presence_peers_max && !told_versions_.contains(card.user())) {
    told_versions_.clear(); // something may be told twice
  }
  std::uint32_t& told = told_versions_[card.user()];
  const bool news = card.version() > told;
  told = std::max(told, card.version());
  return news;
}

void presence_calls::card_came(user_id from, const command::Card& card, unix_time now, entity_effects& out) {
  if (card.user() != from.value()) {
    return;
  }
  core_.learn(card, now);
  if (core_.account.ears.empty() || core_.busy() || !is_news(card)) {
    return;
  }
  const std::vector<user_id> one{from};
  core_.with(one, now, out, [this, from](unix_time later, entity_effects& more) {
    if (core_.relation(from)->blocked_at() != 0) {
      return; // who is blocked does not make itself heard
    }
    tl::box<tl::User> view = core_.view(from, later);
    if (tl::box<tl::Update> update = core_.name_update(*view)) {
      tl::updates updates;
      updates.date = later;
      updates.updates_.push_back(std::move(update));
      updates.users.push_back(std::move(view));
      core_.account.ears.tell(updates, {}, more);
    }
  });
}

} // namespace godwit::people
