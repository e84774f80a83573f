#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace godwit::persistence {

/// A few threads that run jobs which may block, in the order of their coming, with a bound on those
/// that wait. Any thread.
class task_pool {
public:
  task_pool(unsigned threads, std::size_t queue_max);
  /// Runs what is queued, then ends the threads.
  ~task_pool();
  task_pool(const task_pool&) = delete;
  task_pool& operator=(const task_pool&) = delete;

  /// False: the queue is at its bound, and `job` was not taken.
  [[nodiscard]] bool run(std::function<void()> job);

  /// Runs what is queued, then ends the threads; run() refuses from now on. Once.
  void stop();

private:
  void work();

  const std::size_t queue_max_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

} // namespace godwit::persistence
