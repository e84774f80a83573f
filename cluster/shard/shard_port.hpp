#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "persistence/raft/consensus.hpp"

namespace godwit::cluster {

using persistence::configuration;
using persistence::index_t;
using persistence::monotonic_ms;
using persistence::node_id;
using persistence::shard_id;
using persistence::term_t;

/// A replica, as those see it who move it about: stewards, operators. On the loop of its shard alone, and not beyond
/// the call that it was given to.
class shard_port {
public:
  virtual ~shard_port() = default;

  [[nodiscard]] virtual shard_id shard() const = 0;
  [[nodiscard]] virtual node_id self() const = 0;
  /// Of this round.
  [[nodiscard]] virtual monotonic_ms now() const = 0;

  [[nodiscard]] virtual persistence::raft::role role() const = 0;
  [[nodiscard]] virtual term_t term() const = 0;
  /// The term in which it leads and serves; 0: in none.
  [[nodiscard]] virtual term_t ready_term() const = 0;
  /// The newest in its log, committed or not.
  [[nodiscard]] virtual const configuration& members() const = 0;
  /// Waits for a snapshot.
  [[nodiscard]] virtual bool installing() const = 0;

  // What follows is of a leader.

  /// A change of members would be refused now.
  [[nodiscard]] virtual bool change_pending() const = 0;
  [[nodiscard]] virtual persistence::raft::catch_up_status catching_up(node_id who) const = 0;
  /// Everything up to here is on that node's disk; 0: not known.
  [[nodiscard]] virtual index_t match_index(node_id who) const = 0;
  [[nodiscard]] virtual index_t commit_index() const = 0;
  [[nodiscard]] virtual index_t last_index() const = 0;
  /// As persistence::raft::consensus::lease_until.
  [[nodiscard]] virtual monotonic_ms lease_until() const = 0;
  /// Leadership is being handed over.
  [[nodiscard]] virtual bool transferring() const = 0;
  /// This node has been told to lead nothing.
  [[nodiscard]] virtual bool resigned() const = 0;

  /// One server's difference, as persistence::raft::change_submitted. Look at members() and change_pending() for what
  /// becomes of it.
  virtual expected<void, persistence::raft::raft_errc> change_members(configuration next) = 0;
  virtual expected<void, persistence::raft::raft_errc> catch_up(node_id who) = 0;
  /// no_node: to whomever is best.
  virtual expected<void, persistence::raft::raft_errc> transfer(node_id to) = 0;
};

/// Called about every limits::steward_ms for each replica of this node, whether it leads or not, on the loop of the
/// shard.
using shard_steward = std::function<void(shard_port&)>;

/// How a replica stood less than a second ago.
struct shard_status {
  shard_id shard;
  persistence::raft::role role = persistence::raft::role::follower;
  term_t term = 0;
  term_t ready_term = 0; ///< leads and serves; 0: does not
  node_id leader;        ///< no_node: not known
  configuration members; ///< empty: it has no log yet
  bool change_pending = false;
  index_t applied = 0;
  index_t commit = 0;
  index_t persisted = 0;
  index_t last = 0;
  bool installing = false; ///< waits for a snapshot
  bool failed = false;     ///< takes no further part
  bool resigned = false;
  /// Of a leader: what each other member has on its disk.
  std::vector<std::pair<node_id, index_t>> match;

  /// Entries that are known to be committed and not applied here.
  [[nodiscard]] index_t lag() const { return commit > applied ? commit - applied : 0; }
};

} // namespace godwit::cluster
