#include "node/server/node_parts.hpp"

#include <filesystem>
#include <fstream>
#include <system_error>

#include "actors/account/account_actor.hpp"
#include "cluster/member/local_map.hpp"
#include "cluster/shard/router.hpp"
#include "node/server/data_folder.hpp"
#include "node/server/durable_file.hpp"
#include "node/server/folder_secrets.hpp"
#include "node/server/incarnation.hpp"
#include "protocol/crypto/random.hpp"
#include "protocol/crypto/rsa.hpp"

namespace godwit::node {

namespace lmdb = persistence::lmdb;

expected<void, node_failure> node::parts::open_storage() {
  const data_folder folder{config.node.data};
  auto opened = lmdb::storage::open(
    folder.storage(), events, events,
    {.map_bytes = config.storage.map_bytes, .map_bytes_max = config.storage.map_bytes_max, .log = {}, .state = {}});
  if (!opened) {
    return unexpected(node_failure{exit_code::data_folder, opened.error().message});
  }
  storage = std::move(*opened);
  const node_credentials& who = services.credentials;
  const lmdb::storage_settings& made = storage->settings();
  if (made.node.value() != who.node_id || made.shard_count != who.shards) {
    const auto text = [](std::uint64_t node, std::uint64_t count) {
      return "node " + std::to_string(node) + " with " + std::to_string(count) + " shards";
    };
    return unexpected(node_failure{exit_code::data_folder,
                                   "storage/ in " + folder.root.string() + " is of " +
                                     text(made.node.value(), made.shard_count) + ", secrets.toml beside it of " +
                                     text(who.node_id, who.shards) + ". Restore both from one copy."});
  }
  return {};
}

/// A first node makes its cluster once. Without what it has promised since it would begin a second one, alone, and deny
/// every account there is.
expected<void, node_failure> node::parts::check_storage() const {
  const data_folder folder{config.node.data};
  std::error_code error;
  const bool begun = std::filesystem::exists(folder.begun(), error) || error;
  if (services.credentials.founder && begun && storage->usage().log.entries == 0 && links->map()->version == 0) {
    return unexpected(node_failure{exit_code::data_folder,
                                   "storage/ in " + folder.root.string() +
                                     " is empty, and this node has served before: its disk was lost or is not mounted. "
                                     "Restore storage/ as it was, or, if other nodes serve, invite a new one there in "
                                     "place of this one (godwit invite --replace " +
                                     std::to_string(services.credentials.node_id) + ")."});
  }
  return {};
}

expected<cluster::cluster_map, node_failure> node::parts::read_map() const {
  auto known = cluster::read_local_map(storage->state());
  if (!known) {
    return unexpected(node_failure{exit_code::data_folder, known.error().message});
  }
  const std::string& own = services.credentials.cluster_id;
  if (known->version != 0 && known->cluster_id != own) {
    return unexpected(node_failure{exit_code::data_folder,
                                   "storage/ in " + config.node.data + " is of cluster " + known->cluster_id +
                                     ", secrets.toml beside it of cluster " + own + ". Restore both from one copy."});
  }
  if (auto original = check_copy(*known); !original) {
    return unexpected(original.error());
  }
  return std::move(*known);
}

/// A storage that a node has begun in, beside no word of that: a copy, made where other nodes have a vote. Its node has
/// promised them things since, and nobody could tell this one from it. A first node of a version that had no cluster
/// has entries, and no map.
expected<void, node_failure> node::parts::check_copy(const cluster::cluster_map& known) const {
  const bool entries = storage->usage().log.entries != 0;
  if (has_begun(config.node.data) || (known.version == 0 && (!entries || services.credentials.founder))) {
    return {};
  }
  const std::string name = "node " + std::to_string(services.credentials.node_id);
  return unexpected(node_failure{
    exit_code::data_folder,
    "data folder " + config.node.data + " is a copy of " + name +
      ", which has promised other nodes more since: it has no file incarnation, and does not start. In place of a lost "
      "node invite a new one (godwit invite --replace " +
      std::to_string(services.credentials.node_id) + "). If this is the folder of " + name +
      " itself and the file alone was lost, write into it a number greater than its incarnation, which `godwit ctl "
      "nodes` shows on another node."});
}

expected<void, node_failure> node::parts::mark_begun() const {
  const data_folder folder{config.node.data};
  std::error_code error;
  if (!services.credentials.founder || std::filesystem::exists(folder.begun(), error)) {
    return {};
  }
  return write_durably(folder.begun(), "", 0600).map_error([](std::string why) {
    return node_failure{exit_code::data_folder, std::move(why)};
  });
}

expected<void, node_failure> node::parts::prepare_accounts() {
  if (!config.auth.webhook_url.empty()) {
    auto address = parse_http_address(config.auth.webhook_url);
    if (!address) {
      return unexpected(node_failure{exit_code::config, "auth.webhook_url " + address.error()});
    }
    webhook = std::make_unique<code_webhook>(code_webhook::options{
      std::move(*address), config.auth.webhook_secret, std::chrono::milliseconds(config.auth.webhook_timeout_ms)});
  }
  accounts = std::make_shared<account::account_options>(account::options_from(config.auth, config.dc));
  if (const std::string& invited = config.auth.invited_file; !invited.empty()) {
    std::ifstream file(invited);
    if (!file) {
      return unexpected(
        node_failure{exit_code::config, "auth.invited_file " + invited +
                                          " cannot be read. Is the path right, and may this user read it?"});
    }
    account::invite(*accounts, text_of_file(invited));
  }
  accounts->people.access_hash_key = services.credentials.access_hash_key;
  accounts->record_key = services.credentials.record_key;
  accounts->people.cards = &cards;
  accounts->people.presence = &presence;
  accounts->random = &crypto::system_random();
  accounts->sender = webhook.get();
  return {};
}

expected<void, node_failure> node::parts::start_shards() {
  system = std::make_unique<caf::actor_system>(caf_config);
  const std::size_t count = loops_for(config.node);
  for (std::size_t i = 0; i < count; ++i) {
    loops.push_back(std::make_unique<edge_loop>(*system, "loop-" + std::to_string(i), clock));
    homes.push_back(loops.back().get());
  }
  cluster::entity_factories factories;
  for (const auto kind : {cluster::entity_kind::user, cluster::entity_kind::phone, cluster::entity_kind::auth_key,
                          cluster::entity_kind::username}) {
    factories[kind] = [options = std::shared_ptr<const account::account_options>(accounts)](
                        caf::actor_system& of, cluster::home_loop& home, cluster::shard_context& shard,
                        cluster::entity_ref self) {
      return caf::actor{of.spawn<account::account_actor>(std::ref(home), std::ref(shard), self, options)};
    };
  }
  auto known = read_map();
  if (!known) {
    return unexpected(known.error());
  }
  const auto incarnation = next_incarnation(config.node.data);
  if (!incarnation) {
    return unexpected(node_failure{exit_code::data_folder, incarnation.error()});
  }
  const std::uint16_t count_of_shards = storage->settings().shard_count;
  auto opened = node_links::open({.system = *system,
                                  .loop = *loops.front(),
                                  .config = config,
                                  .who = services.credentials,
                                  .incarnation = *incarnation,
                                  .folder = storage->folder_id(),
                                  .shards = count_of_shards,
                                  .empty = storage->usage().log.entries == 0,
                                  .known = std::move(*known),
                                  .state = storage->state(),
                                  .presence = presence,
                                  .wall = wall_clock_ms,
                                  .fatal = services.fatal});
  if (!opened) {
    return unexpected(opened.error());
  }
  links = std::move(*opened);
  if (auto whole = check_storage(); !whole) {
    return whole;
  }
  cluster::shard_set_options options;
  options.self = storage->settings().node;
  options.shards = count_of_shards;
  options.members = {{{options.self, persistence::member_role::voter}}};
  options.failed = [this](cluster::shard_id shard, const persistence::storage_error& why) {
    services.fatal(exit_code::data_folder, "shard " + std::to_string(shard.value()) + ": " + why.message);
  };
  links->configure(options, factories);
  shards = std::make_unique<cluster::shard_set>(*system, homes, storage->log(), storage->state(), events,
                                                std::move(factories), std::move(options), &links->replicas());
  links->attach(*shards);
  for (const auto& loop : loops) {
    loop->start();
  }
  if (auto started = shards->start(); !started) {
    return unexpected(node_failure{exit_code::data_folder, started.error().message});
  }
  if (links->voters().size() > 1) {
    // It may have been away for long, with a clock that went wrong: the first verdict of clock_watch lifts this.
    shards->resign(true);
  }
  links->start();
  return {};
}

expected<void, node_failure> node::parts::start_gateway() {
  auto key = crypto::rsa_private_key::from_pem(services.credentials.server_rsa_pem);
  if (!key) {
    return unexpected(node_failure{exit_code::data_folder, "the server's key is " +
                                                             std::string(crypto::to_string(key.error())) +
                                                             ". Restore secrets.toml from a copy of the data folder."});
  }
  actors::gateway_options options = gateway_options_for(config);
  options.server_keys = std::make_shared<const std::vector<crypto::rsa_private_key>>(1, std::move(*key));
  options.accounts = accounts;
  options.address.nodes = links->addresses();
  gateway = std::make_unique<actors::gateway>(homes, links->router(), std::move(options));
  tree = std::make_unique<supervision_tree>(
    *system, *gateway, homes, [this](std::string why) { services.fatal(exit_code::failure, std::move(why)); });
  setting = std::make_shared<connection_setting>(edge_options_for(config), *gateway);
  watch = std::make_unique<clock_watch>(*loops.front(), *links, clock, [this](bool right) {
    if (draining.load()) {
      return; // what was given away stays there
    }
    shards->resign(!right);
    gateway->set_open(right);
  });
  return {};
}

expected<void, node_failure> node::parts::listen() {
  for (listener& each : listeners) {
    if (auto begun = each.begin(static_cast<int>(config.listen.backlog)); !begun) {
      return unexpected(node_failure{exit_code::address, begun.error()});
    }
  }
  return {};
}

/// Before anybody is let in, so that a port which another program has is found at the start.
expected<void, node_failure> node::parts::bind() {
  std::vector<edge_loop*> all;
  for (const auto& loop : loops) {
    all.push_back(loop.get());
  }
  for (const std::string& text : config.listen.addresses) {
    const auto address = config::parse_ip(text);
    if (!address) {
      return unexpected(node_failure{exit_code::config, "listen.addresses: \"" + text + "\" is no address"});
    }
    auto opened =
      listener::bind(*address, static_cast<std::uint16_t>(config.listen.port), *loops.front(), all, setting);
    if (!opened) {
      return unexpected(node_failure{exit_code::address, opened.error()});
    }
    listeners.push_back(std::move(*opened));
  }
  return {};
}

} // namespace godwit::node
