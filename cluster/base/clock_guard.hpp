#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "cluster/base/cluster_clock.hpp"

namespace godwit::cluster {

/// Judges this node's wall clock by those of the voters of the cluster: it is skewed when it is more than
/// clock_skew_ms_max from their median. Pure; one thread.
///
/// A verdict changes when what it rests on has held for clock_confirm_ms; the first one comes at once. It stays while
/// fewer than a majority of the voters are heard, or while they cannot tell: two voters that differ, of three, say only
/// that one of them is wrong.
class clock_guard {
public:
  /// `ahead_ms`: of each other voter that is up, its wall clock minus this node's. `voters`: in all, this node among
  /// them if it `votes`. To be called about once a second.
  void judge(monotonic_ms now, std::span<const std::int64_t> ahead_ms, std::size_t voters, bool votes);

  /// A majority was heard since the beginning. Until then a node that is not alone must take no clients.
  [[nodiscard]] bool judged() const { return judged_; }
  /// True before anything was judged, too.
  [[nodiscard]] bool good() const { return !skewed_; }
  /// How far this node's clock was ahead of the median when it could be told last.
  [[nodiscard]] std::int64_t ahead_ms() const { return ahead_ms_; }
  /// For cluster_clock.
  [[nodiscard]] clock_trust trust() const { return trust_; }
  /// For an operator; empty while it is good.
  [[nodiscard]] std::string trouble() const;

private:
  void decide(monotonic_ms now, bool skewed);

  bool judged_ = false;
  bool skewed_ = false;
  bool divided_ = false; ///< the first verdict came of voters that could not tell
  std::int64_t ahead_ms_ = 0;
  clock_trust trust_ = clock_trust::alone;
  monotonic_ms otherwise_since_ = 0; ///< 0: what is seen is as the verdict says
};

} // namespace godwit::cluster
