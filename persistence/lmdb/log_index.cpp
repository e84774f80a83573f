#include "persistence/lmdb/log_index.hpp"
#include "persistence/lmdb/environment_error.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

#include <lmdb.h>

namespace godwit::persistence::lmdb {
namespace {

std::string_view view_of(const MDB_val& value) { return {static_cast<const char*>(value.mv_data), value.mv_size}; }

storage_error damaged(const environment& env, const std::string& what) {
  return {persistence_errc::corrupt,
          "data folder " + env.folder().string() + ": " + what + ". " GODWIT_DAMAGED_DATA_REMEDY};
}

/// Closes its cursor before the transaction ends.
struct cursor {
  cursor(MDB_txn* txn, unsigned database) : code(mdb_cursor_open(txn, database, &raw)) {}
  cursor(const cursor&) = delete;
  cursor& operator=(const cursor&) = delete;
  ~cursor() {
    if (raw != nullptr) {
      mdb_cursor_close(raw);
    }
  }

  MDB_cursor* raw = nullptr;
  int code;
};

storage_result<void> scan_shards(environment& env, MDB_txn* txn, unsigned database, log_index& out,
                                 std::optional<anchor_record>& anchor) {
  const cursor at(txn, database);
  MDB_val key{};
  MDB_val value{};
  int code = at.code;
  for (MDB_cursor_op op = MDB_FIRST; code == 0; op = MDB_NEXT) {
    if ((code = mdb_cursor_get(at.raw, &key, &value, op)) != 0) {
      break;
    }
    const std::string_view bytes = view_of(key);
    if (bytes == anchor_key && !anchor) {
      if (!(anchor = read_anchor_record(view_of(value)))) {
        return unexpected(damaged(env, "the log's anchor is damaged (the checksum does not hold)"));
      }
      continue;
    }
    if (bytes.size() != 2) {
      return unexpected(damaged(env, "the log's table of shards has a key of a wrong form"));
    }
    const shard_id shard(
      static_cast<std::uint16_t>(static_cast<std::uint8_t>(bytes[0]) << 8 | static_cast<std::uint8_t>(bytes[1])));
    const auto row = read_shard_record(shard, view_of(value));
    if (!row) {
      return unexpected(damaged(env, "term and vote of shard " + std::to_string(shard.value()) +
                                       " are damaged (the checksum does not hold)"));
    }
    if (!out.shards.try_emplace(shard, shard_log{.row = *row, .row_crc = crc_of(view_of(value)), .sequences = {}})
           .second) {
      return unexpected(damaged(env, "the log's table of shards names one twice")); // a tree walked in circles
    }
    out.shards_checksum ^= crc_of(view_of(value));
    out.next_sequence = std::max(out.next_sequence, row->live_from);
  }
  return code == MDB_NOTFOUND ? storage_result<void>() : unexpected(env.error(code, "reading the log's shards"));
}

/// Puts one entry into its shard's place. Entries come in the order in which they were written.
storage_result<void> place(environment& env, log_sequence sequence, const log_record& record, log_index& out) {
  const auto found = out.shards.find(record.shard);
  if (found == out.shards.end()) {
    return unexpected(damaged_entry(env, record.shard, record.index, "belongs to a shard without term and vote"));
  }
  shard_log& log = found->second;
  ++out.entries;
  out.bytes += record.payload.size();
  if (sequence < log.row.live_from || record.index < log.row.first_index) {
    out.leftovers.push_back(sequence);
    return {};
  }
  // Replaced entries were removed in the transaction that replaced them, so indexes follow each other.
  if (record.index != log.end()) {
    return unexpected(damaged_entry(env, record.shard, log.end(), "is missing"));
  }
  log.sequences.push_back(sequence);
  return {};
}

storage_result<void> scan_entries(environment& env, MDB_txn* txn, unsigned database, log_index& out,
                                  log_sequence& last) {
  const cursor at(txn, database);
  last = 0;
  MDB_val key{};
  MDB_val value{};
  int code = at.code;
  for (MDB_cursor_op op = MDB_FIRST; code == 0; op = MDB_NEXT) {
    if ((code = mdb_cursor_get(at.raw, &key, &value, op)) != 0) {
      break;
    }
    log_sequence sequence = 0;
    if (key.mv_size != sizeof(sequence)) {
      return unexpected(damaged(env, "the log has a key of a wrong form"));
    }
    std::memcpy(&sequence, key.mv_data, sizeof(sequence));
    // Without this, a damaged tree could be walked in circles.
    if (sequence <= last) {
      return unexpected(damaged(env, "the log's keys are out of order"));
    }
    last = sequence;
    const auto record = read_log_record(sequence, view_of(value));
    if (!record) {
      // What the bytes claim helps to find the place, although the checksum says they are wrong.
      const auto claimed = read_log_record_unchecked(view_of(value));
      return unexpected(claimed ? damaged_entry(env, claimed->shard, claimed->index, "is damaged")
                                : damaged(env, "log record " + std::to_string(sequence) + " is damaged"));
    }
    if (auto placed = place(env, sequence, *record, out); !placed) {
      return placed;
    }
  }
  out.next_sequence = std::max(out.next_sequence, last + 1);
  return code == MDB_NOTFOUND ? storage_result<void>() : unexpected(env.error(code, "reading the log"));
}

/// The tree that was read is the one that the last transaction left.
storage_result<void> check_anchor(environment& env, MDB_txn* txn, const std::optional<anchor_record>& anchor,
                                  log_sequence last, log_index& index) {
  if (!anchor) {
    return unexpected(damaged(env, "the log's anchor is missing"));
  }
  // A compacted copy counts its transactions from 1 again.
  const std::uint64_t transaction = mdb_txn_id(txn);
  if ((anchor->transaction != transaction && transaction != 1) || anchor->entries != index.entries ||
      anchor->last_sequence != last || anchor->shards_checksum != index.shards_checksum) {
    return unexpected(damaged(env, "a part of the log is older than the rest"));
  }
  index.next_sequence = std::max(index.next_sequence, anchor->next_sequence);
  return {};
}

} // namespace

storage_error damaged_entry(const environment& env, shard_id shard, index_t index, const char* what) {
  return damaged(env, "log entry " + std::to_string(index) + " of shard " + std::to_string(shard.value()) + " " + what);
}

storage_result<log_databases> open_log_databases(environment& env) {
  MDB_txn* txn = nullptr;
  log_databases databases;
  const unsigned create = env.fresh() ? MDB_CREATE : 0;
  int code = mdb_txn_begin(env.raw(), nullptr, 0, &txn);
  if (code != 0) {
    return unexpected(env.error(code, "opening the log"));
  }
  if ((code = mdb_dbi_open(txn, "entries", create | MDB_INTEGERKEY, &databases.entries)) == 0) {
    code = mdb_dbi_open(txn, "shards", create, &databases.shards);
  }
  if (code == 0 && env.fresh()) {
    std::string bytes = encode_anchor_record({.transaction = mdb_txn_id(txn)});
    MDB_val key{anchor_key.size(), const_cast<char*>(anchor_key.data())};
    MDB_val value{bytes.size(), bytes.data()};
    code = mdb_put(txn, databases.shards, &key, &value, MDB_NOOVERWRITE);
    code = code == MDB_KEYEXIST ? 0 : code;
  }
  if (code != 0) {
    mdb_txn_abort(txn);
    return unexpected(code == MDB_NOTFOUND ? damaged(env, "it holds no log") : env.error(code, "opening the log"));
  }
  if ((code = mdb_txn_commit(txn)) != 0) {
    return unexpected(env.error(code, "opening the log"));
  }
  return databases;
}

storage_result<log_index> scan_log(environment& env, log_databases databases) {
  const auto txn = env.begin_read(when_growing::wait);
  if (!txn) {
    return unexpected(txn.error());
  }
  log_index index;
  std::optional<anchor_record> anchor;
  log_sequence last = 0;
  const auto scanned = scan_shards(env, txn->raw(), databases.shards, index, anchor)
                         .and_then([&] { return scan_entries(env, txn->raw(), databases.entries, index, last); })
                         .and_then([&] { return check_anchor(env, txn->raw(), anchor, last, index); });
  if (!scanned) {
    return unexpected(scanned.error());
  }
  return index;
}

} // namespace godwit::persistence::lmdb
