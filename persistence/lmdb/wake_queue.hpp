#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

namespace godwit::persistence::lmdb {

/// Brings work from any number of threads to one that turns to it when it is kicked: a round of
/// pushes costs one wake-up, and none while the thread is busy. Unbounded by itself: who pushes
/// bounds what he has in flight.
template <class T>
class wake_queue {
public:
  /// Does not wake the taker. False once closed: the item is dropped.
  bool push(T item) {
    const std::lock_guard lock(mutex_);
    if (closed_) {
      return false;
    }
    items_.push_back(std::move(item));
    return true;
  }

  /// Lets the taker see what was pushed so far, now or when it is done with what it has.
  void kick() {
    {
      const std::lock_guard lock(mutex_);
      kicked_ = true;
    }
    wake_.notify_one();
  }

  /// Nothing can be pushed any more; wakes the taker.
  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    wake_.notify_one();
  }

  /// Waits for a kick, the end of the queue or the time, whichever comes first, then appends what was
  /// pushed to `out`. False: closed. One thread.
  bool take(std::vector<T>& out, std::chrono::steady_clock::time_point until) {
    std::unique_lock lock(mutex_);
    const auto woken = [this] { return kicked_ || closed_; };
    if (until == std::chrono::steady_clock::time_point::max()) {
      wake_.wait(lock, woken);
    } else {
      wake_.wait_until(lock, until, woken);
    }
    kicked_ = false;
    if (out.empty()) {
      out.swap(items_); // hands its memory back and forth
    } else {
      out.insert(out.end(), std::make_move_iterator(items_.begin()), std::make_move_iterator(items_.end()));
      items_.clear();
    }
    return !closed_;
  }

private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<T> items_;
  bool kicked_ = false;
  bool closed_ = false;
};

} // namespace godwit::persistence::lmdb
