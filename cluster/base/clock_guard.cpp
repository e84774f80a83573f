#include "cluster/base/clock_guard.hpp"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "config/cluster_limits.hpp"

namespace godwit::cluster {

void clock_guard::judge(monotonic_ms now, std::span<const std::int64_t> ahead_ms, std::size_t voters, bool votes) {
  std::vector<std::int64_t> clocks(ahead_ms.begin(), ahead_ms.end());
  if (votes) {
    clocks.push_back(0);
  }
  if (clocks.empty() || clocks.size() < voters / 2 + 1) {
    trust_ = skewed_ ? clock_trust::disputed : clock_trust::unheard;
    otherwise_since_ = 0;
    return;
  }
  std::sort(clocks.begin(), clocks.end());
  const std::int64_t low = clocks[(clocks.size() - 1) / 2];
  const std::int64_t high = clocks[clocks.size() / 2];
  const std::int64_t seen = -(low + (high - low) / 2);
  if (high - low > limits::clock_skew_ms_max) {
    // Half of them say this and half that. Whoever was found good before this goes on.
    if (!judged_) {
      divided_ = true;
      ahead_ms_ = seen;
      decide(now, true);
    }
    trust_ = skewed_ ? clock_trust::disputed : clock_trust::unheard;
    otherwise_since_ = 0;
    return;
  }
  divided_ = false;
  ahead_ms_ = seen;
  const std::int64_t bound = skewed_ ? limits::clock_skew_good_ms : limits::clock_skew_ms_max;
  decide(now, std::abs(seen) > bound);
  trust_ = skewed_                                       ? clock_trust::disputed
           : std::abs(seen) > limits::clock_skew_good_ms ? clock_trust::unheard
           : clocks.size() == 1 && votes && voters <= 1  ? clock_trust::alone
                                                         : clock_trust::agreed;
}

void clock_guard::decide(monotonic_ms now, bool skewed) {
  if (skewed == skewed_ && judged_) {
    otherwise_since_ = 0;
    return;
  }
  if (judged_ && otherwise_since_ == 0) {
    otherwise_since_ = now;
  }
  if (!judged_ || now - otherwise_since_ >= limits::clock_confirm_ms) {
    skewed_ = skewed;
    judged_ = true;
    otherwise_since_ = 0;
  }
}

std::string clock_guard::trouble() const {
  if (!skewed_) {
    return {};
  }
  const std::int64_t seconds = (std::abs(ahead_ms_) + 500) / 1000;
  if (divided_) {
    return "the clocks of the nodes differ, and too few are up to tell which is right: set them, e.g. by NTP";
  }
  if (std::abs(ahead_ms_) <= limits::clock_skew_good_ms) {
    return "the clock was too far from the majority's until a moment ago; it is right again, and that has to last";
  }
  return "the clock is " + std::to_string(seconds) + " s " + (ahead_ms_ > 0 ? "ahead of" : "behind") +
         " the majority's: set it, e.g. by NTP";
}

} // namespace godwit::cluster
