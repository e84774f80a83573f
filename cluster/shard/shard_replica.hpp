#pragma once

#include <functional>
#include <optional>

#include "cluster/base/entity.hpp"
#include "cluster/base/loop_timer.hpp"
#include "cluster/shard/replica_port.hpp"
#include "persistence/raft/replica.hpp"

namespace godwit::cluster {

class loop_shards;
class peer_sink;

/// A replica, its state and its timer on the loop they live on: the owner of the consensus core, which nothing
/// else touches. Every call but the constructor on that loop.
class shard_replica final : public replica_port, private persistence::raft::replica_host {
public:
  struct setup {
    shard_id shard;
    persistence::flushed_state state; ///< what the stores held …
    persistence::recovered_log log;   ///< … when the node started
    persistence::raft::replica_options replica;
    persistence::shard_state::options state_options;
    peer_sink* peers = nullptr;
    std::function<void(shard_id, const persistence::storage_error&)> failed;
  };

  shard_replica(loop_shards& loop, persistence::log_store& log, persistence::state_store& state, setup with);
  ~shard_replica() override;

  void start();

  void log_written(persistence::write_generation generation);
  void state_flushed(const persistence::flush_completion& done);
  void receive(persistence::raft::message what);
  void log_read_done(const persistence::raft::log_read_request& request,
                     persistence::storage_result<std::vector<persistence::log_entry>> entries);

  /// End of a round of the loop. True: something was handed to a store.
  bool round();
  /// Hands everything applied to the state store, whatever its age.
  void flush_all();

  // replica_port
  void listen(replica_listener* who) override { listener_ = who; }
  [[nodiscard]] term_t ready_term() const override { return told_ready_; }
  persistence::shard_state& state() override { return state_; }
  expected<void, persistence::raft::raft_errc> propose(term_t fence, std::string_view mutation,
                                                       persistence::raft::proposal_token token) override;

private:
  void send(shard_id shard, persistence::raft::message what) override;
  void proposal_done(shard_id shard, persistence::raft::proposal_token token,
                     persistence::raft::proposal_outcome outcome, persistence::index_t index) override;
  void role_changed(shard_id) override {}
  void read_log(shard_id shard, const persistence::raft::log_read_request& request) override;
  void fetch_snapshot(shard_id shard, persistence::node_id from, const persistence::snapshot_point& at_least) override;
  void replica_failed(shard_id shard, const persistence::storage_error& why) override;

  void touched();
  void after_event();

  loop_shards& loop_;
  persistence::log_store& log_;
  persistence::state_store& store_;
  setup setup_;
  persistence::shard_state state_;
  persistence::raft::replica replica_;
  loop_timer timer_;
  replica_listener* listener_ = nullptr;
  term_t told_ready_ = 0;
  bool settled_ = true;
  std::optional<persistence::storage_error> failure_; ///< not yet told

  friend class loop_shards;
  bool dirty_ = false;
};

} // namespace godwit::cluster
