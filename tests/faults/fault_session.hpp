#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "protocol/expected.hpp"
#include "tests/faults/fault_control.hpp"
#include "tests/faults/replay.hpp"

namespace godwit::faults {

struct session_options {
  /// Whether syncs also reach the real disk. The model does not need it, and without it a sync takes
  /// microseconds, so that a test sees hundreds of kills per second.
  bool real_sync = false;
  /// Unsynced bytes of one file that the journal can hold, as 2^20 bytes; sparse until used.
  std::uint64_t journal_mb = 1024;
  /// Where the session's folder is made; empty: the folder for temporary files.
  std::filesystem::path parent{};
};

/// How a process ended.
struct process_end {
  int exit_code = -1; ///< meaningful if `signal` is 0
  int signal = 0;

  [[nodiscard]] bool killed() const; ///< by SIGKILL
  [[nodiscard]] bool good() const { return signal == 0 && exit_code == 0; }
};

/// One data folder on an imagined disk, and the processes that work on it under the preload library.
///
///   fault_session session;
///   session.control().kill_at(kill_target::write, 17, kill_phase::middle);
///   const pid_t child = session.spawn({GODWIT_SERVER, session.root().string()});
///   session.wait(child);                                   // or session.kill() at any time
///   session.drop_unsynced(seed, drop_policy::random);      // the power failure
///   session.spawn(...);                                    // must find all it acknowledged
///
/// Without drop_unsynced between two processes only the process died: what it wrote is still there, and still
/// not durable. The destructor kills what runs and removes the folder. Not thread-safe, except control().
class fault_session {
public:
  /// Throws std::runtime_error if the folders cannot be made.
  explicit fault_session(session_options options = {});
  ~fault_session();
  fault_session(const fault_session&) = delete;
  fault_session& operator=(const fault_session&) = delete;

  /// The folder under the crash model: data goes here.
  [[nodiscard]] const std::filesystem::path& root() const { return root_; }
  /// A folder beside it without faults, for what a process tells the test.
  [[nodiscard]] const std::filesystem::path& outside() const { return outside_; }
  [[nodiscard]] const std::filesystem::path& journal() const { return journal_; }
  [[nodiscard]] fault_control& control() { return control_; }

  /// Starts argv[0] (a path) under the library; it dies with the calling thread's process. `environment`
  /// adds to the test's own. Throws std::runtime_error if it cannot start.
  pid_t spawn(const std::vector<std::string>& argv, const std::vector<std::string>& environment = {});

  /// Kills with SIGKILL and waits; without an argument, all that run.
  void kill(pid_t process);
  void kill();

  /// Waits for the end; nothing if it still runs after `timeout`.
  std::optional<process_end> wait(pid_t process, std::chrono::milliseconds timeout = std::chrono::seconds(60));

  /// The power failure, see replay.hpp. Every process must have ended.
  expected<drop_report, std::string> drop_unsynced(std::uint64_t seed, drop_policy policy);

  /// Removes everything below root() and begins anew, with no faults. Every process must have ended.
  void clear();

private:
  session_options options_;
  std::filesystem::path folder_;
  std::filesystem::path root_;
  std::filesystem::path outside_;
  std::filesystem::path journal_;
  fault_control control_;
  std::vector<pid_t> running_;
};

} // namespace godwit::faults
