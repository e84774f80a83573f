#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "persistence/lmdb/environment.hpp"
#include "persistence/lmdb/lmdb_state_snapshot.hpp"
#include "persistence/state/state_store.hpp"

struct MDB_cursor;

namespace godwit::persistence::lmdb {

/// The writing half of the state store: transactions, and what is known about each shard from them.
/// Belongs to one thread, after open; blocks.
///
/// A call that fails has written nothing and changed nothing, and may be made again, unless it says
/// otherwise. no_space comes when the disk or the map is full, every other code of a failed
/// transaction is final.
class state_writer {
public:
  /// Makes the databases when they are absent, and finds leftovers of unfinished imports. corrupt: a
  /// shard's record is damaged, or an older environment's databases are not there.
  static storage_result<std::unique_ptr<state_writer>> open(environment& env);

  [[nodiscard]] const state_tables& tables() const { return tables_; }

  /// Writes the flushes of living generations, oldest first per shard, and removes up to `removals`
  /// rows of dead generations: one transaction.
  storage_result<void> write(std::span<const state_flush> flushes, std::uint32_t removals);

  /// See state_store. Errors beside those above: invalid_argument (out of order), not_found (no
  /// import was begun), corrupt (a chunk's bytes).
  flushed_state import_begin(shard_id shard);
  storage_result<flushed_state> import_chunk(shard_id shard, const state_chunk& chunk);
  storage_result<flushed_state> import_finish(shard_id shard, snapshot_point point);

  /// Makes all that was written durable. io_error is final.
  storage_result<void> sync();

  /// The last transaction could be undone by a crash.
  [[nodiscard]] bool unsynced() const { return !unsynced_.empty() || dirty_; }
  /// Rows of dead generations are left.
  [[nodiscard]] bool removals_left() const { return !dead_.empty(); }

  /// What changed since the last call, once per shard.
  std::vector<flush_completion> take_completions();

private:
  struct import {
    state_generation generation = 0;
    std::uint64_t next_chunk = 0;
    std::string last_key;
    bool complete = false;
  };
  struct shard_record {
    flushed_state written;
    index_t durable = 0;
    state_generation newest = 0; ///< highest one ever used, as far as the rows tell
    std::optional<import> pending;
  };
  struct dead_generation {
    shard_id shard;
    state_generation generation = 0;
  };

  struct removal {
    std::uint32_t left = 0;   ///< rows that may still be removed
    std::size_t finished = 0; ///< so many of the first dead generations have no row left
  };

  explicit state_writer(environment& env) : env_(env) {}
  storage_result<void> load();
  storage_result<void> load_points(MDB_txn* txn);
  storage_result<void> find_generations(MDB_txn* txn);

  storage_result<void> transact(std::string_view doing, const std::function<int(MDB_txn*)>& body);
  void committed(std::span<const std::pair<shard_id, flushed_state>> changed);
  int put_point(MDB_txn* txn, shard_id shard, const flushed_state& state) const;
  int write_shard(MDB_cursor* cursor, std::span<const state_flush* const> flushes);
  int put_row(MDB_cursor* cursor, std::string_view row, std::string_view value);
  int remove_row(MDB_cursor* cursor, std::string_view row);
  void start_key(shard_id shard, state_generation generation);
  int remove_dead(MDB_cursor* cursor, removal& todo) const;

  environment& env_;
  state_tables tables_;
  std::map<shard_id, shard_record> shards_;
  std::vector<dead_generation> dead_;
  std::vector<shard_id> unsynced_; ///< whose last point could be undone
  bool dirty_ = false;             ///< a transaction without points could be
  std::vector<shard_id> told_;     ///< whose state differs from what take_completions gave last
  std::string key_;                ///< of the row at hand; begins with the prefix of its shard
};

} // namespace godwit::persistence::lmdb
