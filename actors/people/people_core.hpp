#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "actors/people/account_core.hpp"
#include "actors/people/audience.hpp"
#include "actors/people/card_book.hpp"
#include "actors/people/privacy.hpp"
#include "actors/people/rate_budget.hpp"
#include "actors/people/relation_book.hpp"
#include "config/limits.hpp"
#include "protocol/rpc_error.hpp"
#include "protocol/tl/api/forward.hpp"
#include "protocol/tl/object.hpp"
#include "protocol/tl/writer.hpp"

namespace godwit::people {

using entity::continuation;

/// What the parts of `people` share.
struct people_core {
  explicit people_core(account_core& of);

  account_core& account;
  relation_book relations;
  own_privacy privacy;
  audience fans;                                                ///< who has this account in its contacts
  rate_budget phones{86'400, limits::phones_looked_up_per_day}; ///< numbers that it learns whose they are, or are not

  // --- others in memory ---

  /// As people::with, but waits longer. Relations and cards that are waited for stay in memory until `then` has run.
  void with(std::span<const user_id> whom, unix_time now, entity_effects& out, continuation then,
            patience how_long = patience::thorough);
  /// The relation alone of an account that there can be one to, whether that can be reached or not.
  void with_relation(user_id whom, unix_time now, entity_effects& out, continuation then);
  /// The cards alone, of as many accounts as it may be: null where there is no account.
  using cards_came = std::function<void(const std::vector<card_ptr>&, unix_time now, entity_effects& out)>;
  void with_cards(std::vector<user_id> whom, unix_time now, entity_effects& out, cards_came then);
  /// Null: not in memory, or no such account. One without `exists`: of an account that nobody reaches now.
  [[nodiscard]] card_ptr card(user_id whom) const;
  void learn(const command::Card& card, unix_time said_at) const;
  /// Reads rows for a call. Counts as a call that waits.
  void query(std::function<void(entity::row_reader&)> read, entity_effects& out, continuation then);
  /// Too many calls wait already: the next one gets FLOOD_WAIT.
  [[nodiscard]] bool busy() const;

  // --- what an account may see ---

  [[nodiscard]] bool is_self(user_id whom) const { return whom == account.self; }
  /// Whether there can be a relation to it: it is neither this account nor the service.
  [[nodiscard]] bool is_other(user_id whom) const;
  /// Null: not in memory. What has no relation has an empty one.
  [[nodiscard]] const Relation* relation(user_id whom) const;
  [[nodiscard]] std::int64_t access_hash_of(user_id whom) const;
  [[nodiscard]] tl::box<tl::User> view(user_id whom, unix_time now) const;
  [[nodiscard]] tl::box<tl::User> view(user_id whom, const command::Card& card, const Relation& relation,
                                       unix_time now) const;
  [[nodiscard]] tl::box<tl::User> self_view(unix_time now) const;
  [[nodiscard]] tl::box<tl::UserStatus> status(user_id whom, const command::Card& card, const Relation& relation,
                                               unix_time now) const;
  /// Whether it sees the moment of another's last visit.
  [[nodiscard]] bool sees_status(user_id whom, const command::Card& card, const Relation& relation) const;
  /// The last moment that this account was online, as far as it is past.
  [[nodiscard]] unix_time last_seen(unix_time now) const;
  /// What the bar above a chat offers.
  [[nodiscard]] tl::box<tl::peerSettings> settings(user_id whom, const Relation& relation) const;

  // --- changes ---

  /// This account's card.
  [[nodiscard]] command::Card own_card(unix_time now) const;
  /// Others can see a change of the profile: writes it under a new version, and tells them.
  void put_profile(unix_time now, entity_effects& out);
  /// Tells others of changes that they were not told of, as far as the minute allows it. No clock calls it: with every
  /// call, and when a session comes or goes.
  void tell_card(unix_time now, entity_effects& out);
  /// The delivery that tells another account whether it is in the contacts or blocked, as memory has it.
  void deliver_relation(user_id whom, bool share_phone, unix_time now, entity_effects& out) const;
  /// An updates object that says what became of the relations to others.
  [[nodiscard]] tl::box<tl::updates> relation_updates(std::span<const user_id> whom, unix_time now) const;
  /// Tells it to the other sessions, and keeps it for those that are away.
  void tell_relations(const tl::updates& what, std::span<const user_id> whom, const listener_id& but, unix_time now,
                      entity_effects& out) const;
  /// The names of a view as an update; null for a view of nobody.
  [[nodiscard]] static tl::box<tl::Update> name_update(const tl::User& view);
  /// Tells this account's own sessions that it changed.
  void tell_self(tl::box<tl::Update> what, const listener_id& but, unix_time now, entity_effects& out) const;

private:
  struct asked;
  using card_came = std::function<void(const card_ptr& card, unix_time now, entity_effects& out)>;
  void ask_relations(const std::shared_ptr<asked>& what, std::vector<user_id> whom, entity_effects& out);
  void refresh_card(user_id whom, unix_time said_at, unix_time now, entity_effects& out);
  void ask_card(user_id whom, entity_effects& out, std::uint32_t rounds, card_came came);
  void send_question(user_id whom, entity_effects& out);
  void answered(user_id whom, const rpc_result<std::string>& what, unix_time now, entity_effects& out);
  void came(const std::shared_ptr<asked>& what, unix_time now, entity_effects& out);

  std::unordered_map<std::int64_t, std::vector<card_came>> asking_; ///< each account once
  std::deque<user_id> not_asked_;
  std::unordered_set<std::int64_t> refreshing_; ///< those whose old cards serve meanwhile
  std::size_t questions_ = 0;
  std::size_t waiting_ = 0;
  /// Those of a `with` whose continuation runs: they may have left the node's book meanwhile.
  const asked* held_ = nullptr;
  bool card_untold_ = false;
  rate_budget card_tells_{60, limits::card_changes_per_minute};
};

/// An id that an account can have.
bool is_account_id(std::int64_t id);

cluster::entity_ref user_entity(user_id whom);

// --- answers ---

rpc_result<std::string> refused(rpc_errc why, std::int32_t argument = 0);
/// The result of a function, at a layer.
template <class Function>
rpc_result<std::string> result_of(const typename Function::result& value, layer_t layer) {
  std::string bytes;
  tl::writer out(bytes);
  Function::store_result(out, value, layer);
  if (!out.ok()) {
    return refused(rpc_errc::rpc_call_fail);
  }
  return bytes;
}

} // namespace godwit::people
