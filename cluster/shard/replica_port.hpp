#pragma once

#include <limits>
#include <string_view>

#include "persistence/raft/proposal_queue.hpp"
#include "persistence/raft/raft_errc.hpp"
#include "persistence/state/shard_state.hpp"

namespace godwit::cluster {

/// Hears what becomes of a shard, on its loop and in no actor's turn.
class replica_listener {
public:
  virtual ~replica_listener() = default;

  /// The end of a proposal that was taken. Comes from inside the replica: note it and return.
  virtual void proposal_done(persistence::raft::proposal_token token, persistence::raft::proposal_outcome outcome) = 0;
  /// What was proposed and has not ended will not: the replica that had it is no more.
  virtual void proposals_forgotten() {}
  /// After one or more proposal_done; the replica may be called again.
  virtual void proposals_settled() = 0;
  /// Entities may load in this term from now on; 0: in none.
  virtual void ready_term_changed(persistence::term_t ready) = 0;
};

/// What the host of a shard needs of its replica.
class replica_port {
public:
  virtual ~replica_port() = default;

  /// From here on `who` hears; nullptr: nobody. Tells nothing by itself: ask ready_term.
  virtual void listen(replica_listener* who) = 0;
  [[nodiscard]] virtual persistence::term_t ready_term() const = 0;
  virtual persistence::shard_state& state() = 0;
  /// As persistence::raft::replica::propose.
  virtual expected<void, persistence::raft::raft_errc> propose(persistence::term_t fence, std::string_view mutation,
                                                               persistence::raft::proposal_token token) = 0;
  /// Until when applied rows may be answered from without asking anyone; 0: not now. As
  /// persistence::raft::consensus::lease_until.
  [[nodiscard]] virtual persistence::monotonic_ms lease_until() const {
    return std::numeric_limits<persistence::monotonic_ms>::max();
  }
  /// It leads nothing, whatever comes: this node was told so.
  [[nodiscard]] virtual bool resigned() const { return false; }
};

} // namespace godwit::cluster
