#include "cluster/shard/shard_set.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

#include "cluster/shard/local_router.hpp"
#include "cluster/shard/loop_shards.hpp"
#include "cluster/shard/messages.hpp"
#include "cluster/shard/peer_sink.hpp"
#include "cluster/shard/shard_host.hpp"
#include "cluster/shard/shard_log.hpp"
#include "config/cluster_limits.hpp"

namespace godwit::cluster {

using namespace persistence; // NOLINT: speaks of little else

struct shard_set::impl {
  impl(caf::actor_system& in, std::span<home_loop* const> on, log_store& log_of, state_store& state_of,
       storage_events& hears, entity_factories of, shard_set_options opts, peer_sink* others)
      : system(in),
        log(log_of),
        state(state_of),
        events(hears),
        factories(std::move(of)),
        options(std::move(opts)),
        peers(others != nullptr ? others : &none),
        local(options.shards),
        router(options.router != nullptr ? options.router : &local),
        own_board(options.shards),
        board(options.board != nullptr ? options.board : &own_board),
        serves(std::size_t{options.shards} + 1),
        resigned(options.resigned) {
    for (home_loop* const each : on) {
      loops.push_back(std::make_shared<loop_shards>(*each, log, state));
      hosts_left.push_back(0);
    }
    gate->to = this;
    board->on_change([gate = gate](shard_id which, leadership) {
      const std::lock_guard lock(gate->mutex);
      if (gate->to != nullptr) {
        gate->to->leader_known(which);
      }
    });
  }
  ~impl() {
    const std::lock_guard lock(gate->mutex);
    gate->to = nullptr;
  }

  /// Slots are numbered as shards, and the last one is that of meta_shard.
  [[nodiscard]] std::uint16_t slots() const { return static_cast<std::uint16_t>(options.shards + 1); }
  [[nodiscard]] shard_id shard_at(std::uint16_t slot) const {
    return slot == options.shards ? meta_shard : shard_id{slot};
  }
  [[nodiscard]] std::uint16_t slot_of(shard_id which) const {
    return which == meta_shard ? options.shards : which.value();
  }
  /// Of a slot. The last one, which has little to do, is on the first loop with the links between nodes.
  [[nodiscard]] std::size_t loop_of(std::uint16_t slot) const {
    return slot == options.shards ? 0 : slot % loops.size();
  }
  /// nullptr: there is no such shard.
  [[nodiscard]] loop_shards* loop_of(shard_id which) const {
    return slot_of(which) < slots() ? loops[loop_of(slot_of(which))].get() : nullptr;
  }
  void with(shard_id which, std::function<void(shard_replica&)> what) const;

  storage_result<void> recover(std::uint16_t slot);
  caf::actor spawn_host(std::uint16_t slot);
  void host_ready(std::uint16_t slot, term_t term);
  void host_ended(std::uint16_t slot, bool asked);
  void leader_known(shard_id which);
  [[nodiscard]] bool ready() const;
  void look_ready();

  caf::actor_system& system;
  log_store& log;
  state_store& state;
  storage_events& events;
  const entity_factories factories;
  const shard_set_options options;
  no_peers none;
  peer_sink* const peers;
  local_router local;
  cluster::router* const router;
  leader_board own_board;
  leader_board* const board;
  /// The board may tell after this set has gone.
  struct board_gate {
    std::mutex mutex;
    impl* to = nullptr; ///< under the mutex
  };
  std::shared_ptr<board_gate> gate = std::make_shared<board_gate>();

  std::vector<std::shared_ptr<loop_shards>> loops;
  std::vector<caf::actor> hosts;
  std::vector<std::size_t> hosts_left; ///< of each loop; on that loop

  std::vector<std::atomic<bool>> serves; ///< by slot
  bool resigned;                         ///< at the start
  std::atomic<bool> told_ready{false};

