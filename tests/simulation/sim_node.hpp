#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "persistence/raft/replica.hpp"
#include "tests/simulation/checker.hpp"
#include "tests/simulation/network.hpp"
#include "tests/simulation/sim_log_store.hpp"
#include "tests/simulation/sim_state_store.hpp"
#include "tests/simulation/snapshot_fetch.hpp"
#include "tests/simulation/world.hpp"

namespace godwit::simulation {

inline constexpr persistence::shard_id the_shard{0};

/// A process with one replica, its loop, its two stores, and the disks that outlive it.
class sim_node final : public persistence::raft::replica_host {
public:
  sim_node(world& in, network& wires, checker& check, const std::vector<std::unique_ptr<sim_node>>& all,
           std::uint8_t index);

  /// What a node of a new group has on its disk before its first start.
  void bootstrap(const persistence::configuration& members);
  void start();
  void crash();
  /// Ends the replica, lets its writes finish and makes a new one from the disks.
  void restart();
  void freeze(time_us until) { frozen_until_ = until; }
  void slow_disks(time_us until);
  /// For a node at rest, which has applied everything.
  void look_at_memory() const;

  /// Something of this node happens. The caller has looked at its life.
  void carry_out(const event& what);

  /// A call into the replica, which must run; then what follows from it.
  template <class Call>
  void call(const Call& what) {
    what(process_->replica);
    settle();
  }
  /// The fetched snapshot is in the store.
  void snapshot_arrived(const persistence::flushed_state& state);
  /// Runs `what` on the loop, after all that was posted before.
  void post(std::function<void()> what);

  [[nodiscard]] unsigned index() const { return life_.index; }
  [[nodiscard]] persistence::node_id id() const { return life_.id(); }
  [[nodiscard]] std::uint32_t life() const { return life_.number; }
  [[nodiscard]] bool up() const { return life_.up; }
  [[nodiscard]] time_us frozen_until() const { return frozen_until_; }
  /// Up and not frozen.
  [[nodiscard]] bool awake() const { return life_.up && frozen_until_ <= world_.now; }
  [[nodiscard]] const persistence::raft::replica& replica() const { return process_->replica; }
  [[nodiscard]] persistence::shard_state& state() { return process_->state; }
  [[nodiscard]] sim_state_store& store() { return state_store_; }
  [[nodiscard]] bool leads() const {
    return awake() && process_->replica.core().current_role() == persistence::raft::role::leader;
  }

  // --- replica_host ---

  void send(persistence::shard_id shard, persistence::raft::message what) override;
  void proposal_done(persistence::shard_id shard, persistence::raft::proposal_token token,
                     persistence::raft::proposal_outcome outcome, persistence::index_t index) override;
  void role_changed(persistence::shard_id shard) override;
  void read_log(persistence::shard_id shard, const persistence::raft::log_read_request& request) override;
  void fetch_snapshot(persistence::shard_id shard, persistence::node_id from,
                      const persistence::snapshot_point& at_least) override;
  void replica_failed(persistence::shard_id shard, const persistence::storage_error& why) override;

private:
  struct process {
    process(sim_node& of, persistence::flushed_state from, const persistence::shard_state::options& state_options,
            const persistence::raft::replica_options& options)
        : state(the_shard, of.state_store_, std::move(from), state_options),
          replica(the_shard, options, of.log_store_, state, of) {}

    persistence::shard_state state;
    persistence::raft::replica replica;
  };

  void end_process();
  void settle();
  void look_at_promises();
  void arm_timer();
  void ask_for_round();
  void round();
  [[nodiscard]] persistence::raft::replica_options draw_options();
  [[nodiscard]] persistence::shard_state::options draw_state_options();

  world& world_;
  network& network_;
  checker& checker_;
  node_life life_;
  log_disk log_disk_;
  state_disk state_disk_;
  sim_log_store log_store_;
  sim_state_store state_store_;
  snapshot_fetch fetch_;
  std::unique_ptr<process> process_;
  std::deque<std::function<void()>> inbox_;
  std::vector<persistence::raft::finished_proposal> finished_; ///< in the current call
  time_us inbox_until_ = 0;
  time_us timer_planned_ = 0; ///< 0: none
  persistence::monotonic_ms timer_called_ = 0;
  /// What role_changed told, or did not: role, term, leader, ready term.
  std::tuple<persistence::raft::role, persistence::term_t, persistence::node_id, persistence::term_t> standing_;
  bool role_told_ = false;
  std::size_t proposals_max_ = 0;
  std::size_t cache_bytes_max_ = 0;
  time_us frozen_until_ = 0;
  bool round_planned_ = false;
};

using sim_nodes = std::vector<std::unique_ptr<sim_node>>;

/// The awake leader of the highest term, or null.
sim_node* newest_leader(const sim_nodes& nodes);

} // namespace godwit::simulation
