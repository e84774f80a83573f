#pragma once

#include <caf/fwd.hpp>

#include <memory>

#include "node/server/cluster_commands.hpp"

namespace godwit::actors {
class gateway;
}

namespace godwit::cluster {
class router;
}

namespace godwit::persistence {
class state_store;
}

namespace godwit::node {

class control_commands;

/// What the commands below ask. All of it outlives the object.
struct operator_access {
  caf::actor_system& system;
  cluster::router& router;
  persistence::state_store& state;
  actors::gateway& gateway;
  bool test_numbers = false;
  cluster_access cluster{}; ///< `ending` is set by the object
};

/// The commands about accounts (users, sessions, code, terminate) and about the cluster (nodes, shards, transfer). They
/// refuse once the object is gone.
class operator_commands {
public:
  operator_commands(control_commands& into, const operator_access& access);
  ~operator_commands();
  /// Commands that wait for something end at once, from now on. Any thread.
  void hurry();
  operator_commands(const operator_commands&) = delete;
  operator_commands& operator=(const operator_commands&) = delete;

private:
  struct guard;
  std::shared_ptr<guard> guard_;
};

} // namespace godwit::node
