#pragma once

#include <caf/actor_system.hpp>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "cluster/base/home_loop.hpp"

namespace godwit::test {

/// A home loop with a thread of its own and the real clocks, without sockets. Ends its thread when it goes, so
/// that what lives on it has to end before.
class thread_loop final : public cluster::home_loop {
public:
  explicit thread_loop(caf::actor_system& system) : cluster::home_loop(system), thread_([this] { run(); }) {}
  ~thread_loop() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

  [[nodiscard]] cluster::monotonic_ms fresh_now() const override { return now_ms(); }

private:
  static cluster::monotonic_ms now_ms() {
    using namespace std::chrono;
    return static_cast<cluster::monotonic_ms>(
      duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count());
  }
  static unix_ms wall_ms() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
  }

  void run() {
    attach();
    for (;;) {
      const bool more = run_round(now_ms(), wall_ms());
      std::unique_lock lock(mutex_);
      if (stopping_) {
        return;
      }
      if (more || !prepare_sleep()) {
        continue;
      }
      const cluster::monotonic_ms due = next_due();
      const cluster::monotonic_ms now = now_ms();
      if (due == 0) {
        changed_.wait(lock, [&] { return woken_ || stopping_; });
      } else if (due > now) {
        changed_.wait_for(lock, std::chrono::milliseconds(due - now), [&] { return woken_ || stopping_; });
      }
      woken_ = false;
    }
  }

  void wake() override {
    {
      const std::lock_guard lock(mutex_);
      woken_ = true;
    }
    changed_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  bool stopping_ = false;
  std::thread thread_; // last: it uses all of the above
};

} // namespace godwit::test
