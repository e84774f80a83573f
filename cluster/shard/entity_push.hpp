#pragma once

#include <caf/allowed_unsafe_message_type.hpp>

#include <cstdint>
#include <memory>
#include <string>

#include "cluster/base/entity.hpp"

namespace godwit::cluster {

/// What an entity tells those that listen to it. Crosses between nodes: never renumber.
enum class push_kind : std::uint8_t {
  update = 1, ///< `body`
  ended = 2,  ///< what `number` names is no more: of an account, the login
  gone = 3,   ///< the entity's actor ended, or is out of reach: pushes may be lost from here on; listen again
};

/// To an actor that listens to an entity, in the entity's order and in that of the replies to it. Who listens asked
/// by an entity_request with `listens`.
struct entity_push {
  entity_ref from;
  push_kind kind = push_kind::update;
  std::uint64_t subscription = 0;          ///< the token of the request
  std::shared_ptr<const std::string> body; ///< may be shared by many
  /// The box position behind it, and how far it moves that; 0: it has none.
  std::int32_t pts = 0;
  std::int32_t pts_count = 0;
  std::int64_t number = 0;
};

} // namespace godwit::cluster

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::cluster::entity_push)
