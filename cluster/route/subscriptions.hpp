#pragma once

#include <caf/actor.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <unordered_map>

#include "cluster/route/request_codec.hpp"
#include "cluster/route/route_counters.hpp"
#include "cluster/shard/leader_board.hpp"

namespace godwit::cluster {

/// Askers of this node that listen to entities of other nodes: by the number of the request that each asked with. One
/// asker listens to an entity once, as it asked last. On the loop of the links alone.
class subscriptions {
public:
  struct hooks {
    /// The entity's node need not tell this asker any more.
    std::function<void(node_id, const listener_gone&)> tell_gone;
    /// Call asker_gone when that actor ends; or not any more.
    std::function<void(const caf::actor&)> watch;
    std::function<void(const caf::actor&)> unwatch;
  };

  subscriptions(hooks with, route_counters& counters) : hooks_(std::move(with)), counters_(counters) {}

  /// A request that listens goes to that leader of its shard, by way of the node `via`, which may be the leader. False:
  /// its asker asked again since, and listens by that one; this one must go nowhere. An asker's tokens grow.
  [[nodiscard]] bool begin(std::uint64_t number, const entity_request& request, shard_id shard, const leadership& led,
                           node_id via);
  /// It listens no more: the answer said so, or there was none. Its asker has been told, and the entity's node is.
  void end(std::uint64_t number);
  void push(node_id from, entity_push what);
  /// By which node that asker listens to that entity, as long as it is led so; no_node: it does not listen.
  [[nodiscard]] node_id way(const entity_request& of, const leadership& led) const;

  // These tell the askers concerned that pushes may be lost.
  void link_down(node_id which);
  void leader_known(shard_id shard, const leadership& now);

  void asker_gone(caf::actor_id which);
  void end_all();

private:
  struct subscription {
    caf::actor asker;
    std::uint64_t token = 0; ///< the asker's own
    entity_ref entity;
    shard_id shard;
    leadership led;
    node_id via; ///< where pushes come from
  };
  using place = std::pair<caf::actor_id, entity_ref>;
  struct place_order {
    bool operator()(const place& a, const place& b) const {
      return std::tuple(a.first, a.second.kind, a.second.id) < std::tuple(b.first, b.second.kind, b.second.id);
    }
  };

  void erase(std::uint64_t number, bool node_hears);
  void lose(const std::set<std::uint64_t>& which, bool node_hears);

  hooks hooks_;
  route_counters& counters_;
  std::unordered_map<std::uint64_t, subscription> all_;
  std::map<place, std::uint64_t, place_order> by_place_;
  std::map<shard_id, std::set<std::uint64_t>> by_shard_;
  std::unordered_map<caf::actor_id, std::set<std::uint64_t>> by_asker_;
};

} // namespace godwit::cluster
