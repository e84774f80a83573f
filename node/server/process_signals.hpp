#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "node/server/node.hpp"

namespace godwit::node {

/// What ends a running process or asks something of it: signals, and failures of the node.
///
/// SIGTERM and SIGINT ask for the end; a second one ends the process at once, and so does a drain that
/// takes longer than it may. SIGHUP asks for the log to be opened anew. SIGPIPE is ignored.
class process_signals {
public:
  /// Blocks the signals in this thread and those it starts. Make it before any other thread.
  process_signals();
  ~process_signals();
  process_signals(const process_signals&) = delete;
  process_signals& operator=(const process_signals&) = delete;

  struct event {
    bool reopen_log = false;
    bool end = false;
    std::optional<node_failure> failure;
  };

  /// What came since the last call; an empty event when nothing came in time.
  event wait(std::chrono::milliseconds at_most);

  /// The node cannot go on. The first one counts. Any thread.
  void fail(node_failure why);

  /// Ends the process with exit_code::failure unless it has ended by itself when the time is over.
  void end_at_latest(std::chrono::milliseconds from_now);

private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  event pending_;
  std::atomic<bool> ending_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<std::int64_t> end_by_ms_{0}; ///< steady clock; 0: no such time
  std::thread thread_;
};

} // namespace godwit::node
