#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "actors/commands/account_commands.pb.h"
#include "actors/people/access_hash.hpp"
#include "actors/people/card_book.hpp"
#include "actors/people/people.hpp"
#include "actors/people/username_logic.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/object.hpp"
#include "protocol/tl/objects.hpp"
#include "protocol/tl/reader.hpp"
#include "protocol/tl/writer.hpp"

namespace godwit::people::testing {

using entity::entity_effects;
using entity::entity_logic;
using entity::logic_request;

/// The world ended at a chosen moment; rows that were committed are there.
struct crash {};

/// What a session heard.
struct heard {
  std::string bytes;
  layer_t layer = 0;
  std::int32_t pts = 0;

  [[nodiscard]] tl::box<tl::object> object() const;
};

/// Several accounts, usernames and phone numbers over maps: commands and deliveries between them, and reads of rows,
/// happen in an order that a seed chooses. It can die around any commit, and then begins anew from the rows.
class people_world {
public:
  explicit people_world(std::uint64_t seed = 1, std::size_t cards_max = 1000);
  ~people_world();

  unix_time now = 1'700'000'000;
  people_options options;
  card_book cards;
  presence_book presence;
  std::map<std::uint64_t, std::int64_t> phones; ///< numbers and whose they are

  /// An account with a profile. Its number is its id.
  user_id add(std::int64_t id, const std::string& first_name, const std::string& last_name = {});
  /// A session that listens.
  listener_id listen(user_id who, std::uint64_t number, layer_t layer = 229);
  void hang_up(user_id who, const listener_id& session);

  /// One call, until it is answered; the result is read again to its last byte.
  template <class Function>
  rpc_result<typename Function::result> call(user_id who, const Function& what, layer_t layer = 229,
                                             std::uint64_t session = 1) {
    const auto answer = call_bytes(who, what, layer, session);
    if (!answer) {
      return unexpected(answer.error());
    }
    tl::reader in(*answer);
    auto result = Function::fetch_result(in, layer);
    EXPECT_TRUE(in.ok()) << Function::name << " at layer " << layer;
    EXPECT_EQ(in.remaining(), 0U) << Function::name;
    return result;
  }
  template <class Function>
  rpc_error error(user_id who, const Function& what) {
    const auto answer = call_bytes(who, what, 229, 1);
    EXPECT_FALSE(answer.has_value()) << Function::name;
    return answer ? rpc_error{rpc_errc::rpc_call_fail, -1} : answer.error();
  }
  rpc_result<std::string> call_bytes(user_id who, const tl::fn::function& what, layer_t layer, std::uint64_t session);
  /// The answer comes when run() gets there.
  using answer_ptr = std::shared_ptr<std::optional<rpc_result<std::string>>>;
  answer_ptr begin_call(user_id who, const tl::fn::function& what, layer_t layer = 229, std::uint64_t session = 1);
  rpc_result<std::string> command(const cluster::entity_ref& to, const std::string& body);
  /// Runs something in an account, as another part of it would.
  void within(user_id who, const std::function<void(people&, entity_effects&)>& what);
  /// A delivery from one account to another.
  void send(user_id from, user_id to, const command::Delivery& what);
  /// Everything that entities still ask of one another.
  void run();
  /// One thing of that; false: nothing is left.
  bool advance() { return step(); }
  std::set<std::int64_t> silent;       ///< accounts that answer no commands; deliveries reach them
  std::set<std::int64_t> out_of_reach; ///< accounts whose shard is away: whoever asks loses patience
  std::size_t queries = 0;             ///< so far
  std::size_t commands = 0;            ///< so far
  std::size_t whispers = 0;            ///< so far

  [[nodiscard]] std::vector<heard> take_heard(const listener_id& session);
  [[nodiscard]] people& of(user_id who);
  [[nodiscard]] account_core& core_of(user_id who);

  /// Everything in memory is lost; rows and deliveries stay.
  void restart();
  /// The number of commits until the end of the world, and whether that one is still written.
  void crash_at(int commit, bool written) { crash_in_ = commit, crash_written_ = written; }
  [[nodiscard]] int commits() const { return commits_; }

  using row_map = std::map<std::pair<records_table, std::string>, std::string>;
  [[nodiscard]] row_map& rows(const cluster::entity_ref& of) { return entities_[key_of(of)].rows; }
  [[nodiscard]] std::optional<std::int64_t> owner_of(const std::string& username);
  [[nodiscard]] Relation relation_row(user_id who, user_id whom);
  [[nodiscard]] std::size_t rows_in(user_id who, records_table table);

  [[nodiscard]] tl::box<tl::InputUser> input(user_id viewer, user_id whom) const;
  [[nodiscard]] tl::box<tl::InputPeer> input_peer(user_id viewer, user_id whom) const;

  /// What box would keep for sessions that are away.
  struct note {
    user_id who;
    update_kind kind{};
    std::int64_t peer = 0;
    std::int32_t id = 0;
    bool on = false;
  };
  std::vector<note> notes;

private:
  struct person;
  using entity_key = std::pair<cluster::entity_kind, std::uint64_t>;
  struct entity_state {
    row_map rows;
    std::unique_ptr<entity_logic> logic;
  };
  /// Something that is going to happen; of those of one line the first one alone.
  struct event {
    std::uint64_t line = 0;
    bool durable = false; ///< a delivery
    std::function<void()> happen;
    cluster::entity_ref from;
    cluster::entity_ref to;
    std::string body;
    bool running = false;
  };
  struct ticket_state {
    answer_ptr answer;
    std::function<void(const rpc_result<std::string>&)> then;
    std::uint64_t delivery = 0;
  };

  static entity_key key_of(const cluster::entity_ref& of) { return {of.kind, of.id.value()}; }
  entity_logic& logic(const cluster::entity_ref& of);
  void request(const cluster::entity_ref& to, cluster::request_type type, const std::string& body, ticket_state state,
               const cluster::caller& from = {});
  void apply(const cluster::entity_ref& of, entity_effects effects);
  void apply_all();
  void commit(const cluster::entity_ref& of, entity_effects& effects);
  void begin_query(const cluster::entity_ref& of, entity::row_query query);
  void begin_command(const cluster::entity_ref& asker, entity::entity_command command);
  void answer(std::uint64_t ticket, const rpc_result<std::string>& what);
  void push(std::function<void()> happen);
  void deliver(std::uint64_t number);
  bool step();

  std::mt19937_64 random_;
  std::map<entity_key, entity_state> entities_;
  std::map<std::uint64_t, event> events_; ///< by number: older first
  std::map<std::uint64_t, ticket_state> open_;
  std::deque<std::pair<cluster::entity_ref, entity_effects>> effects_;
  std::map<std::uint64_t, std::vector<heard>> heard_; ///< by key
  std::uint64_t last_ = 0;
  bool applying_ = false;
  int commits_ = 0;
  int crash_in_ = -1;
  bool crash_written_ = false;
};

/// The first update of a kind in what a session heard, in updates or in updateShort; null when there is none.
tl::box<tl::object> find_update(const std::vector<heard>& all, std::uint32_t kind);

cluster::entity_ref user_ref(user_id whom);

} // namespace godwit::people::testing
