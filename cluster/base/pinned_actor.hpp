#pragma once

#include <caf/event_based_actor.hpp>

#include "cluster/base/home_loop.hpp"

namespace godwit::cluster {

/// Base of the actors of the data path: runs on its home loop alone, whoever sends to it. `home`
/// outlives the actor. Spawn with caf::actor_system::spawn<T>(home, ...), from any thread.
class pinned_actor : public caf::event_based_actor {
public:
  pinned_actor(caf::actor_config& config, home_loop& home) : caf::event_based_actor(config), home_(home) {}

  using caf::event_based_actor::enqueue;
  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit*) override {
    caf::event_based_actor::enqueue(std::move(what), &home_);
  }

  void launch(caf::execution_unit*, bool lazy, bool hide) override {
    caf::event_based_actor::launch(&home_, lazy, hide);
  }

  [[nodiscard]] home_loop& home() const { return home_; }

private:
  home_loop& home_;
};

} // namespace godwit::cluster
