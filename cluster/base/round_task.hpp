#pragma once

#include <cstdint>

namespace godwit::cluster {

/// The order in which a round of a loop does what its actors put off, each once per round.
enum class round_phase : std::uint8_t {
  shards, ///< replicas hand what was proposed to the log
  output, ///< sessions write what they have for their clients
  send,   ///< connections encrypt and send
};

/// Work put off to the end of the present round, so that it is done once for all that asked for it.
/// Owned by whoever defers it; must not die while it is queued (home_loop::forget takes it out).
class round_task {
public:
  round_task() = default;
  round_task(const round_task&) = delete;
  round_task& operator=(const round_task&) = delete;
  virtual ~round_task() = default;

  /// On the loop. May defer itself again: that is for the next round.
  virtual void run_deferred() = 0;

private:
  friend class home_loop;
  bool queued_ = false;
};

} // namespace godwit::cluster
