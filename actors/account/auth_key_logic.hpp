#pragma once

#include <optional>

#include "actors/account/account_options.hpp"
#include "actors/account/entity_logic.hpp"
#include "actors/commands/account_commands.pb.h"
#include "persistence/records/account.pb.h"

namespace godwit::account {

/// One authorization key: its secret bytes, and what it stands for.
///
/// A key that is not there is answered as such, with authority: clients throw a login away for it. A key that no
/// account was bound to expires a day after it was made; one that was bound lasts a month beyond that, so that a
/// device that was thrown out hears of it. A temporary key ends at its own time. Expired rows go when somebody
/// asks for them, or when the creation of other keys passes by. In its row the key is sealed: whoever has a copy of the
/// storage alone reads no client's messages with it. A row with the key in the open is sealed by the first command that
/// comes to it.
class auth_key_logic final : public entity_logic {
public:
  auth_key_logic(cluster::entity_id self, const account_options& options) : self_(self), options_(options) {}

  [[nodiscard]] std::vector<records_table> tables() const override { return {records_table::auth_key}; }
  bool load(records_table table, std::string_view sub_key, std::string_view value) override;
  void handle(const logic_request& request, unix_time now, entity_effects& out) override;

private:
  using answer = rpc_result<std::string>;

  answer run(const command::KeyCommand& what, unix_time now, entity_effects& out);
  answer create(const command::CreateKey& what, unix_time now, entity_effects& out);
  [[nodiscard]] answer lookup() const;
  answer bind_temp(const command::BindTemp& what, unix_time now, entity_effects& out);
  answer add_temp(const command::AddTemp& what, unix_time now, entity_effects& out);
  answer bind_user(const command::BindUser& what, entity_effects& out);
  answer unbind_user(const command::UnbindUser& what, unix_time now, entity_effects& out);
  answer destroy(entity_effects& out);
  answer note_layer(const command::NoteLayer& what, entity_effects& out);
  [[nodiscard]] std::string context() const;
  void put(entity_effects& out);
  void drop_expired(unix_time now, entity_effects& out);
  [[nodiscard]] bool is(std::uint32_t kind) const { return row_ && row_->kind() == kind; }

  cluster::entity_id self_;
  const account_options& options_;
  std::optional<persistence::records::AuthKey> row_; ///< as it is stored, but a key in the open is in key_ alone
  std::string key_;
};

} // namespace godwit::account
