#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "tests/cluster/faults/link_weather.hpp"
#include "tests/simulation/dice.hpp"

namespace godwit::cluster_faults {

/// One connection between two nodes on its way through the proxy. For the proxy's thread.
class link_relay {
public:
  using clock = std::chrono::steady_clock;

  /// `dialled`: from the node that dials; `target`: to the other one, perhaps not connected yet. Owns both; they do not
  /// block.
  link_relay(int dialled, int target, std::uint64_t seed);
  ~link_relay();
  link_relay(const link_relay&) = delete;
  link_relay& operator=(const link_relay&) = delete;

  /// Moves what can move. False: the connection has ended, by its own or by the weather.
  bool pump(const link_weather& there, const link_weather& back, clock::time_point now);
  /// When something waits that is due by time alone; max(): nothing does.
  [[nodiscard]] clock::time_point due() const;
  /// The ends hear of a reset, not of an orderly end, when the object dies.
  void reset_at_end();

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

private:
  struct chunk {
    clock::time_point due;
    std::vector<std::uint8_t> bytes;
    std::size_t sent = 0;
  };
  /// One direction.
  struct stream {
    int from = -1;
    int to = -1;
    std::deque<chunk> chunks;
    std::size_t held = 0;
    clock::time_point last_due{};
    bool silent = false;
    bool blocked = false; ///< the target takes no more for now
    bool ended = false;   ///< the source has said its last word
    bool closed = false;  ///< and the target has been told
  };

  bool pump(stream& of, const link_weather& weather, clock::time_point now);
  bool take(stream& of, const link_weather& weather, clock::time_point now, bool& more);
  bool give(stream& of, clock::time_point now);

  simulation::dice dice_;
  stream there_;
  stream back_;
  std::uint64_t bytes_ = 0;
};

} // namespace godwit::cluster_faults
