#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "tests/cluster/faults/link_relay.hpp"

namespace godwit::cluster_faults {

/// An address of loopback, in the host's order of bytes.
struct endpoint {
  std::uint32_t address = 0x7f000001;
  std::uint16_t port = 0;
};

/// The network between nodes: every connection of one to another goes through it. A thread of its own carries the
/// bytes; every call is safe from any thread and acts at once, on connections that are and that come.
class link_proxy {
public:
  /// Throws std::runtime_error where the system gives no sockets.
  explicit link_proxy(std::uint64_t seed);
  ~link_proxy();
  link_proxy(const link_proxy&) = delete;
  link_proxy& operator=(const link_proxy&) = delete;

  /// Makes the way on which node `from` dials node `to`. Yields the port of 127.0.0.1 that it has to dial.
  std::uint16_t open(unsigned from, unsigned to, endpoint target);

  /// For bytes in this direction, whoever dialled.
  void set_weather(unsigned from, unsigned to, const link_weather& how);
  /// Ends what connects the two, and refuses new connections, in both directions.
  void cut(unsigned one, unsigned other);
  /// Takes everything back that befell the two.
  void heal(unsigned one, unsigned other);
  void heal_all();

  struct figures {
    std::uint64_t connections = 0; ///< ever
    std::uint64_t bytes = 0;       ///< of those that ended
    std::uint64_t ended = 0;
  };
  [[nodiscard]] figures counted() const;

private:
  using pair = std::pair<unsigned, unsigned>; ///< from, to
  struct way {
    int listener = -1;
    endpoint target;
    std::vector<std::unique_ptr<link_relay>> relays;
  };

  void run();
  void accept_all(way& of);
  void pump_all();
  void end(way& of);
  [[nodiscard]] int wait_ms() const;
  [[nodiscard]] link_weather weather(unsigned from, unsigned to) const;
  void wake() const;

  int epoll_ = -1;
  int waker_ = -1;
  mutable std::mutex mutex_; ///< of everything below
  std::map<pair, way> ways_;
  std::map<pair, link_weather> weather_;
  std::set<pair> cuts_;
  figures figures_;
  std::uint64_t seed_;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace godwit::cluster_faults
