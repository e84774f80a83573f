#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

#include "bench/load/cipher_round.hpp"

namespace godwit::bench {

/// Told when its socket can be read or written. Edge-triggered: reads until nothing is left.
class socket_handler {
public:
  virtual ~socket_handler() = default;
  virtual void on_socket(std::uint32_t events) = 0;
};

/// Thousands of sockets on one thread, and timers. Everything of one loop is for the thread that calls run().
class socket_loop {
public:
  using clock = std::chrono::steady_clock;

  socket_loop();
  ~socket_loop();
  socket_loop(const socket_loop&) = delete;
  socket_loop& operator=(const socket_loop&) = delete;

  /// From here on the handler hears of the socket; closing the socket ends that.
  void watch(int socket, socket_handler& handler);
  /// The task is not to name anything that may be gone by then.
  void at(clock::time_point when, std::function<void()> task);
  /// Runs until `done` says so; asks after every round.
  void run_until(const std::function<bool()>& done);
  void run_for(std::chrono::duration<double> time);

  /// Runs after the sockets of a round and after its timers.
  [[nodiscard]] cipher_round& ciphers() { return ciphers_; }
  /// For a handler to read into. One for all, since between two calls nobody needs it.
  [[nodiscard]] std::vector<std::uint8_t>& read_buffer() { return read_buffer_; }

private:
  struct timer {
    clock::time_point when;
    std::uint64_t order;
    std::function<void()> task;
    friend bool operator<(const timer& a, const timer& b) {
      return a.when != b.when ? a.when > b.when : a.order > b.order;
    }
  };
  void round(clock::time_point until);

  int epoll_;
  std::uint64_t timers_made_ = 0;
  std::priority_queue<timer> timers_;
  std::vector<std::uint8_t> read_buffer_;
  cipher_round ciphers_;
};

} // namespace godwit::bench
