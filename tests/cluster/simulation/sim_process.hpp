#pragma once

#include <caf/actor_system.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/account/account_options.hpp"
#include "actors/people/card_book.hpp"
#include "actors/people/presence_book.hpp"
#include "cluster/peer/peer_hub.hpp"
#include "cluster/route/cluster_router.hpp"
#include "cluster/route/peer_replicas.hpp"
#include "cluster/shard/shard_set.hpp"
#include "cluster/snapshot/snapshot_streams.hpp"
#include "tests/cluster/peer/sim_network.hpp"
#include "tests/cluster/simulation/sim_session.hpp"
#include "tests/cluster/simulation/sim_state.hpp"

namespace godwit::cluster_sim {

using cluster::node_id;

/// What a node has on its disks, and what else of it outlives its processes.
struct sim_machine {
  node_id id;
  log_disks logs;
  state_disks states;
  std::uint32_t slow_ms = 0; ///< of the disks
  std::uint64_t lives = 0;
  std::int64_t skew_ms = 0; ///< of the wall clock
};

/// Numbers of one seed, for entities.
class sim_random final : public crypto::random_source {
public:
  explicit sim_random(std::uint64_t seed) : dice_(seed) {}
  void fill(std::span<std::uint8_t> out) override;

private:
  dice dice_;
};

/// A client's connection to a process.
struct sim_connection {
  bool open = true;
  caf::actor session; ///< on the process's loop
  /// Where what the session says goes.
  std::function<void(session_news)> hears;
};
using sim_connection_ptr = std::shared_ptr<sim_connection>;

/// One process of a node, with all that it is made of but sockets and threads: a loop, links, router, replicas with
/// their hosts and accounts, snapshots, sessions.
class sim_process {
public:
  struct setup {
    caf::actor_system* system = nullptr;
    test::sim_network* network = nullptr;
    dice* random = nullptr;
    std::uint16_t shards = 4;
    std::uint32_t nodes = 3;
    std::uint32_t trailing_entries = 1000; ///< of logs, kept behind the state; few: snapshots are needed
    std::uint64_t seed = 1;
    std::function<void(const std::string&)> violated;
    /// Hears whom this process knows to lead.
    std::function<void(node_id, shard_id, cluster::leadership)> led;
    std::function<void(const std::string&)> trace;
  };

  sim_process(const setup& with, sim_machine& machine);
  /// kill() was called.
  ~sim_process();

  /// It ends here and now, with what is not on the disks. `told`: as sim_network::kill. False: its machinery does not
  /// end, and the object must not go.
  bool kill(bool told);

  /// A client connects; what its session says is heard a moment later.
  sim_connection_ptr connect(const cluster::caller& who, std::uint64_t instance,
                             std::function<void(session_news)> hears);

  static cluster::peer_address address_of(node_id which);

  [[nodiscard]] node_id id() const { return machine_.id; }
  [[nodiscard]] test::sim_host& host() { return host_; }
  [[nodiscard]] test::sim_loop& loop() { return loop_; }
  [[nodiscard]] cluster::shard_set& shards() { return *set_; }
  [[nodiscard]] cluster::cluster_router& router() { return router_; }
  [[nodiscard]] const account::account_options& accounts() const { return *accounts_; }
  [[nodiscard]] bool linked() const { return hub_.all_up().size() + 1 == with_.nodes; }
  [[nodiscard]] std::size_t snapshots() const { return state_.imported(); }
  /// Snapshots under way, in words.
  [[nodiscard]] std::string transfers() const;

private:
  [[nodiscard]] disk_setup disks() const;
  [[nodiscard]] cluster::peer_hub::options hub_options() const;
  [[nodiscard]] cluster::snapshot_streams::options snapshot_options();
  void start();
  bool run_until(const std::function<bool()>& done);

  const setup with_;
  sim_machine& machine_;
  test::sim_network& network_;
  test::sim_loop loop_;
  test::sim_host& host_;
  cluster::storage_events events_;
  sim_log log_;
  sim_state state_;
  sim_random random_;
  people::card_book cards_{100};
  people::presence_book presence_;
  std::shared_ptr<account::account_options> accounts_ = std::make_shared<account::account_options>();
  cluster::peer_hub hub_;
  cluster::hub_port port_;
  cluster::leader_board board_;
  cluster::cluster_router router_;
  cluster::snapshot_streams snapshots_;
  cluster::peer_replicas replicas_;
  std::unique_ptr<cluster::shard_set> set_;
  std::vector<sim_connection_ptr> connections_;
  bool alive_ = true;
};

} // namespace godwit::cluster_sim
