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
        router(options.shards),
        ready_once(options.shards) {
    for (home_loop* const each : on) {
      loops.push_back(std::make_shared<loop_shards>(*each, log, state));
      hosts_left.push_back(0);
    }
  }

  [[nodiscard]] std::size_t loop_of(std::uint16_t shard) const { return shard % loops.size(); }

  storage_result<void> recover(std::uint16_t number);
  caf::actor spawn_host(std::uint16_t number);
  void host_ready(std::uint16_t number, term_t term);
  void host_ended(std::uint16_t number, bool asked);

  caf::actor_system& system;
  log_store& log;
  state_store& state;
  storage_events& events;
  const entity_factories factories;
  const shard_set_options options;
  no_peers none;
  peer_sink* const peers;
  local_router router;

  std::vector<std::shared_ptr<loop_shards>> loops;
  std::vector<caf::actor> hosts;
  std::vector<std::size_t> hosts_left; ///< of each loop; on that loop

  std::vector<std::atomic<bool>> ready_once; ///< by shard
  std::atomic<std::uint16_t> ready_count{0};

  bool started = false;
  bool stopping = false;
  mutable std::mutex mutex;
  std::condition_variable closed_one;
  std::size_t closed = 0; ///< loops; under the mutex
};

/// Reads a shard's log and state and makes its replica; a shard never seen gets its first entry.
storage_result<void> shard_set::impl::recover(std::uint16_t number) {
  shard_replica::setup setup;
  setup.shard = shard_id{number};
  const storage_result<flushed_state> point = state.recover(setup.shard);
  if (!point) {
    return unexpected(point.error());
  }
  storage_result<recovered_log> recovered = log.recover(setup.shard, point->point.index);
  if (!recovered) {
    return unexpected(recovered.error());
  }
  if (recovered->hard.term == 0 && recovered->entries.empty() && point->point.index == 0) {
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
  setup.replica.consensus.seed = static_cast<std::uint32_t>(options.self.value() * limits::shards_max + number + 1);
  setup.state_options = options.state;
  setup.peers = peers;
  setup.failed = options.failed;
  loops[loop_of(number)]->add(std::move(setup));
  return {};
}

caf::actor shard_set::impl::spawn_host(std::uint16_t number) {
  loop_shards& loop = *loops[loop_of(number)];
  shard_host::setup setup;
  setup.shard = shard_id{number};
  setup.shards = options.shards;
  setup.factories = &factories;
  setup.router = &router;
  setup.counters = &loop.counters();
  setup.limits = options.host;
  setup.ready = [this, number](term_t term) { host_ready(number, term); };
  setup.ended = [this, number](bool asked) { host_ended(number, asked); };
  return system.spawn<shard_host>(loop.home(), *loop.find(setup.shard), std::move(setup));
}

void shard_set::impl::host_ready(std::uint16_t number, term_t term) {
  if (term != 0 && !ready_once[number].exchange(true) && ready_count.fetch_add(1) + 1 == options.shards &&
      options.ready) {
    options.ready();
  }
}

void shard_set::impl::host_ended(std::uint16_t number, bool asked) {
  if (!asked) {
    log::error(shard_log, "host_ended", {{"shard", number}});
    if (options.failed) {
      options.failed(shard_id{number},
                     {persistence_errc::stopped, "the host of a shard ended by a fault: restart the node"});
    }
  }
  if (--hosts_left[loop_of(number)] == 0) {
    // Later: the host is still in its last turn.
    const std::shared_ptr<loop_shards> loop = loops[loop_of(number)];
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
  for (std::uint16_t i = 0; i < own.options.shards; ++i) {
    if (storage_result<void> done = own.recover(i); !done) {
      return done;
    }
  }
  std::vector<std::shared_ptr<loop_shards>> loop_of_shard;
  for (std::uint16_t i = 0; i < own.options.shards; ++i) {
    loop_of_shard.push_back(own.loops[own.loop_of(i)]);
    ++own.hosts_left[own.loop_of(i)];
  }
  own.events.attach(std::move(loop_of_shard));
  own.log.kick();
  for (std::uint16_t i = 0; i < own.options.shards; ++i) {
    own.hosts.push_back(own.spawn_host(i));
  }
  own.router.attach(own.hosts);
  for (const std::shared_ptr<loop_shards>& loop : own.loops) {
    loop->post([loop] { loop->start(); });
  }
  own.started = true;
  return {};
}

void shard_set::begin_stop() {
  if (!impl_->started || std::exchange(impl_->stopping, true)) {
    return;
  }
  impl_->router.close();
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

cluster::router& shard_set::router() { return impl_->router; }
bool shard_set::ready() const { return impl_->ready_count.load() == impl_->options.shards; }

std::uint16_t shard_set::shards_ready() const {
  std::int64_t sum = 0;
  for (const std::shared_ptr<loop_shards>& loop : impl_->loops) {
    sum += std::as_const(*loop).counters().shards_ready.value();
  }
  return static_cast<std::uint16_t>(sum);
}

const shard_counters& shard_set::counters(std::size_t loop) const {
  return std::as_const(*impl_->loops.at(loop)).counters();
}

void shard_set::receive(shard_id shard, raft::message what) {
  const std::shared_ptr<loop_shards>& loop = impl_->loops[impl_->loop_of(shard.value())];
  loop->post([loop, shard, what = std::move(what)]() mutable {
    if (shard_replica* const replica = loop->find(shard)) {
      replica->receive(std::move(what));
    }
  });
}

} // namespace godwit::cluster
