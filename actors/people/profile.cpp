#include <algorithm>
#include <array>

#include "actors/people/name_text.hpp"
#include "actors/people/people_parts.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/account_fn.hpp"
#include "protocol/tl/api/messages.hpp"
#include "protocol/tl/api/messages_fn.hpp"
#include "protocol/tl/api/notify.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/text.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/user_full.hpp"
#include "protocol/tl/api/users.hpp"
#include "protocol/tl/api/users_fn.hpp"

namespace godwit::people {
namespace {

namespace fn = tl::fn;

bool too_long(const std::string& name) {
  return name.size() > limits::name_bytes_max || characters_of(name) > limits::name_characters_max;
}

std::int64_t shown_id(const tl::InputUser* input) {
  if (const auto* user = tl::as<tl::inputUser>(input)) {
    return user->user_id;
  }
  const auto* mentioned = tl::as<tl::inputUserFromMessage>(input);
  return mentioned == nullptr ? 0 : mentioned->user_id;
}

} // namespace

std::span<const std::uint32_t> profile_calls::kinds() {
  static constexpr std::array<std::uint32_t, 4> all{fn::users_getUsers::kind_id, fn::users_getFullUser::kind_id,
                                                    fn::messages_getPeerSettings::kind_id,
                                                    fn::account_updateProfile::kind_id};
  return all;
}

bool profile_calls::call(const call_context& from, const fn::function& what, entity_effects& out) {
  if (const auto* users = tl::as<fn::users_getUsers>(&what)) {
    get_users(from, users->id, out);
  } else if (const auto* full = tl::as<fn::users_getFullUser>(&what)) {
    get_full(from, full->id.get(), out);
  } else if (const auto* settings = tl::as<fn::messages_getPeerSettings>(&what)) {
    get_settings(from, settings->peer.get(), out);
  } else if (const auto* change = tl::as<fn::account_updateProfile>(&what)) {
    update(from, change->first_name, change->last_name, change->about, out);
  } else {
    return false;
  }
  return true;
}

void profile_calls::get_users(const call_context& from, const std::vector<tl::box<tl::InputUser>>& inputs,
                              entity_effects& out) {
  if (inputs.size() > limits::users_per_call_max) {
    return out.answer(from.ticket, refused(rpc_errc::input_request_too_long));
  }
  struct place {
    user_id whom;
    bool known = false;
  };
  std::vector<place> places;
  std::vector<user_id> whom;
  for (const auto& each : inputs) {
    const auto one = resolve_user(core_, each.get());
    places.push_back({one.value_or(user_id{shown_id(each.get())}), one.has_value()});
    if (one) {
      whom.push_back(*one);
    }
  }
  core_.with(
    whom, from.now, out,
    [this, from, places](unix_time now, entity_effects& more) {
      fn::users_getUsers::result users;
      for (const auto& [id, known] : places) {
        if (known) {
          users.push_back(core_.view(id, now));
        } else {
          auto nobody = tl::make<tl::userEmpty>();
          nobody->id = id.value();
          users.push_back(std::move(nobody));
        }
      }
      more.answer(from.ticket, result_of<fn::users_getUsers>(users, from.layer));
    },
    patience::brief);
}

void profile_calls::get_full(const call_context& from, const tl::InputUser* input, entity_effects& out) {
  const auto whom = resolve_user(core_, input);
  if (!whom) {
    return out.answer(from.ticket, unexpected(whom.error()));
  }
  const std::vector<user_id> one{*whom};
  core_.with(one, from.now, out,
             [this, from, id = *whom](unix_time now, entity_effects& more) { answer_full(from, id, now, more); });
}

void profile_calls::answer_full(const call_context& from, user_id whom, unix_time now, entity_effects& out) {
  const bool self = core_.is_self(whom);
  const card_ptr card = self ? std::make_shared<const command::Card>(core_.own_card(now)) : core_.card(whom);
  if (card == nullptr || (!self && !card->exists())) {
    return out.answer(from.ticket, refused(card == nullptr ? rpc_errc::user_id_invalid : rpc_errc::rpc_call_fail));
  }
  const Relation relation = *core_.relation(whom);
  using result = fn::users_getFullUser::result;
  const auto answer = std::make_shared<result>(tl::make<tl::users_userFull>());
  (*answer)->full_user = tl::make<tl::userFull>();
  const std::shared_ptr<tl::userFull> full(answer, (*answer)->full_user.get());
  full->id = whom.value();
  full->blocked = relation.blocked_at() != 0;
  full->can_pin_message = true;
  if (!card->about().empty() && (self || (!relation.hides() && allows(rules_of(*card, privacy_key::about),
                                                                      core_.account.self, relation.has_me())))) {
    full->about = card->about();
  }
  if (!self && !allows(rules_of(*card, privacy_key::forwards), core_.account.self, relation.has_me())) {
    full->private_forward_name = clean_line(card->first_name() + " " + card->last_name());
  }
  if (!relation.contact().note().empty()) {
    full->note = tl::make<tl::textWithEntities>();
    full->note->text = relation.contact().note();
  }
  full->settings = core_.settings(whom, relation);
  full->notify_settings = tl::make<tl::peerNotifySettings>();
  auto finish = [this, from, whom, answer](unix_time later, entity_effects& more) {
    (*answer)->users.push_back(core_.view(whom, later));
    more.answer(from.ticket, result_of<fn::users_getFullUser>(*answer, from.layer));
  };
  if (core_.account.fill_full) {
    core_.account.fill_full(whom, full, from.layer, now, out, std::move(finish));
  } else {
    finish(now, out);
  }
}

void profile_calls::get_settings(const call_context& from, const tl::InputPeer* input, entity_effects& out) {
  const auto whom = resolve_peer(core_, input);
  if (!whom) {
    return out.answer(from.ticket, unexpected(whom.error()));
  }
  const std::vector<user_id> one{*whom};
  core_.with(one, from.now, out, [this, from, id = *whom](unix_time now, entity_effects& more) {
    auto settings = tl::make<tl::messages_peerSettings>();
    settings->settings = core_.settings(id, *core_.relation(id));
    settings->users.push_back(core_.view(id, now));
    const fn::messages_getPeerSettings::result result = std::move(settings);
    more.answer(from.ticket, result_of<fn::messages_getPeerSettings>(result, from.layer));
  });
}

void profile_calls::update(const call_context& from, const std::optional<std::string>& first,
                           const std::optional<std::string>& last, const std::optional<std::string>& about,
                           entity_effects& out) {
  auto& profile = *core_.account.profile;
  const std::string first_name = first ? clean_line(*first) : profile.first_name();
  const std::string last_name = last ? clean_line(*last) : profile.last_name();
  const std::string text = about ? clean_line(*about) : profile.about();
  if (first && (first_name.empty() || too_long(first_name))) {
    return out.answer(from.ticket, refused(rpc_errc::firstname_invalid));
  }
  if (last && too_long(last_name)) {
    return out.answer(from.ticket, refused(rpc_errc::lastname_invalid));
  }
  if (characters_of(text) > limits::about_characters_max) {
    return out.answer(from.ticket, refused(rpc_errc::about_too_long));
  }
  const bool renamed = first_name != profile.first_name() || last_name != profile.last_name();
  const bool retold = text != profile.about();
  if (renamed || retold) {
    profile.set_first_name(first_name);
    profile.set_last_name(last_name);
    profile.set_about(text);
    core_.put_profile(from.now, out);
    if (renamed) {
      core_.tell_self(core_.name_update(*core_.self_view(from.now)), from.asker, from.now, out);
    } else {
      auto changed = tl::make<tl::updateUser>();
      changed->user_id = core_.account.self.value();
      core_.tell_self(std::move(changed), from.asker, from.now, out);
    }
  }
  const fn::account_updateProfile::result result = core_.self_view(from.now);
  out.answer(from.ticket, result_of<fn::account_updateProfile>(result, from.layer));
}

} // namespace godwit::people
