#pragma once

#include <functional>

#include "cluster/route/envelope_port.hpp"
#include "cluster/route/route_counters.hpp"
#include "cluster/shard/peer_sink.hpp"

namespace godwit::cluster {

/// The way between a node's replicas and those of other nodes.
class peer_replicas final : public peer_sink {
public:
  struct options {
    node_id self;
    /// As persistence::raft::replica_host::fetch_snapshot; on the loop of the shard.
    std::function<void(persistence::shard_id, node_id from, const persistence::snapshot_point& at_least)>
      fetch_snapshot;
    /// As peer_sink::cancel_snapshot; none: there is nothing to cancel.
    std::function<void(persistence::shard_id, std::function<void()> then)> cancel_snapshot{};
  };

  /// Before the links begin. `port` outlives it.
  peer_replicas(envelope_port& port, options with);
  /// Where messages of other nodes go, on the loop of the links; before the links begin.
  using receiver = std::function<void(persistence::shard_id, persistence::raft::message)>;
  void attach(receiver who) { receive_ = std::move(who); }

  // peer_sink; on the loops of the shards
  void send(persistence::shard_id shard, persistence::raft::message what) override;
  void fetch_snapshot(persistence::shard_id shard, node_id from, const persistence::snapshot_point& at_least) override;
  void cancel_snapshot(persistence::shard_id shard, std::function<void()> then) override;

  [[nodiscard]] std::uint64_t sent() const { return sent_.value(); }
  [[nodiscard]] std::uint64_t lost() const { return lost_.value(); }
  [[nodiscard]] std::uint64_t received() const { return received_.value(); }
  [[nodiscard]] std::uint64_t garbage() const { return garbage_.value(); }

private:
  envelope_port& port_;
  options options_;
  receiver receive_;
  probe::shared_counter sent_;
  probe::shared_counter lost_; ///< the link was down or full
  probe::counter received_;
  probe::counter garbage_;
};

} // namespace godwit::cluster
