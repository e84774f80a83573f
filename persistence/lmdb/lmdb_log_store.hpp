#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "persistence/lmdb/environment.hpp"
#include "persistence/lmdb/log_index.hpp"
#include "persistence/lmdb/log_transaction.hpp"
#include "persistence/lmdb/wake_queue.hpp"
#include "persistence/log/log_store.hpp"

namespace godwit::persistence::lmdb {

struct log_store_options {
  /// How long a trim waits for a write to ride along with.
  std::chrono::milliseconds trim_delay{2000};
  /// First and last pause between attempts while there is no room.
  std::chrono::milliseconds retry_delay_min{20};
  std::chrono::milliseconds retry_delay_max{1000};
};

/// The logs of all shards of a node in one LMDB environment: one thread writes what all shards have
/// submitted in one transaction with one sync. Layout: docs/formats.md.
class lmdb_log_store final : public log_store {
public:
  /// Scans the log. `env` and `sink` outlive the store. Errors: corrupt, and those of the environment.
  static storage_result<std::unique_ptr<lmdb_log_store>> open(environment& env, log_sink& sink,
                                                              const log_store_options& options = {});

  /// Writes what was submitted before; what has no room stays unwritten and is not reported.
  ~lmdb_log_store() override;
  lmdb_log_store(const lmdb_log_store&) = delete;
  lmdb_log_store& operator=(const lmdb_log_store&) = delete;

  void submit(log_write write) override;
  void kick() override;
  storage_result<recovered_log> recover(shard_id shard, index_t payloads_from) override;
  storage_result<std::vector<log_entry>> read(shard_id shard, index_t first, std::uint32_t count,
                                              std::size_t bytes_max) override;
  [[nodiscard]] log_usage usage() const override;

  /// Keeps entries in the log while it lives, so that a copy of the log taken later begins no later.
  class trim_hold {
  public:
    explicit trim_hold(lmdb_log_store& store) : store_(&store) { ++store.holds_; }
    trim_hold(const trim_hold&) = delete;
    trim_hold& operator=(const trim_hold&) = delete;
    ~trim_hold() { --store_->holds_; }

  private:
    lmdb_log_store* store_;
  };

  /// How many times a log was reset since the start: a copy of state and log during which it changed
  /// may not fit together.
  [[nodiscard]] std::uint64_t resets() const { return resets_; }

  /// Ends the thread without writing what is queued, as a crash would. For tests; only the destructor
  /// follows.
  void abandon();

private:
  using clock = std::chrono::steady_clock;

  struct queued_write {
    log_write write;
    std::size_t bytes = 0;
  };

  lmdb_log_store(environment& env, log_sink& sink, const log_store_options& options, log_databases databases,
                 log_index index);

  void run();
  [[nodiscard]] clock::time_point wake_at() const;
  void take_note(clock::time_point now, std::size_t from);
  void write_batch(clock::time_point now);
  int attempt(std::size_t count);
  void write_terms_alone(std::size_t count);
  [[nodiscard]] bool only_votes(std::size_t count) const;
  int make_room();
  void complete(std::size_t count, clock::time_point now);
  void no_room(const storage_error& why, clock::time_point now);
  void give_up(const storage_error& why);
  void drop(std::size_t count);
  void forget_finished_trims();
  [[nodiscard]] bool removals_wait() const;
  [[nodiscard]] std::vector<log_sequence> sequences_of(shard_id shard, index_t first, std::size_t count) const;

  environment& env_;
  log_sink& sink_;
  const log_store_options options_;
  const log_databases databases_;

  wake_queue<queued_write> queue_;
  std::atomic<std::size_t> bytes_queued_{0};
  std::atomic<std::uint64_t> transactions_{0};
  std::atomic<std::uint64_t> resets_{0};
  std::atomic<int> holds_{0};
  std::atomic<bool> abandoned_{false};

  /// Written by the thread under the lock, read by it without, by others under the lock.
  log_index index_;
  mutable std::mutex index_mutex_;

  // Of the thread alone.
  std::vector<queued_write> batch_; ///< taken and not yet written, in order
  bool urgent_ = false;             ///< something in the batch is more than a trim
  trim_points trims_;               ///< of writes that are complete
  clock::time_point trim_at_ = clock::time_point::max();
  bool no_room_ = false; ///< and told so
  bool failed_ = false;  ///< for good
  clock::time_point retry_at_{};
  std::chrono::milliseconds retry_delay_{0};
  std::vector<log_completion> completions_;

  std::thread thread_; // last: it uses all of the above
};

} // namespace godwit::persistence::lmdb
