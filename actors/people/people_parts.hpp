#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "actors/commands/people_commands.pb.h"
#include "actors/people/contact_list.hpp"
#include "actors/people/people_core.hpp"
#include "protocol/tl/api/contacts_fn.hpp"

namespace godwit::people {

/// Whom a client addresses; see people::resolve.
rpc_result<user_id> resolve_peer(const people_core& core, const tl::InputPeer* peer);
rpc_result<user_id> resolve_user(const people_core& core, const tl::InputUser* user);

/// Some of the calls about people. It answers each call that it takes, now or later, under the ticket.
class people_part {
public:
  explicit people_part(people_core& core) : core_(core) {}
  people_part(const people_part&) = delete;
  people_part& operator=(const people_part&) = delete;

protected:
  people_core& core_;
};

/// The contacts and the blocked: lists and changes.
class contact_calls : public people_part {
public:
  explicit contact_calls(people_core& core) : people_part(core), list_(core) {}

  [[nodiscard]] static std::span<const std::uint32_t> kinds();
  bool call(const call_context& from, const tl::fn::function& what, entity_effects& out);
  void relation_changed(std::uint64_t ticket, const command::Delivery& what, unix_time now, entity_effects& out);

private:
  // contacts.cpp
  void get_contacts(const call_context& from, std::int64_t hash, entity_effects& out);
  void get_contact_ids(const call_context& from, entity_effects& out);
  void get_statuses(const call_context& from, entity_effects& out);
  // contact_changes.cpp
  void add(const call_context& from, const tl::fn::contacts_addContact& what, entity_effects& out);
  void accept(const call_context& from, const tl::InputUser* whom, entity_effects& out);
  void remove(const call_context& from, const std::vector<tl::box<tl::InputUser>>& whom, entity_effects& out);
  void remove_by_phones(const call_context& from, const std::vector<std::string>& phones, entity_effects& out);
  std::vector<user_id> forget(std::span<const user_id> whom, unix_time now, entity_effects& out);
  void tell_of(user_id whom, unix_time now, entity_effects& out);
  // block_list.cpp
  void set_blocked(const call_context& from, const tl::InputPeer* whom, bool blocked, entity_effects& out);
  void tell_blocked(user_id whom, const listener_id& but, unix_time now, entity_effects& out);
  void get_blocked(const call_context& from, std::int32_t offset, std::int32_t limit, entity_effects& out);

  contact_list list_;
};

/// Finding accounts by phone number, username and name.
class finding_calls : public people_part {
public:
  explicit finding_calls(people_core& core) : people_part(core), list_(core) {}

  [[nodiscard]] static std::span<const std::uint32_t> kinds();
  bool call(const call_context& from, const tl::fn::function& what, entity_effects& out);

private:
  struct import;

  // contact_import.cpp
  void import_contacts(const call_context& from, const tl::fn::contacts_importContacts& what, entity_effects& out);
  void owners_found(const std::shared_ptr<import>& what, unix_time now, entity_effects& out);
  void write_imported(import& what, unix_time now, entity_effects& out);
  void resolve_phone(const call_context& from, const std::string& phone, entity_effects& out);
  /// The owner, or nobody as far as is certain; RPC_CALL_FAIL: nobody could tell in time.
  using found_owner = rpc_result<std::optional<user_id>>;
  using owner_found = std::function<void(const found_owner&, unix_time now, entity_effects& out)>;
  static void find_phone(std::uint64_t number, entity_effects& out, owner_found then);
  // finding.cpp
  void resolve_username(const call_context& from, const std::string& username, entity_effects& out);
  static void find_username(const std::string& username, std::uint32_t patience_ms, entity_effects& out,
                            owner_found then);
  void search(const call_context& from, const std::string& text, std::int32_t limit, entity_effects& out);
  void answer_search(const call_context& from, std::vector<user_id> mine, std::optional<user_id> other, unix_time now,
                     entity_effects& out);
  void answer_resolved(const call_context& from, user_id whom, rpc_errc otherwise, bool by_phone, unix_time now,
                       entity_effects& out);

  contact_list list_;
};

/// What accounts look like, and what this one says about itself.
class profile_calls : public people_part {
public:
  using people_part::people_part;

  [[nodiscard]] static std::span<const std::uint32_t> kinds();
  bool call(const call_context& from, const tl::fn::function& what, entity_effects& out);

private:
  void get_users(const call_context& from, const std::vector<tl::box<tl::InputUser>>& whom, entity_effects& out);
  void get_full(const call_context& from, const tl::InputUser* whom, entity_effects& out);
  void answer_full(const call_context& from, user_id whom, unix_time now, entity_effects& out);
  void get_settings(const call_context& from, const tl::InputPeer* whom, entity_effects& out);
  void update(const call_context& from, const std::optional<std::string>& first, const std::optional<std::string>& last,
              const std::optional<std::string>& about, entity_effects& out);
};

/// The username of this account. A change goes over the entities of both names: the new one is reserved, taken in the
/// profile, confirmed, then the old one is released. A row tells what was begun, so that a successor ends it.
class username_change : public people_part {
public:
  using people_part::people_part;

  [[nodiscard]] static std::span<const std::uint32_t> kinds();
  bool load(std::string_view value);
  void resume(unix_time now, entity_effects& out);
  bool call(const call_context& from, const tl::fn::function& what, entity_effects& out);
  [[nodiscard]] bool owns(std::string_view username) const;

private:
  void check(const call_context& from, const std::string& username, entity_effects& out);
  void begin(const call_context& from, const std::string& username, entity_effects& out);
  void take(const call_context& from, unix_time now, entity_effects& out);
  void settle(const std::string& confirmed, const std::string& released, entity_effects& out);
  void give_up(unix_time now, entity_effects& out);
  void end(entity_effects& out);
  void set_username(const std::string& username, const listener_id& but, unix_time now, entity_effects& out);

  std::optional<persistence::records::UsernameChange> change_;
  int unsettled_ = 0;
};

/// When this account is online, and who is told.
class presence_calls : public people_part {
public:
  using people_part::people_part;

  [[nodiscard]] static std::span<const std::uint32_t> kinds();
  bool call(const call_context& from, const tl::fn::function& what, entity_effects& out);
  void changed(unix_time now, entity_effects& out);
  void whispered(const command::Whisper& what, unix_time now, entity_effects& out);

private:
  void tell_others(unix_time now, entity_effects& out);
  void came(user_id from, const command::Presence& what, unix_time now, entity_effects& out);
  void card_came(user_id from, const command::Card& card, unix_time now, entity_effects& out);

  /// Nothing: this version was told already, or a later one.
  bool is_news(const command::Card& card);

  std::unordered_map<std::int64_t, std::uint32_t> told_versions_; ///< at most limits::presence_peers_max
  unix_time told_until_ = 0;
  unix_time minute_ = 0;
  std::uint32_t told_in_minute_ = 0;
};

/// Who may see and do what.
class privacy_calls : public people_part {
public:
  using people_part::people_part;

  [[nodiscard]] static std::span<const std::uint32_t> kinds();
  bool call(const call_context& from, const tl::fn::function& what, entity_effects& out);

private:
  void answer_rules(const call_context& from, privacy_key key, entity_effects& out);
  void tell(privacy_key key, const listener_id& but, unix_time now, entity_effects& out);
};

} // namespace godwit::people
