#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/cluster/faults/link_weather.hpp"
#include "tests/cluster/faults/network_namespace.hpp"
#include "tests/simulation/dice.hpp"

namespace godwit::cluster_faults {

using hardware_address = std::array<std::uint8_t, 6>;

/// Latency, jitter and loss for packets of IPv4 between nodes, one by one, where the kernel has no such thing. The
/// kernel is to throw away what goes between two such nodes; here it is taken on its way, and sent on late or not at
/// all. A thread of its own does that while there is something to do, in the namespace of whoever made the object.
class packet_delay {
public:
  struct port {
    std::uint32_t address = 0; ///< of the node, in the host's order of bytes
    unsigned interface = 0;    ///< on this side: what comes through it is the node's
    hardware_address near{};   ///< of the interface
    hardware_address far{};    ///< of the node's
  };

  /// `ports`: by node, from 1.
  packet_delay(std::vector<port> ports, std::uint64_t seed);
  ~packet_delay();
  packet_delay(const packet_delay&) = delete;
  packet_delay& operator=(const packet_delay&) = delete;

  using ways = std::map<std::pair<unsigned, unsigned>, link_weather>; ///< by from and to
  /// From now on. What is held comes still, when it is due. Throws std::runtime_error where the system gives no sockets
  /// for packets.
  void set(ways wanted);
  /// Packets that were sent on, ever, and those that were lost.
  [[nodiscard]] std::uint64_t passed() const { return passed_; }
  [[nodiscard]] std::uint64_t lost() const { return lost_; }

private:
  using clock = std::chrono::steady_clock;
  struct packet {
    clock::time_point due;
    std::vector<std::uint8_t> bytes; ///< with the header of virtio, which tells about checksums and segments
  };

  void open_sockets();
  void close_sockets();
  void run();
  void take(unsigned from);
  void hold(unsigned from, const std::uint8_t* bytes, std::size_t size);
  void give(unsigned to, packet& what);
  [[nodiscard]] int wait_ms() const;
  void pass_due();

  const std::vector<port> ports_;
  int waker_;
  std::vector<std::uint8_t> buffer_;
  std::atomic<std::uint64_t> passed_{0};
  std::atomic<std::uint64_t> lost_{0};
  mutable std::mutex mutex_; ///< of everything below
  std::vector<int> sockets_; ///< by node, from 1; -1: nothing is taken
  ways ways_;
  std::map<std::pair<unsigned, unsigned>, std::deque<packet>> held_;
  simulation::dice dice_;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace godwit::cluster_faults
