#include "persistence/raft/log_cache.hpp"

#include <algorithm>

namespace godwit::persistence::raft {

namespace {

std::size_t cost(const log_entry& entry) { return entry.payload.size() + sizeof(log_entry); }

} // namespace

void log_cache::reset(index_t first) {
  first_ = window_first_ = first;
  last_ = first - 1;
  bytes_ = 0;
  terms_.clear();
  window_.clear();
  changes_.clear();
}

void log_cache::restore(std::vector<log_entry> entries, index_t bare) {
  for (log_entry& entry : entries) {
    append(entry);
    if (last_ <= bare) {
      drop_oldest();
    }
  }
}

void log_cache::replace(index_t first, std::span<const log_entry> entries) {
  truncate(first);
  for (const log_entry& entry : entries) {
    append(entry);
  }
}

void log_cache::append(const log_entry& entry) {
  ++last_;
  if (terms_.empty() || terms_.back().term != entry.term) {
    terms_.push_back({last_, entry.term});
  }
  if (entry.kind == entry_kind::change) {
    changes_.emplace_back(last_, entry);
  }
  window_.push_back(entry);
  bytes_ += cost(entry);
}

void log_cache::drop_oldest() {
  bytes_ -= cost(window_.front());
  window_.pop_front();
  ++window_first_;
}

void log_cache::truncate(index_t first) {
  while (!window_.empty() && last_ >= first) {
    bytes_ -= cost(window_.back());
    window_.pop_back();
    --last_;
  }
  if (last_ >= first) { // evicted ones, which only a caller without rules would truncate
    last_ = first - 1;
    window_first_ = first;
  }
  while (!terms_.empty() && terms_.back().first >= first) {
    terms_.pop_back();
  }
  while (!changes_.empty() && changes_.back().first >= first) {
    changes_.pop_back();
  }
}

void log_cache::trim(index_t first) {
  if (first <= first_) {
    return;
  }
  while (!window_.empty() && window_first_ < first) {
    drop_oldest();
  }
  window_first_ = std::max(window_first_, first);
  first_ = first;
  last_ = std::max(last_, first - 1);
  std::size_t gone = 0;
  while (gone + 1 < terms_.size() && terms_[gone + 1].first <= first) {
    ++gone;
  }
  terms_.erase(terms_.begin(), terms_.begin() + static_cast<std::ptrdiff_t>(gone));
  std::erase_if(changes_, [first](const auto& change) { return change.first < first; });
}

void log_cache::evict(index_t index, std::size_t bytes_max) {
  while (bytes_ > bytes_max && !window_.empty() && window_first_ <= index) {
    drop_oldest();
  }
}

term_t log_cache::term_of(index_t index) const {
  if (index < first_ || index > last_) {
    return 0;
  }
  const auto next = std::upper_bound(terms_.begin(), terms_.end(), index,
                                     [](index_t wanted, const term_run& run) { return wanted < run.first; });
  return std::prev(next)->term;
}

const log_entry* log_cache::entry(index_t index) const {
  if (index < first_ || index > last_) {
    return nullptr;
  }
  if (index >= window_first_) {
    return &window_[index - window_first_];
  }
  const auto at = std::lower_bound(changes_.begin(), changes_.end(), index,
                                   [](const auto& change, index_t wanted) { return change.first < wanted; });
  return at != changes_.end() && at->first == index ? &at->second : nullptr;
}

std::vector<log_entry> log_cache::tail(index_t first) const {
  return {window_.begin() + static_cast<std::ptrdiff_t>(first - window_first_), window_.end()};
}

} // namespace godwit::persistence::raft
