#include "node/server/node_links.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <future>
#include <map>
#include <mutex>
#include <span>
#include <utility>

#include "actors/people/presence_book.hpp"
#include "actors/people/presence_news.hpp"
#include "cluster/base/log.hpp"
#include "cluster/member/member_agent.hpp"
#include "cluster/member/members_entity.hpp"
#include "cluster/member/steward_desk.hpp"
#include "cluster/member/steward_entity.hpp"
#include "cluster/peer/peer_greeting.hpp"
#include "cluster/route/cluster_router.hpp"
#include "cluster/route/envelope_port.hpp"
#include "cluster/route/peer_replicas.hpp"
#include "cluster/route/route_counters.hpp"
#include "cluster/shard/local_router.hpp"
#include "cluster/snapshot/snapshot_streams.hpp"
#include "config/cluster_limits.hpp"
#include "config/ip_address.hpp"
#include "config/peer_text.hpp"
#include "node/edge/edge_loop.hpp"
#include "node/identity/certificates.hpp"
#include "node/metrics/metric_registry.hpp"
#include "node/peer/asio_network.hpp"
#include "node/peer/tls_setting.hpp"
#include "node/server/discovery.hpp"
#include "node/server/link_metrics.hpp"
#include "node/server/own_entry.hpp"
#include "protocol/crypto/random.hpp"

namespace godwit::node {
namespace {

using namespace cluster; // NOLINT: speaks of little else
using persistence::no_node;

log::component links_log{"links"};

peer_address address_of(const config::host_port& text) { return {text.host, text.port}; }

/// How long changes of presence gather for the other nodes.
constexpr monotonic_ms presence_gather_ms = 100;

peer_credentials shown_by(const node_credentials& who) {
  return {who.ca_pem, who.certificate_pem, who.key_pem, who.cluster_id};
}

exit_code code_of(refusal_kind kind) {
  switch (kind) {
  case refusal_kind::malformed: return exit_code::config;
  case refusal_kind::wire_version:
  case refusal_kind::too_many_nodes: return exit_code::failure;
  case refusal_kind::foreign:
  case refusal_kind::other_shards:
  case refusal_kind::removed:
  case refusal_kind::replaced:
  case refusal_kind::another_folder: break;
  }
  return exit_code::data_folder;
}

wall_seconds end_of(const node_credentials& who) {
  const auto facts = read_certificate(who.certificate_pem);
  return facts ? facts->not_after : 0;
}

std::uint64_t random_number() {
  std::array<std::uint8_t, sizeof(std::uint64_t)> bytes{};
  crypto::system_random().fill(bytes);
  return std::bit_cast<std::uint64_t>(bytes);
}

/// Runs something that calls back on a loop, and waits until it has.
void finish(const std::function<void(std::function<void()>)>& what) {
  std::promise<void> done;
  what([&done] { done.set_value(); });
  done.get_future().wait();
}

} // namespace

/// Members go in the reverse order.
struct node_links::parts {
  explicit parts(setup with, std::unique_ptr<asio_network> through)
      : own(std::move(with)),
        network(std::move(through)),
        self(own_entry(own.config, own.incarnation, own.folder)),
        hub(own.loop, *network, hub_options()),
        port(hub),
        board(own.shards),
        router(own.system, port, board, router_options()),
        desk({.self = self.id,
              .shards = own.shards,
              .map = &map,
              .leaders = &board,
              .fit = [this](node_id which) { return fit(which); }}),
        snapshots(own.loop, *network, own.state, snapshot_options()),
        replicas(
          port,
          {.self = self.id,
           .fetch_snapshot = [this](shard_id shard, node_id from,
                                    const persistence::snapshot_point& at_least) { fetch(shard, from, at_least); },
           .cancel_snapshot = [this](shard_id shard,
                                     std::function<void()> then) { snapshots.cancel(shard, std::move(then)); }}),
        news([this] { own.loop.post([this] { own.loop.arm(presence_timer, own.loop.now() + presence_gather_ms); }); }),
        presence_timer([this] { tell_presence(); }) {
    hub.take_bulk([this](std::unique_ptr<peer_connection> connection, peer_stream, node_id certified) {
      snapshots.take(std::move(connection), certified);
    });
    hub.on(envelope_kind::presence,
           [this](node_id from, const persistence::slice& body) { hear_presence(from, body.view()); });
    hub.on_change([this](node_id which, bool up) { link_changed(which, up); });
    map.on_change([this](const cluster_map_ptr&) { tell_addresses(); });
    own.presence.tell_changes_to(&news);
  }

