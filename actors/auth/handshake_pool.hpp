#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "cluster/base/probe.hpp"
#include "protocol/mtproto/handshake/server_handshake.hpp"

namespace godwit::actors {

/// Few threads of low priority for the expensive steps of key exchanges, so that a flood of them takes
/// neither the loops' time nor all of the machine's. Any thread may ask; outlives nobody who asks.
class handshake_pool {
public:
  /// Called on a thread of the pool once the work has run: post to your loop and return.
  using done_fn = std::function<void(mtproto::handshake_work)>;

  /// `threads` at least 1; `waiting_max` steps may wait for one.
  handshake_pool(unsigned threads, std::size_t waiting_max);
  /// Drops what waits and joins the threads: no `done` is called any more.
  ~handshake_pool();
  handshake_pool(const handshake_pool&) = delete;
  handshake_pool& operator=(const handshake_pool&) = delete;

  /// Half of the processors, at least 1.
  static unsigned default_threads();

  /// False: the queue is full, nothing was taken over and `work` is as it was.
  bool submit(mtproto::handshake_work& work, done_fn done);

  [[nodiscard]] std::size_t waiting() const;
  [[nodiscard]] std::uint64_t steps_run() const { return run_.value(); }
  /// Microseconds of the threads' own time that steps took.
  [[nodiscard]] std::uint64_t busy_us() const { return busy_us_.value(); }

private:
  struct job {
    mtproto::handshake_work work;
    done_fn done;
  };

  void work_on();

  const std::size_t waiting_max_;
  mutable std::mutex mutex_;
  std::condition_variable more_;
  std::deque<job> queue_;
  bool stopping_ = false;
  probe::shared_counter run_;
  probe::shared_counter busy_us_;
  std::vector<std::thread> threads_;
};

} // namespace godwit::actors
