#pragma once

#include <cstddef>
#include <deque>
#include <span>
#include <utility>
#include <vector>

#include "persistence/log/log_entry.hpp"

namespace godwit::persistence::raft {

/// The log in memory: the term of every entry that is not trimmed, the newest payloads, and the
/// payload of every change of members.
class log_cache {
public:
  explicit log_cache(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  /// Forgets everything; the next entry will be `first`.
  void reset(index_t first);

  /// What the disk holds, once, after reset(). Entries up to `bare` may lack their payload.
  void restore(std::vector<log_entry> entries, index_t bare);

  /// Replaces what is at `first` and behind. `first` is at least first() and at most last() + 1.
  void replace(index_t first, std::span<const log_entry> entries);

  /// Forgets what is below `first`, which is at most last() + 1.
  void trim(index_t first);

  /// Forgets payloads up to `index`, the oldest first, while they exceed their bound.
  void evict(index_t index) { evict(index, bytes_max_); }
  /// The same with another bound, for when fewer are worth their memory.
  void evict(index_t index, std::size_t bytes_max);

  [[nodiscard]] index_t first() const { return first_; }
  [[nodiscard]] index_t last() const { return last_; } ///< first() - 1 when empty
  [[nodiscard]] term_t term_of(index_t index) const;   ///< 0 outside the log
  [[nodiscard]] const log_entry* entry(index_t index) const;
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  /// Copies of the entries from `first` to the end; all of them are in memory.
  [[nodiscard]] std::vector<log_entry> tail(index_t first) const;

private:
  /// Entries from `first` on, up to the next run, have this term.
  struct term_run {
    index_t first;
    term_t term;
  };

  void truncate(index_t first);
  void append(const log_entry& entry);
  void drop_oldest();

  std::size_t bytes_max_;
  std::size_t bytes_ = 0; ///< of the window, with its own cost
  index_t first_ = 1;
  index_t last_ = 0;
  std::vector<term_run> terms_; ///< one per term, so few
  std::deque<log_entry> window_;
  index_t window_first_ = 1; ///< index of window_.front(); the window reaches to last_
  /// All changes in the log, by index: the library asks for them again long after they left the
  /// window.
  std::vector<std::pair<index_t, log_entry>> changes_;
};

} // namespace godwit::persistence::raft
