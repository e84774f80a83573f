#pragma once

#include <string>
#include <vector>

#include "cluster/shard/entity_actor.hpp"
#include "cluster/shard/entity_factory.hpp"

namespace godwit::cluster {

class steward_desk;

/// One in every shard, on whoever leads it: answers from any node how the shard is and hands leadership over when an
/// operator asks. Has no rows.
class steward_entity final : public entity_actor {
public:
  steward_entity(caf::actor_config& config, home_loop& home, shard_context& shard, entity_ref self, steward_desk* desk);

  [[nodiscard]] const char* name() const override { return "steward_entity"; }

  /// For entity_kind::steward. The desk outlives the entities.
  static entity_factory factory(steward_desk& desk);

protected:
  [[nodiscard]] std::vector<persistence::table_id> tables() const override { return {}; }
  void load(const std::vector<loaded_row>& /*rows*/) override {}
  void handle(const entity_request_ptr& request) override;

private:
  [[nodiscard]] std::string get() const;
  [[nodiscard]] std::string hand_over(persistence::node_id to);

  steward_desk* desk_;
};

} // namespace godwit::cluster
