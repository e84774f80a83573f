#include "cluster/member/members_entity.hpp"

#include <caf/actor_system.hpp>

#include <stdexcept>
#include <utility>

#include "cluster/member/member_records.hpp"

namespace godwit::cluster {

members_entity::members_entity(caf::actor_config& config, home_loop& home, shard_context& shard, entity_ref self)
    : entity_actor(config, home, shard, self) {}

entity_factory members_entity::factory() {
  return [](caf::actor_system& system, home_loop& home, shard_context& shard, entity_ref self) -> caf::actor {
    return system.spawn<members_entity>(home, shard, self);
  };
}

std::vector<persistence::table_id> members_entity::tables() const {
  return {member_records::settings_table, member_records::node_table, member_records::placement_table};
}

void members_entity::load(const std::vector<loaded_row>& rows) {
  for (const loaded_row& each : rows) {
    if (!logic_.load(each.table, each.value)) {
      throw std::logic_error("a row about the cluster's nodes cannot be read: a newer version of the program wrote it");
    }
  }
}

void members_entity::handle(const entity_request_ptr& request) {
  std::optional<members_logic::outcome> decided;
  if (request->type == request_type::command && self_ref() == member_records::members_ref) {
    decided = logic_.handle(request->body);
  }
  if (!decided) {
    fail(request, rpc_errc::input_request_invalid);
    return;
  }
  for (const members_logic::row_put& each : decided->rows) {
    mutation().put(each.table, self_ref().id, each.sub_key, each.value);
  }
  propose();
  reply(request, std::move(decided->body));
}

} // namespace godwit::cluster
