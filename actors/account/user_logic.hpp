#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/account/account_options.hpp"
#include "actors/account/answer_watcher.hpp"
#include "actors/account/authorization_list.hpp"
#include "actors/account/call_copies.hpp"
#include "actors/account/entity_logic.hpp"
#include "actors/box/user_box.hpp"
#include "actors/commands/account_commands.pb.h"
#include "actors/people/account_core.hpp"
#include "actors/people/people.hpp"
#include "persistence/records/account.pb.h"
#include "protocol/tl/api/forward.hpp"
#include "protocol/tl/object.hpp"

namespace godwit::account {

/// One account: who it is, where it is logged in, which sessions listen to it; with its people and its box.
///
/// Every call names a login of this account and is refused with AUTH_KEY_UNREGISTERED once that login is ended.
/// The end of a login is committed, then its sessions hear of it, and its key is told until it acknowledges:
/// also after this object was made anew.
class user_logic final : public entity_logic, public answer_watcher {
public:
  user_logic(cluster::entity_id self, const account_options& options);
  ~user_logic() override;

  [[nodiscard]] std::vector<records_table> tables() const override;
  bool load(records_table table, std::string_view sub_key, std::string_view value) override;
  void resume(unix_time now, entity_effects& out) override;
  void handle(const logic_request& request, unix_time now, entity_effects& out) override;
  void replied(std::uint64_t token, const rpc_result<std::string>& what, unix_time now, entity_effects& out) override;
  void gone(const listener_id& who, unix_time now, entity_effects& out) override;
  [[nodiscard]] unix_time latest() const override { return core_.box.date(); }
  [[nodiscard]] bool busy() const override;
  /// A copy of a call hears what the call is answered with.
  void watch_answers(entity_effects& out) override;

private:
  using answer = rpc_result<std::string>;

  // commands: user_logic.cpp
  void command(const logic_request& request, unix_time now, entity_effects& out);
  answer create(const command::CreateUser& what, unix_time now, entity_effects& out);
  answer authorize(const command::Authorize& what, layer_t layer, unix_time now, entity_effects& out);
  answer subscribe(const logic_request& request, const command::Subscribe& what, unix_time now, entity_effects& out);
  void carry_on(people::listener& present, unix_time now) const;
  answer unsubscribe(const logic_request& request, const command::Unsubscribe& what, unix_time now,
                     entity_effects& out);
  answer log_out(const logic_request& request, const command::LogOut& what, unix_time now, entity_effects& out);
  void delivered(const logic_request& request, unix_time now, entity_effects& out);
  void whispered(const command::Whisper& what, unix_time now, entity_effects& out);
  [[nodiscard]] answer public_card(unix_time now) const;
  [[nodiscard]] answer describe() const;
  void note_login(authorization_id fresh, unix_time now, entity_effects& out);
  bool end_login(authorization_id id, const listener_id& but, unix_time now, entity_effects& out);
  void tell_listeners(authorization_id ended, const listener_id& but, entity_effects& out);
  void tell_key(authorization_id ended, entity_effects& out);
  void unbind_stray_key(const logic_request& request, entity_effects& out);

  // calls: user_calls.cpp
  void call(const logic_request& request, unix_time now, entity_effects& out);
  void change(const logic_request& request, const people::call_context& caller, const tl::fn::function& what,
              unix_time now, entity_effects& out);
  void run(const logic_request& request, const people::call_context& caller, const tl::fn::function& what,
           unix_time now, entity_effects& out);
  answer run_call(const logic_request& request, const tl::fn::function& what, unix_time now, entity_effects& out);
  [[nodiscard]] answer authorizations(const logic_request& request) const;
  answer reset_authorization(const logic_request& request, std::int64_t hash, unix_time now, entity_effects& out);
  answer reset_authorizations(const logic_request& request, unix_time now, entity_effects& out);

  [[nodiscard]] user_id id() const { return core_.self; }

  const account_options& options_;
  people::account_core core_;
  people::people people_{core_};
  box::user_box box_{core_, people_};
  authorization_list logins_;
  call_copies copies_;
  /// Logins that ended, and whose keys are being told, by token; 0: a stray key.
  std::map<std::uint64_t, authorization_id> awaited_;
  std::uint64_t last_token_ = 0;
};

} // namespace godwit::account
