#pragma once

#include <cstdint>
#include <deque>
#include <map>

#include "persistence/base/types.hpp"
#include "persistence/lmdb/environment.hpp"
#include "persistence/lmdb/log_record.hpp"

namespace godwit::persistence::lmdb {

/// Numbers of the named databases of the log environment.
struct log_databases {
  unsigned entries = 0; ///< sequence -> LogEntry
  unsigned shards = 0;  ///< shard -> LogShard, and the anchor
};

/// One shard's log as it is on the disk.
struct shard_log {
  shard_record row;
  std::uint32_t row_crc = 0;          ///< of the row as it is stored; 0: it is not
  std::deque<log_sequence> sequences; ///< of the entries from row.first_index on

  [[nodiscard]] index_t end() const { return row.first_index + sequences.size(); }
};

/// Which entry is where: entries of all shards are stored in the order in which they were written, for
/// appending at one place of the tree costs half of what appending at one per shard does. Eight bytes of
/// memory for each entry, rebuilt by one scan when the store is opened.
struct log_index {
  std::map<shard_id, shard_log> shards;
  log_sequence next_sequence = 1;
  /// Entries that a reset or an unfinished trim left behind, waiting to be removed.
  std::deque<log_sequence> leftovers;
  /// The checksums of all rows of shards, added by exclusive or.
  std::uint32_t shards_checksum = 0;
  std::uint64_t entries = 0; ///< in the file, with the leftovers
  std::uint64_t bytes = 0;   ///< of their payloads
};

/// Opens the databases, making them in a fresh environment. Blocks.
storage_result<log_databases> open_log_databases(environment& env);

/// Reads the whole environment, with every checksum. corrupt: names shard and index where it can.
storage_result<log_index> scan_log(environment& env, log_databases databases);

/// The error for an entry whose checksum does not hold, or that should be there and is not.
storage_error damaged_entry(const environment& env, shard_id shard, index_t index, const char* what);

} // namespace godwit::persistence::lmdb
