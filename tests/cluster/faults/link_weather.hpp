#pragma once

#include <chrono>

namespace godwit::cluster_faults {

/// What befalls the bytes that go from one node to another.
struct link_weather {
  /// Nothing comes through, and nobody is told: TCP sends it again until it does.
  bool silent = false;
  std::chrono::milliseconds delay{0};
  std::chrono::milliseconds jitter{0}; ///< at most so much beyond the delay; the order stays
  /// Of each packet: it is lost, and TCP sends it again some time later.
  double lost = 0;
  /// Of each packet: the connection ends. By proxies alone.
  double reset = 0;

  [[nodiscard]] bool is_slow() const { return delay.count() > 0 || jitter.count() > 0 || lost > 0; }
};

} // namespace godwit::cluster_faults
