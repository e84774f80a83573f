#include "tests/simulation/sim_node.hpp"

#include <algorithm>
#include <utility>

namespace godwit::simulation {

using persistence::index_t;
using persistence::shard_id;

namespace raft = persistence::raft;

sim_node::sim_node(world& in, network& wires, checker& check, const sim_nodes& all, std::uint8_t index)
    : world_(in),
      network_(wires),
      checker_(check),
      life_{index},
      log_store_(in, life_, check, log_disk_),
      state_store_(in, life_, check, state_disk_),
      fetch_(in, wires, *this, all) {
  checker_.watch(index, log_disk_, state_disk_);
}

void sim_node::bootstrap(const persistence::configuration& members) {
  const persistence::log_write first = raft::replica::bootstrap(the_shard, members);
  simulation::carry_out(log_disk_, first, first.entries.size() + 2);
  checker_.hard_state_stored(life_.index, log_disk_.hard);
  checker_.log_stored(life_.index, first);
}

// --- life -----------------------------------------------------------------------------------------

raft::replica_options sim_node::draw_options() {
  dice& random = world_.random;
  raft::replica_options out;
  raft::consensus_options& core = out.consensus;
  core.self = id();
  core.election_timeout_ms = election_timeout_ms;
  core.heartbeat_ms = heartbeat_ms;
  core.install_timeout_ms = static_cast<std::uint32_t>(election_timeout_ms * random.between(2, 10));
  core.catch_up_round_ms = 10 * election_timeout_ms;
  core.inflight_entries_max = random.chance(0.3) ? 8 : 1024;
  core.cache_bytes_max = random.chance(0.5) ? random.below(600) : 1 << 20;
  core.clock_drift_ms = 2;
  if (world_.tracing) {
    core.trace_arg = this;
    core.trace = [](void* node, const char* text) {
      const auto& self = *static_cast<sim_node*>(node);
      self.world_.trace(self.id().value(), std::string("  ") + text);
    };
  }
  core.seed = static_cast<std::uint32_t>(random.next()) | 1;
  out.appends_in_flight_max = static_cast<std::uint32_t>(random.between(1, 4));
  out.proposals_in_flight_max = static_cast<std::uint32_t>(random.between(4, 100));
  out.entry_bytes_max = random.between(200, 1000);
  out.append_bytes_max = random.between(100, 1000);
  const bool short_reach = random.chance(world_.kind.short_reach);
  out.trailing_entries = static_cast<std::uint32_t>(short_reach ? random.below(10) : random.between(50, 300));
  out.spared_entries = 4 * out.trailing_entries;
  return out;
}

persistence::shard_state::options sim_node::draw_state_options() {
  dice& random = world_.random;
  persistence::shard_state::options out;
  out.overlay_bytes_max = random.chance(0.2) ? random.between(2000, 10'000) : 1 << 20;
  out.segment_bytes_max = random.chance(0.3) ? random.between(200, 2000) : 1 << 20;
  out.flush_interval_ms = random.between(2, 50);
  return out;
}

void sim_node::start() {
  life_.up = true;
  life_.dying = false;
  inbox_until_ = 0;
  timer_planned_ = 0;
  round_planned_ = false;
  log_store_.written = [this](persistence::write_generation generation) {
    post(
      [this, generation] { call([&](raft::replica& replica) { replica.log_written(world_.now_ms(), generation); }); });
  };
  state_store_.flushed = [this](persistence::flush_completion done) {
    post([this, done = std::move(done)] {
      call([&](raft::replica& replica) { replica.state_flushed(world_.now_ms(), done); });
    });
  };
  persistence::flushed_state state = *state_store_.recover(the_shard);
  persistence::recovered_log log = *log_store_.recover(the_shard, state.point.index);
  if (world_.tracing) {
    world_.trace(id().value(), "starts: term " + std::to_string(log.hard.term) + ", log " + std::to_string(log.first) +
                                 " to " + std::to_string(log_disk_.last()) + ", state at " +
                                 std::to_string(state.point.index));
  }
  checker_.starts(index(), log);
  const raft::replica_options options = draw_options();
  proposals_max_ = options.proposals_in_flight_max;
  cache_bytes_max_ = options.consensus.cache_bytes_max;
  standing_ = {};
  const persistence::shard_state::options state_options = draw_state_options();
  process_ = std::make_unique<process>(*this, std::move(state), state_options, options);
  if (const auto started = process_->replica.start(world_.now_ms(), std::move(log)); !started) {
    world_.violated("n" + std::to_string(index() + 1) + " does not start: " + started.error().message);
    return;
  }
  settle();
  if (life_.up && world_.random.chance(0.2)) {
    checker_.compare_fully(index(), process_->state);
  }
}

void sim_node::crash() {
  ++world_.counted.crashes;
  if (world_.tracing) {
    world_.trace(id().value(), "crashes");
  }
  log_store_.crash();
  state_store_.crash();
  end_process();
  frozen_until_ = 0;
  // Often so soon that others do not miss it.
  const time_us most = world_.random.chance(0.4) ? 20 : 3 * election_timeout_ms;
  world_.events.plan(world_.now + world_.random.between(1 * ms, most * ms), event_kind::restart, life_.index,
                     life_.number);
}

void sim_node::restart() {
  ++world_.counted.restarts;
  if (world_.tracing) {
    world_.trace(id().value(), "restarts its replica");
  }
  log_store_.finish();
  state_store_.finish();
  end_process();
  start();
}

void sim_node::look_at_memory() const {
  const raft::consensus& core = process_->replica.core();
  if (const std::size_t bytes = core.cache_bytes();
      bytes > cache_bytes_max_ && core.persisted_index() == core.last_index()) {
    world_.violated("n" + std::to_string(index() + 1) + " keeps " + std::to_string(bytes) +
                    " bytes of entries, its bound is " + std::to_string(cache_bytes_max_));
  }
}

void sim_node::end_process() {
  life_.up = false;
  life_.dying = false;
  ++life_.number;
  checker_.dies(index());
  fetch_.stop();
  inbox_.clear();
  finished_.clear();
  process_.reset();
}

void sim_node::slow_disks(time_us until) {
  log_store_.slow_until(until);
  state_store_.slow_until(until);
}

// --- the loop -------------------------------------------------------------------------------------

void sim_node::post(std::function<void()> what) {
  if (!life_.up) {
    return;
  }
  inbox_.push_back(std::move(what));
  inbox_until_ = std::max(inbox_until_, world_.now + world_.random.between(5, 100)); // keeps the order
  world_.events.plan(inbox_until_, event_kind::inbox, life_.index, life_.number);
}

void sim_node::carry_out(const event& what) {
  switch (what.kind) {
  case event_kind::message: {
    raft::message arrived = network_.take(what.argument);
    if (world_.tracing) {
      world_.trace(id().value(), "gets " + to_string(arrived));
    }
    call([&](raft::replica& replica) { replica.receive(world_.now_ms(), std::move(arrived)); });
    break;
  }
  case event_kind::inbox: {
    const std::function<void()> next = std::move(inbox_.front());
    inbox_.pop_front();
    next();
    break;
  }
  case event_kind::timer:
    if (what.argument != timer_planned_) {
      break;
    }
    timer_planned_ = 0;
    if (world_.now_ms() >= process_->replica.due()) {
      timer_called_ = world_.now_ms();
      call([&](raft::replica& replica) { replica.timer(world_.now_ms()); });
    } else {
      arm_timer();
    }
    break;
  case event_kind::round: round(); break;
  case event_kind::fetch: fetch_.turn(what.argument); break;
  case event_kind::log_transaction: log_store_.transaction_done(); break;
  case event_kind::state_task: state_store_.task_done(); break;
  case event_kind::reader: state_store_.reader_turns(); break;
  default: break;
  }
}

void sim_node::settle() {
  if (life_.dying) {
    checker_.observe_dying(index(), process_->replica);
  } else {
    checker_.observe(index(), process_->replica, process_->state);
  }
  for (const raft::finished_proposal& one : std::exchange(finished_, {})) {
    checker_.finished(index(), one.token, one.outcome, one.index);
  }
  if (life_.dying || dies_here(world_, life_)) {
    crash();
    return;
  }
  look_at_promises();
  ask_for_round();
}

/// What replica.hpp promises to whoever runs it, beyond what Raft promises.
void sim_node::look_at_promises() {
  const raft::replica& replica = process_->replica;
  const raft::consensus& core = replica.core();
  const std::string name = "n" + std::to_string(index() + 1);
  const auto standing = std::tuple(core.current_role(), core.term(), core.leader(), replica.ready_term());
  if (standing != std::exchange(standing_, standing) && !role_told_) {
    world_.violated(name + ": its standing changed and role_changed was not called");
  }
  role_told_ = false;
  if (replica.ready_term() != 0 && (replica.ready_term() != core.term() || core.current_role() != raft::role::leader)) {
    world_.violated(name + " is ready for a term in which it does not lead");
  }
  // Changes of members, at most one of each term, come on top.
  if (replica.proposals().in_flight() > proposals_max_ + 4) {
    world_.violated(name + " has too many proposals in flight");
  }
}

void sim_node::arm_timer() {
  const time_us due = process_->replica.due() * ms;
  if (due == 0 || (timer_planned_ != 0 && timer_planned_ <= due)) {
    return; // an earlier event will look again
  }
  timer_planned_ = std::max(due, world_.now + 1);
  world_.events.plan(timer_planned_, event_kind::timer, life_.index, life_.number, timer_planned_);
}

void sim_node::ask_for_round() {
  if (!std::exchange(round_planned_, true)) {
    world_.events.plan(world_.now + world_.random.below(200), event_kind::round, life_.index, life_.number);
  }
}

void sim_node::round() {
  bool kick = false;
  call([&](raft::replica& replica) { kick = replica.round(world_.now_ms()); }); // plans no further round
  round_planned_ = false;
  if (kick) {
    log_store_.kick();
    state_store_.kick();
  }
  if (life_.up) {
    const persistence::monotonic_ms due = process_->replica.due();
    if (timer_called_ == world_.now_ms() && due != 0 && due <= timer_called_) {
      world_.violated("n" + std::to_string(index() + 1) + ": its timer stays in the past: its loop would spin");
    }
    arm_timer();
  }
}

void sim_node::snapshot_arrived(const persistence::flushed_state& state) {
  if (world_.tracing) {
    world_.trace(id().value(), "has a snapshot at " + std::to_string(state.point.index));
  }
  checker_.install_done(index(), state.point);
  call([&](raft::replica& replica) { replica.snapshot_arrived(world_.now_ms(), state); });
  if (life_.up) {
    checker_.compare_fully(index(), process_->state);
  }
}

// --- replica_host ---------------------------------------------------------------------------------

void sim_node::send(shard_id /*shard*/, raft::message what) {
  if (dies_here(world_, life_)) {
    return;
  }
  if (world_.tracing) {
    world_.trace(id().value(), "sends " + to_string(what));
  }
  checker_.sent(index(), what);
  network_.send(std::move(what));
}

void sim_node::proposal_done(shard_id /*shard*/, raft::proposal_token token, raft::proposal_outcome outcome,
                             index_t index) {
  if (!dies_here(world_, life_)) {
    finished_.push_back({token, outcome, index});
  }
}

void sim_node::role_changed(shard_id /*shard*/) {
  role_told_ = true;
  dies_here(world_, life_);
}

void sim_node::read_log(shard_id /*shard*/, const raft::log_read_request& request) {
  if (dies_here(world_, life_)) {
    return;
  }
  ++world_.counted.log_reads;
  const auto queued = state_store_.run_on_reader([this, request] {
    post([this, request, entries = log_store_.read(the_shard, request.first, request.count, request.bytes_max)] {
      call([&](raft::replica& replica) { replica.log_read_done(world_.now_ms(), request, entries); });
    });
  });
  if (!queued) {
    post([this, request] {
      call([&](raft::replica& replica) {
        replica.log_read_done(world_.now_ms(), request, persistence::fail(persistence::persistence_errc::busy, "busy"));
      });
    });
  }
}

void sim_node::fetch_snapshot(shard_id /*shard*/, persistence::node_id from,
                              const persistence::snapshot_point& at_least) {
  if (dies_here(world_, life_)) {
    return;
  }
  checker_.install_asked(index(), at_least);
  fetch_.begin(from, at_least.index);
}

void sim_node::replica_failed(shard_id /*shard*/, const persistence::storage_error& why) {
  if (!life_.dying) {
    world_.violated("n" + std::to_string(index() + 1) + " fails: " + why.message);
  }
}

sim_node* newest_leader(const sim_nodes& nodes) {
  sim_node* found = nullptr;
  for (const auto& node : nodes) {
    if (node->leads() && (found == nullptr || node->replica().core().term() > found->replica().core().term())) {
      found = node.get();
    }
  }
  return found;
}

} // namespace godwit::simulation
