#include <array>

#include "actors/people/people_parts.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/privacy.hpp"
#include "protocol/tl/api/privacy_fn.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/user.hpp"

namespace godwit::people {

namespace fn = tl::fn;

std::span<const std::uint32_t> privacy_calls::kinds() {
  static constexpr std::array<std::uint32_t, 2> all{fn::account_getPrivacy::kind_id, fn::account_setPrivacy::kind_id};
  return all;
}

bool privacy_calls::call(const call_context& from, const fn::function& what, entity_effects& out) {
  const auto* get = tl::as<fn::account_getPrivacy>(&what);
  const auto* set = tl::as<fn::account_setPrivacy>(&what);
  if (get == nullptr && set == nullptr) {
    return false;
  }
  const auto key = privacy_key_of(get != nullptr ? get->key.get() : set->key.get());
  if (!key) {
    out.answer(from.ticket, refused(rpc_errc::privacy_key_invalid));
    return true;
  }
  if (set != nullptr) {
    auto rules = parse_rules(set->rules, [this](const tl::InputUser* input) -> std::optional<user_id> {
      const auto whom = resolve_user(core_, input);
      return whom && !core_.is_self(*whom) ? std::optional(*whom) : std::nullopt;
    });
    if (!rules) {
      out.answer(from.ticket, unexpected(rules.error()));
      return true;
    }
    core_.privacy.set(*key, std::move(*rules), out);
    if (own_privacy::in_card(*key)) {
      core_.put_profile(from.now, out);
    }
    tell(*key, from.asker, from.now, out);
  }
  answer_rules(from, *key, out);
  return true;
}

void privacy_calls::answer_rules(const call_context& from, privacy_key key, entity_effects& out) {
  const PrivacyRules& rules = core_.privacy.rules(key);
  std::vector<user_id> named;
  for (const auto* list : {&rules.allow(), &rules.deny()}) {
    for (const std::int64_t each : *list) {
      named.push_back(user_id{each});
    }
  }
  core_.with(named, from.now, out, [this, from, named, rules](unix_time now, entity_effects& more) {
    auto answer = tl::make<tl::account_privacyRules>();
    answer->rules = rule_views(rules, from.layer);
    for (const user_id each : named) {
      answer->users.push_back(core_.view(each, now));
    }
    const fn::account_getPrivacy::result result = std::move(answer);
    // Both functions have the same result.
    more.answer(from.ticket, result_of<fn::account_getPrivacy>(result, from.layer));
  });
}

/// Each session hears what its layer can say.
void privacy_calls::tell(privacy_key key, const listener_id& but, unix_time now, entity_effects& out) {
  for (const listener& each : core_.account.ears.all()) {
    if (each.id == but) {
      continue;
    }
    auto update = tl::make<tl::updatePrivacy>();
    update->key = privacy_key_view(key);
    update->rules = rule_views(core_.privacy.rules(key), each.layer);
    tl::updateShort envelope;
    envelope.update = std::move(update);
    envelope.date = now;
    listeners::tell_one(each, envelope, out);
  }
  if (core_.account.note_beside) {
    core_.account.note_beside(update_kind::privacy, 0, static_cast<std::int32_t>(key), true, now, out);
  }
}

} // namespace godwit::people
