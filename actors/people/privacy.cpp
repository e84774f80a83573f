#include "actors/people/privacy.hpp"

#include <algorithm>

#include "config/limits.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/privacy.hpp"

namespace godwit::people {
namespace {

/// PrivacyRules::others.
enum others : std::uint32_t { everybody = 1, contacts = 2, nobody = 3, strangers = 4 };

struct key_names {
  privacy_key key;
  std::uint32_t input;
  tl::box<tl::PrivacyKey> (*make)();
};

template <class Input, class Output>
constexpr key_names names(privacy_key key) {
  return {key, Input::kind_id, [] { return tl::box<tl::PrivacyKey>(tl::make<Output>()); }};
}

const std::array<key_names, 14>& all_keys() {
  static const std::array<key_names, 14> keys{
    names<tl::inputPrivacyKeyStatusTimestamp, tl::privacyKeyStatusTimestamp>(privacy_key::status_timestamp),
    names<tl::inputPrivacyKeyChatInvite, tl::privacyKeyChatInvite>(privacy_key::chat_invite),
    names<tl::inputPrivacyKeyPhoneCall, tl::privacyKeyPhoneCall>(privacy_key::phone_call),
    names<tl::inputPrivacyKeyPhoneP2P, tl::privacyKeyPhoneP2P>(privacy_key::phone_p2p),
    names<tl::inputPrivacyKeyForwards, tl::privacyKeyForwards>(privacy_key::forwards),
    names<tl::inputPrivacyKeyProfilePhoto, tl::privacyKeyProfilePhoto>(privacy_key::profile_photo),
    names<tl::inputPrivacyKeyPhoneNumber, tl::privacyKeyPhoneNumber>(privacy_key::phone_number),
    names<tl::inputPrivacyKeyAddedByPhone, tl::privacyKeyAddedByPhone>(privacy_key::added_by_phone),
    names<tl::inputPrivacyKeyVoiceMessages, tl::privacyKeyVoiceMessages>(privacy_key::voice_messages),
    names<tl::inputPrivacyKeyAbout, tl::privacyKeyAbout>(privacy_key::about),
    names<tl::inputPrivacyKeyBirthday, tl::privacyKeyBirthday>(privacy_key::birthday),
    names<tl::inputPrivacyKeyStarGiftsAutoSave, tl::privacyKeyStarGiftsAutoSave>(privacy_key::star_gifts_auto_save),
    names<tl::inputPrivacyKeyNoPaidMessages, tl::privacyKeyNoPaidMessages>(privacy_key::no_paid_messages),
    names<tl::inputPrivacyKeySavedMusic, tl::privacyKeySavedMusic>(privacy_key::saved_music),
  };
  return keys;
}

PrivacyRules simple_rules(others whom) {
  PrivacyRules rules;
  rules.set_others(whom);
  return rules;
}

bool lists(const google::protobuf::RepeatedField<std::int64_t>& list, user_id whom) {
  return std::find(list.begin(), list.end(), whom.value()) != list.end();
}

/// Gathers rules in their order: what was decided by an earlier one stays.
class rule_reader {
public:
  rule_reader(PrivacyRules& rules, const std::function<std::optional<user_id>(const tl::InputUser*)>& resolve)
      : rules_(rules), resolve_(resolve) {}

  /// False: a rule that cannot be kept.
  bool take(const tl::InputPrivacyRule& rule) {
    switch (rule.kind()) {
    case tl::inputPrivacyValueAllowAll::kind_id: return decide(true, true);
    case tl::inputPrivacyValueDisallowAll::kind_id: return decide(false, true);
    case tl::inputPrivacyValueAllowContacts::kind_id: return decide(true, false);
    case tl::inputPrivacyValueDisallowContacts::kind_id: return decide(false, false);
    case tl::inputPrivacyValueAllowUsers::kind_id:
      return name(tl::as<tl::inputPrivacyValueAllowUsers>(&rule)->users, *rules_.mutable_allow(), rules_.deny());
    case tl::inputPrivacyValueDisallowUsers::kind_id:
      return name(tl::as<tl::inputPrivacyValueDisallowUsers>(&rule)->users, *rules_.mutable_deny(), rules_.allow());
    case tl::inputPrivacyValueAllowCloseFriends::kind_id: rules_.set_allow_close_friends(true); return true;
    case tl::inputPrivacyValueAllowPremium::kind_id: rules_.set_allow_premium(true); return true;
    case tl::inputPrivacyValueAllowBots::kind_id: return bots(1);
    case tl::inputPrivacyValueDisallowBots::kind_id: return bots(2);
    // There are no groups whose members could be meant.
    case tl::inputPrivacyValueAllowChatParticipants::kind_id:
      return tl::as<tl::inputPrivacyValueAllowChatParticipants>(&rule)->chats.empty();
    case tl::inputPrivacyValueDisallowChatParticipants::kind_id:
      return tl::as<tl::inputPrivacyValueDisallowChatParticipants>(&rule)->chats.empty();
    default: return false;
    }
  }

