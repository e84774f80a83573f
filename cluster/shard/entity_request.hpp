#pragma once

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/intrusive_ptr.hpp>
#include <caf/ref_counted.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "cluster/base/entity.hpp"
#include "protocol/ids.hpp"
#include "protocol/rpc_error.hpp"

namespace godwit::cluster {

/// What the body of a request is. Crosses between nodes: never renumber.
enum class request_type : std::uint8_t {
  call = 1,     ///< a function of the API as the client sent it, boxed; answered at the caller's layer
  command = 2,  ///< a Protobuf message of the entity's kind, from another part of the server
  delivery = 3, ///< one item of a lane: exactly once, in order; the entity accepts it with what came of it
};

/// Who asks, as the session that took the call knows it. All zero for the server's own commands.
struct caller {
  user_id user;
  authorization_id authorization;
  auth_key_id key; ///< the permanent key
  session_id session;
  layer_t layer = 0;
  msg_id message; ///< of a call: as its client numbered it; a later copy of it has a greater number
};

/// One request to one entity. Never changed after it was sent; crosses nodes as an envelope.
struct entity_request : caf::ref_counted {
  entity_ref to;
  request_type type = request_type::command;
  caller from;
  std::string body;
  /// Who hears entity_reply; may be empty for commands that nobody waits for.
  caf::actor reply_to;
  /// Comes back in the reply; the asker's own.
  std::uint64_t token = 0;
  /// The asker hears entity_push of that entity from the reply on, until it ends or the entity forgets it.
  bool listens = false;
  /// Of a call: false when its client has no connection to this node any more. It may be making the call elsewhere, and one
  /// that waited must not come behind what follows it there. Null: nobody can go away.
  std::shared_ptr<const std::atomic<bool>> client_here;
  [[nodiscard]] bool unwanted() const { return client_here && !client_here->load(std::memory_order_relaxed); }
  /// The node that the asker is on, where it is another one; and how often the request was sent on since it left it.
  persistence::node_id origin;
  std::uint8_t hops = 0;
  /// Of the shard that works on it: its number among those in flight there. Touched on its loop alone.
  mutable std::uint64_t in_flight = 0;
  /// Of the entity that works on it: how many proposals it had made before. Likewise.
  mutable std::uint64_t proposals_before = 0;
  /// Of a delivery: the shard that it comes from, and its position in that lane.
  shard_id lane;
  std::uint64_t position = 0;
};
using entity_request_ptr = caf::intrusive_ptr<entity_request>;

enum class reply_status : std::uint8_t {
  ok,
  error,       ///< the entity's own answer: `error`
  unavailable, ///< the shard has no leader, is loading or lost its term: what was asked may or may not have
               ///< happened. Ask again; requests are idempotent or deduplicated.
  moved,       ///< between nodes alone: nothing happened, another node leads, see `leader`
};

/// The answer to one request, sent to `reply_to` when what it says is committed.
struct entity_reply {
  std::uint64_t token = 0;
  reply_status status = reply_status::ok;
  rpc_error error;
  std::string body; ///< TL at the caller's layer, or the Protobuf answer of the command
  /// The box position that the answer to a call names; 0: none. With a count the answer tells of everything between
  /// `pts - pts_count` and there; without one it tells of nothing and only says where the box is.
  std::int32_t pts = 0;
  std::int32_t pts_count = 0;
  /// Of `moved`: who leads, as far as the answering node knows; and in which term. Of any other answer of an entity:
  /// the term that it was given in.
  persistence::node_id leader;
  persistence::term_t term = 0;
};

} // namespace godwit::cluster

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::cluster::entity_request_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::cluster::entity_reply)
