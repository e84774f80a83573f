#pragma once

#include <cstddef>

#include "protocol/ids.hpp"

namespace godwit::people {

/// How often something may be done in each period, a day or a minute. In memory: it is whole again after a restart.
class rate_budget {
public:
  rate_budget(unix_time period_seconds, std::size_t times_max) : period_(period_seconds), max_(times_max) {}

  [[nodiscard]] std::size_t left(unix_time now) const { return now / period_ == number_ ? max_ - taken_ : max_; }
  /// Until there is more, at least 1.
  [[nodiscard]] unix_time seconds_left(unix_time now) const { return period_ - now % period_; }
  /// Takes one, if there is one left.
  bool take(unix_time now) {
    if (left(now) == 0) {
      return false;
    }
    taken_ = now / period_ == number_ ? taken_ + 1 : 1;
    number_ = now / period_;
    return true;
  }

private:
  unix_time period_;
  std::size_t max_;
  unix_time number_ = 0; ///< of the period that `taken_` is about
  std::size_t taken_ = 0;
};

} // namespace godwit::people
