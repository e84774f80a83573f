#pragma once

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>

#include <cstdint>

#include "cluster/base/entity.hpp"
#include "persistence/state/state_store.hpp"

namespace godwit::cluster {

// What the actors of a shard tell each other, beside entity_request and entity_reply. Never leaves the loop,
// let alone the node.

/// To an entity: everything it proposed up to this number is applied.
struct proposals_applied {
  std::uint64_t token = 0;
};

/// To an entity, from its host, which sends it nothing more before it answers: end, unless there is
/// something to do. Answered by its end or by entity_stays.
struct entity_rest {
  caf::actor host;
};

/// To the host: the entity goes on.
struct entity_stays {
  entity_ref who;
};

/// To an entity that loads, from a reader thread.
struct entity_page {
  persistence::storage_result<persistence::row_page> page;
};

/// To an entity, from itself: read on.
struct entity_load {};

/// To the host, from a reader thread: rows of lanes that it asked for.
struct lane_page {
  std::uint64_t number = 0; ///< of the question
  persistence::storage_result<persistence::row_page> page;
};

/// To the host: another node leads the shard now, or nobody does, or this one.
struct shard_leader_known {};

/// To the host: answer what is in flight, then end.
struct shard_stop {};

/// To the host, from itself: something changed that a stop may have waited for.
struct shard_stop_step {};

} // namespace godwit::cluster

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::cluster::proposals_applied)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::cluster::entity_rest)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::cluster::entity_stays)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::cluster::entity_page)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::cluster::entity_load)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::cluster::shard_leader_known)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::cluster::shard_stop)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::cluster::shard_stop_step)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::cluster::lane_page)
