#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "actors/commands/people_commands.pb.h"
#include "actors/entity/entity_logic.hpp"
#include "persistence/records/people.pb.h"
#include "protocol/ids.hpp"
#include "protocol/rpc_error.hpp"
#include "protocol/tl/api/forward.hpp"
#include "protocol/tl/object.hpp"

namespace godwit::people {

using entity::entity_effects;
using entity::records_table;
using persistence::records::PrivacyRules;

/// What a privacy setting is about. On disk: never renumber.
enum class privacy_key : std::uint8_t {
  status_timestamp = 1,
  chat_invite = 2,
  phone_call = 3,
  phone_p2p = 4,
  forwards = 5,
  profile_photo = 6,
  phone_number = 7,
  added_by_phone = 8,
  voice_messages = 9,
  about = 10,
  birthday = 11,
  star_gifts_auto_save = 12,
  no_paid_messages = 13,
  saved_music = 14,
};

/// Nothing: not a key.
std::optional<privacy_key> privacy_key_of(const tl::InputPrivacyKey* key);
/// Null: no such key.
tl::box<tl::PrivacyKey> privacy_key_view(privacy_key key);

/// Who may when an account has set nothing.
const PrivacyRules& default_rules(privacy_key key);
/// The rules of a card, or the default.
const PrivacyRules& rules_of(const command::Card& card, privacy_key key);

/// Whether rules allow an account something that is or is not among the contacts of their owner.
bool allows(const PrivacyRules& rules, user_id whom, bool is_contact);

/// Rules as a client sends them: the first that fits decides. `resolve` gives the account that an input means, or
/// nothing. Errors: privacy_value_invalid, privacy_too_long.
rpc_result<PrivacyRules> parse_rules(const std::vector<tl::box<tl::InputPrivacyRule>>& rules,
                                     const std::function<std::optional<user_id>(const tl::InputUser*)>& resolve);
/// As a layer can express them.
std::vector<tl::box<tl::PrivacyRule>> rule_views(const PrivacyRules& rules, layer_t layer);

/// The privacy settings of one account.
class own_privacy {
public:
  bool load(std::string_view sub_key, std::string_view value);
  [[nodiscard]] const PrivacyRules& rules(privacy_key key) const;
  /// Whether the account lets another one; `is_contact`: whom it has in its contacts.
  [[nodiscard]] bool lets(privacy_key key, user_id whom, bool is_contact) const;
  void set(privacy_key key, PrivacyRules rules, entity_effects& out);
  /// What others have to know.
  void add_to(command::Card& card) const;
  /// Whether others have to know.
  static bool in_card(privacy_key key);

private:
  std::map<privacy_key, PrivacyRules> set_;
};

} // namespace godwit::people
