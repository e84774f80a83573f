#pragma once

#include <caf/fwd.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "cluster/shard/entity_factory.hpp"
#include "cluster/shard/host_limits.hpp"
#include "cluster/shard/storage_events.hpp"
#include "persistence/raft/replica.hpp"
#include "persistence/state/shard_state.hpp"

namespace godwit::cluster {

class peer_sink;
class router;
struct shard_counters;

struct shard_set_options {
  persistence::node_id self{1};
  std::uint16_t shards = 16; ///< a power of two; the data folder was made with it
  /// Who begins a shard that has no log yet.
  persistence::configuration members{{{persistence::node_id{1}, persistence::member_role::voter}}};
  persistence::raft::replica_options replica;
  persistence::shard_state::options state;
  host_limits host;

  /// Called once on a loop, when every shard was ready at least once.
  std::function<void()> ready;
  /// Called on a loop: a replica takes no further part, or the machinery of a shard ended by a fault. Its
  /// requests are answered `unavailable`; the node should stop.
  std::function<void(shard_id, const persistence::storage_error&)> failed;
};

/// The shards of one node: their replicas, hosts and entities, dealt out to the node's loops, and the router
/// to them. Made, started, stopped and destroyed by one control thread, no loop's.
class shard_set {
public:
  /// All of it outlives the set; the stores were opened with `events` as their sinks. `peers` nullptr: a
  /// node alone.
  shard_set(caf::actor_system& system, std::span<home_loop* const> loops, persistence::log_store& log,
            persistence::state_store& state, storage_events& events, entity_factories factories,
            shard_set_options options, peer_sink* peers = nullptr);
  /// Calls stop().
  ~shard_set();
  shard_set(const shard_set&) = delete;
  shard_set& operator=(const shard_set&) = delete;

  /// Reads what the stores hold of each shard and starts its replica. Blocks on the disk, not on elections:
  /// see ready. Requests are taken at once and wait for their leader. Errors: those of the stores' recover.
  persistence::storage_result<void> start();

  /// Answers what is in flight, for limits::shard_drain_ms at most, refuses new requests, ends every entity and
  /// host and hands all applied rows to the state store, whose destructor writes them: the next start then
  /// replays nothing. Blocks until the loops, which have to run meanwhile, have done so. Again: nothing.
  void stop();
  /// The first half of stop(), which does not block.
  void begin_stop();
  [[nodiscard]] bool stopped() const;

  /// Safe from every thread, from start() until the set goes.
  [[nodiscard]] cluster::router& router();
  /// Every shard was ready at least once.
  [[nodiscard]] bool ready() const;
  /// Shards that this node leads in a term that entities may load in.
  [[nodiscard]] std::uint16_t shards_ready() const;
  /// Of loop i.
  [[nodiscard]] const shard_counters& counters(std::size_t loop) const;

  /// A message of another node's replica. Any thread.
  void receive(shard_id shard, persistence::raft::message what);

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace godwit::cluster
