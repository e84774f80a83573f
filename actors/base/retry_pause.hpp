#pragma once

#include <algorithm>
#include <cstdint>

#include "config/limits.hpp"

namespace godwit::actors {

/// How long to wait before something that was unavailable is asked for again: short at first, then longer, and never
/// the same for all that wait for the same thing. `seed` tells them apart.
class retry_pause {
public:
  explicit retry_pause(std::uint64_t seed = 0) : state_(seed) {}

  void reset() { full_ms_ = limits::ask_again_ms; }
  /// Milliseconds: between the half and the whole of a pause that doubles each time up to limits::ask_again_ms_max.
  std::uint32_t next() {
    const std::uint32_t full = full_ms_;
    full_ms_ = std::min(full * 2, limits::ask_again_ms_max);
    state_ = state_ * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;
    return full - static_cast<std::uint32_t>(state_ >> 33) % (full / 2 + 1);
  }

private:
  std::uint64_t state_;
  std::uint32_t full_ms_ = limits::ask_again_ms;
};

} // namespace godwit::actors
