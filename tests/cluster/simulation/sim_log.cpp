#include "tests/cluster/simulation/sim_log.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

namespace godwit::cluster_sim {

using persistence::log_write;
using persistence::storage_result;

namespace {

constexpr std::size_t all_parts = std::numeric_limits<std::size_t>::max();

bool may_wait(const log_write& write) { return !write.reset && !write.hard && write.first == 0; }

} // namespace

void sim_log::submit(log_write write) {
  if (life_) {
    queue_.push_back(std::move(write));
  }
}

void sim_log::kick() {
  if (life_ && under_way_.empty()) {
    begin();
  }
}

void sim_log::begin() {
  // One that only carries a number is waited for by somebody.
  const bool nothing = std::all_of(queue_.begin(), queue_.end(),
                                   [](const log_write& each) { return may_wait(each) && each.generation == 0; });
  if (nothing) {
    return;
  }
  under_way_.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(queue_.end()));
  queue_.clear();
  monotonic_ms lasts = with_.random->between(1, 3) + *with_.slow_ms;
  if (with_.random->chance(0.02)) {
    lasts += with_.random->between(5, 60);
  }
  with_.time->at(with_.time->now() + lasts, [this, life = std::weak_ptr(life_)] {
    if (!life.expired()) {
      done();
    }
  });
}

void sim_log::write(const log_write& what, std::size_t parts) {
  if (const std::string fault = simulation::carry_out(disks_[what.shard], what, parts); !fault.empty()) {
    with_.violated(fault);
  }
}

void sim_log::done() {
  std::vector<persistence::log_completion> completions;
  for (const log_write& each : std::exchange(under_way_, {})) {
    write(each, all_parts);
    if (each.generation != 0) {
      completions.push_back({each.shard, each.generation});
    }
  }
  if (!completions.empty()) {
    sink_.log_written(completions);
  }
  begin();
}

void sim_log::crash() {
  life_.reset();
  if (!under_way_.empty() && with_.random->chance(0.5)) {
    const std::size_t whole = with_.random->below(under_way_.size() + 1);
    for (std::size_t i = 0; i < whole; ++i) {
      write(under_way_[i], all_parts);
    }
    if (whole < under_way_.size()) {
      write(under_way_[whole], with_.random->below(under_way_[whole].entries.size() + 2));
    }
  }
  queue_.clear();
  under_way_.clear();
}

storage_result<persistence::recovered_log> sim_log::recover(shard_id shard, persistence::index_t payloads_from) {
  const simulation::log_disk& disk = disks_[shard];
  persistence::recovered_log out;
  out.hard = disk.hard;
  out.first = disk.first;
  out.entries.assign(disk.entries.begin(), disk.entries.end());
  for (std::size_t i = 0; i < out.entries.size() && disk.first + i <= payloads_from; ++i) {
    if (out.entries[i].kind != persistence::entry_kind::change) {
      out.entries[i].payload = {};
    }
  }
  return out;
}

storage_result<std::vector<persistence::log_entry>> sim_log::read(shard_id shard, persistence::index_t first,
                                                                  std::uint32_t count, std::size_t bytes_max) {
  const simulation::log_disk& disk = disks_[shard];
  if (first < disk.first || first > disk.last()) {
    return persistence::fail(persistence::persistence_errc::not_found, "no such entry");
  }
  std::vector<persistence::log_entry> out;
  std::size_t bytes = 0;
  for (persistence::index_t index = first; index <= disk.last() && out.size() < count; ++index) {
    const persistence::log_entry& entry = disk.entries[index - disk.first];
    bytes += entry.payload.size();
    if (!out.empty() && bytes > bytes_max) {
      break;
    }
    out.push_back(entry);
  }
  return out;
}

} // namespace godwit::cluster_sim
