#pragma once

#include <cstddef>
#include <cstdint>

#include "persistence/base/types.hpp"

namespace godwit::cluster {

/// So many bytes a second, on average: a token bucket whose burst is a tenth of a second's worth. What is taken may
/// overdraw it; then the next one waits for longer. No clock of its own.
class byte_budget {
public:
  using monotonic_ms = persistence::monotonic_ms;

  /// 0: without a bound.
  explicit byte_budget(std::uint64_t bytes_per_second) : per_second_(static_cast<std::int64_t>(bytes_per_second)) {}

  [[nodiscard]] bool open(monotonic_ms now) {
    fill(now);
    return per_second_ == 0 || tokens_ >= 0;
  }

  void take(monotonic_ms now, std::size_t bytes) {
    fill(now);
    if (per_second_ != 0) {
      tokens_ -= static_cast<std::int64_t>(bytes) * 1000;
    }
  }

  /// When open() says yes again; `now` when it does.
  [[nodiscard]] monotonic_ms open_at(monotonic_ms now) const {
    if (per_second_ == 0 || tokens_ >= 0) {
      return now;
    }
    return filled_at_ + static_cast<monotonic_ms>((-tokens_ + per_second_ - 1) / per_second_);
  }

private:
  void fill(monotonic_ms now) {
    if (now <= filled_at_) {
      return;
    }
    // No more than what is missing: however long the rest was, the product stays small.
    const std::int64_t burst = per_second_ * 100;
    const auto passed = static_cast<std::int64_t>(now - filled_at_);
    const bool full = per_second_ == 0 || passed > (burst - tokens_) / per_second_;
    tokens_ = full ? burst : tokens_ + passed * per_second_;
    filled_at_ = now;
  }

  std::int64_t per_second_;
  std::int64_t tokens_ = 0; ///< in thousandths of bytes, so that no millisecond's share is lost to rounding
  monotonic_ms filled_at_ = 0;
};

} // namespace godwit::cluster
