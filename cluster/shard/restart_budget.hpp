#pragma once

#include <cstdint>
#include <unordered_map>

#include "cluster/base/entity.hpp"

namespace godwit::cluster {

/// How often an entity may fail before it is left alone for a while: one that fails on its own rows would
/// otherwise load and fail for ever.
class restart_budget {
public:
  struct options {
    std::uint32_t failures_max = 3;
    persistence::monotonic_ms window_ms = 60'000;
    persistence::monotonic_ms refusal_ms = 30'000;
  };

  explicit restart_budget(const options& opts) : options_(opts) {}

  /// True: this failure used the budget up.
  bool failed(const entity_ref& who, persistence::monotonic_ms now);
  [[nodiscard]] bool refused(const entity_ref& who, persistence::monotonic_ms now) const;
  /// Entities that failed lately.
  [[nodiscard]] std::size_t size() const { return records_.size(); }

private:
  struct record {
    std::uint32_t failures = 0;
    persistence::monotonic_ms since = 0;
    persistence::monotonic_ms refused_until = 0;
  };
  [[nodiscard]] bool expired(const record& of, persistence::monotonic_ms now) const {
    return now >= of.refused_until && now - of.since >= options_.window_ms;
  }

  options options_;
  std::unordered_map<entity_ref, record> records_;
};

} // namespace godwit::cluster
