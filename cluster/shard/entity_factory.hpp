#pragma once

#include <caf/actor.hpp>
#include <caf/fwd.hpp>

#include <functional>
#include <map>

#include "cluster/base/entity.hpp"

namespace godwit::cluster {

class home_loop;
class shard_context;

/// Starts the actor of one entity, a class derived from entity_actor, on this loop. May throw; the
/// request that wanted the entity is then answered `unavailable`.
using entity_factory = std::function<caf::actor(caf::actor_system&, home_loop&, shard_context&, entity_ref)>;

/// The kinds of entities that a node serves.
using entity_factories = std::map<entity_kind, entity_factory>;

} // namespace godwit::cluster
