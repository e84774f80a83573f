#pragma once

#include <caf/actor_system.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/account/account_options.hpp"
#include "actors/gateway/gateway.hpp"
#include "actors/people/card_book.hpp"
#include "actors/people/presence_book.hpp"
#include "cluster/shard/shard_set.hpp"
#include "cluster/shard/storage_events.hpp"
#include "node/edge/edge_connection.hpp"
#include "node/edge/edge_loop.hpp"
#include "node/edge/listener.hpp"
#include "node/edge/system_clocks.hpp"
#include "node/metrics/metric_registry.hpp"
#include "node/server/clock_watch.hpp"
#include "node/server/node.hpp"
#include "node/server/node_links.hpp"
#include "node/server/node_setting.hpp"
#include "node/server/operator_commands.hpp"
#include "node/server/parting_rule.hpp"
#include "node/server/supervision_tree.hpp"
#include "node/webhook/code_webhook.hpp"
#include "persistence/lmdb/storage.hpp"

namespace godwit::node {

/// Of node.cpp and node_start.cpp alone.
///
/// Members go in the reverse order: first the doors, then what comes through them, then what that stands on.
struct node::parts {
  explicit parts(node_services lent)
      : services(std::move(lent)),
        config(services.config),
        events([this](cluster::storage_health now, const auto& why) { storage_changed(now, why); }) {}

  expected<void, node_failure> open_storage();
  expected<void, node_failure> prepare_accounts();
  expected<void, node_failure> start_shards();
  expected<void, node_failure> start_gateway();
  expected<void, node_failure> bind();
  expected<void, node_failure> listen();
  [[nodiscard]] expected<void, node_failure> check_storage() const;
  [[nodiscard]] expected<cluster::cluster_map, node_failure> read_map() const;
  [[nodiscard]] expected<void, node_failure> check_copy(const cluster::cluster_map& known) const;
  [[nodiscard]] expected<void, node_failure> mark_begun() const;
  [[nodiscard]] operator_access access();
  [[nodiscard]] std::string away_text() const;
  [[nodiscard]] std::size_t voters_reached() const;
  [[nodiscard]] health cluster_status() const;
  [[nodiscard]] bool has_successors() const;
  void collect(metric_writer& out) const;

  // --- on other threads ---
  void storage_changed(cluster::storage_health now, const persistence::storage_error& why) const {
    if (now == cluster::storage_health::failed) {
      services.fatal(exit_code::data_folder, why.message);
    }
  }

  node_services services;
  const config::node_config& config;
  std::atomic<bool> began{false};
  std::atomic<bool> serving{false};
  std::atomic<bool> draining{false};

  node_credentials credentials = services.credentials; ///< certificates are renewed
  cluster::storage_events events;
  std::unique_ptr<persistence::lmdb::storage> storage;
  std::unique_ptr<code_webhook> webhook;
  people::card_book cards{limits::cards_in_memory_max};
  people::presence_book presence;
  std::shared_ptr<account::account_options> accounts;
  system_config caf_config;
  std::unique_ptr<caf::actor_system> system;
  const std::shared_ptr<cluster::cluster_clock> clock = make_cluster_clock();
  std::vector<std::unique_ptr<edge_loop>> loops;
  std::vector<cluster::home_loop*> homes;
  std::unique_ptr<node_links> links;
  std::unique_ptr<cluster::shard_set> shards;
  std::unique_ptr<actors::gateway> gateway;
  std::unique_ptr<supervision_tree> tree;
  std::unique_ptr<clock_watch> watch;
  parting_rule parting;
  std::shared_ptr<connection_setting> setting;
  std::vector<listener> listeners;
  std::unique_ptr<operator_commands> commands;
  metric_registry::registration metrics;
};

} // namespace godwit::node
