#pragma once

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>

#include <functional>
#include <map>
#include <utility>

#include "cluster/base/pinned_actor.hpp"

namespace godwit::cluster {

/// To ask_watch, from the loop that it is on.
struct watch_asker {
  caf::actor which;
  bool on = true;
};

} // namespace godwit::cluster

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::cluster::watch_asker)

namespace godwit::cluster {

/// Notices the end of actors that listen to entities of other nodes.
class ask_watch final : public pinned_actor {
public:
  ask_watch(caf::actor_config& config, home_loop& home, std::function<void(caf::actor_id)> ended)
      : pinned_actor(config, home), ended_(std::move(ended)) {}

  caf::behavior make_behavior() override {
    set_default_handler(caf::drop);
    set_down_handler([this](const caf::down_msg& what) { ended_(what.source.id()); });
    return {[this](const watch_asker& what) { what.on ? monitor(what.which) : demonitor(what.which); }};
  }
  [[nodiscard]] const char* name() const override { return "ask_watch"; }

private:
  std::function<void(caf::actor_id)> ended_;
};

} // namespace godwit::cluster
