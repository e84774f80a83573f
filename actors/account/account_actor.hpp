#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "actors/account/entity_logic.hpp"
#include "cluster/shard/entity_actor.hpp"
#include "cluster/shard/entity_push.hpp"

namespace godwit::account {

struct account_options;
struct query_read;

/// A phone number, an account or a key: runs the logic of its kind over the rows of its shard.
///
/// Lives on the loop of its shard, at most one per entity and term; reach it through cluster::router. Its state
/// is a cache of rows. Supervised by the shard's host; ended when idle, except while sessions listen to it.
///
///   entity_request_ptr -> entity_reply      as cluster::entity_actor has it; bodies: account_commands.proto,
///                                           or a function of the API at the caller's layer
///   entity_reply                            to its own commands
///   caf::down_msg                           of a listening session
///   query_read                              rows that its logic asked for
///   expired_keys                            what its own look at the shard's keys found
///
/// Sends entity_push to the actors that subscribed, each under the token of its request.
class account_actor : public cluster::entity_actor {
public:
  account_actor(caf::actor_config& config, cluster::home_loop& home, cluster::shard_context& shard,
                cluster::entity_ref self, std::shared_ptr<const account_options> options);
  ~account_actor() override;

  [[nodiscard]] const char* name() const override { return "account"; }

protected:
  [[nodiscard]] std::vector<persistence::table_id> tables() const override;
  void load(const std::vector<cluster::loaded_row>& rows) override;
  void handle(const cluster::entity_request_ptr& request) override;
  caf::message_handler more_handlers() override;
  [[nodiscard]] bool busy() const override;
  void on_exit() override;

private:
  struct parts;
  [[nodiscard]] unix_time now() const;
  void apply(entity_effects effects);
  void accept_deliveries(const entity_effects& effects);
  void give_answers(entity_effects& effects, std::uint64_t decision);
  void give(entity_answer answer);
  void carry_out(entity_effects& effects, std::uint64_t decision);
  void begin(std::shared_ptr<entity::row_query> query);
  void read_again(std::shared_ptr<entity::row_query> query);
  void take_rows(const query_read& what);
  void send(entity_command what);
  void send(std::uint64_t token, const cluster::entity_ref& to, const std::string& body);
  void listen(const listener_id& who, const caf::actor& session, std::uint64_t subscription);
  void tell(const listener_message& what, std::uint64_t decision);
  void forget(const listener_id& who);
  void drop_listener(const listener_id& who);
  void take_reply(const cluster::entity_reply& what);
  void give_up();
  void take_result(std::uint64_t sent, const rpc_result<std::string>& result);
  void take_down(const caf::actor_addr& who);
  void sweep_keys();
  void expire_keys(const std::vector<std::uint64_t>& keys);
  std::shared_ptr<const account_options> options_;
  std::unique_ptr<parts> parts_;
};

} // namespace godwit::account
