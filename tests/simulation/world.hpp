#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "persistence/base/types.hpp"
#include "tests/simulation/dice.hpp"
#include "tests/simulation/event_queue.hpp"
#include "tests/simulation/figures.hpp"
#include "tests/simulation/profile.hpp"

namespace godwit::simulation {

/// The scale of time in a schedule. Ten times faster than the product's, so that much happens.
inline constexpr std::uint32_t election_timeout_ms = 150;
inline constexpr std::uint32_t heartbeat_ms = 30;

inline constexpr unsigned nodes_max = 8;

/// Trouble that changes in the course of a schedule.
struct weather {
  double loss = 0;
  double doubles = 0;
  double long_delays = 0;
  double micro_crashes = 0; ///< between any two outputs of a replica
};

/// What every part of one simulated cluster shares: clock, plan, chance, and the verdict.
class world {
public:
  world(const profile& what, std::uint64_t seed, bool trace) : kind(what), random(seed), tracing(trace) {}

  const profile& kind;
  dice random;
  event_queue events;
  figures counted;
  weather trouble;
  time_us now = 1000 * ms;
  bool faulty = true;
  const bool tracing;

  [[nodiscard]] persistence::monotonic_ms now_ms() const { return now / ms; }

  /// A property does not hold. The first one ends the schedule at its next event; until then the
  /// replica goes on, for it must not be left in the middle of a call.
  void violated(std::string what) {
    if (!violation_) {
      trace(0, "VIOLATION " + what);
      violation_ = std::move(what);
    }
  }
  [[nodiscard]] const std::optional<std::string>& violation() const { return violation_; }

  /// Prints a line of the story. `node` is counted from 1; 0: the world itself. Build the text only
  /// when `tracing`.
  void trace(std::uint64_t node, const std::string& text) const;

private:
  std::optional<std::string> violation_;
};

/// Whether a node's process runs. Its stores look at it: a process that dies in the middle of a call
/// has no further outputs, although the call itself runs to its end.
struct node_life {
  std::uint8_t index = 0;   ///< counted from 0
  std::uint32_t number = 1; ///< counts restarts
  bool up = false;
  bool dying = false;

  [[nodiscard]] persistence::node_id id() const { return persistence::node_id{index + 1ULL}; }
  [[nodiscard]] bool outputs() const { return up && !dying; }
};

/// To be asked before each output of a process: true when it dies here or has died before.
inline bool dies_here(world& in, node_life& life) {
  if (!life.dying && in.faulty && in.random.chance(in.trouble.micro_crashes)) {
    life.dying = true;
    if (in.tracing) {
      in.trace(life.id().value(), "dies between two outputs");
    }
  }
  return life.dying;
}

} // namespace godwit::simulation
