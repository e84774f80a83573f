#pragma once

#include <chrono>
#include <cstddef>

#include <sys/types.h>

namespace godwit::bench {

/// What the kernel has counted for a process up to now; zeros when it is gone.
struct process_figures {
  std::size_t rss_bytes = 0;
  /// Of these, memory that no file backs: heap and stacks, without the mapped pages of storage and program.
  std::size_t anonymous_bytes = 0;
  double cpu_seconds = 0;
  std::size_t threads = 0;
};

process_figures figures_of(pid_t process);

/// CPU of all threads of a process from the object's making on.
class cpu_meter {
public:
  explicit cpu_meter(pid_t process);

  [[nodiscard]] double seconds() const;
  /// Of one core.
  [[nodiscard]] double percent() const;
  /// Time that passed.
  [[nodiscard]] double elapsed() const;

private:
  pid_t process_;
  std::chrono::steady_clock::time_point began_;
  double before_;
};

} // namespace godwit::bench
