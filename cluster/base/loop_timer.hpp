#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "persistence/base/types.hpp"

namespace godwit::cluster {

using persistence::monotonic_ms;

class timer_queue;

/// A time at which a loop calls back, once per arming. Disarms itself when it goes. Loop thread only.
class loop_timer {
public:
  explicit loop_timer(std::function<void()> ring) : ring_(std::move(ring)) {}
  loop_timer(const loop_timer&) = delete;
  loop_timer& operator=(const loop_timer&) = delete;
  ~loop_timer();

  [[nodiscard]] bool armed() const { return queue_ != nullptr; }
  [[nodiscard]] monotonic_ms due() const { return due_; }

private:
  friend class timer_queue;
  std::function<void()> ring_;
  timer_queue* queue_ = nullptr;
  monotonic_ms due_ = 0;
  std::size_t place_ = 0; ///< in the heap
};

/// The timers of one loop: a binary heap that knows each timer's place.
class timer_queue {
public:
  timer_queue() = default;
  timer_queue(const timer_queue&) = delete;
  timer_queue& operator=(const timer_queue&) = delete;
  ~timer_queue();

  /// Takes the place of an earlier arming.
  void arm(loop_timer& timer, monotonic_ms due);
  void disarm(loop_timer& timer);
  /// Calls back what is due, oldest first; what is armed meanwhile waits for the next call.
  void ring(monotonic_ms now);
  /// When ring() has something to do; 0: nothing is armed.
  [[nodiscard]] monotonic_ms next_due() const { return heap_.empty() ? 0 : heap_.front()->due_; }
  [[nodiscard]] std::size_t size() const { return heap_.size(); }

private:
  void place(loop_timer* timer, std::size_t at);
  void sift_up(std::size_t at);
  void sift_down(std::size_t at);

  std::vector<loop_timer*> heap_;
};

} // namespace godwit::cluster
