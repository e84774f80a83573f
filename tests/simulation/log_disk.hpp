#pragma once

#include <cstddef>
#include <deque>
#include <string>

#include "persistence/log/log_store.hpp"

namespace godwit::simulation {

/// What a log store's file holds for the one shard of the simulation.
struct log_disk {
  persistence::hard_state hard;
  persistence::index_t first = 1;
  std::deque<persistence::log_entry> entries;

  [[nodiscard]] persistence::index_t last() const { return first + entries.size() - 1; }

  /// 0: not there.
  [[nodiscard]] persistence::term_t term_of(persistence::index_t index) const {
    return index < first || index > last() ? 0 : entries[index - first].term;
  }
};

/// Carries `write` out on `disk`: the first `parts` of its parts, counting the reset, term and vote,
/// each entry, and the trim. Returns what the caller of the store did wrong, or nothing.
std::string carry_out(log_disk& disk, const persistence::log_write& write, std::size_t parts);

} // namespace godwit::simulation
