#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/entity/row_reader.hpp"
#include "cluster/shard/entity_request.hpp"
#include "protocol/ids.hpp"
#include "protocol/rpc_error.hpp"

namespace godwit::entity {

struct entity_effects;

/// A row to put, or without a value to erase.
struct row_change {
  records_table table{};
  std::string sub_key;
  std::optional<std::string> value;
};

/// What a logic wants done when an answer, or a page of rows, has come. Runs on the logic's thread; not at all when
/// the entity ended meanwhile.
using continuation = std::function<void(unix_time now, entity_effects& out)>;

/// A command to another entity. Repeated while it is answered `unavailable`, as long as the asker lives, or is patient:
/// then the answer is RPC_CALL_FAIL, and what was asked may still happen.
struct entity_command {
  using answered = std::function<void(const rpc_result<std::string>& what, unix_time now, entity_effects& out)>;

  cluster::entity_ref to;
  std::string body;
  std::uint64_t token = 0; ///< comes back with the reply, to entity_logic::replied …
  answered then{};         ///< … unless there is this
  /// How long the asker waits for an answer; 0: as long as it takes.
  std::uint32_t patience_ms = 0;
};

/// Reads rows that are not in memory. `read` runs on a reader thread, and must not touch the logic; `then` after it.
/// Rows that were put in the effects that hold the query are seen by it.
struct row_query {
  std::function<void(row_reader&)> read;
  continuation then;
};

/// Reaches another entity, of whatever shard, exactly once, in the order of this shard's deliveries to that one, when
/// the rows beside it are applied. Arrives as a request of type `delivery`.
struct delivery {
  cluster::entity_ref to;
  std::string body;
};

/// A command that nobody answers and that may be lost: typing, presence.
struct whisper {
  cluster::entity_ref to;
  std::string body;
};

/// The answer to the request with this ticket.
struct entity_answer {
  std::uint64_t ticket = 0;
  rpc_result<std::string> body;
  /// The box position that the answer names; 0: none. With a count it tells of everything between `pts - pts_count` and
  /// there, and its session hears that in no other way; without one it only says where the box is.
  std::int32_t pts = 0;
  std::int32_t pts_count = 0;
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
  std::shared_ptr<const std::string> update; ///< shared by the sessions of one layer
  authorization_id terminated;
  /// The box position behind the update, and how far it moves it; 0: it has none.
  std::int32_t pts = 0;
  std::int32_t pts_count = 0;
};

/// What `number` of a push of kind `gone` says: 0, the account's actor ended or is out of reach; else there is nothing
/// to listen to again, for another session of this name listens, of another node …
inline constexpr std::int64_t listener_replaced = 1;
/// … or the listener left, or lost its login.
inline constexpr std::int64_t listener_forgotten = 2;

/// How a login code reaches its owner.
enum class code_kind : std::uint8_t { sms, resent_sms };

/// A code to deliver.
struct code_delivery {
  std::uint64_t number = 0;
  std::string code;
  code_kind kind = code_kind::sms;
};

/// What a logic wants done. The rows and deliveries are one mutation; everything else happens when they, and whatever
/// was proposed before them, are applied. Queries are begun at once.
struct entity_effects {
  std::vector<row_change> rows;
  std::vector<delivery> deliveries;
  std::vector<entity_answer> answers;
  std::vector<entity_command> commands;
  std::vector<row_query> queries;
  std::vector<listener_message> messages;
  std::vector<whisper> whispers;
  std::vector<code_delivery> codes;
  /// Whoever asked with this ticket hears messages for that listener from now on; another one stops.
  std::vector<std::pair<std::uint64_t, listener_id>> listen;
  std::vector<listener_id> forget;
  /// Run when the rows are applied.
  std::vector<std::function<void()>> when_applied;
  /// Keys of the shard that should be looked at for their expiry, from this one on.
  bool sweep_keys = false;

  void put(records_table table, std::string sub_key, const auto& record) {
    rows.push_back({table, std::move(sub_key), record.SerializeAsString()});
  }
  /// A row that says everything by being there.
  void put_mark(records_table table, std::string sub_key) {
    rows.push_back({table, std::move(sub_key), std::string()});
  }
  void erase(records_table table, std::string sub_key) { rows.push_back({table, std::move(sub_key), std::nullopt}); }
  void answer(std::uint64_t ticket, rpc_result<std::string> body, std::int32_t pts = 0, std::int32_t pts_count = 0) {
    answers.push_back({ticket, std::move(body), pts, pts_count});
  }
};

/// One request as a logic sees it. Views last as long as the call that it is given to.
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
  /// Answers now, or later with the same ticket. A delivery is answered, with an empty body and whatever came of it,
  /// in the effects that hold the rows it changed; no further one of its lane comes before that.
  virtual void handle(const logic_request& request, unix_time now, entity_effects& out) = 0;
  /// The answer to one of its commands: never `unavailable`.
  virtual void replied(std::uint64_t /*token*/, const rpc_result<std::string>& /*what*/, unix_time /*now*/,
                       entity_effects& /*out*/) {}
  /// A listening session is gone.
  virtual void gone(const listener_id& /*who*/, unix_time /*now*/, entity_effects& /*out*/) {}
  /// The date of what it did last: no clock is behind that for it, whoever leads. 0: of nothing.
  [[nodiscard]] virtual unix_time latest() const { return 0; }
  /// Must not be ended for idleness.
  [[nodiscard]] virtual bool busy() const { return false; }
};

/// A 64-bit id as a sub-key: most significant byte first.
std::string id_sub_key(std::uint64_t id);
/// Nothing when there are not eight bytes.
std::optional<std::uint64_t> id_of_sub_key(std::string_view sub_key);

} // namespace godwit::entity
