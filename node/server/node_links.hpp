#pragma once

#include <caf/fwd.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/account/public_addresses.hpp"
#include "cluster/member/cluster_map.hpp"
#include "cluster/peer/peer_hub.hpp"
#include "cluster/shard/entity_factory.hpp"
#include "cluster/shard/shard_set.hpp"
#include "config/node_config.hpp"
#include "node/identity/node_credentials.hpp"
#include "node/server/node.hpp"

namespace godwit::people {
class presence_book;
}

namespace godwit::cluster {
class cluster_router;
class snapshot_streams;
} // namespace godwit::cluster

namespace godwit::node {

class edge_loop;
class metric_writer;

/// Everything between this node and the others: links, routing, membership, snapshots. All of it on one loop.
///
/// In this order: open; configure the shards with it; attach them; start; … close_requests, then the shards stop, then
/// stop. By one control thread; what is asked in between, by any.
class node_links {
public:
  struct setup {
    caf::actor_system& system;
    edge_loop& loop;
    const config::node_config& config;
    const node_credentials& who;
    std::uint64_t incarnation = 0;
    std::uint64_t folder = 0; ///< persistence::lmdb::storage::folder_id
    std::uint16_t shards = 0;
    /// Nothing is in any log. Unless this node began the cluster, its replicas hear nothing from other nodes until the
    /// cluster has taken its announcement: should its number have had another folder, what that one promised is lost.
    bool empty = false;
    cluster::cluster_map known; ///< what the node's own rows say of its cluster
    persistence::state_store& state;
    people::presence_book& presence;
    /// The node's own clock as it is, which the others compare with theirs.
    std::function<unix_ms()> wall;
    /// The cluster does not want this process. Any thread.
    std::function<void(exit_code, std::string)> fatal;
  };

  /// Listens for other nodes, and lets none in yet.
  static expected<std::unique_ptr<node_links>, node_failure> open(setup with);
  ~node_links();
  node_links(const node_links&) = delete;
  node_links& operator=(const node_links&) = delete;

  /// Sets what shards need of the links, and adds the entities of the cluster itself.
  void configure(cluster::shard_set_options& options, cluster::entity_factories& factories);
  [[nodiscard]] cluster::peer_sink& replicas();
  void attach(cluster::shard_set& shards);
  void start();
  /// Nothing goes to other nodes any more but what replicas say. Blocks until the loop has done so.
  void close_requests();
  /// Ends all links. Blocks.
  void stop();

  /// Connections to other nodes show this certificate from now on. Error: one line. Any thread.
  expected<void, std::string> show_certificate(const node_credentials& renewed);

  [[nodiscard]] cluster::router& router();
  [[nodiscard]] const cluster::leader_board& leaders() const;
  [[nodiscard]] cluster::cluster_map_ptr map() const;
  [[nodiscard]] std::vector<cluster::peer_status> peers() const;
  /// As peer_hub::seeds.
  [[nodiscard]] std::vector<cluster::peer_status> seeds() const;
  /// Of the cluster's own group: the nodes that a majority is counted of. This node alone, while none are known.
  [[nodiscard]] std::vector<cluster::node_id> voters() const;
  [[nodiscard]] cluster::node_id self() const;
  /// What keeps this node from its cluster, in one line; empty: nothing. Without any link: why the first of them is
  /// down.
  [[nodiscard]] std::string trouble() const;
  /// Shards without a leader that is known here.
  [[nodiscard]] std::uint16_t leaderless() const;
  /// Of the nodes that are up, for clients.
  [[nodiscard]] std::shared_ptr<const account::public_addresses> addresses() const;
  /// JSON of /discovery.
  [[nodiscard]] std::string discovery() const;
  void collect(metric_writer& out) const;

private:
  struct parts;
  explicit node_links(std::unique_ptr<parts> made);
  std::unique_ptr<parts> parts_;
};

} // namespace godwit::node
