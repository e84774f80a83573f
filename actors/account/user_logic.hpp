#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/account/account_commands.pb.h"
#include "actors/account/account_options.hpp"
#include "actors/account/authorization_list.hpp"
#include "actors/account/entity_logic.hpp"
#include "persistence/records/account.pb.h"
#include "protocol/tl/api/forward.hpp"
#include "protocol/tl/object.hpp"

namespace godwit::account {

/// One account: who it is, where it is logged in, and which sessions listen to it.
///
/// Every call names a login of this account and is refused with AUTH_KEY_UNREGISTERED once that login is ended.
/// The end of a login is committed, then its sessions hear of it, and its key is told until it acknowledges:
/// also after this object was made anew.
class user_logic final : public entity_logic {
public:
  user_logic(cluster::entity_id self, const account_options& options);
  ~user_logic() override;

  [[nodiscard]] std::vector<records_table> tables() const override;
  bool load(records_table table, std::string_view sub_key, std::string_view value) override;
  void resume(unix_time now, entity_effects& out) override;
  void handle(const logic_request& request, unix_time now, entity_effects& out) override;
  void replied(std::uint64_t token, const rpc_result<std::string>& what, unix_time now, entity_effects& out) override;
  void gone(const listener_id& who, unix_time now) override;
  [[nodiscard]] bool busy() const override;

private:
  using answer = rpc_result<std::string>;

  struct listener {
    listener_id id;
    authorization_id authorization;
    layer_t layer = 0;
    unix_time online_until = 0;
  };
  /// A call that waits for the cards of other accounts.
  struct question {
    std::uint64_t ticket = 0;
    layer_t layer = 0;
    bool full = false; ///< users.getFullUser
    std::vector<tl::box<tl::User>> users;
    std::size_t missing = 0;
  };
  /// What the reply to a command of this account is for.
  struct awaited {
    authorization_id ended;     ///< the key was told
    std::uint64_t question = 0; ///< 0: not this
    std::size_t place = 0;
    user_id target;
  };

  // commands: user_logic.cpp
  void command(const logic_request& request, unix_time now, entity_effects& out);
  answer create(const command::CreateUser& what, unix_time now, entity_effects& out);
  answer authorize(const command::Authorize& what, layer_t layer, unix_time now, entity_effects& out);
  answer subscribe(const logic_request& request, const command::Subscribe& what, unix_time now, entity_effects& out);
  answer log_out(const logic_request& request, const command::LogOut& what, unix_time now, entity_effects& out);
  [[nodiscard]] answer public_card() const;
  [[nodiscard]] answer describe() const;
  bool end_login(authorization_id id, const listener_id& but, unix_time now, entity_effects& out);
  void tell_listeners(authorization_id ended, const listener_id& but, entity_effects& out);
  void tell_key(authorization_id ended, entity_effects& out);
  void unbind_stray_key(const logic_request& request, entity_effects& out);

  // calls: user_calls.cpp
  void call(const logic_request& request, unix_time now, entity_effects& out);
  std::optional<answer> run_call(const logic_request& request, const tl::fn::function& what, unix_time now,
                                 entity_effects& out);
  [[nodiscard]] answer state(layer_t layer, unix_time now) const;
  [[nodiscard]] answer difference(std::int32_t pts, layer_t layer, unix_time now) const;
  [[nodiscard]] answer peer_dialogs(const std::vector<tl::box<tl::InputDialogPeer>>& peers, layer_t layer,
                                    unix_time now) const;
  [[nodiscard]] answer authorizations(const logic_request& request) const;
  answer reset_authorization(const logic_request& request, std::int64_t hash, unix_time now, entity_effects& out);
  answer reset_authorizations(const logic_request& request, unix_time now, entity_effects& out);
  answer update_status(const logic_request& request, bool offline, unix_time now);
  std::optional<answer> get_users(const logic_request& request, const std::vector<const tl::InputUser*>& ids, bool full,
                                  unix_time now, entity_effects& out);
  [[nodiscard]] answer finish(question& what) const;
  void card_came(const awaited& what, const rpc_result<std::string>& reply, entity_effects& out);
  [[nodiscard]] tl::box<tl::User> self(unix_time now) const;

  [[nodiscard]] user_id id() const { return user_id{static_cast<std::int64_t>(self_.value())}; }
  std::uint64_t await(awaited what);
  listener* find(const listener_id& who);

  cluster::entity_id self_;
  const account_options& options_;
  std::optional<persistence::records::UserProfile> profile_;
  persistence::records::UserBox box_;
  authorization_list logins_;

  std::vector<listener> listeners_;
  unix_time was_online_ = 0;
  std::map<std::uint64_t, awaited> awaited_; ///< by token
  std::map<std::uint64_t, question> questions_;
  std::uint64_t last_token_ = 0;
};

} // namespace godwit::account
