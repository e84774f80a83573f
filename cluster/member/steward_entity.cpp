#include "cluster/member/steward_entity.hpp"

#include <caf/actor_system.hpp>

#include <algorithm>
#include <utility>

#include "cluster/member/member_records.hpp"
#include "cluster/member/steward_desk.hpp"
#include "cluster/wire/member_commands.pb.h"
#include "config/cluster_limits.hpp"

namespace godwit::cluster {

using persistence::member_role;
using persistence::node_id;

steward_entity::steward_entity(caf::actor_config& config, home_loop& home, shard_context& shard, entity_ref self,
                               steward_desk* desk)
    : entity_actor(config, home, shard, self), desk_(desk) {}

entity_factory steward_entity::factory(steward_desk& desk) {
  return [at = &desk](caf::actor_system& system, home_loop& home, shard_context& shard, entity_ref self) -> caf::actor {
    return system.spawn<steward_entity>(home, shard, self, at);
  };
}

void steward_entity::handle(const entity_request_ptr& request) {
  wire::StewardCommand what;
  if (request->type != request_type::command || self_ref() != member_records::steward_ref(shard().shard()) ||
      !what.ParseFromString(request->body)) {
    fail(request, rpc_errc::input_request_invalid);
  } else if (what.has_get_shard()) {
    reply(request, get());
  } else if (what.has_hand_over()) {
    reply(request, hand_over(node_id{what.hand_over().to()}));
  } else {
    fail(request, rpc_errc::input_request_invalid);
  }
}

std::string steward_entity::get() const {
  wire::Shard out;
  out.set_shard(shard().shard().value());
  out.set_term(shard().term());
  // Nothing is known before the first turn; the term is, and that this node leads.
  if (const auto known = desk_->status(shard().shard(), home().now()); known && known->term == shard().term()) {
    out.set_leader(known->leader.value());
    out.set_last_index(known->last_index);
    out.set_commit_index(known->commit_index);
    out.set_change_pending(known->change_pending);
    for (const led_shard::holder& each : known->members) {
      wire::ShardMember& member = *out.add_member();
      member.set_node(each.is.id.value());
      member.set_role(static_cast<std::uint32_t>(each.is.role));
      member.set_match_index(each.match);
      member.set_up(each.up);
      member.set_catching_up(each.catching_up);
    }
  }
  return out.SerializeAsString();
}

std::string steward_entity::hand_over(node_id to) {
  wire::HandingOver out;
  const auto known = desk_->status(shard().shard(), home().now());
  if (!known || known->term != shard().term()) {
    out.set_refusal("the shard has had this leader for less than a second; try again");
    return out.SerializeAsString();
  }
  const auto found = std::find_if(known->members.begin(), known->members.end(),
                                  [to](const led_shard::holder& each) { return each.is.id == to; });
  const std::string name = "node " + std::to_string(to.value());
  if (to == known->leader) {
    // It is as asked.
  } else if (found == known->members.end() || found->is.role != member_role::voter) {
    out.set_refusal(name + " has no vote in this shard; `godwit ctl shards` shows who has one");
  } else if (!found->up) {
    out.set_refusal(name + " is not connected to the shard's leader, node " + std::to_string(known->leader.value()) +
                    "; `godwit ctl nodes` there tells why");
  } else if (found->match + limits::member_lag_entries_max < known->last_index) {
    out.set_refusal(name + " is behind the shard's log; try again when it has caught up");
  } else {
    desk_->ask_hand_over(shard().shard(), to, home().now());
  }
  return out.SerializeAsString();
}

} // namespace godwit::cluster
