#pragma once

#include <caf/fwd.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "cluster/shard/entity_factory.hpp"
#include "cluster/shard/host_limits.hpp"
#include "cluster/shard/leader_board.hpp"
#include "cluster/shard/shard_port.hpp"
#include "cluster/shard/storage_events.hpp"
#include "persistence/raft/replica.hpp"
#include "persistence/state/shard_state.hpp"

namespace godwit::cluster {

class peer_sink;
class local_router;
class router;
struct shard_counters;

struct shard_set_options {
  persistence::node_id self{1};
  std::uint16_t shards = 16; ///< a power of two; the data folder was made with it
  /// Shards that have no log yet are begun by `members`. False: they stay empty until a leader elsewhere sends to them.
  bool founder = true;
  persistence::configuration members{{{persistence::node_id{1}, persistence::member_role::voter}}};
  persistence::raft::replica_options replica;
  persistence::shard_state::options state;
  host_limits host;

  /// What this node's replicas know of leaders goes there, and hosts look there who leads. nullptr: this node leads all.
  /// Outlives the set.
  leader_board* board = nullptr;
  /// What hosts and entities send by; it hands over to local() what is for this node. nullptr: local() itself.
  cluster::router* router = nullptr;
  shard_steward steward;
  /// As if told so by resign(): until resign(false) it leads nothing.
  bool resigned = false;

  /// Called once on a loop, when ready() came true.
  std::function<void()> ready;
  /// Called on a loop: a replica takes no further part, or the machinery of a shard ended by a fault. Its
  /// requests are answered `unavailable`; the node should stop.
  std::function<void(shard_id, const persistence::storage_error&)> failed;
};

/// The shards of one node, the cluster's own among them: their replicas, hosts and entities, dealt out to the node's
/// loops, and the router to them. Made, started, stopped and destroyed by one control thread, no loop's.
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
  /// Hands requests and messages of lanes to this node's hosts, whoever leads. As router().
  [[nodiscard]] local_router& local();
  /// Every shard has a leader that is known here; where this node leads, it serves. Any thread.
  [[nodiscard]] bool ready() const;
  /// Shards of the key space that this node leads in a term that entities may load in.
  [[nodiscard]] std::uint16_t shards_ready() const;
  /// How the shards stood, at most limits::steward_ms ago; the cluster's own is the last. Any thread, from start() on.
  [[nodiscard]] std::vector<shard_status> status() const;
  /// Of loop i.
  [[nodiscard]] const shard_counters& counters(std::size_t loop) const;

  // --- any thread, from start() until stop() ---

  /// A message of another node's replica.
  void receive(shard_id shard, persistence::raft::message what);
  /// The state store has a snapshot that a replica asked for; as persistence::raft::replica::snapshot_arrived.
  void snapshot_arrived(shard_id shard, const persistence::flushed_state& state);
  /// The snapshot cannot be had: the replica begins anew with what the disks hold. What was imported of it is dropped.
  /// Nothing, when the replica waits for none.
  void make_again(shard_id shard);
  /// Gives all leaders away, and serves nothing where nobody takes over, nor where it comes to lead meanwhile, until it
  /// is told otherwise. Before start() too, by the control thread.
  void resign(bool on);
  /// Runs `what` on the loop of the shard; not at all when there is no such shard.
  void on_shard(shard_id shard, std::function<void(shard_port&)> what);
  /// The loop of a shard.
  [[nodiscard]] home_loop& loop_of(shard_id shard) const;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace godwit::cluster
