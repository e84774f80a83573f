#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "persistence/lmdb/environment.hpp"
#include "persistence/lmdb/log_index.hpp"
#include "persistence/log/log_store.hpp"

struct MDB_cursor;

namespace godwit::persistence::lmdb {

/// Below which index each shard's log is to be trimmed.
using trim_points = std::map<shard_id, index_t>;

/// Writes of several shards on their way into one transaction of LMDB. The index stays what it was
/// until the transaction is committed and published; without that, nothing has happened. One thread.
///
/// Codes are those of LMDB and errno; after one that is not 0 only the destructor follows. EINVAL: a
/// write breaks the order of its log.
class log_transaction {
public:
  log_transaction(environment& env, log_databases databases, log_index& index);
  log_transaction(const log_transaction&) = delete;
  log_transaction& operator=(const log_transaction&) = delete;
  ~log_transaction(); ///< aborts what is not committed

  int begin();

  /// Everything of the write but its trim.
  int apply(const log_write& write);

  /// Term and vote alone; the shard's row is written even if they are what they were.
  void put_hard_state(shard_id shard, const hard_state& hard);

  /// Removes at most `rows_max` trimmed entries and leftovers.
  int remove(const trim_points& trims, std::uint32_t rows_max);

  /// The index behind the shard's last entry, as things stand.
  [[nodiscard]] index_t end_of(shard_id shard) { return stage(shard).end(); }

  int commit();

  /// Brings the index up to date. Under the lock of those who read it.
  void publish();

private:
  /// A shard's log as this transaction leaves it: what [skipped, kept) of the base names, then `appended`.
  struct staged_log {
    shard_log* base = nullptr;
    shard_record row;
    bool row_changed = false;
    std::uint32_t row_crc = 0;
    std::size_t skipped = 0;
    std::size_t kept = 0;
    std::vector<log_sequence> appended;
    std::vector<log_sequence> buried; ///< by a reset

    [[nodiscard]] index_t end() const { return row.first_index + (kept - skipped) + appended.size(); }
  };

  staged_log& stage(shard_id shard);
  void reset(staged_log& log, index_t first);
  int truncate(staged_log& log, index_t first);
  int append(shard_id shard, staged_log& log, const std::vector<log_entry>& entries);
  int erase(log_sequence sequence);
  int put_rows();
  int put_anchor();

  environment& env_;
  log_databases databases_;
  log_index& index_;
  MDB_txn* txn_ = nullptr;
  MDB_cursor* appender_ = nullptr;
  std::map<shard_id, staged_log> staged_;
  log_sequence next_sequence_;
  std::size_t leftovers_removed_ = 0;
  bool changed_ = false; ///< a transaction that changes nothing costs no sync
  std::uint32_t shards_checksum_;
  std::int64_t entries_added_ = 0;
  std::int64_t bytes_added_ = 0;
};

} // namespace godwit::persistence::lmdb
