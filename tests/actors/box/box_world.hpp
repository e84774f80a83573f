#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/box/box_keys.hpp"
#include "actors/box/user_box.hpp"
#include "actors/people/card_book.hpp"
#include "actors/people/people.hpp"
#include "protocol/tl/api/forward.hpp"
#include "protocol/tl/methods.hpp"
#include "protocol/tl/object.hpp"

namespace godwit::box::testing {

inline constexpr layer_t newest_layer = 229;

/// Accounts with boxes on one thread: rows in maps, deliveries and commands carried between them, each pair's in
/// order. No clock but `now`. A mutation is applied when it is made.
class box_world {
public:
  /// Seed 0: queries run before start() returns, deliveries when run() is called, the oldest first. Another seed: all
  /// of it waits for run(), which takes what comes next by lot, and rows are read at any moment between.
  explicit box_world(std::uint64_t seed = 0);
  ~box_world();

  using row_map = std::map<std::pair<records_table, std::string>, std::string>;
  struct push {
    user_id account;
    entity::listener_message what;
  };
  /// One account, its logic made anew by restart().
  struct member {
    user_id id;
    people::card_book cards{1000}; ///< as if each lived on a node of its own
    people::presence_book presence;
    people::people_options options;
    row_map rows;
    std::unique_ptr<people::account_core> core;
    std::unique_ptr<people::people> people;
    std::unique_ptr<user_box> box;
    std::uint64_t lives = 0;
  };

  // --- accounts ---

  /// A new account with the pts 1 that a box begins with, or of the rows that it has.
  member& add(std::int64_t id, const std::string& first_name = "Somebody");
  [[nodiscard]] member& at(std::int64_t id) { return *members_.at(id); }
  [[nodiscard]] row_map& rows(std::int64_t id) { return at(id).rows; }
  /// Changes the profile of an account, or makes it anew as deleted, with its row.
  void set_profile(std::int64_t id, const std::function<void(persistence::records::UserProfile&)>& change);
  /// All logics are made anew from rows. Queries and calls under way are lost, deliveries are not.
  void restart();
  void restart(std::int64_t id);

  // --- calls ---

  /// Runs until the call is answered. Throws when it is not.
  template <class Function>
  rpc_result<typename Function::result> call(std::int64_t who, const Function& what, layer_t layer = newest_layer,
                                             std::uint64_t session = 1) {
    const rpc_result<std::string> bytes = call_bytes(who, what, layer, session);
    if (!bytes) {
      return unexpected(bytes.error());
    }
    tl::reader in(*bytes);
    auto result = Function::fetch_result(in, layer);
    if (!in.finish()) {
      throw_unreadable();
    }
    return result;
  }
  rpc_result<std::string> call_bytes(std::int64_t who, const tl::fn::function& what, layer_t layer = newest_layer,
                                     std::uint64_t session = 1);
  /// Begins a call, under the ticket that is returned. The function travels as bytes of that layer.
  std::uint64_t start(std::int64_t who, const tl::fn::function& what, layer_t layer = newest_layer,
                      std::uint64_t session = 1);
  /// Null: not answered yet. The `pts` of the answer is in it.
  [[nodiscard]] const entity::entity_answer* answer(std::uint64_t ticket) const;
  /// The ticket of the last call_bytes().
  [[nodiscard]] std::uint64_t last_call() const { return last_call_; }
  /// Until nothing is left to do.
  void run();
  /// One thing that waits; false: nothing does.
  bool step();

  // --- sessions ---

  /// A session hears what happens to an account from now on.
  void listen(std::int64_t who, std::uint64_t session, layer_t layer = newest_layer);
  /// It does so anew, after its client was brought to this pts.
  void subscribe(std::int64_t who, std::uint64_t session, std::int32_t pts, layer_t layer = newest_layer);
  [[nodiscard]] static entity::listener_id session_of(std::int64_t who, std::uint64_t session);
  /// What a session heard, oldest first, parsed at its layer.
  [[nodiscard]] std::vector<tl::box<tl::object>> heard(std::int64_t who, std::uint64_t session) const;
  std::vector<push> pushes; ///< as they were sent; clear at will

  // --- deliveries ---

  /// Puts a delivery in the lane to this account, as if another account or the service had sent it.
  void send(std::int64_t to, command::Delivery what);
  /// Deliveries wait in their lanes.
  bool hold_deliveries = false;
  [[nodiscard]] std::size_t deliveries_waiting() const;

  // --- looking ---

  unix_time now = 1'700'000'000;
  /// Sees all effects as they are applied.
  std::function<void(std::int64_t who, const entity_effects& out)> on_effects;
  [[nodiscard]] int queries() const { return queries_; }
  /// Rows of one table, by sub-key.
  [[nodiscard]] std::map<std::string, std::string> table(std::int64_t who, records_table table) const;
  template <class Record>
  [[nodiscard]] std::optional<Record> row(std::int64_t who, records_table table, const std::string& sub_key) const {
    const row_map& all = members_.at(who)->rows;
    const auto found = all.find({table, sub_key});
    if (found == all.end()) {
      return std::nullopt;
    }
    Record record;
    record.ParseFromString(found->second);
    return record;
  }
  [[nodiscard]] std::optional<persistence::records::Message> message(std::int64_t who, std::int64_t peer,
                                                                     message_id id) const {
    return row<persistence::records::Message>(who, records_table::message, message_key(user_id{peer}, id));
  }
  [[nodiscard]] std::optional<persistence::records::Dialog> dialog(std::int64_t who, std::int64_t peer) const {
    return row<persistence::records::Dialog>(who, records_table::dialog, peer_key(user_id{peer}));
  }
  /// What is wrong with the rows of a box: gaps in the pts, counters that do not fit, rows without their counterpart.
  /// Empty: nothing.
  [[nodiscard]] std::string faults(std::int64_t who) const;

  // --- things to send ---

  [[nodiscard]] tl::box<tl::InputPeer> peer(std::int64_t viewer, std::int64_t target) const;
  [[nodiscard]] tl::box<tl::InputUser> user(std::int64_t viewer, std::int64_t target) const;

private:
  class map_reader;
  struct lane_item {
    std::string body;
    std::uint64_t ticket = 0; ///< 0: still waits
  };
  using lane = std::pair<std::int64_t, std::int64_t>; ///< from, to
  struct open_query {
    std::int64_t who;
    std::uint64_t life;
    entity::row_query what;
    bool was_read = false;
  };
  struct open_command {
    std::int64_t who;
    std::uint64_t life;
    entity::entity_command what;
  };

  [[noreturn]] static void throw_unreadable();
  void make(member& whom);
  void apply(std::int64_t who, entity_effects out);
  void read(open_query& what);
  void finish(open_query what);
  void run_query(std::size_t place);
  void run_command(std::size_t place);
  void deliver(const lane& which);
  void accepted(std::uint64_t ticket);
  [[nodiscard]] std::uint64_t lot(std::uint64_t below);

  std::uint64_t seed_;
  std::uint64_t state_;
  std::map<std::int64_t, std::unique_ptr<member>> members_;
  std::map<lane, std::deque<lane_item>> lanes_;
  std::deque<open_query> open_queries_;
  std::deque<open_command> open_commands_;
  std::map<std::uint64_t, entity::entity_answer> answers_;
  std::map<std::uint64_t, lane> delivering_; ///< by ticket
  std::uint64_t last_ticket_ = 0;
  std::uint64_t last_call_ = 0;
  int queries_ = 0;
  bool working_ = false;
};

} // namespace godwit::box::testing