  peer_hub::options hub_options() {
    return {.self = self.id,
            .cluster_id = own.who.cluster_id,
            .incarnation = own.incarnation,
            .seed = static_cast<std::uint32_t>(own.incarnation * 4096 + self.id.value()),
            .process = random_number(),
            .wall = own.wall,
            .self_address = self.peer,
            .clock_us = [] {
              return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                                  std::chrono::steady_clock::now().time_since_epoch())
                                                  .count());
            }};
  }
  cluster_router::options router_options() const {
    cluster_router::options options;
    options.self = self.id;
    options.shards = own.shards;
    options.incarnation = own.incarnation;
    return options;
  }
  snapshot_streams::options snapshot_options() {
    snapshot_streams::options options;
    options.self = self.id;
    options.shards = own.shards;
    options.bytes_per_second = own.config.peers.bulk_bytes_per_second;
    options.seed = own.incarnation * 4096 + self.id.value();
    options.leader_of = [this](shard_id which) { return board.find(which).node; };
    options.address_of = [this](node_id which) { return where_is(which); };
    options.stale = [this](shard_id which) { shards->make_again(which); };
    return options;
  }

  /// What other replicas say may be heard. On the loop of the peers.
  bool admitted() {
    let_in = let_in || map.current()->version != 0;
    return let_in;
  }
  void start_agent();
  void fetch(shard_id shard, node_id from, const persistence::snapshot_point& at_least) {
    snapshots.fetch(shard, from, at_least,
                    [this, shard](const persistence::flushed_state& state) { shards->snapshot_arrived(shard, state); });
  }
  [[nodiscard]] std::optional<peer_address> where_is(node_id which) const;
  [[nodiscard]] bool fit(node_id which) const;
  void link_changed(node_id which, bool up);
  void tell_addresses();
  void tell_presence();
  void hear_presence(node_id from, std::string_view body);

  setup own;
  std::unique_ptr<asio_network> network;
  const node_entry self;
  std::map<node_id, peer_address> fixed;
  peer_hub hub;
  hub_port port;
  leader_board board;
  map_board map;
  cluster_router router;
  steward_desk desk;
  snapshot_streams snapshots;
  peer_replicas replicas;
  people::presence_news news;
  loop_timer presence_timer;
  std::shared_ptr<account::public_addresses> addresses = std::make_shared<account::public_addresses>();
  shard_set* shards = nullptr;
  caf::actor agent;
  std::atomic<wall_seconds> certificate_end;
  bool let_in = !own.empty || own.who.founder;
  bool requests_closed = false;
  bool stopped = false;

  mutable std::mutex mutex;
  std::string agent_health; ///< under the mutex
};

std::optional<peer_address> node_links::parts::where_is(node_id which) const {
  if (const auto found = fixed.find(which); found != fixed.end()) {
    return found->second;
  }
  const cluster_map_ptr now = map.current();
  const node_entry* const entry = now->find(which);
  return entry != nullptr ? std::optional(entry->peer) : std::nullopt;
}

/// Whether that node's clock lets it lead, as far as this one can tell.
bool node_links::parts::fit(node_id which) const {
  for (const peer_status& each : hub.status()) {
    if (each.node == which) {
      return !each.clock_known || std::abs(each.clock_ahead_ms) <= limits::clock_skew_ms_max;
    }
  }
  return true;
}

void node_links::parts::link_changed(node_id which, bool up) {
  desk.note_link(which, up, own.loop.now());
  if (up) {
    for (std::string& each : people::encode_presence(own.presence.online_here(own.loop.date()))) {
      hub.send(which, envelope_kind::presence, each);
    }
  } else {
    own.presence.forget(which, own.loop.date());
  }
  tell_addresses();
}

