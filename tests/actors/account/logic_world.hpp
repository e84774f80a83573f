#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "actors/account/account_options.hpp"
#include "actors/account/entity_logic.hpp"
#include "actors/commands/account_commands.pb.h"
#include "actors/people/card_book.hpp"

namespace godwit::account::testing {

/// Numbers of one seed.
class seeded_random final : public crypto::random_source {
public:
  explicit seeded_random(std::uint64_t seed) : state_(seed) {}
  void fill(std::span<std::uint8_t> out) override;

private:
  std::uint64_t state_;
};

/// The world ended at a chosen moment; rows that were committed are there.
struct crash {};

/// All entities of a cluster on one thread: their rows in a map, the logics over them, commands and deliveries between
/// them in order. It can die around any commit, and then begins anew from the rows; deliveries that are not accepted
/// are made again.
class logic_world {
public:
  explicit logic_world(std::uint64_t seed = 1);

  account_options options;
  unix_time now = 1'700'000'000;

  /// Runs until the request is answered. Throws crash when the chosen moment comes.
  rpc_result<std::string> ask(const cluster::entity_ref& to, cluster::request_type type, const cluster::caller& from,
                              std::string body, bool can_listen = true);
  rpc_result<std::string> command(const cluster::entity_ref& to, const std::string& body,
                                  const cluster::caller& from = {});
  /// What entities still ask of one another.
  void run();
  /// What is asked by start() meanwhile is under way together: nothing is read before it ends.
  void read_later(bool later);
  /// Asks and does not wait. The ticket, under which `answers` has the answer.
  std::uint64_t start(const cluster::entity_ref& to, cluster::request_type type, const cluster::caller& from,
                      std::string body);
  std::map<std::uint64_t, rpc_result<std::string>> answers;
  /// Every logic is made anew from its rows, as after a restart of the node.
  void restart();

  /// The number of commits until the end of the world, and whether that one is still written.
  void crash_at(int commit, bool written) { crash_in_ = commit, crash_written_ = written; }
  /// Commits with rows, so far.
  [[nodiscard]] int commits() const { return commits_; }

  /// Answers `unavailable` to commands of this kind of entity among themselves: they stay in the queue.
  std::optional<cluster::entity_kind> unreachable;

  std::vector<listener_message> messages; ///< as they were sent
  std::vector<code_delivery> codes;

  using row_map = std::map<std::pair<records_table, std::string>, std::string>;
  [[nodiscard]] const row_map& rows(const cluster::entity_ref& of) { return entities_[key_of(of)].rows; }
  /// Entities of a kind that have rows in this table.
  [[nodiscard]] std::vector<cluster::entity_id> with_rows(cluster::entity_kind kind, records_table table) const;
  entity_logic& logic(const cluster::entity_ref& of);

private:
  using entity_key = std::pair<cluster::entity_kind, std::uint64_t>;
  struct entity {
    row_map rows;
    std::unique_ptr<entity_logic> logic;
  };
  struct origin {
    std::optional<cluster::entity_ref> asker; ///< none: the test, or a lane
    std::uint64_t token = 0;
    entity_command::answered then{};
    bool delivery = false;
  };
  struct queued {
    cluster::entity_ref from;
    entity_command what;
  };

  static entity_key key_of(const cluster::entity_ref& of) { return {of.kind, of.id.value()}; }
  void deliver(const cluster::entity_ref& to, const logic_request& request);
  void read(const cluster::entity_ref& of, godwit::entity::row_query& query);
  void apply(const cluster::entity_ref& of, entity_effects effects);
  bool commit(const cluster::entity_ref& of, entity_effects& effects);
  void answer(const entity_answer& what);
  void step();
  void carry_deliveries();

  seeded_random random_;
  std::map<entity_key, entity> entities_;
  std::map<std::uint64_t, origin> open_; ///< by ticket
  std::uint64_t last_ticket_ = 0;
  std::deque<queued> queue_;
  std::deque<godwit::entity::delivery> lanes_; ///< one for all: the first one is under way
  bool delivering_ = false;
  people::card_book cards_{1000};
  people::presence_book presence_;
  std::optional<rpc_result<std::string>> answer_;
  int commits_ = 0;
  int crash_in_ = -1;
  bool crash_written_ = false;
  bool read_later_ = false;
  std::vector<std::pair<cluster::entity_ref, godwit::entity::row_query>> unread_;
};

// --- short names for tests ---

inline cluster::entity_ref phone_of(std::uint64_t number) {
  return {cluster::entity_kind::phone, cluster::scattered(number)};
}
inline cluster::entity_ref user_of(std::int64_t id) {
  return {cluster::entity_kind::user, cluster::entity_id{static_cast<std::uint64_t>(id)}};
}
inline cluster::entity_ref key_of(std::uint64_t id) { return {cluster::entity_kind::auth_key, cluster::entity_id{id}}; }

template <class Message>
Message parse(const std::string& bytes) {
  Message message;
  message.ParseFromString(bytes);
  return message;
}

} // namespace godwit::account::testing
