#include "tests/simulation/faults.hpp"

#include <algorithm>

namespace godwit::simulation {

namespace raft = persistence::raft;

void faults::begin() {
  dice& random = world_.random;
  if (world_.kind.message_troubles) {
    world_.trouble.loss = random.chance(0.4) ? 0 : static_cast<double>(random.below(25)) / 100;
    world_.trouble.doubles = static_cast<double>(random.below(15)) / 100;
    world_.trouble.long_delays = random.chance(0.5) ? 0.005 : static_cast<double>(random.below(10)) / 100;
  }
  if (world_.kind.crashes) {
    world_.trouble.micro_crashes = random.chance(0.5) ? 0 : 0.0005;
  }
}

void faults::change_weather() {
  dice& random = world_.random;
  if (world_.kind.message_troubles) {
    world_.trouble.loss = random.chance(0.5) ? 0 : static_cast<double>(random.below(40)) / 100;
    world_.trouble.doubles = random.chance(0.5) ? 0 : static_cast<double>(random.below(30)) / 100;
    world_.trouble.long_delays = random.chance(0.5) ? 0.005 : static_cast<double>(random.below(20)) / 100;
  }
  if (world_.kind.crashes) {
    world_.trouble.micro_crashes = random.chance(0.6) ? 0 : (random.chance(0.5) ? 0.0003 : 0.002);
  }
  tell("the weather changes");
}

time_us faults::turn() {
  dice& random = world_.random;
  if (world_.kind.isolations && random.chance(0.7)) {
    isolate_leader();
    return random.between(apart_ ? 50 : 300, apart_ ? 500 : 1200) * ms;
  }
  if (world_.kind.isolations && random.chance(0.3)) {
    transfer();
    return random.between(50, 500) * ms;
  }
  switch (random.below(14)) {
  case 0:
  case 1:
  case 2:
  case 3: cut(); break;
  case 4:
  case 5:
    network_.heal();
    tell("all cuts heal");
    break;
  case 6:
  case 7: crash(); break;
  case 8:
    if (world_.kind.freezes) {
      sim_node& node = any();
      node.freeze(world_.now + random.between(10, 4 * election_timeout_ms) * ms);
      tell("n" + std::to_string(node.id().value()) + " is frozen");
    }
    break;
  case 9:
  case 10: transfer(); break;
  case 11: any().slow_disks(world_.now + random.between(50, 1000) * ms); break;
  case 12: change_weather(); break;
  default: kill(); break;
  }
  return random.between(20, random.chance(0.3) ? 1500 : 400) * ms;
}

void faults::cut() {
  if (!world_.kind.partitions) {
    return;
  }
  dice& random = world_.random;
  const unsigned node = any().index();
  switch (random.below(4)) {
  case 0: network_.split(random.next()); break;
  case 1: network_.isolate(node); break;
  case 2: network_.cut_one_way(node, any().index()); break;
  default: network_.isolate_one_way(node, random.chance(0.5)); break;
  }
  tell("a cut at n" + std::to_string(node + 1) + " or a split");
}

void faults::isolate_leader() {
  if (isolated_ && apart_ && world_.random.chance(0.7)) {
    // Somebody who hears both, and forgets which of them leads.
    if (sim_node& node = any(); node.up() && node.index() != apart_->first && node.index() != apart_->second) {
      node.crash();
    }
    return;
  }
  apart_.reset();
  if (isolated_) {
    network_.heal();
    tell("the cut heals");
  } else if (sim_node* const leader = newest_leader(all_)) {
    if (const unsigned other = any().index(); world_.random.chance(0.4) && other != leader->index()) {
      apart_.emplace(leader->index(), other);
      network_.cut_one_way(leader->index(), other);
      network_.cut_one_way(other, leader->index());
    } else if (world_.random.chance(0.6)) {
      network_.isolate(leader->index());
    } else {
      network_.isolate_one_way(leader->index(), world_.random.chance(0.5));
    }
    tell("the leader n" + std::to_string(leader->id().value()) + " is cut off");
  }
  isolated_ = !isolated_;
}

void faults::crash() {
  if (!world_.kind.crashes) {
    return;
  }
  if (world_.random.chance(0.8)) {
    if (sim_node& node = any(); node.up()) {
      node.crash();
    }
    return;
  }
  for (const auto& node : all_) {
    if (node->up() && world_.random.chance(0.7)) {
      node->crash();
    }
  }
}

void faults::transfer() {
  sim_node* const leader = newest_leader(all_);
  if (!world_.kind.transfers || leader == nullptr) {
    return;
  }
  const auto& members = leader->replica().core().members().members;
  persistence::node_id to = persistence::no_node;
  if (!members.empty() && !world_.random.chance(0.2)) {
    to = members[world_.random.below(members.size())].id;
  }
  tell("n" + std::to_string(leader->id().value()) + " is to give leadership to n" + std::to_string(to.value()));
  expected<void, raft::raft_errc> begun;
  leader->call([&](raft::replica& replica) { begun = replica.transfer(world_.now_ms(), to); });
  world_.counted.transfers += begun ? 1 : 0;
}

/// Whom it hits has led last, if anybody did, or is anybody.
void faults::lose_minority() {
  sim_node* next = newest_leader(all_);
  for (unsigned left = (world_.kind.voters - 1) / 2; left > 0;) {
    if (next == nullptr || world_.random.chance(0.3)) {
      next = &any();
    }
    if (!members_.is_dead(next->index())) {
      --left;
      members_.dead(next->index(), true);
      tell("n" + std::to_string(next->id().value()) + " stays down");
      if (next->up()) {
        next->crash();
      }
    }
    next = nullptr;
  }
}

/// One voter of a larger group dies for good.
void faults::kill() {
  sim_node& node = any();
  if (!world_.kind.dead_voters || !node.up()) {
    return;
  }
  for (const auto& each : all_) {
    if (members_.is_dead(each->index())) {
      return; // one at a time
    }
  }
  members_.dead(node.index(), true);
  tell("n" + std::to_string(node.id().value()) + " stays down");
  node.crash();
}

void faults::end(const persistence::configuration& committed) {
  tell("faults end");
  world_.faulty = false;
  world_.trouble = {};
  network_.heal();
  if (world_.kind.minority_lost) {
    lose_minority();
  }
  for (const auto& node : all_) {
    node->freeze(std::min(node->frozen_until(), world_.now));
    const bool member = std::any_of(committed.members.begin(), committed.members.end(),
                                    [&](const persistence::member& each) { return each.id == node->id(); });
    if (members_.is_dead(node->index()) && member && !world_.kind.minority_lost) {
      members_.dead(node->index(), false);
      world_.events.plan(world_.now + 10 * ms, event_kind::restart, static_cast<std::uint8_t>(node->index()),
                         node->life());
    }
  }
}

} // namespace godwit::simulation
