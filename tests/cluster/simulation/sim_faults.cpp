#include "tests/cluster/simulation/sim_faults.hpp"

#include <algorithm>
#include <utility>

namespace godwit::cluster_sim {

namespace {

constexpr std::size_t troubles_max = 2;

std::string name_of(std::uint32_t node) { return "node " + std::to_string(node + 1); }

} // namespace

void sim_faults::begin() {
  on_ = true;
  next();
}

void sim_faults::next() {
  const monotonic_ms pause = world_.random.between(world_.plan.fault_every_ms / 3, world_.plan.fault_every_ms * 5 / 3);
  world_.network.at(world_.network.now() + pause, [this] {
    if (on_) {
      strike();
      next();
    }
  });
}

void sim_faults::strike() {
  const std::uint64_t which = world_.random.below(24);
  if (which < 5) {
    return transfer();
  }
  if (which < 7) {
    const std::uint32_t a = some_node();
    const std::uint32_t b = (a + 1) % node_count;
    world_.trace("links of " + name_of(a) + " and " + name_of(b) + " break");
    ++world_.counted["breaks"];
    return world_.break_links(a, b);
  }
  if (troubles_.size() >= troubles_max) {
    return;
  }
  if (which < 12) {
    kill();
  } else if (which < 16) {
    freeze();
  } else if (which < 20) {
    cut();
  } else if (which < 21) {
    slow_links();
  } else if (which < 22) {
    lose_frames();
  } else if (which < 23) {
    slow_disk();
  } else {
    kill_all();
  }
}

void sim_faults::for_a_while(monotonic_ms lasts, std::function<void()> end) {
  const std::uint64_t number = ++last_;
  troubles_.push_back({number, std::move(end)});
  world_.network.at(world_.network.now() + lasts, [this, number] { finish(number); });
}

void sim_faults::finish(std::uint64_t number) {
  const auto found =
    std::find_if(troubles_.begin(), troubles_.end(), [&](const trouble& each) { return each.number == number; });
  if (found != troubles_.end()) {
    const auto end = std::move(found->end);
    troubles_.erase(found);
    end();
  }
}

void sim_faults::heal() {
  on_ = false;
  while (!troubles_.empty()) {
    finish(troubles_.front().number);
  }
  world_.trace("all is well");
}

// --- kinds --------------------------------------------------------------------------------------------

void sim_faults::kill() {
  const std::uint32_t node = some_node();
  if (!world_.runs(node)) {
    return;
  }
  world_.kill(node, world_.random.chance(0.7));
  ++world_.counted["kills"];
  for_a_while(world_.random.between(50, 5000), [this, node] {
    if (!world_.runs(node)) {
      world_.start(node);
    }
  });
}

void sim_faults::kill_all() {
  for (std::uint32_t node = 0; node < node_count; ++node) {
    if (world_.runs(node)) {
      world_.kill(node, world_.random.chance(0.5));
      ++world_.counted["kills"];
    }
  }
  for_a_while(world_.random.between(50, 2000), [this] {
    for (std::uint32_t node = 0; node < node_count; ++node) {
      if (!world_.runs(node)) {
        world_.start(node);
      }
    }
  });
}

void sim_faults::freeze() {
  const std::uint32_t node = some_node();
  if (!world_.runs(node) || world_.frozen(node)) {
    return;
  }
  world_.trace(name_of(node) + " stands still");
  ++world_.counted["freezes"];
  world_.freeze(node, true);
  for_a_while(world_.random.between(200, 6000), [this, node, life = world_.machine(node).lives] {
    if (world_.runs(node) && world_.machine(node).lives == life) {
      world_.trace(name_of(node) + " goes on");
      world_.freeze(node, false);
    }
  });
}

void sim_faults::cut() {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> ways;
  const std::uint32_t a = some_node();
  const std::uint32_t b = (a + 1) % node_count;
  const std::uint32_t c = (a + 2) % node_count;
  switch (world_.random.below(4)) {
  case 0: ways = {{a, b}, {b, a}, {a, c}, {c, a}}; break; // alone
  case 1: ways = {{a, b}, {b, a}}; break;                 // one pair
  case 2: ways = {{a, b}}; break;                         // one way
  default: ways = {{a, b}, {a, c}}; break;                // nobody hears it
  }
  std::string told = "cut:";
  for (const auto& [from, to] : ways) {
    told += ' ' + std::to_string(from + 1) + '>' + std::to_string(to + 1);
    world_.silence(from, to, true);
  }
  world_.trace(told);
  ++world_.counted["cuts"];
  for_a_while(world_.random.between(300, 7000), [this, ways, told] {
    world_.trace("mended, " + told);
    for (const auto& [from, to] : ways) {
      world_.silence(from, to, false);
    }
  });
}

void sim_faults::slow_links() {
  const std::uint32_t node = some_node();
  const auto late = static_cast<std::uint32_t>(world_.random.between(5, 400));
  const auto set = [this, node](std::uint32_t ms) {
    for (std::uint32_t other = 0; other < node_count; ++other) {
      world_.delay(node, other, ms);
      world_.delay(other, node, ms);
    }
  };
  world_.trace("links of " + name_of(node) + " are slow by " + std::to_string(late));
  ++world_.counted["slow"];
  set(late);
  for_a_while(world_.random.between(1000, 5000), [set] { set(0); });
}

void sim_faults::lose_frames() {
  world_.trace("connections break now and then");
  ++world_.counted["lossy"];
  world_.network.lossy(static_cast<std::uint32_t>(world_.random.between(200, 20'000)));
  for_a_while(world_.random.between(500, 4000), [this] { world_.network.lossy(0); });
}

void sim_faults::slow_disk() {
  const std::uint32_t node = some_node();
  world_.machine(node).slow_ms = static_cast<std::uint32_t>(world_.random.between(20, 1500));
  world_.trace("the disk of " + name_of(node) + " is slow by " + std::to_string(world_.machine(node).slow_ms));
  ++world_.counted["slow"];
  for_a_while(world_.random.between(500, 5000), [this, node] { world_.machine(node).slow_ms = 0; });
}

void sim_faults::transfer() {
  const shard_id shard{static_cast<std::uint16_t>(world_.random.below(world_.plan.shards))};
  const std::uint32_t to = some_node();
  std::uint32_t from = to;
  for (std::uint32_t node = 0; node < node_count; ++node) {
    if (world_.runs(node) && world_.at(node).shards().status()[shard.value()].ready_term != 0) {
      from = node;
    }
  }
  hand_over(shard, to);
  if (from != to && on_ && world_.random.chance(0.5)) {
    // Back to one that remembers how things were.
    world_.network.at(world_.network.now() + world_.random.between(700, 3000),
                      [this, shard, from] { hand_over(shard, from); });
  }
}

void sim_faults::hand_over(shard_id shard, std::uint32_t node_to) {
  const node_id to{node_to + 1};
  ++world_.counted["transfers"];
  for (std::uint32_t node = 0; node < node_count; ++node) {
    if (world_.runs(node)) {
      world_.at(node).shards().on_shard(shard, [to](cluster::shard_port& port) {
        if (port.role() == persistence::raft::role::leader && port.self() != to) {
          (void)port.transfer(to);
        }
      });
    }
  }
}

void sim_faults::move_leaders() {
  for (int i = 0; i < 2 * world_.plan.shards; ++i) {
    transfer();
  }
}

} // namespace godwit::cluster_sim