  void finish() {
    const bool contacts_may = for_contacts_.value_or(false);
    const bool strangers_may = for_strangers_.value_or(false);
    rules_.set_others(contacts_may ? (strangers_may ? everybody : contacts) : (strangers_may ? strangers : nobody));
  }

private:
  bool decide(bool allowed, bool all) {
    for_contacts_ = for_contacts_.value_or(allowed);
    if (all) {
      for_strangers_ = for_strangers_.value_or(allowed);
    }
    return true;
  }
  bool bots(std::uint32_t what) {
    if (rules_.bots() == 0) {
      rules_.set_bots(what);
    }
    return true;
  }
  bool name(const std::vector<tl::box<tl::InputUser>>& users, google::protobuf::RepeatedField<std::int64_t>& list,
            const google::protobuf::RepeatedField<std::int64_t>& decided) {
    // Behind a rule that decides about everybody nothing is left to decide.
    if (for_contacts_ && for_strangers_) {
      return true;
    }
    for (const auto& each : users) {
      const auto whom = resolve_(each.get());
      if (whom && !lists(list, *whom) && !lists(decided, *whom)) {
        list.Add(whom->value());
      }
    }
    return true;
  }

  PrivacyRules& rules_;
  const std::function<std::optional<user_id>(const tl::InputUser*)>& resolve_;
  std::optional<bool> for_contacts_;
  std::optional<bool> for_strangers_;
};

template <class T>
void add_if_known(std::vector<tl::box<tl::PrivacyRule>>& views, layer_t layer) {
  auto rule = tl::make<T>();
  if (rule->known_at(layer)) {
    views.push_back(std::move(rule));
  }
}

} // namespace

std::optional<privacy_key> privacy_key_of(const tl::InputPrivacyKey* key) {
  for (const key_names& each : all_keys()) {
    if (key != nullptr && each.input == key->kind()) {
      return each.key;
    }
  }
  return std::nullopt;
}

tl::box<tl::PrivacyKey> privacy_key_view(privacy_key key) {
  for (const key_names& each : all_keys()) {
    if (each.key == key) {
      return each.make();
    }
  }
  return nullptr;
}

const PrivacyRules& default_rules(privacy_key key) {
  static const PrivacyRules open = simple_rules(everybody);
  static const PrivacyRules to_contacts = simple_rules(contacts);
  const bool closed = key == privacy_key::phone_number || key == privacy_key::birthday;
  return closed ? to_contacts : open;
}

const PrivacyRules& rules_of(const command::Card& card, privacy_key key) {
  switch (key) {
  case privacy_key::phone_number: return card.has_phone_rules() ? card.phone_rules() : default_rules(key);
  case privacy_key::status_timestamp: return card.has_status_rules() ? card.status_rules() : default_rules(key);
  case privacy_key::added_by_phone:
    return card.has_added_by_phone_rules() ? card.added_by_phone_rules() : default_rules(key);
  case privacy_key::forwards: return card.has_forwards_rules() ? card.forwards_rules() : default_rules(key);
  case privacy_key::about: return card.has_about_rules() ? card.about_rules() : default_rules(key);
  default: return default_rules(key);
  }
}

bool allows(const PrivacyRules& rules, user_id whom, bool is_contact) {
  if (lists(rules.allow(), whom)) {
    return true;
  }
  if (lists(rules.deny(), whom)) {
    return false;
  }
  switch (rules.others()) {
  case everybody: return true;
  case contacts: return is_contact;
  case strangers: return !is_contact;
  default: return false;
  }
}

rpc_result<PrivacyRules> parse_rules(const std::vector<tl::box<tl::InputPrivacyRule>>& rules,
                                     const std::function<std::optional<user_id>(const tl::InputUser*)>& resolve) {
  if (rules.empty() || rules.size() > limits::privacy_rules_max) {
    return unexpected(rpc_error{rpc_errc::privacy_value_invalid});
  }
  std::size_t named = 0;
  for (const auto& each : rules) {
    if (const auto* allow = tl::as<tl::inputPrivacyValueAllowUsers>(each)) {
      named += allow->users.size();
    } else if (const auto* deny = tl::as<tl::inputPrivacyValueDisallowUsers>(each)) {
      named += deny->users.size();
    }
  }
  if (named > limits::privacy_users_max) {
    return unexpected(rpc_error{rpc_errc::privacy_too_long});
  }
  PrivacyRules parsed;
  rule_reader reader(parsed, resolve);
  for (const auto& each : rules) {
    if (!reader.take(*each)) {
      return unexpected(rpc_error{rpc_errc::privacy_value_invalid});
    }
  }
  reader.finish();
  return parsed;
}

std::vector<tl::box<tl::PrivacyRule>> rule_views(const PrivacyRules& rules, layer_t layer) {
  std::vector<tl::box<tl::PrivacyRule>> views;
  if (rules.allow_size() != 0) {
    auto allow = tl::make<tl::privacyValueAllowUsers>();
    allow->users.assign(rules.allow().begin(), rules.allow().end());
    views.push_back(std::move(allow));
  }
  if (rules.deny_size() != 0) {
    auto deny = tl::make<tl::privacyValueDisallowUsers>();
    deny->users.assign(rules.deny().begin(), rules.deny().end());
    views.push_back(std::move(deny));
  }
  if (rules.allow_close_friends()) {
    add_if_known<tl::privacyValueAllowCloseFriends>(views, layer);
  }
  if (rules.allow_premium()) {
    add_if_known<tl::privacyValueAllowPremium>(views, layer);
  }
  if (rules.bots() == 1) {
    add_if_known<tl::privacyValueAllowBots>(views, layer);
  } else if (rules.bots() == 2) {
    add_if_known<tl::privacyValueDisallowBots>(views, layer);
  }
  switch (rules.others()) {
  case everybody: views.push_back(tl::make<tl::privacyValueAllowAll>()); break;
  case contacts:
    views.push_back(tl::make<tl::privacyValueAllowContacts>());
    views.push_back(tl::make<tl::privacyValueDisallowAll>());
    break;
  case strangers:
    views.push_back(tl::make<tl::privacyValueDisallowContacts>());
    views.push_back(tl::make<tl::privacyValueAllowAll>());
    break;
  default: views.push_back(tl::make<tl::privacyValueDisallowAll>()); break;
  }
  return views;
}

// --- one account -------------------------------------------------------------------------------------

bool own_privacy::load(std::string_view sub_key, std::string_view value) {
  const auto number = entity::id_of_sub_key(sub_key);
  if (!number || *number > 255) {
    return false;
  }
  return set_[static_cast<privacy_key>(*number)].ParseFromArray(value.data(), static_cast<int>(value.size()));
}

const PrivacyRules& own_privacy::rules(privacy_key key) const {
  const auto found = set_.find(key);
  return found == set_.end() ? default_rules(key) : found->second;
}

bool own_privacy::lets(privacy_key key, user_id whom, bool is_contact) const {
  return allows(rules(key), whom, is_contact);
}

void own_privacy::set(privacy_key key, PrivacyRules rules, entity_effects& out) {
  out.put(records_table::user_privacy, entity::id_sub_key(static_cast<std::uint64_t>(key)), rules);
  set_[key] = std::move(rules);
}

void own_privacy::add_to(command::Card& card) const {
  for (const auto& [key, rules] : set_) {
    switch (key) {
    case privacy_key::phone_number: *card.mutable_phone_rules() = rules; break;
    case privacy_key::status_timestamp: *card.mutable_status_rules() = rules; break;
    case privacy_key::added_by_phone: *card.mutable_added_by_phone_rules() = rules; break;
    case privacy_key::forwards: *card.mutable_forwards_rules() = rules; break;
    case privacy_key::about: *card.mutable_about_rules() = rules; break;
    default: break;
    }
  }
}

bool own_privacy::in_card(privacy_key key) {
  switch (key) {
  case privacy_key::phone_number:
  case privacy_key::status_timestamp:
  case privacy_key::added_by_phone:
  case privacy_key::forwards:
  case privacy_key::about: return true;
  default: return false;
  }
}

} // namespace godwit::people
