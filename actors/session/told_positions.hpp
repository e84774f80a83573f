#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>

namespace godwit::actors {

/// What of its account's box a client was told of: everything up to a position, and stretches beyond it, which answers
/// told it of ahead of pushes. A stretch lies behind its `from` and ends with its `to`, as pts_count has it.
class told_positions {
public:
  /// Of stretches beyond `reached`. What is forgotten is told again if it comes again, and else is missing.
  static constexpr std::size_t stretches_max = 64;

  /// 0: nobody knows.
  [[nodiscard]] std::int32_t reached() const { return reached_; }

  void clear() { *this = {}; }

  /// The client is there, or will ask.
  void reach(std::int32_t pts) {
    reached_ = std::max(reached_, pts);
    while (!ahead_.empty() && ahead_.begin()->first <= reached_) {
      reached_ = std::max(reached_, ahead_.begin()->second);
      ahead_.erase(ahead_.begin());
    }
  }

  void add(std::int32_t from, std::int32_t to) {
    if (from <= reached_) {
      return reach(to);
    }
    auto at = ahead_.upper_bound(from);
    if (at != ahead_.begin() && std::prev(at)->second >= from) {
      --at;
    } else {
      at = ahead_.emplace_hint(at, from, to);
    }
    at->second = std::max(at->second, to);
    for (auto next = std::next(at); next != ahead_.end() && next->first <= at->second; next = ahead_.erase(next)) {
      at->second = std::max(at->second, next->second);
    }
    if (ahead_.size() > stretches_max) {
      ahead_.erase(std::prev(ahead_.end()));
    }
  }

  [[nodiscard]] bool knows(std::int32_t from, std::int32_t to) const {
    const auto behind = ahead_.upper_bound(from);
    return to <= reached_ || (behind != ahead_.begin() && std::prev(behind)->second >= to);
  }

private:
  std::int32_t reached_ = 0;
  std::map<std::int32_t, std::int32_t> ahead_; ///< by `from`; no two of them meet
};

} // namespace godwit::actors
