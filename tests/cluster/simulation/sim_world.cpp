#include "tests/cluster/simulation/sim_world.hpp"

#include <caf/actor_registry.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <cstdio>
#include <utility>

namespace godwit::cluster_sim {

run_plan::run_plan(std::uint64_t of) : seed(of) {
  dice random(of ^ 0x5eed);
  shards = random.chance(0.5) ? 4 : 2;
  accounts = random.between(2, 5);
  trailing_entries = random.chance(0.4) ? 30 : 1000;
  busy_ms = random.between(12'000, 25'000);
  send_every_ms = random.between(60, 400);
  fault_every_ms = random.between(400, 3000);
}

std::string device_name(std::size_t account, std::uint32_t device) {
  return std::to_string(account) + ':' + std::to_string(device);
}

namespace {

/// Nothing runs on CAF's own threads.
caf::actor_system_config& quiet(caf::actor_system_config& config) {
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-threads", 1);
  config.set("logger.verbosity", caf::atom("quiet"));
  return config;
}

test::sim_profile profile_of(std::uint64_t seed) {
  test::sim_profile out;
  out.seed = seed;
  return out;
}

} // namespace

sim_world::sim_world(const run_plan& of, bool print)
    : plan(of),
      random(of.seed),
      system(std::make_unique<caf::actor_system>(quiet(config))),
      network(profile_of(of.seed)),
      print_(print) {
  for (std::uint32_t i = 0; i < node_count; ++i) {
    machines_[i].id = node_id{i + 1};
    machines_[i].skew_ms = static_cast<std::int64_t>(random.below(3000)) - 1500;
    start(i);
  }
}

sim_world::~sim_world() {
  for (std::uint32_t i = 0; i < node_count; ++i) {
    if (runs(i)) {
      kill(i, true);
    }
  }
  if (system->registry().running() != 0) {
    (void)system.release(); // it would wait for them for ever
  }
}

// --- processes ----------------------------------------------------------------------------------------

void sim_world::start(std::uint32_t node) {
  sim_machine& on = machines_[node];
  ++on.lives;
  sim_process::setup setup;
  setup.system = system.get();
  setup.network = &network;
  setup.random = &random;
  setup.shards = plan.shards;
  setup.nodes = node_count;
  setup.trailing_entries = plan.trailing_entries;
  setup.seed = plan.seed;
  setup.violated = [this](const std::string& what) { violated(what); };
  setup.led = [this](node_id by, shard_id shard, cluster::leadership now) {
    if (now.node == by) {
      trace("node " + std::to_string(by.value()) + " leads shard " + std::to_string(shard.value()) + " in term " +
            std::to_string(now.term));
      ++counted["leaders"];
    }
  };
  setup.trace = [this](const std::string& what) { trace(what); };
  trace("node " + std::to_string(node + 1) + " starts");
  processes_[node] = std::make_unique<sim_process>(setup, on);
  for (std::uint32_t other = 0; other < node_count; ++other) {
    if (other != node && runs(other)) {
      silence(node, other, silent_[node][other]);
      silence(other, node, silent_[other][node]);
      delay(node, other, delays_[node][other]);
      delay(other, node, delays_[other][node]);
    }
  }
}

void sim_world::kill(std::uint32_t node, bool told) {
  trace("node " + std::to_string(node + 1) + (told ? " is killed" : " loses its power"));
  freeze(node, false);
  counted["snapshots"] += at(node).snapshots();
  if (processes_[node]->kill(told)) {
    processes_[node].reset();
  } else {
    (void)processes_[node].release();
    violated("the machinery of node " + std::to_string(node + 1) + " does not end");
  }
}

void sim_world::freeze(std::uint32_t node, bool on) { network.freeze(at(node).host(), on); }

void sim_world::silence(std::uint32_t from, std::uint32_t to, bool on) {
  silent_[from][to] = on;
  if (runs(from) && runs(to)) {
    network.silence(at(from).host(), at(to).host(), on);
  }
}

void sim_world::delay(std::uint32_t from, std::uint32_t to, std::uint32_t ms) {
  delays_[from][to] = ms;
  if (runs(from) && runs(to)) {
    network.delay(at(from).host(), at(to).host(), ms);
  }
}

void sim_world::break_links(std::uint32_t a, std::uint32_t b) {
  if (runs(a) && runs(b)) {
    network.break_connections(at(a).host(), at(b).host());
  }
}

// --- clients ------------------------------------------------------------------------------------------

sim_connection_ptr sim_world::connect(std::uint32_t node, const cluster::caller& who,
                                      std::function<void(session_news)> hears) {
  return runs(node) ? at(node).connect(who, simulation::mix(++sessions_ + plan.seed * 4096), std::move(hears))
                    : nullptr;
}

void sim_world::leave(const sim_connection_ptr& which) {
  if (which != nullptr && std::exchange(which->open, false) && which->session) {
    caf::anon_send_exit(which->session, caf::exit_reason::user_shutdown);
    which->session = nullptr;
  }
}

void sim_world::say(const sim_connection_ptr& to, session_call what) {
  network.at(network.now() + 1, [to, what = std::move(what)] {
    if (to->open) {
      caf::anon_send(to->session, what);
    }
  });
}

// --- what comes of it ---------------------------------------------------------------------------------

void sim_world::trace(const std::string& line) {
  const std::string whole = std::to_string(network.now() - 1'000'000) + ' ' + line;
  for (const char each : whole) {
    hash_ = (hash_ ^ static_cast<unsigned char>(each)) * 0x100000001b3ULL;
  }
  if (print_) {
    std::printf("%s\n", whole.c_str());
  }
}

void sim_world::violated(const std::string& what) {
  trace("VIOLATION: " + what);
  if (!violation_) {
    violation_ = "at " + std::to_string(network.now() - 1'000'000) + " ms: " + what;
  }
}

} // namespace godwit::cluster_sim
