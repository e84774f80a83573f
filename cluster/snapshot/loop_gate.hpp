#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "cluster/base/home_loop.hpp"

namespace godwit::cluster {

/// The way from other threads to an object on a loop, for as long as that object is there: what comes after close(), or
/// was posted and has not run by then, never runs. Held by whoever may post.
class loop_gate : public std::enable_shared_from_this<loop_gate> {
public:
  explicit loop_gate(home_loop& loop) : loop_(&loop) {}

  void post(std::function<void()> job) {
    const std::lock_guard lock(mutex_);
    if (loop_ != nullptr) {
      loop_->post([self = shared_from_this(), job = std::move(job)] {
        if (self->open()) {
          job();
        }
      });
    }
  }

  void close() {
    const std::lock_guard lock(mutex_);
    loop_ = nullptr;
  }

private:
  bool open() {
    const std::lock_guard lock(mutex_);
    return loop_ != nullptr;
  }

  std::mutex mutex_;
  home_loop* loop_; ///< under the mutex; null: closed
};

} // namespace godwit::cluster
