#pragma once

#include "cluster/shard/entity_request.hpp"
#include "cluster/shard/lane_messages.hpp"

namespace godwit::cluster {

/// Finds the shard of an entity, its leader and that leader's node, and hands the request over: a
/// mailbox here, an envelope on the peer link elsewhere. Safe from every thread.
class router {
public:
  virtual ~router() = default;

  /// Always ends in one entity_reply to `reply_to`, `unavailable` at the latest after
  /// limits::request_timeout_ms; or, when the asker is gone, in nothing.
  virtual void send(entity_request_ptr request) = 0;

  /// To the host of a shard, from another's. May be lost on its way, and this one loses it: only where there are no
  /// deliveries.
  virtual void send_lane(lane_message /*what*/) {}

  [[nodiscard]] virtual std::uint16_t shards() const = 0;

  /// Stands for whom a request to that entity is sent to now: another number when another node leads its shard, in
  /// another term, or nobody is known to. A hint; takes no lock. 0: there is one way, and all requests go it in order.
  [[nodiscard]] virtual std::uint64_t way_to(const entity_ref& /*which*/) const { return 0; }
};

} // namespace godwit::cluster
