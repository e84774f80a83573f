#pragma once

#include <deque>

#include "persistence/base/types.hpp"
#include "persistence/raft/log_cache.hpp"

namespace godwit::persistence::raft {

/// The writes of log entries that are under way. The disk completes them in order; what a
/// completion says about the log of today is not what it said about the log it was made for.
class write_ledger {
public:
  /// A write of the entries from `first` to `last`, the last of which has this term.
  void begin(write_generation generation, index_t first, index_t last, term_t last_term);

  /// The write is durable, and so are all before it. Returns the last entry of it that was not
  /// replaced meanwhile, 0 when none is left or the write is not known.
  index_t complete(write_generation generation, const log_cache& log);

  /// The log was dropped; completions of what was written to it mean nothing.
  void forget() { writes_.clear(); }

private:
  struct write {
    write_generation generation;
    index_t first;
    index_t surviving; ///< last entry not replaced by a later write; below `first` when none
    index_t last;
    term_t last_term;
  };

  std::deque<write> writes_;
};

} // namespace godwit::persistence::raft
