#pragma once

#include <caf/execution_unit.hpp>

#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "cluster/base/loop_timer.hpp"
#include "cluster/base/round_task.hpp"
#include "protocol/ids.hpp"

namespace godwit::cluster {

/// What a loop thread did since it began; read by other threads.
struct loop_counters {
  std::atomic<std::uint64_t> rounds{0};
  std::atomic<std::uint64_t> wake_ups{0}; ///< by other threads
  std::atomic<std::uint64_t> resumes{0};  ///< turns given to actors
};

/// The loop that pinned actors, their timers and their sockets live on: an execution unit of CAF whose
/// thread belongs to somebody else (node/edge: an Asio io_context; tests: the test itself, on virtual
/// time). That thread calls run_round() whenever there is work and sleeps until next_due() otherwise.
///
/// One round: what other threads posted, inputs, timers, actors, what was deferred to `shards`, actors
/// again, what was deferred to `output`, then to `send`.
class home_loop : public caf::execution_unit {
public:
  explicit home_loop(caf::actor_system& system);
  ~home_loop() override;

  // --- from every thread ---

  /// Gives an actor its turn in a coming round; takes the caller's reference.
  void exec_later(caf::resumable* ptr) override;
  /// Runs `job` on the loop, in order with other posts of the same thread.
  void post(std::function<void()> job);
  [[nodiscard]] const loop_counters& counters() const { return counters_; }

  // --- on the loop's thread ---

  [[nodiscard]] bool on_loop() const { return thread_.load(std::memory_order_relaxed) == std::this_thread::get_id(); }
  /// Of this round.
  [[nodiscard]] monotonic_ms now() const { return now_; }
  /// Of this moment, where there is a clock: for decisions that a long round must not outdate.
  [[nodiscard]] virtual monotonic_ms fresh_now() const { return now_; }
  [[nodiscard]] unix_ms wall() const { return wall_; }
  [[nodiscard]] unix_time date() const { return static_cast<unix_time>(wall_ / 1000); }

  void arm(loop_timer& timer, monotonic_ms due) { timers_.arm(timer, due); }
  void disarm(loop_timer& timer) { timers_.disarm(timer); }
  void defer(round_phase phase, round_task& task);
  /// Takes a task out that will not live until the end of the round.
  void forget(round_task& task);

protected:
  /// Makes the loop's thread its own; first call on it.
  void attach();
  /// One round at this time. True: there is more to do at once.
  bool run_round(monotonic_ms now, unix_ms wall);
  /// When a round is due for a timer; 0: none is armed.
  [[nodiscard]] monotonic_ms next_due() const { return timers_.next_due(); }
  /// The loop is about to sleep: false when something was posted meanwhile, and then it must not. From
  /// here on the first post calls wake().
  bool prepare_sleep();
  /// Ends the loop's sleep. Called by other threads, at most once per sleep.
  virtual void wake() = 0;
  /// Reads what is ready to be read, at the time of the round.
  virtual void read_inputs() {}

private:
  void take_posted();
  void run_actors();
  void run_deferred(round_phase phase);

  std::atomic<std::thread::id> thread_;
  monotonic_ms now_ = 0;
  unix_ms wall_ = 0;
  timer_queue timers_;
  std::vector<caf::resumable*> ready_;
  std::vector<caf::resumable*> running_;
  std::array<std::vector<round_task*>, 3> deferred_;
  std::vector<round_task*> deferred_now_;

  std::mutex mutex_;
  std::vector<caf::resumable*> posted_actors_;
  std::vector<std::function<void()>> posted_jobs_;
  std::vector<caf::resumable*> taken_actors_;
  std::vector<std::function<void()>> taken_jobs_;
  bool sleeping_ = false;
  loop_counters counters_;
};

} // namespace godwit::cluster
