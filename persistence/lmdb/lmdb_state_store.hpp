#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <thread>
#include <variant>
#include <vector>

#include "config/limits.hpp"
#include "persistence/base/task_pool.hpp"
#include "persistence/lmdb/environment.hpp"
#include "persistence/lmdb/state_writer.hpp"
#include "persistence/lmdb/wake_queue.hpp"
#include "persistence/state/state_store.hpp"

namespace godwit::persistence::lmdb {

struct lmdb_state_store_options {
  /// One transaction in so much time at most, unless bytes pile up. Longer than what a shard waits before it hands its
  /// rows over: what several shards handed over several times, and the pages that it shares, are written once.
  std::chrono::milliseconds flush_interval{4 * limits::flush_interval_ms};
  /// Queued segments (overlay_segment::bytes) that do not wait for the interval. Half of what one shard may have: it
  /// goes on filling the other half while these are written.
  std::size_t pile_bytes = limits::overlay_bytes_max / 2;
  /// Rows after which a transaction takes no further shard.
  std::size_t transaction_rows_max = 50'000;
  /// Quiet time after a transaction before it is made durable by a sync of its own.
  std::chrono::milliseconds idle_sync{1000};
  /// After a piece of an import the disk is left to others for so many times as long as it took.
  unsigned import_rest = 2;
  std::chrono::milliseconds import_rest_max{200};
  /// Pause before a batch that found no space is tried again; doubles up to the second.
  std::chrono::milliseconds retry_min{100};
  std::chrono::milliseconds retry_max{2000};
  unsigned reader_threads = limits::reader_threads;
  std::size_t reader_queue_max = limits::reader_queue_max;
  std::uint32_t removals_per_transaction = limits::removals_per_transaction;
};

static_assert(limits::overlay_segment_bytes_max <= limits::overlay_bytes_max / 2, "a segment alone is no pile");

/// The state store over an LMDB environment that was opened with no_meta_sync: every transaction
/// syncs its rows, and becomes durable with the next one or by sync().
///
/// One thread writes; a few read. The destructor writes what is queued, syncs and runs the jobs that
/// wait, all within the sink's and the environment's lifetime. Snapshots end before.
class lmdb_state_store final : public state_store {
public:
  /// `env` and `sink` outlive the store. Errors: those of the environment, and corrupt when a shard's
  /// record is damaged.
  static storage_result<std::unique_ptr<lmdb_state_store>> open(environment& env, state_sink& sink,
                                                                const lmdb_state_store_options& options = {});
  ~lmdb_state_store() override;

  storage_result<flushed_state> recover(shard_id shard) override;
  void flush(state_flush what) override;
  void kick() override;
  void sync() override;
  storage_result<std::unique_ptr<state_snapshot>> snapshot() override;
  storage_result<void> run_on_reader(std::function<void()> job) override;
  storage_result<std::unique_ptr<state_export>> begin_export(shard_id shard) override;
  [[nodiscard]] bool wants_readers_gone() const override { return env_.growing(); }
  void import_begin(shard_id shard, import_done done) override;
  void import_chunk(shard_id shard, state_chunk chunk, import_done done) override;
  void import_finish(shard_id shard, snapshot_point point, import_done done) override;

private:
  using clock = std::chrono::steady_clock;

  struct begin_import {
    shard_id shard;
    import_done done;
  };
  struct import_rows {
    shard_id shard;
    state_chunk chunk;
    import_done done;
  };
  struct finish_import {
    shard_id shard;
    snapshot_point point;
    import_done done;
  };
  struct sync_request {};
  using request = std::variant<state_flush, begin_import, import_rows, finish_import, sync_request>;

  lmdb_state_store(environment& env, state_sink& sink, const lmdb_state_store_options& options,
                   std::unique_ptr<state_writer> writer);
  void submit(request what);
  void refuse(request what) const;

  // The state thread.
  void run();
  void sort_in(std::vector<request>& taken);
  [[nodiscard]] bool flush_wanted(clock::time_point now) const;
  [[nodiscard]] clock::time_point wake_at(clock::time_point now) const;
  std::vector<state_flush> take_batch();
  void write_some(clock::time_point now);
  void answer_import(request what);
  void sync_now();
  void finish();
  void tell();
  void give_up(const storage_error& why);

  environment& env_;
  state_sink& sink_;
  const lmdb_state_store_options options_;
  std::unique_ptr<state_writer> writer_;
  wake_queue<request> queue_;

  std::deque<state_flush> flushes_; ///< oldest first
  std::size_t flush_bytes_ = 0;
  std::deque<request> imports_;
  clock::time_point next_import_{};
  bool sync_wanted_ = false;
  bool failed_ = false;       ///< for good
  bool out_of_space_ = false; ///< told, and not yet recovered
  std::chrono::milliseconds retry_{0};
  clock::time_point not_before_{}; ///< the next transaction, by pace or by retry, unless bytes pile up
  clock::time_point last_write_{};

  task_pool readers_;
  std::thread thread_;
};

} // namespace godwit::persistence::lmdb
