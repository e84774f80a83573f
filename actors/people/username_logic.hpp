#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "actors/commands/account_commands.pb.h"
#include "actors/entity/entity_logic.hpp"
#include "persistence/records/people.pb.h"

namespace godwit::people {

using entity::entity_effects;
using entity::logic_request;
using entity::records_table;

/// The entity of a username, however it is written: names that differ in capitals alone are one.
cluster::entity_ref username_entity(std::string_view username);
/// In small letters.
std::string username_key(std::string_view username);

/// The usernames that have one hash: whose they are.
///
/// A name is reserved for an account before the account takes it, and confirmed when it has it. What was reserved and
/// not confirmed is settled by asking the account: at once when somebody looks the name up, else when the reservation
/// has expired and another account wants it. So no two accounts get one name.
///
/// Each word of an account has the number of its change. A release frees what was taken in that change or before: what
/// an account that died had still to say may come when its successor has taken the name again.
class username_logic final : public entity::entity_logic {
public:
  explicit username_logic(cluster::entity_ref self) : self_(self) {}

  [[nodiscard]] std::vector<records_table> tables() const override;
  bool load(records_table table, std::string_view sub_key, std::string_view value) override;
  void handle(const logic_request& request, unix_time now, entity_effects& out) override;
  [[nodiscard]] bool busy() const override { return asking_ != 0; }

private:
  using answer = rpc_result<std::string>;

  void run(std::uint64_t ticket, const command::UsernameCommand& what, bool asked, unix_time now, entity_effects& out);
  /// Whether the command has to wait for the holder of a reservation.
  [[nodiscard]] bool must_ask(const command::UsernameCommand& what, unix_time now) const;
  void ask(std::uint64_t ticket, const command::UsernameCommand& what, entity_effects& out);
  void settle(const std::string& name, std::int64_t holder, bool owned, unix_time now, entity_effects& out);
  answer reserve(const std::string& written, const command::ReserveUsername& what, unix_time now, entity_effects& out);
  answer confirm(const std::string& written, const command::ConfirmUsername& what, entity_effects& out);
  answer release(const std::string& name, const command::ReleaseUsername& what, entity_effects& out);
  [[nodiscard]] answer owner(const std::string& name) const;

  cluster::entity_ref self_;
  std::map<std::string, persistence::records::UsernameClaim> claims_; ///< by name in small letters
  std::size_t asking_ = 0;
};

std::unique_ptr<entity::entity_logic> make_username_logic(cluster::entity_ref self);

} // namespace godwit::people
