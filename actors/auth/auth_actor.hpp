#pragma once

#include <memory>

#include "actors/auth/auth_keys.hpp"
#include "cluster/base/pinned_actor.hpp"

namespace godwit::actors {

/// The mailbox of one loop's auth_keys. Supervised by the node's supervisor, which starts it again: what
/// was being asked is then answered `unavailable`, the cache stays.
///
///   entity_reply    to what auth_keys asked of keys' entities
class auth_actor : public cluster::pinned_actor {
public:
  auth_actor(caf::actor_config& config, cluster::home_loop& home, std::shared_ptr<auth_keys> keys);

  caf::behavior make_behavior() override;
  void on_exit() override;
  [[nodiscard]] const char* name() const override { return "auth"; }

private:
  std::shared_ptr<auth_keys> keys_;
};

} // namespace godwit::actors
