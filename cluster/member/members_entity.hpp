#pragma once

#include <vector>

#include "cluster/member/members_logic.hpp"
#include "cluster/shard/entity_actor.hpp"
#include "cluster/shard/entity_factory.hpp"

namespace godwit::cluster {

/// The cluster's one entity about its nodes: members_logic behind a mailbox, on whoever leads the cluster's own shard.
class members_entity final : public entity_actor {
public:
  members_entity(caf::actor_config& config, home_loop& home, shard_context& shard, entity_ref self);

  [[nodiscard]] const char* name() const override { return "members_entity"; }

  /// For entity_kind::members.
  static entity_factory factory();

protected:
  [[nodiscard]] std::vector<persistence::table_id> tables() const override;
  /// Throws when a row cannot be read: what nodes there are must not be guessed.
  void load(const std::vector<loaded_row>& rows) override;
  void handle(const entity_request_ptr& request) override;

private:
  members_logic logic_;
};

} // namespace godwit::cluster
