#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "persistence/base/persistence_errc.hpp"
#include "persistence/base/types.hpp"
#include "persistence/log/log_entry.hpp"

namespace godwit::persistence {

/// One change of one shard's log. Its parts take effect together, in the order of the fields.
struct log_write {
  shard_id shard;
  /// Empties the log: it begins at this index from now on.
  std::optional<index_t> reset;
  /// Term and vote, always both.
  std::optional<hard_state> hard;
  /// Replaces what the log holds at `first` and behind. `first` is at most one behind the end.
  index_t first = 0;
  std::vector<log_entry> entries;
  /// Entries below this index go. A write with nothing else in it may wait for the shard's next
  /// one, for no trim is worth a sync of its own.
  index_t trim_below = 0;
  /// Comes back in the completion. 0: nobody waits.
  write_generation generation = 0;
};

struct log_completion {
  shard_id shard;
  write_generation generation = 0;
};

/// Hears of finished writes. Called on the store's own thread: hand over and return.
class log_sink {
public:
  virtual ~log_sink() = default;

  /// These writes are durable. Completions of one shard come in the order of its writes; one call
  /// covers one transaction.
  virtual void log_written(std::span<const log_completion> done) = 0;

  /// Writes do not get through. With no_space the store keeps them, tries again and tells by
  /// log_recovered; any other code is final: nothing completes any more and the node has to stop.
  virtual void log_failed(const storage_error& why) = 0;
  virtual void log_recovered() = 0;
};

/// What a shard's log held when the process started.
struct recovered_log {
  hard_state hard;
  index_t first = 1; ///< index of entries.front(), or of the next entry when there is none
  /// Entries up to `payloads_from` come without payload, unless they are changes.
  std::vector<log_entry> entries;
};

struct log_usage {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;        ///< of the entries' payloads
  std::uint64_t bytes_queued = 0; ///< submitted, not yet durable
  std::uint64_t disk_bytes = 0;   ///< of the files
  std::uint64_t transactions = 0; ///< committed and synced since the start
};

/// The logs, terms and votes of all shards of a node. Kept narrow so that another implementation
/// can stand behind it.
class log_store {
public:
  virtual ~log_store() = default;

  /// Queues a write; never blocks. Any thread; the order of one shard's writes is kept. All that is
  /// queued when the store turns to its queue goes into one transaction with one sync, or a few when
  /// it is much. The caller bounds what it has in flight.
  virtual void submit(log_write write) = 0;

  /// Makes the store turn to its queue; called once after a round of submits.
  virtual void kick() = 0;

  /// Reads a shard's log at the start, before its first write. Blocks.
  virtual storage_result<recovered_log> recover(shard_id shard, index_t payloads_from) = 0;

  /// Durable entries from `first` on: at most `count`, and no more than fit `bytes_max` but at
  /// least one. Blocks: call it on a thread that may. not_found: `first` is trimmed or not there.
  virtual storage_result<std::vector<log_entry>> read(shard_id shard, index_t first, std::uint32_t count,
                                                      std::size_t bytes_max) = 0;

  [[nodiscard]] virtual log_usage usage() const = 0;
};

} // namespace godwit::persistence