void node_links::parts::tell_addresses() {
  account::public_addresses::list up;
  const cluster_map_ptr now = map.current();
  for (const auto& [id, entry] : now->nodes) {
    if (entry.state != node_state::removed && (id == self.id || hub.up(id))) {
      for (const peer_address& each : entry.clients) {
        up.push_back({each.host, each.port});
      }
    }
  }
  addresses->set(std::move(up));
}

void node_links::parts::tell_presence() {
  const std::vector<node_id> others = hub.all_up();
  for (const std::string& each : news.take()) {
    for (const node_id other : others) {
      hub.send(other, envelope_kind::presence, each);
    }
  }
}

void node_links::parts::hear_presence(node_id from, std::string_view body) {
  if (const auto changes = people::decode_presence(body, own.loop.date())) {
    for (const people::presence_change& each : *changes) {
      own.presence.heard(from, each);
    }
  } else {
    hub.refuse(from, "presence");
  }
}

void node_links::parts::start_agent() {
  member_agent_setup with;
  with.self = self;
  with.cluster_id = own.who.cluster_id;
  with.cluster_name = own.config.cluster.name;
  with.shards = own.shards;
  with.fixed = fixed;
  with.router = &router;
  with.board = &map;
  with.seed = static_cast<std::uint32_t>(own.incarnation * 4096 + self.id.value());
  with.set_peers = [this](std::vector<peer_hub::peer> peers) { hub.set_peers(std::move(peers)); };
  with.health = [this](const std::string& text) {
    const std::lock_guard lock(mutex);
    agent_health = text;
  };
  with.refused = [this](refusal_kind kind, const std::string& text) { own.fatal(code_of(kind), text); };
  agent = own.system.spawn<member_agent>(own.loop, std::move(with));
}

// --- node_links -------------------------------------------------------------------------------------

expected<std::unique_ptr<node_links>, node_failure> node_links::open(setup with) {
  const config::peers_section& peers = with.config.peers;
  asio_network::options options;
  if (const auto address = config::parse_ip(peers.address)) {
    options.address = *address;
  } else {
    return unexpected(node_failure{exit_code::config, "peers.address: \"" + peers.address + "\" is no IP address"});
  }
  options.port = static_cast<std::uint16_t>(peers.port);
  options.credentials = shown_by(with.who);
  if (const auto usable = tls_setting::make(*options.credentials); !usable) {
    return unexpected(node_failure{exit_code::data_folder, "certificates of this node: " + usable.error() + "."});
  }
  auto network = asio_network::open(with.loop, options);
  if (!network) {
    return unexpected(node_failure{exit_code::address, network.error()});
  }
  auto known = std::make_shared<const cluster_map>(std::move(with.known));
  auto made = std::make_unique<parts>(std::move(with), std::move(*network));
  if (made->self.metrics.host.empty()) {
    log::warning(links_log, "metrics_out_of_reach",
                 {{"address", made->own.config.metrics.address},
                  {"remedy", "/discovery leaves this node out: set metrics.address to one that Prometheus reaches"}});
  }
  std::vector<peer_address> seeds;
  for (const std::string& each : made->own.config.peers.seeds) {
    if (const auto at = config::parse_host_port(each)) {
      seeds.push_back(address_of(*at));
    }
  }
  for (const std::string& each : made->own.config.peers.fixed) {
    if (const auto at = config::parse_fixed_peer(each)) {
      made->fixed[node_id{at->node}] = address_of(at->address);
    }
  }
  made->certificate_end.store(end_of(made->own.who));
  made->map.put(std::move(known));
  made->hub.set_peers(peers_of(*made->map.current(), made->self.id, made->fixed));
  made->hub.set_seeds(std::move(seeds));
  return std::unique_ptr<node_links>(new node_links(std::move(made)));
}

node_links::node_links(std::unique_ptr<parts> made) : parts_(std::move(made)) {}

node_links::~node_links() = default;

void node_links::configure(shard_set_options& options, entity_factories& factories) {
  options.board = &parts_->board;
  options.router = &parts_->router;
  options.founder = parts_->own.who.founder;
  options.steward = [desk = &parts_->desk](shard_port& port) { desk->turn(port); };
  factories[entity_kind::members] = members_entity::factory();
  factories[entity_kind::steward] = steward_entity::factory(parts_->desk);
}

