#include "tests/cluster/simulation/sim_process.hpp"

#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <utility>

#include "actors/account/account_actor.hpp"
#include "cluster/shard/local_router.hpp"

namespace godwit::cluster_sim {

using cluster::entity_kind;

void sim_random::fill(std::span<std::uint8_t> out) {
  for (std::uint8_t& each : out) {
    each = static_cast<std::uint8_t>(dice_.next());
  }
}

sim_process::sim_process(const setup& with, sim_machine& machine)
    : with_(with),
      machine_(machine),
      network_(*with.network),
      loop_(*with.system),
      host_(network_.add(loop_, address_of(machine.id), machine.id)),
      log_(disks(), machine.logs, events_),
      state_(disks(), machine.states, events_),
      random_(simulation::mix(with.seed * 64 + machine.id.value()) + machine.lives),
      hub_(loop_, host_, hub_options()),
      port_(hub_),
      board_(with.shards),
      router_(*with.system, port_, board_,
              [&] {
                cluster::cluster_router::options out;
                out.self = machine.id;
                out.shards = with.shards;
                out.incarnation = machine.lives;
                return out;
              }()),
      snapshots_(loop_, host_, state_, snapshot_options()),
      replicas_(port_,
                {.self = machine.id,
                 .fetch_snapshot = [this](shard_id shard, node_id from, const persistence::snapshot_point& at_least) {
                   snapshots_.fetch(shard, from, at_least, [this, shard](const persistence::flushed_state& state) {
                     set_->snapshot_arrived(shard, state);
                   });
                 }}) {
  loop_.skew(machine.skew_ms);
  start();
}

sim_process::~sim_process() = default;

cluster::peer_address sim_process::address_of(node_id which) {
  return {"10.0.0." + std::to_string(which.value()), 4431};
}

disk_setup sim_process::disks() const {
  return {&network_, with_.random, &machine_.slow_ms,
          [this](const std::string& why) { with_.violated("node " + std::to_string(id().value()) + ": " + why); }};
}

cluster::peer_hub::options sim_process::hub_options() const {
  cluster::peer_hub::options out;
  out.self = machine_.id;
  out.cluster_id = "0123456789abcdef0123456789abcdef";
  out.incarnation = machine_.lives;
  out.seed = static_cast<std::uint32_t>(machine_.lives * 64 + machine_.id.value());
  out.wall = [this] { return loop_.wall_at(network_.now()); };
  out.self_address = address_of(machine_.id);
  out.clock_us = [this] { return network_.now() * 1000; };
  return out;
}

cluster::snapshot_streams::options sim_process::snapshot_options() {
  cluster::snapshot_streams::options out;
  out.self = machine_.id;
  out.shards = with_.shards;
  out.seed = machine_.lives * 64 + machine_.id.value();
  out.chunk_bytes = 2048;
  out.leader_of = [this](shard_id which) { return board_.find(which).node; };
  out.address_of = [](node_id which) { return address_of(which); };
  out.stale = [this](shard_id which) { set_->make_again(which); };
  return out;
}

void sim_process::start() {
  hub_.take_bulk([this](std::unique_ptr<cluster::peer_connection> connection, cluster::peer_stream, node_id certified) {
    snapshots_.take(std::move(connection), certified);
  });
  accounts_->random = &random_;
  accounts_->test_numbers = true;
  accounts_->people.cards = &cards_;
  accounts_->people.presence = &presence_;
  cluster::entity_factories factories;
  for (const auto kind : {entity_kind::user, entity_kind::phone, entity_kind::auth_key, entity_kind::username}) {
    factories[kind] = [options = std::shared_ptr<const account::account_options>(accounts_)](
                        caf::actor_system& of, cluster::home_loop& home, cluster::shard_context& shard,
                        cluster::entity_ref self) {
      return caf::actor{of.spawn<account::account_actor>(std::ref(home), std::ref(shard), self, options)};
    };
  }
  cluster::shard_set_options options;
  options.self = machine_.id;
  options.shards = with_.shards;
  options.founder = true; // all nodes begin the groups with the same first entry
  options.members = {};
  for (std::uint64_t i = 1; i <= with_.nodes; ++i) {
    options.members.members.push_back({node_id{i}, persistence::member_role::voter});
  }
  options.replica.trailing_entries = with_.trailing_entries;
  options.replica.spared_entries = with_.trailing_entries;
  options.board = &board_;
  options.router = &router_;
  options.failed = [this](shard_id shard, const persistence::storage_error& why) {
    if (alive_) {
      with_.violated("node " + std::to_string(id().value()) + " shard " + std::to_string(shard.value()) + ": " +
                     why.message);
    }
  };
  board_.on_change([this](shard_id shard, cluster::leadership now) {
    if (alive_) {
      with_.led(id(), shard, now);
    }
  });
  cluster::home_loop* const home = &loop_;
  set_ = std::make_unique<cluster::shard_set>(*with_.system, std::span(&home, 1), log_, state_, events_,
                                              std::move(factories), std::move(options), &replicas_);
  router_.attach(set_->local());
  replicas_.attach([this](shard_id shard, persistence::raft::message what) { set_->receive(shard, std::move(what)); });
  if (const auto started = set_->start(); !started) {
    with_.violated("node " + std::to_string(id().value()) + " does not start: " + started.error().message);
  }
  std::vector<cluster::peer_hub::peer> peers;
  for (std::uint64_t i = 1; i <= with_.nodes; ++i) {
    peers.push_back({node_id{i}, address_of(node_id{i})});
  }
  hub_.set_peers(std::move(peers));
  hub_.start();
}

sim_connection_ptr sim_process::connect(const cluster::caller& who, std::uint64_t instance,
                                        std::function<void(session_news)> hears) {
  auto made = std::make_shared<sim_connection>();
  made->hears = std::move(hears);
  sim_session::setup opening;
  opening.router = &router_;
  opening.who = who;
  opening.instance = instance;
  opening.tell = [this, weak = std::weak_ptr(made)](session_news what) {
    network_.at(network_.now() + 1, [weak, what = std::move(what)] {
      if (const auto connection = weak.lock(); connection && connection->open) {
        connection->hears(what);
      }
    });
  };
  opening.trace = [this, user = who.user, node = id()](const std::string& what) {
    if (alive_) {
      with_.trace("  a session of user " + std::to_string(user.value()) + " at node " + std::to_string(node.value()) +
                  ' ' + what);
    }
  };
  made->session = with_.system->spawn<sim_session>(loop_, std::move(opening));
  std::erase_if(connections_, [](const sim_connection_ptr& each) { return !each->open; });
  connections_.push_back(made);
  return made;
}

std::string sim_process::transfers() const {
  std::string out;
  for (const cluster::snapshot_transfer& each : snapshots_.status()) {
    out += std::string(each.incoming ? " fetches" : " sends") + " shard " + std::to_string(each.shard.value()) +
           " with node " + std::to_string(each.peer.value()) + ", " + std::string(to_string(each.now)) + ", " +
           std::to_string(each.rows) + " rows;";
  }
  const cluster::snapshot_counters& counted = snapshots_.counters();
  return out + " damaged " + std::to_string(counted.damaged.value()) + " broken " +
         std::to_string(counted.broken.value()) + " refused " + std::to_string(counted.refused.value()) + " stale " +
         std::to_string(counted.stale.value());
}

/// After its death: on a time of its own.
bool sim_process::run_until(const std::function<bool()>& done) {
  monotonic_ms now = network_.now();
  for (int i = 0; i < 10'000; ++i) {
    loop_.run_at(now);
    if (done()) {
      return true;
    }
    now = std::max(now + 1, loop_.due());
  }
  return false;
}

bool sim_process::kill(bool told) {
  alive_ = false;
  network_.kill(host_, told);
  log_.crash();
  state_.crash();
  for (const sim_connection_ptr& each : connections_) {
    each->open = false;
    caf::anon_send_exit(each->session, caf::exit_reason::kill);
    each->session = nullptr;
  }
  connections_.clear();
  // What follows nobody hears: the machinery is taken down for its memory's sake alone.
  set_->begin_stop();
  if (!run_until([this] { return set_->stopped(); })) {
    return false;
  }
  set_->stop();
  int left = 3;
  snapshots_.stop([&left] { --left; });
  router_.close([&left] { --left; });
  hub_.stop([&left] { --left; });
  if (!run_until([&left] { return left == 0; })) {
    return false;
  }
  set_.reset();
  loop_.run_at(network_.now() + 100'000);
  return true;
}

} // namespace godwit::cluster_sim
