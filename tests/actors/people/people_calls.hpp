#pragma once

#include <string>
#include <utility>
#include <vector>

#include "protocol/tl/api/account_fn.hpp"
#include "protocol/tl/api/contacts.hpp"
#include "protocol/tl/api/contacts_fn.hpp"
#include "protocol/tl/api/notify.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/privacy.hpp"
#include "protocol/tl/api/privacy_fn.hpp"
#include "protocol/tl/api/text.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/user_full.hpp"
#include "protocol/tl/api/users.hpp"
#include "protocol/tl/api/users_fn.hpp"
#include "tests/actors/people/people_world.hpp"

namespace godwit::people::testing {

namespace fn = tl::fn;

// Calls that many tests make.

inline rpc_result<tl::box<tl::Updates>> add_contact(people_world& world, user_id who, user_id whom,
                                                    const std::string& first_name, bool share_phone = false,
                                                    const std::string& phone = {}) {
  fn::contacts_addContact call;
  call.id = world.input(who, whom);
  call.first_name = first_name;
  call.phone = phone;
  call.add_phone_privacy_exception = share_phone;
  auto result = world.call(who, call);
  world.run();
  return result;
}

inline rpc_result<tl::box<tl::Updates>> delete_contact(people_world& world, user_id who, user_id whom) {
  fn::contacts_deleteContacts call;
  call.id.push_back(world.input(who, whom));
  auto result = world.call(who, call);
  world.run();
  return result;
}

inline rpc_result<bool> block(people_world& world, user_id who, user_id whom) {
  fn::contacts_block call;
  call.id = world.input_peer(who, whom);
  return world.call(who, call);
}

inline rpc_result<bool> unblock(people_world& world, user_id who, user_id whom) {
  fn::contacts_unblock call;
  call.id = world.input_peer(who, whom);
  return world.call(who, call);
}

/// How one account sees another.
inline tl::box<tl::User> see(people_world& world, user_id who, user_id whom, layer_t layer = 229) {
  fn::users_getUsers call;
  call.id.push_back(world.input(who, whom));
  auto result = world.call(who, call, layer);
  return result && result->size() == 1 ? std::move(result->front()) : nullptr;
}

inline tl::box<tl::users_userFull> see_full(people_world& world, user_id who, user_id whom, layer_t layer = 229) {
  fn::users_getFullUser call;
  call.id = world.input(who, whom);
  auto result = world.call(who, call, layer);
  return result ? std::move(*result) : nullptr;
}

inline rpc_result<bool> set_online(people_world& world, user_id who, bool online, std::uint64_t session = 1) {
  fn::account_updateStatus call;
  call.offline = !online;
  auto result = world.call(who, call, 229, session);
  world.run();
  return result;
}

template <class Key, class... Rules>
rpc_result<tl::box<tl::account_privacyRules>> set_privacy(people_world& world, user_id who, Rules... rules) {
  fn::account_setPrivacy call;
  call.key = tl::make<Key>();
  (call.rules.push_back(std::move(rules)), ...);
  auto result = world.call(who, call);
  world.run();
  return result;
}

inline tl::box<tl::InputPrivacyRule> allow_all() { return tl::make<tl::inputPrivacyValueAllowAll>(); }
inline tl::box<tl::InputPrivacyRule> allow_contacts() { return tl::make<tl::inputPrivacyValueAllowContacts>(); }
inline tl::box<tl::InputPrivacyRule> allow_nobody() { return tl::make<tl::inputPrivacyValueDisallowAll>(); }
inline tl::box<tl::InputPrivacyRule> not_contacts() { return tl::make<tl::inputPrivacyValueDisallowContacts>(); }
inline tl::box<tl::InputPrivacyRule> allow_user(people_world& world, user_id who, user_id whom) {
  auto rule = tl::make<tl::inputPrivacyValueAllowUsers>();
  rule->users.push_back(world.input(who, whom));
  return rule;
}
inline tl::box<tl::InputPrivacyRule> not_user(people_world& world, user_id who, user_id whom) {
  auto rule = tl::make<tl::inputPrivacyValueDisallowUsers>();
  rule->users.push_back(world.input(who, whom));
  return rule;
}

} // namespace godwit::people::testing
