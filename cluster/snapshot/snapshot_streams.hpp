#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "cluster/base/probe.hpp"
#include "cluster/peer/peer_connection.hpp"
#include "config/cluster_limits.hpp"
#include "persistence/state/state_store.hpp"
#include "protocol/ids.hpp"

namespace godwit::cluster {

using persistence::shard_id;

class home_loop;

/// A snapshot on its way, as an operator sees it.
struct snapshot_transfer {
  enum class phase : std::uint8_t {
    seeking,   ///< incoming: nobody sends it yet
    waiting,   ///< nothing moves yet: its sender serves others first
    streaming, ///< rows are on their way
    broken,    ///< outgoing: the connection ended; the rows are kept for a while, for a receiver that comes back
    finishing, ///< all rows are there
  };

  shard_id shard;
  node_id peer; ///< no_node: nobody yet
  bool incoming = false;
  phase now = phase::seeking;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::uint64_t bytes_per_second = 0; ///< of the last seconds
  unix_ms since = 0;                  ///< by this node's clock
};

std::string_view to_string(snapshot_transfer::phase which);

/// Written on the loop of the peers, read from any thread.
struct snapshot_counters {
  probe::counter sent_bytes; ///< of rows; those sent again as well
  probe::counter sent_rows;
  probe::counter sent;           ///< snapshots that were installed at their receiver
  probe::counter received_bytes; ///< of rows that were imported
  probe::counter received_rows;
  probe::counter installed;
  probe::counter resumed;      ///< streams that went on behind a break, as their receiver
  probe::counter begun_anew;   ///< imports that were dropped in the middle
  probe::counter broken;       ///< connections that ended before their stream did, as its receiver
  probe::counter damaged;      ///< chunks or streams whose checksums did not hold, as their receiver
  probe::counter refused;      ///< asked in vain, whatever for
  probe::counter stale;        ///< whoever leads stood below what was wanted, for too long
  probe::counter given_up_for; ///< pictures dropped because the store had to make its file larger
  probe::gauge sending;        ///< streams
  probe::gauge receiving;      ///< fetches
  probe::gauge exports;        ///< pictures of the store that are held
};

/// Snapshots of shards between this node and the others, over bulk connections: fetches what replicas of this node ask
/// for, and serves what those of others do. One per node, on the loop of the peers; rows are read on the store's reader
/// threads.
///
/// A receiver imports chunks in order, each checked, and grants its sender a few chunks ahead of that, so that nothing
/// piles up anywhere. After a break it goes on behind its last chunk, if the sender still holds the picture of its
/// store that the chunks came from. It installs when every chunk, the number of rows and the checksum over all of them
/// are right, and never before.
class snapshot_streams {
public:
  struct options {
    node_id self;
    std::uint16_t shards = 16;                  ///< beside the cluster's own
    std::uint64_t bytes_per_second = 64U << 20; ///< over all streams that leave; 0: without a bound
    std::uint64_t seed = 1;                     ///< of tokens and pauses; another one in each process
    /// Who leads, as this node knows; no_node: nobody known. Any of these is called on the loop of the peers.
    std::function<node_id(shard_id)> leader_of;
    std::function<std::optional<peer_address>(node_id)> address_of;
    /// Whoever leads stands below what a fetch wants, for limits::snapshot_stale_ms: the fetch has ended, no call of
    /// its import is under way, and the replica is to be made anew from the disks, which still hold what they held
    /// before. See persistence::raft::replica_host::fetch_snapshot.
    std::function<void(shard_id)> stale;
    std::size_t chunk_bytes = limits::snapshot_chunk_bytes;
  };

  /// All of it outlives the object. Made before the loop has heard of it, or on it.
  snapshot_streams(home_loop& loop, peer_network& network, persistence::state_store& state, options with);
  /// stop() has run its course before.
  ~snapshot_streams();
  snapshot_streams(const snapshot_streams&) = delete;
  snapshot_streams& operator=(const snapshot_streams&) = delete;

  // --- from every thread ---

  /// The rows of `shard`, at `at_least` or later, are in the state store as its newest generation, durably. Called on
  /// the loop of the peers.
  using fetched = std::function<void(const persistence::flushed_state&)>;
  /// Brings the shard's rows from whoever leads it, `from` if nobody is known to, and keeps trying until it succeeds or
  /// `stale` is called. Takes the place of an earlier fetch of the shard, whose `done` is not called any more; goes on
  /// with what that one has imported, if that reaches `at_least`.
  void fetch(shard_id shard, node_id from, const persistence::snapshot_point& at_least, fetched done);
  /// Ends a fetch. `ended` is called on the loop when no call of its import is under way any more: from then on the
  /// shard's generation in the state store stays what it is.
  void cancel(shard_id shard, std::function<void()> ended);
  /// Ends everything. `done` is called on the loop; nothing is called back any more after it, and the object and its
  /// store may go.
  void stop(std::function<void()> done);

  [[nodiscard]] std::vector<snapshot_transfer> status() const;
  [[nodiscard]] const snapshot_counters& counters() const;

  // --- on the loop ---

  /// A bulk connection that another node dialled; see peer_network::take_with.
  void take(std::unique_ptr<peer_connection> connection, node_id certified);

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace godwit::cluster
