#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/base/persistence_errc.hpp"
#include "persistence/base/slice.hpp"
#include "persistence/base/types.hpp"
#include "persistence/log/log_entry.hpp"

namespace godwit::persistence {

struct row {
  std::string key; ///< as row_key encodes it
  slice value;
};

/// Rows with from <= key < to, both as row_key encodes them. An empty `to` has no end.
struct row_range {
  std::string from;
  std::string to;
  std::uint32_t rows_max = 100;
  std::size_t bytes_max = 1 << 20; ///< of keys and values; at least one row comes all the same
  bool reverse = false;            ///< from the end of the range towards its beginning
};

struct row_page {
  std::vector<row> rows;
  bool more = false; ///< a bound cut the page; go on behind (reverse: before) the last key
};

/// Writes of one shard between two points of its log, newest per key, in key order. Immutable once
/// it is sealed, and shared between the overlay, read views and the state thread.
class overlay_segment;

/// Installs of snapshots count a shard's generations up; rows of one generation never mix with
/// those of another. 0 is the first one.
using state_generation = std::uint32_t;

/// What the store holds of a shard: everything up to `point.index` and nothing behind it.
struct flushed_state {
  snapshot_point point;
  state_generation generation = 0;
};

/// Segments of one shard to write, oldest first, and the point they lead to.
struct state_flush {
  shard_id shard;
  flushed_state to;
  std::vector<std::shared_ptr<const overlay_segment>> segments;
};

struct flush_completion {
  shard_id shard;
  flushed_state written; ///< in the store, visible to its readers
  index_t durable = 0;   ///< survives a crash; may be behind `written`
};

/// Hears of the store's work. Called on the store's own thread: hand over and return.
class state_sink {
public:
  virtual ~state_sink() = default;

  /// Comes for every flush, and again without one when an earlier point became durable.
  virtual void state_flushed(std::span<const flush_completion> done) = 0;

  /// As log_sink::log_failed and log_recovered.
  virtual void state_failed(const storage_error& why) = 0;
  virtual void state_recovered() = 0;
};

/// What all shards' stored rows were at one moment. Holds that moment's pages in the store: keep
/// it for short. May move between threads; one at a time uses it. Calls may block on the disk.
class state_snapshot {
public:
  virtual ~state_snapshot() = default;

  virtual storage_result<flushed_state> at(shard_id shard) = 0;
  virtual storage_result<std::optional<slice>> get(shard_id shard, std::string_view key) = 0;
  /// Calls `visit` for rows of the range in order until it returns false; bounds of the range are
  /// the caller's. Views die when `visit` returns.
  virtual storage_result<void> scan(shard_id shard, const row_range& range,
                                    const std::function<bool(std::string_view key, std::string_view value)>& visit) = 0;
};

/// A part of a shard's rows on its way to another node, in key order.
struct state_chunk {
  std::uint64_t number = 0; ///< from 0, without gaps
  std::string last_key;     ///< empty in an empty chunk
  slice rows;               ///< records/snapshot.proto, SnapshotRows
  std::uint32_t crc = 0;    ///< CRC-32C of `rows`
  bool last = false;
};

/// Reads one shard out of one state_snapshot. Blocks on the disk.
class state_export {
public:
  virtual ~state_export() = default;
  /// What the receiver will hold.
  [[nodiscard]] virtual const snapshot_point& point() const = 0;
  /// About `bytes_max` of rows behind `after` (empty: from the beginning).
  virtual storage_result<state_chunk> next(std::string_view after, std::uint64_t number, std::size_t bytes_max) = 0;
};

/// The stored rows of all shards of a node.
class state_store {
public:
  virtual ~state_store() = default;

  /// Point and generation of a shard; a shard never seen is at index 0. Blocks; for the start.
  virtual storage_result<flushed_state> recover(shard_id shard) = 0;

  /// Queues a flush; never blocks. A flush whose generation is not the shard's any more is dropped
  /// without a word.
  virtual void flush(state_flush what) = 0;
  virtual void kick() = 0;

  /// Asks that everything written so far becomes durable soon, without waiting for the next flush;
  /// told by state_flushed.
  virtual void sync() = 0;

  /// Cheap and non-blocking, on any thread. busy: too many are open.
  virtual storage_result<std::unique_ptr<state_snapshot>> snapshot() = 0;

  /// Runs `job` on a reader thread. busy: the queue is at its bound, nothing was queued.
  virtual storage_result<void> run_on_reader(std::function<void()> job) = 0;

  virtual storage_result<std::unique_ptr<state_export>> begin_export(shard_id shard) = 0;
  /// The store cannot write until all snapshots and exports have ended; whoever holds one for long ends it soon and
  /// takes another. Any thread.
  [[nodiscard]] virtual bool wants_readers_gone() const { return false; }

  /// Import, in this order, each answered on the state thread: `begin` opens a new generation beside
  /// the living one; chunks arrive in the order of their numbers, each checked; `finish` makes the
  /// new generation the shard's, with `point`, in one synced transaction. The rows of other
  /// generations are dropped in small pieces later. A second `begin` drops the first.
  using import_done = std::function<void(storage_result<flushed_state>)>;
  virtual void import_begin(shard_id shard, import_done done) = 0;
  virtual void import_chunk(shard_id shard, state_chunk chunk, import_done done) = 0;
  virtual void import_finish(shard_id shard, snapshot_point point, import_done done) = 0;
};

} // namespace godwit::persistence