peer_sink& node_links::replicas() { return parts_->replicas; }

void node_links::attach(shard_set& shards) {
  parts_->shards = &shards;
  parts_->router.attach(shards.local());
  parts_->replicas.attach([of = parts_.get(), &shards](shard_id shard, persistence::raft::message what) {
    if (of->admitted()) {
      shards.receive(shard, std::move(what));
    }
  });
}

void node_links::start() {
  parts_->hub.start();
  parts_->start_agent();
}

void node_links::close_requests() {
  if (std::exchange(parts_->requests_closed, true)) {
    return;
  }
  if (parts_->agent) {
    caf::anon_send_exit(parts_->agent, caf::exit_reason::user_shutdown);
    parts_->agent = nullptr;
  }
  finish([this](auto done) { parts_->router.close(std::move(done)); });
}

void node_links::stop() {
  close_requests();
  if (std::exchange(parts_->stopped, true)) {
    return;
  }
  parts_->own.presence.tell_changes_to(nullptr);
  finish([this](auto done) {
    parts_->own.loop.post([this, done = std::move(done)] {
      parts_->own.loop.disarm(parts_->presence_timer);
      done();
    });
  });
  finish([this](auto done) { parts_->snapshots.stop(std::move(done)); });
  finish([this](auto done) { parts_->hub.stop(std::move(done)); });
  parts_->network->stop();
}

expected<void, std::string> node_links::show_certificate(const node_credentials& renewed) {
  parts_->certificate_end.store(end_of(renewed));
  return parts_->network->replace(shown_by(renewed));
}

router& node_links::router() { return parts_->router; }
const leader_board& node_links::leaders() const { return parts_->board; }
cluster_map_ptr node_links::map() const { return parts_->map.current(); }
std::vector<peer_status> node_links::peers() const { return parts_->hub.status(); }

std::vector<peer_status> node_links::seeds() const { return parts_->hub.seeds(); }

std::vector<node_id> node_links::voters() const {
  const cluster_map_ptr now = parts_->map.current();
  const auto placed = now->placed.find(meta_shard);
  if (placed == now->placed.end()) {
    return {parts_->self.id};
  }
  std::vector<node_id> voters;
  for (const persistence::member& each : placed->second.members.members) {
    if (each.role == persistence::member_role::voter) {
      voters.push_back(each.id);
    }
  }
  return voters;
}

node_id node_links::self() const { return parts_->self.id; }

std::string node_links::trouble() const {
  const std::vector<peer_status> known = peers();
  if (std::none_of(known.begin(), known.end(), [](const peer_status& each) { return each.up; })) {
    for (const auto& list : {known, seeds()}) {
      for (const peer_status& each : list) {
        if (!each.trouble.empty()) {
          const std::string name = each.node == no_node ? "" : "node " + std::to_string(each.node.value()) + " at ";
          return "no link to " + name + cluster::to_string(each.address) + ": " + each.trouble;
        }
      }
    }
  }
  const std::lock_guard lock(parts_->mutex);
  return parts_->agent_health;
}

std::uint16_t node_links::leaderless() const { return parts_->board.leaderless(); }
std::shared_ptr<const account::public_addresses> node_links::addresses() const { return parts_->addresses; }
std::string node_links::discovery() const { return discovery_json(*parts_->map.current()); }

void node_links::collect(metric_writer& out) const {
  collect_peers(out, parts_->hub.status());
  collect_transport(out, parts_->network->probe());
  collect_route(out, parts_->router.counters());
  collect_snapshots(out, parts_->snapshots.counters());
  collect_replicas(out, parts_->self.id, parts_->shards->status());
  out.gauge("certificate_expires_seconds", "Until the certificate that this node shows to others ends.",
            static_cast<double>(parts_->certificate_end.load() - parts_->own.wall() / 1000));
  out.gauge("shards_leaderless", "Shards without a leader that this node knows of.", parts_->board.leaderless());
}

} // namespace godwit::node
