#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/account/code_sender.hpp"
#include "cluster/shard/entity_request.hpp"
#include "persistence/records/tables.hpp"
#include "protocol/ids.hpp"
#include "protocol/rpc_error.hpp"

namespace godwit::account {

struct account_options;

using records_table = persistence::records::table;

/// A row to put, or without a value to erase.
struct row_change {
  records_table table{};
  std::string sub_key;
  std::optional<std::string> value;
};

/// A command to another entity. Repeated while it is answered `unavailable`, as long as the asker lives.
struct entity_command {
  cluster::entity_ref to;
  std::string body;
  std::uint64_t token = 0; ///< comes back with the reply
};

/// The answer to the request with this ticket.
struct entity_answer {
  std::uint64_t ticket = 0;
  rpc_result<std::string> body;
};

/// One client session that listens to an account.
struct listener_id {
  auth_key_id key;
  session_id session;

  friend bool operator==(const listener_id&, const listener_id&) = default;
};

/// A message to a listening session: an update, or without a body the end of its login.
struct listener_message {
  listener_id to;
  std::string update;
  authorization_id terminated;
};

/// A code to deliver.
struct code_delivery {
  std::uint64_t number = 0;
  std::string code;
  code_kind kind = code_kind::sms;
};

/// What a logic wants done. The rows are one mutation; everything else happens when they, and whatever was
/// proposed before them, are applied.
struct entity_effects {
  std::vector<row_change> rows;
  std::vector<entity_answer> answers;
  std::vector<entity_command> commands;
  std::vector<listener_message> messages;
  std::vector<code_delivery> codes;
  /// Whoever asked with this ticket hears messages for that listener from now on; another one stops.
  std::vector<std::pair<std::uint64_t, listener_id>> listen;
  std::vector<listener_id> forget;
  /// Keys of the shard that should be looked at for their expiry, from this one on.
  bool sweep_keys = false;

  void put(records_table table, std::string sub_key, const auto& record) {
    rows.push_back({table, std::move(sub_key), record.SerializeAsString()});
  }
  void erase(records_table table, std::string sub_key) { rows.push_back({table, std::move(sub_key), std::nullopt}); }
  void answer(std::uint64_t ticket, rpc_result<std::string> body) { answers.push_back({ticket, std::move(body)}); }
};

/// One request as a logic sees it.
struct logic_request {
  std::uint64_t ticket = 0; ///< of the answer
  cluster::request_type type = cluster::request_type::command;
  cluster::caller from;
  std::string_view body;
  bool can_listen = false; ///< the asker is there for messages
};

/// What one entity is and does, without actor, clock and I/O: account_actor runs it over a shard, tests run it
/// over a map.
class entity_logic {
public:
  virtual ~entity_logic() = default;

  /// The tables it is made of, each small.
  [[nodiscard]] virtual std::vector<records_table> tables() const = 0;
  /// One row of these tables; all come before the first request. A row that cannot be read is the storage's
  /// fault: false.
  virtual bool load(records_table table, std::string_view sub_key, std::string_view value) = 0;
  /// After the last row: what a predecessor left half done.
  virtual void resume(unix_time /*now*/, entity_effects& /*out*/) {}
  /// Answers now, or later with the same ticket.
  virtual void handle(const logic_request& request, unix_time now, entity_effects& out) = 0;
  /// The answer to one of its commands: never `unavailable`.
  virtual void replied(std::uint64_t /*token*/, const rpc_result<std::string>& /*what*/, unix_time /*now*/,
                       entity_effects& /*out*/) {}
  /// A listening session is gone.
  virtual void gone(const listener_id& /*who*/, unix_time /*now*/) {}
  /// Must not be ended for idleness.
  [[nodiscard]] virtual bool busy() const { return false; }
};

/// The logic of the entity's kind; null for kinds of other folders. `options` outlives it.
std::unique_ptr<entity_logic> make_logic(const cluster::entity_ref& self, const account_options& options);

/// A 64-bit id as a sub-key: most significant byte first.
std::string id_sub_key(std::uint64_t id);
/// Nothing when there are not eight bytes.
std::optional<std::uint64_t> id_of_sub_key(std::string_view sub_key);

} // namespace godwit::account
