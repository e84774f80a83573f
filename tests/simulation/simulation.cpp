#include "tests/simulation/simulation.hpp"

#include <algorithm>

namespace godwit::simulation {

using persistence::configuration;
using persistence::member;
using persistence::member_role;

namespace raft = persistence::raft;

namespace {

/// In which a calm group has to come to one state.
constexpr time_us calm_max = 20'000 * ms;

/// Far more events than any schedule has: something goes round in circles.
constexpr std::uint64_t steps_max = 3'000'000;

} // namespace

simulation::simulation(const profile& kind, std::uint64_t seed, bool trace)
    : world_(kind, seed, trace),
      checker_(world_),
      network_(world_, kind.voters + kind.spares),
      client_(world_, checker_, nodes_),
      members_(world_, checker_, nodes_),
      faults_(world_, network_, nodes_, members_) {}

void simulation::bootstrap() {
  configuration first;
  for (unsigned i = 0; i < world_.kind.voters; ++i) {
    first.members.push_back({persistence::node_id{i + 1}, member_role::voter});
  }
  for (unsigned i = 0; i < world_.kind.voters + world_.kind.spares; ++i) {
    nodes_.push_back(std::make_unique<sim_node>(world_, network_, checker_, nodes_, static_cast<std::uint8_t>(i)));
    if (i < world_.kind.voters) {
      nodes_.back()->bootstrap(first);
    }
  }
  for (const auto& node : nodes_) {
    node->start();
  }
}

outcome simulation::run() {
  faults_.begin();
  bootstrap();
  client_pause_ = world_.random.chance(world_.kind.quiet) ? 300 * ms : 12 * ms;
  const time_us calm_from = world_.now + world_.kind.faulty_ms * ms;
  event_queue& events = world_.events;
  events.plan(world_.now + 50 * ms, event_kind::client, 0, 0);
  events.plan(world_.now + world_.random.between(100, 600) * ms, event_kind::fault, 0, 0);
  events.plan(world_.now + 400 * ms, event_kind::members, 0, 0);
  events.plan(calm_from, event_kind::end_of_faults, 0, 0);
  while (!done_ && !world_.violation()) {
    const event next = events.take();
    world_.now = std::max(world_.now, next.at);
    if (world_.now > calm_from + calm_max) {
      world_.violated("no convergence: " + unfinished());
      break;
    }
    if (++world_.counted.steps > steps_max) {
      world_.violated("it never rests");
      break;
    }
    carry_out(next);
  }
  world_.counted.schedules = 1;
  return {world_.counted, world_.violation()};
}

void simulation::carry_out(const event& next) {
  sim_node& node = *nodes_[next.node];
  if (next.kind < event_kind::restart) {
    const bool alive = node.up() && (next.life == 0 || next.life == node.life());
    if (alive && on_loop(next.kind) && node.frozen_until() > world_.now) {
      const time_us jitter = next.kind == event_kind::message ? world_.random.below(100) : 0;
      world_.events.plan(node.frozen_until() + jitter, next.kind, next.node, next.life, next.argument);
    } else if (alive) {
      node.carry_out(next);
    } else if (next.kind == event_kind::message) {
      static_cast<void>(network_.take(next.argument));
    }
    return;
  }
  dice& random = world_.random;
  switch (next.kind) {
  case event_kind::restart: restart(next.node, next.life); break;
  case event_kind::client:
    if (world_.faulty) {
      client_.turn();
      world_.events.plan(world_.now + random.between(1 * ms, random.chance(0.1) ? 5 * client_pause_ : client_pause_),
                         event_kind::client, 0, 0);
    }
    break;
  case event_kind::members:
    if (world_.faulty && world_.kind.members) {
      members_.turn();
      world_.events.plan(world_.now + random.between(20, 250) * ms, event_kind::members, 0, 0);
    }
    break;
  case event_kind::fault:
    if (world_.faulty) {
      world_.events.plan(world_.now + faults_.turn(), event_kind::fault, 0, 0);
    }
    break;
  case event_kind::end_of_faults:
    faults_.end(checker_.members());
    world_.events.plan(world_.now + 500 * ms, event_kind::convergence, 0, 0);
    break;
  default:
    look_for_convergence();
    world_.events.plan(world_.now + 100 * ms, event_kind::convergence, 0, 0);
    break;
  }
}

void simulation::restart(unsigned node, std::uint32_t life) {
  if (!nodes_[node]->up() && nodes_[node]->life() == life && !members_.is_dead(node)) {
    nodes_[node]->start();
  }
}

std::string simulation::unfinished() {
  const sim_node* const leader = newest_leader(nodes_);
  if (leader == nullptr) {
    return "no leader";
  }
  const raft::consensus& core = leader->replica().core();
  const std::string name = "the leader n" + std::to_string(leader->id().value()) + " ";
  if (leader->replica().ready_term() == 0) {
    return name + "is not ready";
  }
  const std::vector<member>& members = core.members().members;
  const bool all_up = std::none_of(members.begin(), members.end(), [&](const member& each) {
    return members_.is_dead(static_cast<unsigned>(each.id.value() - 1));
  });
  if (all_up && core.change_pending()) {
    return name + "waits for a change of members";
  }
  if (core.commit_index() != core.last_index() || checker_.committed() != core.last_index()) {
    return name + "has committed " + std::to_string(core.commit_index()) + " of " + std::to_string(core.last_index());
  }
  for (const member& each : members) {
    sim_node& node = *nodes_[each.id.value() - 1];
    if (each.role == member_role::spare || members_.is_dead(node.index())) {
      continue;
    }
    if (!node.up() || node.replica().installing() || node.state().applied().index != core.last_index()) {
      return "n" + std::to_string(each.id.value()) + " is at " +
             (node.up() ? std::to_string(node.state().applied().index) : "rest") + ", " + name + "at " +
             std::to_string(core.last_index());
    }
    if (!node.replica().proposals().idle()) {
      return "n" + std::to_string(each.id.value()) + " has proposals without an answer";
    }
  }
  return {};
}

void simulation::look_for_convergence() {
  if (!unfinished().empty()) {
    return;
  }
  sim_node& leader = *newest_leader(nodes_);
  if (probe_ != 0 && checker_.acknowledged(probe_)) {
    for (const member& each : leader.replica().core().members().members) {
      sim_node& node = *nodes_[each.id.value() - 1];
      if (each.role != member_role::spare && !members_.is_dead(node.index())) {
        checker_.compare_fully(node.index(), node.state());
        node.look_at_memory();
      }
    }
    done_ = true;
  } else if (probe_ == 0 || !checker_.open(probe_)) {
    probe_ = client_.propose(leader);
  }
}

} // namespace godwit::simulation
