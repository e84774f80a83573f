#pragma once

#include <caf/fwd.hpp>

#include <functional>
#include <memory>

#include "cluster/route/envelope_port.hpp"
#include "cluster/route/route_counters.hpp"
#include "cluster/shard/leader_board.hpp"
#include "cluster/shard/router.hpp"
#include "config/cluster_limits.hpp"
#include "config/limits.hpp"

namespace godwit::cluster {

/// The router of a node of several: to the own hosts what this node leads or nobody is known to lead, in envelopes to
/// other nodes what those lead, by way of a third one where the link is down. Brings back their answers and pushes, and
/// answers what they ask, or sends it on. Tells them who leads, as far as this node reaches them, and the board what
/// they tell.
///
/// Requests of one asker to one entity are handled in order while neither links nor leaders change.
class cluster_router final : public router {
public:
  struct options {
    node_id self;
    std::uint16_t shards = 16;
    /// Of this process, greater at each start: its requests are numbered behind those of earlier ones.
    std::uint64_t incarnation = 1;
    std::uint32_t request_timeout_ms = limits::request_timeout_ms;
    std::size_t pending_max = limits::route_pending_max;
    std::size_t taken_max = limits::route_taken_max;
    std::size_t listeners_max = limits::route_listeners_max;
    std::uint8_t hops_max = limits::route_hops_max;
  };

  /// Before the links begin and before anything is noted on the board. All of it outlives close(), the board the router.
  cluster_router(caf::actor_system& system, envelope_port& port, leader_board& board, options with);
  /// After close(), or where nothing ever ran.
  ~cluster_router() override;
  cluster_router(const cluster_router&) = delete;
  cluster_router& operator=(const cluster_router&) = delete;

  /// The way to this node's hosts, shard_set::local(); once, before the links begin and before the first request.
  /// Outlives close().
  void attach(router& local);
  /// From here on nothing goes to other nodes: what waits for them is answered `unavailable`, those of other nodes that
  /// listen here end. `done` runs on the loop of the links, and nothing of the router after it.
  void close(std::function<void()> done);

  // router; any thread
  void send(entity_request_ptr request) override;
  void send_lane(lane_message what) override;
  [[nodiscard]] std::uint64_t way_to(const entity_ref& which) const override;
  [[nodiscard]] std::uint16_t shards() const override;

  [[nodiscard]] const route_counters& counters() const;

private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

} // namespace godwit::cluster
