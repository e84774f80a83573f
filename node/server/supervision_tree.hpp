#pragma once

#include <caf/actor.hpp>
#include <caf/fwd.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace godwit::actors {
class gateway;
}

namespace godwit::cluster {
class home_loop;
}

namespace godwit::node {

/// Who restarts whom in a node.
///
///   node_supervisor                  here; its failure, or a child's beyond its budget, ends the process
///   ├─ storage threads               not actors; a failed write ends the process
///   ├─ shard_set                     replicas and hosts fail with their shard, which ends the process: what
///   │   │                            the disk holds is not known any more
///   │   └─ shard_host                10 restarts of one entity in 60 s, then it is refused for a while
///   │       └─ user, phone, auth_key actors       started by the next request, from the shard's rows
///   ├─ auth actor × loops            10 in 60 s: a fault in every lookup must not spin
///   └─ gateway                       no actor: plain state of each loop
///       └─ session actors            never: the client comes back and begins a new session; its calls are
///                                    safe to repeat
///
/// All are watched by monitors, never by links: a child's death is news, not a fate shared.
class supervision_tree {
public:
  /// `fatal` is called once, on any thread, when the node cannot go on. Everything outlives the tree.
  supervision_tree(caf::actor_system& system, actors::gateway& gateway, std::span<cluster::home_loop* const> loops,
                   std::function<void(std::string)> fatal);
  /// Ends the children and waits for them: their loops have to run. Not from a loop.
  ~supervision_tree();
  supervision_tree(const supervision_tree&) = delete;
  supervision_tree& operator=(const supervision_tree&) = delete;

  /// Whether every loop has come round within this time. Asks each of them anew. Any thread.
  [[nodiscard]] bool loops_alive(std::chrono::steady_clock::duration within);

private:
  struct watch;
  std::shared_ptr<watch> watch_;
  caf::actor supervisor_;
};

} // namespace godwit::node
