#include "node/server/node.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>
#include <vector>

#include "actors/account/account_actor.hpp"
#include "actors/account/account_options.hpp"
#include "actors/gateway/gateway.hpp"
#include "actors/people/card_book.hpp"
#include "cluster/base/log.hpp"
#include "cluster/shard/router.hpp"
#include "cluster/shard/shard_counters.hpp"
#include "cluster/shard/shard_set.hpp"
#include "cluster/shard/storage_events.hpp"
#include "node/edge/edge_connection.hpp"
#include "node/edge/edge_loop.hpp"
#include "node/edge/listener.hpp"
#include "node/metrics/metric_registry.hpp"
#include "node/server/data_folder.hpp"
#include "node/server/node_metrics.hpp"
#include "node/server/operator_commands.hpp"
#include "node/server/supervision_tree.hpp"
#include "node/webhook/code_webhook.hpp"
#include "persistence/lmdb/storage.hpp"
#include "protocol/crypto/rsa.hpp"

namespace godwit::node {
namespace {

namespace lmdb = persistence::lmdb;
using steady = std::chrono::steady_clock;
using namespace std::chrono_literals;

log::component node_log{"node"};

/// How often the end of something is looked for.
constexpr auto poll = 5ms;
/// What sessions get to end in when nobody drained them, and when the drain's time is over.
constexpr auto session_end_max = 1s;
/// A loop that has not come round for so long is stuck.
constexpr auto stuck_after = 10s;

std::string text_of_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// CAF's own scheduler runs control and slow work alone: the data path is on our loops.
struct system_config : caf::actor_system_config {
  system_config() {
    set("scheduler.policy", caf::atom("sharing")); // stealing burns processor time when idle
    set("scheduler.max-threads", 1);
    set("logger.verbosity", caf::atom("quiet"));
  }
};

std::size_t loops_for(const config::node_section& section) {
  if (section.loops != 0) {
    return section.loops;
  }
  const unsigned processors = std::thread::hardware_concurrency();
  return processors > 2 ? processors - 1 : 1;
}

edge_options edge_options_for(const config::node_config& config) {
  edge_options out;
  for (const std::string& each : config.listen.proxy_sources) {
    if (const auto network = config::parse_network(each)) {
      out.proxy_sources.push_back(*network);
    }
  }
  out.connections_max = config.limits.connections;
  out.connections_per_address_max = config.limits.connections_per_address;
  out.first_packet_ms = static_cast<std::uint32_t>(config.limits.first_packet_seconds * 1000);
  out.idle_ms = static_cast<std::uint32_t>(config.limits.idle_seconds * 1000);
  return out;
}

} // namespace

/// Members go in the reverse order: first the doors, then what comes through them, then what that stands on.
struct node::parts {
  explicit parts(node_services lent)
      : services(std::move(lent)),
        config(services.config),
        events([this](cluster::storage_health now, const auto& why) { storage_changed(now, why); }) {}

  expected<void, node_failure> open_storage();
  expected<void, node_failure> start_shards();
  expected<void, node_failure> start_gateway();
  expected<void, node_failure> listen();
  void collect(metric_writer& out) const;

  // --- on other threads ---
  void storage_changed(cluster::storage_health now, const persistence::storage_error& why) const {
    if (now == cluster::storage_health::failed) {
      services.fatal(exit_code::data_folder, why.message);
    }
  }

  node_services services;
  const config::node_config& config;
  std::atomic<bool> serving{false};
  std::atomic<bool> draining{false};

