#pragma once

#include <functional>
#include <mutex>
#include <optional>

#include "cluster/base/entity.hpp"
#include "cluster/base/loop_timer.hpp"
#include "cluster/shard/leader_board.hpp"
#include "cluster/shard/replica_port.hpp"
#include "cluster/shard/shard_port.hpp"
#include "persistence/raft/replica.hpp"

namespace godwit::cluster {

class loop_shards;
class peer_sink;

/// A replica, its state and its timer on the loop they live on: the owner of the consensus core, which nothing
/// else touches. Every call but the constructor on that loop.
class shard_replica final : public replica_port, public shard_port, private persistence::raft::replica_host {
public:
  struct setup {
    shard_id shard;
    persistence::flushed_state state; ///< what the stores held …
    persistence::recovered_log log;   ///< … when the node started
    persistence::raft::replica_options replica;
    persistence::shard_state::options state_options;
    peer_sink* peers = nullptr;
    leader_board* board = nullptr; ///< hears who leads; may be nullptr
    const shard_steward* steward = nullptr;
    bool resigned = false; ///< leads nothing until resign(false)
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
  void snapshot_arrived(const persistence::flushed_state& state);
  /// Gives leadership away, and serves nothing when nobody takes it, nor in a term that begins meanwhile, until it is
  /// told otherwise.
  void resign(bool on);
  /// Every limits::steward_ms.
  void tick();
  /// Ends the replica and makes it again from what the disks hold, once its writes are there. Nothing, when it installs
  /// no snapshot.
  void make_again();

  /// End of a round of the loop. True: something was handed to a store.
  bool round();
  /// Hands everything applied to the state store, whatever its age.
  void flush_all();

  // replica_port
  void listen(replica_listener* who) override { listener_ = who; }
  [[nodiscard]] term_t ready_term() const override { return told_ready_; }
  persistence::shard_state& state() override { return *state_; }
  expected<void, persistence::raft::raft_errc> propose(term_t fence, std::string_view mutation,
                                                       persistence::raft::proposal_token token) override;
  [[nodiscard]] monotonic_ms lease_until() const override;
  [[nodiscard]] bool resigned() const override { return resigned_since_ != 0; }

  // shard_port
  [[nodiscard]] shard_id shard() const override { return setup_.shard; }
  [[nodiscard]] node_id self() const override { return setup_.replica.consensus.self; }
  [[nodiscard]] monotonic_ms now() const override;
  [[nodiscard]] persistence::raft::role role() const override;
  [[nodiscard]] term_t term() const override;
  [[nodiscard]] const configuration& members() const override;
  [[nodiscard]] bool installing() const override;
  [[nodiscard]] bool change_pending() const override;
  [[nodiscard]] persistence::raft::catch_up_status catching_up(node_id who) const override;
  [[nodiscard]] index_t match_index(node_id who) const override;
  [[nodiscard]] index_t commit_index() const override;
  [[nodiscard]] index_t last_index() const override;
  [[nodiscard]] bool transferring() const override;
  expected<void, persistence::raft::raft_errc> change_members(configuration next) override;
  expected<void, persistence::raft::raft_errc> catch_up(node_id who) override;
  expected<void, persistence::raft::raft_errc> transfer(node_id to) override;

  /// From any thread.
  [[nodiscard]] shard_status status() const;

private:
  /// Tokens of changes of members; those of the host are below.
  static constexpr persistence::raft::proposal_token first_change = persistence::raft::proposal_token{1} << 63;

  struct making_again {
    persistence::write_generation last_write = 0; ///< when it is durable, everything before it is
    bool log_done = false;
    bool state_done = false;
    bool reading = false;
  };

  void send(shard_id shard, persistence::raft::message what) override;
  void proposal_done(shard_id shard, persistence::raft::proposal_token token,
                     persistence::raft::proposal_outcome outcome, persistence::index_t index) override;
  void role_changed(shard_id) override { role_changed_ = true; }
  void read_log(shard_id shard, const persistence::raft::log_read_request& request) override;
  void fetch_snapshot(shard_id shard, persistence::node_id from, const persistence::snapshot_point& at_least) override;
  void replica_failed(shard_id shard, const persistence::storage_error& why) override;

  [[nodiscard]] persistence::monotonic_ms moment();
  void touched();
  void after_event();
  void follow_handover();
  void arm_timer();
  void follow_ready();
  void tell_board();
  void publish();
  [[nodiscard]] std::function<void()> later(std::function<void(shard_replica&)> what);
  void drop_import();
  void read_again();
  void made_again(persistence::storage_result<persistence::flushed_state> state,
                  persistence::storage_result<persistence::recovered_log> log);
  [[nodiscard]] bool leads() const;
  [[nodiscard]] node_id leader() const;

  loop_shards& loop_;
  persistence::log_store& log_;
  persistence::state_store& store_;
  setup setup_;
  std::optional<persistence::shard_state> state_;
  std::optional<persistence::raft::replica> replica_;
  loop_timer timer_;
  replica_listener* listener_ = nullptr;
  term_t told_ready_ = 0;
  bool settled_ = true;
  bool role_changed_ = false;
  leadership heard_;                  ///< who last spoke as a leader, and in which term
  std::uint64_t changes_ = 0;         ///< of members, asked for
  monotonic_ms moment_ = 0;           ///< the newest that the replica was given
  bool handing_over_ = false;         ///< it was, a moment ago
  monotonic_ms resigned_since_ = 0;   ///< 0: it may lead
  bool silenced_ = false;             ///< resigned, and nobody took over
  std::optional<making_again> again_; ///< the replica ended and the next one is not there yet

  mutable std::mutex mutex_;
  shard_status status_;                               ///< under the mutex
  std::optional<persistence::storage_error> failure_; ///< not yet told

  friend class loop_shards;
  bool dirty_ = false;
};

} // namespace godwit::cluster
