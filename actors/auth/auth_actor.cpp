#include "actors/auth/auth_actor.hpp"

#include <utility>

namespace godwit::actors {

auth_actor::auth_actor(caf::actor_config& config, cluster::home_loop& home, std::shared_ptr<auth_keys> keys)
    : pinned_actor(config, home), keys_(std::move(keys)) {}

caf::behavior auth_actor::make_behavior() {
  keys_->answers_to(caf::actor_cast<caf::actor>(this));
  return {[this](const cluster::entity_reply& reply) { keys_->reply(reply); }};
}

void auth_actor::on_exit() {
  keys_->abandon();
  keys_.reset();
}

} // namespace godwit::actors