  cluster::storage_events events;
  std::unique_ptr<lmdb::storage> storage;
  std::unique_ptr<code_webhook> webhook;
  people::card_book cards{limits::cards_in_memory_max};
  people::presence_book presence;
  std::shared_ptr<account::account_options> accounts;
  system_config caf_config;
  std::unique_ptr<caf::actor_system> system;
  std::vector<std::unique_ptr<edge_loop>> loops;
  std::vector<cluster::home_loop*> homes;
  std::unique_ptr<cluster::shard_set> shards;
  std::unique_ptr<actors::gateway> gateway;
  std::unique_ptr<supervision_tree> tree;
  std::shared_ptr<connection_setting> setting;
  std::vector<listener> listeners;
  std::unique_ptr<operator_commands> commands;
  metric_registry::registration metrics;
};

expected<void, node_failure> node::parts::open_storage() {
  const data_folder folder{config.node.data};
  auto opened = lmdb::storage::open(
    folder.storage(), events, events,
    {.map_bytes = config.storage.map_bytes, .map_bytes_max = config.storage.map_bytes_max, .log = {}, .state = {}});
  if (!opened) {
    return unexpected(node_failure{exit_code::data_folder, opened.error().message});
  }
  storage = std::move(*opened);
  return {};
}

expected<void, node_failure> node::parts::start_shards() {
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
  accounts->people.access_hash_key = services.secrets.access_hash_key;
  accounts->people.cards = &cards;
  accounts->people.presence = &presence;
  accounts->random = &crypto::system_random();
  accounts->sender = webhook.get();

  system = std::make_unique<caf::actor_system>(caf_config);
  const std::size_t count = loops_for(config.node);
  for (std::size_t i = 0; i < count; ++i) {
    loops.push_back(std::make_unique<edge_loop>(*system, "loop-" + std::to_string(i)));
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
  cluster::shard_set_options options;
  options.self = storage->settings().node;
  options.shards = storage->settings().shard_count;
  options.members = {{{options.self, persistence::member_role::voter}}};
  options.failed = [this](cluster::shard_id shard, const persistence::storage_error& why) {
    services.fatal(exit_code::data_folder, "shard " + std::to_string(shard.value()) + ": " + why.message);
  };
  shards = std::make_unique<cluster::shard_set>(*system, homes, storage->log(), storage->state(), events,
                                                std::move(factories), std::move(options));
  for (const auto& loop : loops) {
    loop->start();
  }
  if (auto started = shards->start(); !started) {
    return unexpected(node_failure{exit_code::data_folder, started.error().message});
  }
  return {};
}

expected<void, node_failure> node::parts::start_gateway() {
  auto key = crypto::rsa_private_key::from_pem(text_of_file(services.private_key));
  if (!key) {
    return unexpected(node_failure{exit_code::data_folder, services.private_key.string() + ": " +
                                                             std::string(crypto::to_string(key.error())) +
                                                             ". Restore the file from a copy of the data folder."});
  }
  actors::gateway_options options;
  options.server_keys = std::make_shared<const std::vector<crypto::rsa_private_key>>(1, std::move(*key));
  options.accounts = accounts;
  options.address.address = config.dc.address;
  options.address.port = static_cast<std::uint16_t>(config.dc.port != 0 ? config.dc.port : config.listen.port);
  options.address.country = config.dc.country;
  options.handshake_threads = static_cast<unsigned>(config.limits.handshake_threads);
  options.handshakes_waiting_max = config.limits.handshakes_waiting;
  options.exchanges_per_address_minute = static_cast<std::uint32_t>(config.limits.handshakes_per_address_minute);
  options.calls_per_session_second = static_cast<std::uint32_t>(config.limits.calls_per_session_second);
  options.calls_per_account_second = static_cast<std::uint32_t>(config.limits.calls_per_account_second);
  gateway = std::make_unique<actors::gateway>(homes, shards->router(), std::move(options));
  tree = std::make_unique<supervision_tree>(
    *system, *gateway, homes, [this](std::string why) { services.fatal(exit_code::failure, std::move(why)); });
  setting = std::make_shared<connection_setting>(edge_options_for(config), *gateway);
  return {};
}

expected<void, node_failure> node::parts::listen() {
  std::vector<edge_loop*> all;
  for (const auto& loop : loops) {
    all.push_back(loop.get());
  }
  for (const std::string& text : config.listen.addresses) {
    const auto address = config::parse_ip(text);
    if (!address) {
      return unexpected(node_failure{exit_code::config, "listen.addresses: \"" + text + "\" is no address"});
    }
    auto opened = listener::open(*address, static_cast<std::uint16_t>(config.listen.port),
                                 static_cast<int>(config.listen.backlog), *loops.front(), all, setting);
    if (!opened) {
      return unexpected(node_failure{exit_code::address, opened.error()});
    }
    listeners.push_back(std::move(*opened));
  }
  return {};
}

void node::parts::collect(metric_writer& out) const {
  std::int64_t lane_oldest = 0;
  for (std::size_t i = 0; i < loops.size(); ++i) {
    collect_edge(out, *loops[i]);
    collect_gateway(out, gateway->loop(i));
    collect_shards(out, shards->counters(i));
    lane_oldest = std::max(lane_oldest, shards->counters(i).lane_oldest.value());
  }
  collect_lane_age(out, lane_oldest);
  collect_handshakes(out, gateway->pool());
  collect_storage(out, storage->usage(), events);
  if (webhook) {
    const code_webhook::counters& counted = webhook->counted();
    constexpr std::string_view name = "webhook_codes_total";
    out.counter(name, "Login codes for the provider, by what became of them.", counted.delivered.value(),
                {{"result", "delivered"}});
    out.counter(name, "", counted.failed.value(), {{"result", "failed"}});
    out.counter(name, "", counted.dropped.value(), {{"result", "dropped"}});
    out.counter("webhook_retries_total", "Deliveries tried again.", counted.retried.value());
  }
}

node::node(node_services services) : parts_(std::make_unique<parts>(std::move(services))) {}

node::~node() { stop(); }

expected<void, node_failure> node::start() {
  auto started = parts_->open_storage();
  for (const auto step : {&parts::start_shards, &parts::start_gateway}) {
    if (started) {
      started = ((*parts_).*step)();
    }
  }
  if (!started) {
    return started;
  }
  // Clients are let in when every shard can answer: before, their keys could not be looked up.
  const auto deadline = steady::now() + std::chrono::seconds(limits::start_seconds_max);
  while (!parts_->shards->ready()) {
    if (steady::now() > deadline) {
      return unexpected(node_failure{exit_code::failure, "the shards have no leaders after " +
                                                           std::to_string(limits::start_seconds_max) +
                                                           " s; the log tells what they wait for"});
    }
    std::this_thread::sleep_for(poll);
  }
  if (started = parts_->listen(); !started) {
    return started;
  }
  parts_->commands = std::make_unique<operator_commands>(
    parts_->services.control, operator_access{*parts_->system, parts_->shards->router(), parts_->storage->state(),
                                              *parts_->gateway, parts_->config.auth.test_numbers});
  parts_->metrics = parts_->services.metrics.add([this](metric_writer& out) { parts_->collect(out); });
  parts_->serving.store(true);
  log::info(node_log, "serving",
            {{"port", parts_->listeners.front().port()},
             {"shards", parts_->shards->router().shards()},
             {"loops", parts_->loops.size()}});
  return {};
}

health node::status() const {
  if (parts_->draining.load()) {
    return {false, "draining"};
  }
  if (!parts_->serving.load()) {
    return {false, "starting"};
  }
  switch (parts_->events.health()) {
  case cluster::storage_health::no_space: return {false, "the disk is full"};
  case cluster::storage_health::failed: return {false, "the disk failed"};
  case cluster::storage_health::good: break;
  }
  if (parts_->shards->shards_ready() < parts_->shards->router().shards()) {
    return {false, "shards without a leader"};
  }
  return {true, "ok"};
}

health node::alive() const {
  return parts_->tree == nullptr || parts_->tree->loops_alive(stuck_after)
           ? health{true, "ok"}
           : health{false, "a loop does not come round"};
}

void node::drain(steady::time_point deadline) {
  parts_->draining.store(true);
  for (listener& each : parts_->listeners) {
    each.stop();
  }
  if (parts_->gateway == nullptr) {
    return;
  }
  parts_->gateway->begin_stop();
  const auto wait_until = [&](steady::time_point end) {
    while (!parts_->gateway->stopped() && steady::now() < end) {
      std::this_thread::sleep_for(poll);
    }
  };
  wait_until(deadline);
  parts_->gateway->end_now();
  wait_until(steady::now() + session_end_max);
}

void node::stop() {
  parts_->serving.store(false);
  parts_->metrics = {};
  parts_->commands.reset();
  parts_->listeners.clear();
  if (parts_->gateway != nullptr) {
    drain(steady::now() + session_end_max);
  }
  parts_->tree.reset();
  if (parts_->shards != nullptr) {
    parts_->shards->stop();
  }
  for (const auto& loop : parts_->loops) {
    loop->stop();
  }
  parts_->setting.reset();
  parts_->gateway.reset();
  parts_->shards.reset();
  parts_->loops.clear();
  parts_->homes.clear();
  parts_->system.reset();
  parts_->storage.reset();
  parts_->webhook.reset();
}

expected<void, std::string> node::snapshot(const std::filesystem::path& target) {
  if (!parts_->serving.load()) {
    return unexpected(std::string("the node does not serve yet"));
  }
  return parts_->storage->snapshot(target).map_error([](const auto& error) { return error.message; });
}

} // namespace godwit::node
