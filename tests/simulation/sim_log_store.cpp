#include "tests/simulation/sim_log_store.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "persistence/base/mutant.hpp"

namespace godwit::simulation {

using persistence::entry_kind;
using persistence::index_t;
using persistence::log_entry;
using persistence::log_write;
using persistence::mutant;
using persistence::mutated;
using persistence::storage_result;

namespace {

constexpr std::size_t all_parts = std::numeric_limits<std::size_t>::max();

bool may_wait(const log_write& write) { return !write.reset && !write.hard && write.first == 0; }

} // namespace

void sim_log_store::submit(log_write write) {
  if (!dies_here(world_, life_)) {
    check_.log_submitted(life_.index, write);
    queue_.push_back(std::move(write));
  }
}

void sim_log_store::kick() {
  if (!busy_ && life_.outputs()) {
    begin();
  }
}

void sim_log_store::begin() {
  if (std::all_of(queue_.begin(), queue_.end(), may_wait)) {
    return;
  }
  busy_ = true;
  under_way_.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(queue_.end()));
  queue_.clear();
  if (mutated(mutant::split_hard_state)) {
    // Term now, vote with the next transaction; whoever waits hears of the first.
    for (log_write& write : under_way_) {
      if (write.hard && write.hard->vote != persistence::no_node) {
        log_write vote;
        vote.shard = write.shard;
        vote.hard = write.hard;
        write.hard->vote = persistence::no_node;
        queue_.assign(1, std::move(vote));
      } else if (write.hard) {
        queue_.clear();
      }
    }
  }
  world_.events.plan(world_.now + duration(), event_kind::log_transaction, life_.index, life_.number);
}

time_us sim_log_store::duration() {
  dice& random = world_.random;
  time_us result = random.between(100, 3000);
  if (random.chance(0.05)) {
    result = random.between(5 * ms, 60 * ms);
  }
  if (world_.faulty && random.chance(world_.kind.disk_stalls)) {
    result = random.between(500 * ms, 3000 * ms);
  }
  if (slow_until_ > world_.now && world_.faulty) {
    result += random.between(10 * ms, 200 * ms);
  }
  return result;
}

void sim_log_store::make_durable(const log_write& write, std::size_t parts) {
  const persistence::hard_state before = disk_.hard;
  const index_t first = disk_.first;
  if (std::string fault = carry_out(disk_, write, parts); !fault.empty()) {
    world_.violated("n" + std::to_string(life_.index + 1) + ": " + fault);
    return;
  }
  world_.counted.trims += !write.reset && disk_.first != first ? 1 : 0;
  if (write.hard) {
    unsynced_over_.reset();
    if (mutated(mutant::vote_unsynced)) {
      unsynced_over_ = before;
    }
    check_.hard_state_stored(life_.index, disk_.hard);
  }
  check_.log_stored(life_.index, write);
}

void sim_log_store::transaction_done() {
  busy_ = false;
  for (const log_write& write : under_way_) {
    make_durable(write, all_parts);
  }
  for (const log_write& write : std::exchange(under_way_, {})) {
    if (write.generation != 0) {
      written(write.generation);
    }
  }
  if (!queue_.empty()) {
    begin();
  }
}

void sim_log_store::crash() {
  if (busy_ && world_.random.chance(0.5)) {
    std::size_t whole = under_way_.size();
    if (world_.kind.torn_writes) {
      whole = world_.random.below(under_way_.size() + 1);
    }
    for (std::size_t i = 0; i < whole; ++i) {
      make_durable(under_way_[i], all_parts);
    }
    if (whole < under_way_.size()) {
      ++world_.counted.torn_writes;
      make_durable(under_way_[whole], world_.random.below(under_way_[whole].entries.size() + 2));
    }
  }
  if (unsynced_over_ && world_.random.chance(0.5)) {
    disk_.hard = *unsynced_over_;
  }
  unsynced_over_.reset();
  queue_.clear();
  under_way_.clear();
  busy_ = false;
}

void sim_log_store::finish() {
  for (const log_write& write : std::exchange(under_way_, {})) {
    make_durable(write, all_parts);
  }
  for (const log_write& write : std::exchange(queue_, {})) {
    make_durable(write, all_parts);
  }
  busy_ = false;
}

storage_result<persistence::recovered_log> sim_log_store::recover(persistence::shard_id /*shard*/,
                                                                  index_t payloads_from) {
  persistence::recovered_log out;
  out.hard = disk_.hard;
  out.first = disk_.first;
  out.entries.assign(disk_.entries.begin(), disk_.entries.end());
  for (std::size_t i = 0; i < out.entries.size() && disk_.first + i <= payloads_from; ++i) {
    if (out.entries[i].kind != entry_kind::change) {
      out.entries[i].payload = {};
    }
  }
  return out;
}

storage_result<std::vector<log_entry>> sim_log_store::read(persistence::shard_id /*shard*/, index_t first,
                                                           std::uint32_t count, std::size_t bytes_max) {
  if (first < disk_.first || first > disk_.last()) {
    return persistence::fail(persistence::persistence_errc::not_found, "no such entry");
  }
  std::vector<log_entry> out;
  std::size_t bytes = 0;
  for (index_t index = first; index <= disk_.last() && out.size() < count; ++index) {
    const log_entry& entry = disk_.entries[index - disk_.first];
    bytes += entry.payload.size();
    if (!out.empty() && bytes > bytes_max) {
      break;
    }
    out.push_back(entry);
  }
  return out;
}

} // namespace godwit::simulation
