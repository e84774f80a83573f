#pragma once

#include <functional>

#include "persistence/base/types.hpp"
#include "persistence/log/log_entry.hpp"
#include "persistence/raft/message.hpp"

namespace godwit::cluster {

/// The other nodes, as the replicas of this one see them. Called on the loop of the shard.
class peer_sink {
public:
  virtual ~peer_sink() = default;

  /// May lose, delay, double and reorder messages.
  virtual void send(persistence::shard_id shard, persistence::raft::message what) = 0;

  /// See persistence::raft::replica_host::fetch_snapshot.
  virtual void fetch_snapshot(persistence::shard_id shard, persistence::node_id from,
                              const persistence::snapshot_point& at_least) = 0;

  /// Gives up what fetch_snapshot began, if anything. `then` is called once, on any thread, perhaps before this
  /// returns: from then on nothing of it reaches the state store.
  virtual void cancel_snapshot(persistence::shard_id shard, std::function<void()> then) {
    (void)shard;
    then();
  }
};

/// A node alone.
class no_peers final : public peer_sink {
public:
  void send(persistence::shard_id, persistence::raft::message) override {}
  void fetch_snapshot(persistence::shard_id, persistence::node_id, const persistence::snapshot_point&) override {}
};

} // namespace godwit::cluster
