#include "persistence/raft/write_ledger.hpp"

#include <algorithm>

#include "persistence/base/mutant.hpp"

namespace godwit::persistence::raft {

void write_ledger::begin(write_generation generation, index_t first, index_t last, term_t last_term) {
  for (write& earlier : writes_) {
    earlier.surviving = std::min(earlier.surviving, first - 1);
  }
  writes_.push_back({generation, first, last, last, last_term});
}

index_t write_ledger::complete(write_generation generation, const log_cache& log) {
  while (!writes_.empty() && writes_.front().generation < generation) {
    writes_.pop_front();
  }
  if (writes_.empty() || writes_.front().generation != generation) {
    return 0;
  }
  const write done = writes_.front();
  writes_.pop_front();
  // Rule 2. Index and term are no name for a write: an entry can be written, replaced, and written
  // again with the same ones, and the first write's completion then speaks for a third that is not
  // durable yet.
  if (mutated(mutant::completion_by_index)) {
    return log.term_of(done.last) == done.last_term ? done.last : 0;
  }
  return done.surviving >= done.first ? done.surviving : 0;
}

} // namespace godwit::persistence::raft