  std::atomic<bool> started{false};
  bool stopping = false;
  mutable std::mutex mutex;
  std::condition_variable closed_one;
  std::size_t closed = 0; ///< loops; under the mutex
};

/// Reads a shard's log and state and makes its replica; a shard never seen gets its first entry.
storage_result<void> shard_set::impl::recover(std::uint16_t slot) {
  shard_replica::setup setup;
  setup.shard = shard_at(slot);
  const storage_result<flushed_state> point = state.recover(setup.shard);
  if (!point) {
    return unexpected(point.error());
  }
  storage_result<recovered_log> recovered = log.recover(setup.shard, point->point.index);
  if (!recovered) {
    return unexpected(recovered.error());
  }
  if (options.founder && recovered->hard.term == 0 && recovered->entries.empty() && point->point.index == 0) {
    log_write first = raft::replica::bootstrap(setup.shard, options.members);
    recovered->hard = *first.hard;
    recovered->entries = first.entries;
    log.submit(std::move(first));
  }
  setup.state = *point;
  setup.log = std::move(*recovered);
  setup.replica = options.replica;
  setup.replica.consensus.self = options.self;
  // Another one for each replica, so that they do not all stand for election at once.
  setup.replica.consensus.seed = static_cast<std::uint32_t>(options.self.value() * limits::shards_max + slot + 1);
  // A heartbeat that is due at a point of the grid is due when the round that was to begin there begins a little late.
  if (std::uint32_t& beat = setup.replica.consensus.heartbeat_ms; beat > 2 * limits::heartbeat_slack_ms) {
    beat -= limits::heartbeat_slack_ms;
  }
  setup.state_options = options.state;
  setup.peers = peers;
  setup.board = board;
  setup.steward = &options.steward;
  setup.resigned = resigned;
  setup.failed = options.failed;
  loops[loop_of(slot)]->add(std::move(setup));
  return {};
}

caf::actor shard_set::impl::spawn_host(std::uint16_t slot) {
  loop_shards& loop = *loops[loop_of(slot)];
  shard_host::setup setup;
  setup.shard = shard_at(slot);
  setup.shards = options.shards;
  setup.self = options.self;
  setup.factories = &factories;
  setup.router = router;
  setup.board = options.board;
  setup.counters = &loop.counters();
  setup.limits = options.host;
  setup.ready = [this, slot](term_t term) { host_ready(slot, term); };
  setup.ended = [this, slot](bool asked) { host_ended(slot, asked); };
  return system.spawn<shard_host>(loop.home(), *loop.find(setup.shard), std::move(setup));
}

void shard_set::impl::host_ready(std::uint16_t slot, term_t term) {
  serves[slot] = term != 0;
  look_ready();
}

/// On whatever thread heard of it.
void shard_set::impl::leader_known(shard_id which) {
  if (started && slot_of(which) < hosts.size()) {
    caf::anon_send(hosts[slot_of(which)], shard_leader_known{});
  }
  look_ready();
}

bool shard_set::impl::ready() const {
  for (std::uint16_t slot = 0; slot < slots(); ++slot) {
    const leadership known = board->find(shard_at(slot));
    if (known.node == no_node || (known.node == options.self && !serves[slot])) {
      return false;
    }
  }
  return true;
}

void shard_set::impl::look_ready() {
  if (options.ready && started && !told_ready && ready() && !told_ready.exchange(true)) {
    options.ready();
  }
}

void shard_set::impl::host_ended(std::uint16_t slot, bool asked) {
  if (!asked) {
    log::error(shard_log, "host_ended", {{"shard", shard_at(slot)}});
    if (options.failed) {
      options.failed(shard_at(slot),
                     {persistence_errc::stopped, "the host of a shard ended by a fault: restart the node"});
    }
  }
  if (--hosts_left[loop_of(slot)] == 0) {
    // Later: the host is still in its last turn.
    const std::shared_ptr<loop_shards> loop = loops[loop_of(slot)];
    loop->post([this, loop] {
      loop->close();
      const std::lock_guard lock(mutex);
      ++closed;
      closed_one.notify_all();
    });
  }
}

// --- shard_set --------------------------------------------------------------------------------------

shard_set::shard_set(caf::actor_system& system, std::span<home_loop* const> loops, log_store& log, state_store& state,
                     storage_events& events, entity_factories factories, shard_set_options options, peer_sink* peers)
    : impl_(
        std::make_unique<impl>(system, loops, log, state, events, std::move(factories), std::move(options), peers)) {}

shard_set::~shard_set() { stop(); }

storage_result<void> shard_set::start() {
  impl& own = *impl_;
  for (std::uint16_t i = 0; i < own.slots(); ++i) {
    if (storage_result<void> done = own.recover(i); !done) {
      return done;
    }
  }
  std::vector<std::shared_ptr<loop_shards>> loop_of_shard;
  for (std::uint16_t i = 0; i < own.slots(); ++i) {
    loop_of_shard.push_back(own.loops[own.loop_of(i)]);
    ++own.hosts_left[own.loop_of(i)];
  }
  own.events.attach(std::move(loop_of_shard));
  own.log.kick();
  for (std::uint16_t i = 0; i < own.slots(); ++i) {
    own.hosts.push_back(own.spawn_host(i));
  }
  own.local.attach(own.hosts);
  own.started = true;
  for (const std::shared_ptr<loop_shards>& loop : own.loops) {
    loop->post([loop] { loop->start(); });
  }
  return {};
}

void shard_set::begin_stop() {
  if (!impl_->started || std::exchange(impl_->stopping, true)) {
    return;
  }
  impl_->local.close();
  for (const caf::actor& host : impl_->hosts) {
    caf::anon_send(host, shard_stop{});
  }
}

bool shard_set::stopped() const {
  const std::lock_guard lock(impl_->mutex);
  std::size_t used = 0;
  for (std::size_t i = 0; i < impl_->loops.size(); ++i) {
    used += i < impl_->options.shards ? 1U : 0U;
  }
  return !impl_->started || impl_->closed == used;
}

void shard_set::stop() {
  begin_stop();
  while (!stopped()) {
    std::unique_lock lock(impl_->mutex);
    const std::size_t before = impl_->closed;
    impl_->closed_one.wait_for(lock, std::chrono::milliseconds(100), [&] { return impl_->closed != before; });
  }
  impl_->events.detach();
}

cluster::router& shard_set::router() { return *impl_->router; }
local_router& shard_set::local() { return impl_->local; }
bool shard_set::ready() const { return impl_->started && impl_->ready(); }

std::uint16_t shard_set::shards_ready() const {
  std::int64_t sum = 0;
  for (const std::shared_ptr<loop_shards>& loop : impl_->loops) {
    sum += std::as_const(*loop).counters().shards_ready.value();
  }
  return static_cast<std::uint16_t>(sum);
}

std::vector<shard_status> shard_set::status() const {
  std::vector<shard_status> out;
  for (std::uint16_t slot = 0; impl_->started && slot < impl_->slots(); ++slot) {
    if (const auto found = impl_->loops[impl_->loop_of(slot)]->status(impl_->shard_at(slot))) {
      out.push_back(*found);
    }
  }
  return out;
}

const shard_counters& shard_set::counters(std::size_t loop) const {
  return std::as_const(*impl_->loops.at(loop)).counters();
}

// --- what others have for a shard -----------------------------------------------------------------

void shard_set::impl::with(shard_id which, std::function<void(shard_replica&)> what) const {
  loop_shards* const loop = loop_of(which);
  if (loop == nullptr || !started) {
    return;
  }
  loop->post([loop = loop->shared_from_this(), which, what = std::move(what)] {
    if (shard_replica* const replica = loop->find(which)) {
      what(*replica);
    }
  });
}

void shard_set::receive(shard_id shard, raft::message what) {
  loop_shards* const loop = impl_->loop_of(shard);
  if (loop == nullptr || !impl_->started) {
    return;
  }
  if (loop->home().on_loop()) {
    if (shard_replica* const replica = loop->find(shard)) {
      replica->receive(std::move(what));
    }
    return;
  }
  loop->post([loop = loop->shared_from_this(), shard, what = std::move(what)]() mutable {
    if (shard_replica* const replica = loop->find(shard)) {
      replica->receive(std::move(what));
    }
  });
}

void shard_set::snapshot_arrived(shard_id shard, const flushed_state& state) {
  impl_->with(shard, [state](shard_replica& replica) { replica.snapshot_arrived(state); });
}

void shard_set::make_again(shard_id shard) {
  impl_->with(shard, [](shard_replica& replica) { replica.make_again(); });
}

void shard_set::on_shard(shard_id shard, std::function<void(shard_port&)> what) {
  impl_->with(shard, [what = std::move(what)](shard_replica& replica) { what(replica); });
}

void shard_set::resign(bool on) {
  if (!impl_->started) {
    impl_->resigned = on;
    return;
  }
  for (const std::shared_ptr<loop_shards>& loop : impl_->loops) {
    loop->post([loop, on] { loop->resign(on); });
  }
}

home_loop& shard_set::loop_of(shard_id shard) const {
  return impl_->loops[impl_->loop_of(impl_->slot_of(shard))]->home();
}

} // namespace godwit::cluster
