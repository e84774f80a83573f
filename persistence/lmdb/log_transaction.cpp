#include "persistence/lmdb/log_transaction.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

#include <lmdb.h>

namespace godwit::persistence::lmdb {

log_transaction::log_transaction(environment& env, log_databases databases, log_index& index)
    : env_(env),
      databases_(databases),
      index_(index),
      next_sequence_(index.next_sequence),
      shards_checksum_(index.shards_checksum) {}

log_transaction::~log_transaction() {
  if (txn_ != nullptr) {
    mdb_txn_abort(txn_); // closes the cursor, too
  }
}

int log_transaction::begin() {
  if (const int code = mdb_txn_begin(env_.raw(), nullptr, 0, &txn_); code != 0) {
    txn_ = nullptr;
    return code;
  }
  return mdb_cursor_open(txn_, databases_.entries, &appender_);
}

log_transaction::staged_log& log_transaction::stage(shard_id shard) {
  const auto [at, added] = staged_.try_emplace(shard);
  staged_log& log = at->second;
  if (added) {
    const auto found = index_.shards.find(shard);
    if (found != index_.shards.end()) {
      log.base = &found->second;
      log.row = found->second.row;
      log.row_crc = found->second.row_crc;
      log.kept = found->second.sequences.size();
    } else {
      log.row_changed = true; // every shard with entries has a row
    }
  }
  return log;
}

int log_transaction::apply(const log_write& write) {
  staged_log& log = stage(write.shard);
  if (write.reset) {
    reset(log, *write.reset);
  }
  if (write.hard) {
    log.row_changed = log.row_changed || log.row.hard != *write.hard;
    log.row.hard = *write.hard;
  }
  if (write.first == 0) {
    return write.entries.empty() ? 0 : EINVAL;
  }
  if (write.first < log.row.first_index || write.first > log.end()) {
    return EINVAL;
  }
  if (const int code = truncate(log, write.first); code != 0) {
    return code;
  }
  return append(write.shard, log, write.entries);
}

void log_transaction::put_hard_state(shard_id shard, const hard_state& hard) {
  staged_log& log = stage(shard);
  log.row.hard = hard;
  log.row_changed = true;
}

void log_transaction::reset(staged_log& log, index_t first) {
  // The entries are dead from here on by their sequence number; removing them can take its time.
  for (std::size_t i = log.skipped; i < log.kept; ++i) {
    log.buried.push_back(log.base->sequences[i]);
  }
  log.buried.insert(log.buried.end(), log.appended.begin(), log.appended.end());
  log.kept = log.skipped;
  log.appended.clear();
  log.row.first_index = first;
  log.row.live_from = next_sequence_;
  log.row_changed = true;
}

int log_transaction::truncate(staged_log& log, index_t first) {
  int code = 0;
  while (code == 0 && log.end() > first) {
    if (!log.appended.empty()) {
      code = erase(log.appended.back());
      log.appended.pop_back();
    } else {
      code = erase(log.base->sequences[--log.kept]);
    }
  }
  return code;
}

int log_transaction::append(shard_id shard, staged_log& log, const std::vector<log_entry>& entries) {
  index_t index = log.end();
  for (const log_entry& entry : entries) {
    const log_record record{shard, index++, entry.term, entry.kind, entry.payload.view()};
    log_sequence sequence = next_sequence_++;
    MDB_val key{sizeof(sequence), &sequence};
    MDB_val value{log_record_bytes(record), nullptr};
    if (const int code = mdb_cursor_put(appender_, &key, &value, MDB_APPEND | MDB_RESERVE); code != 0) {
      return code;
    }
    write_log_record(sequence, record, static_cast<char*>(value.mv_data));
    log.appended.push_back(sequence);
    changed_ = true;
    ++entries_added_;
    bytes_added_ += static_cast<std::int64_t>(record.payload.size());
  }
  return 0;
}

int log_transaction::erase(log_sequence sequence) {
  MDB_val key{sizeof(sequence), &sequence};
  MDB_val value{};
  if (const int code = mdb_get(txn_, databases_.entries, &key, &value); code != 0) {
    return code == MDB_NOTFOUND ? MDB_CORRUPTED : code; // the index says it is there
  }
  if (const auto record = read_log_record_unchecked({static_cast<const char*>(value.mv_data), value.mv_size})) {
    bytes_added_ -= static_cast<std::int64_t>(record->payload.size());
  }
  changed_ = true;
  --entries_added_;
  return mdb_del(txn_, databases_.entries, &key, nullptr);
}

int log_transaction::remove(const trim_points& trims, std::uint32_t rows_max) {
  std::uint32_t rows = 0;
  for (const auto& [shard, below] : trims) {
    staged_log& log = stage(shard);
    // Entries that this very transaction appends wait for the next one.
    for (; rows < rows_max && log.row.first_index < below && log.skipped < log.kept; ++rows) {
      if (const int code = erase(log.base->sequences[log.skipped]); code != 0) {
        return code;
      }
      ++log.skipped;
      ++log.row.first_index;
      log.row_changed = true;
    }
  }
  for (; rows < rows_max && leftovers_removed_ < index_.leftovers.size(); ++rows, ++leftovers_removed_) {
    if (const int code = erase(index_.leftovers[leftovers_removed_]); code != 0) {
      return code;
    }
  }
  return 0;
}

int log_transaction::put_rows() {
  for (auto& [shard, log] : staged_) {
    if (!log.row_changed) {
      continue;
    }
    std::array<char, 2> name{static_cast<char>(shard.value() >> 8), static_cast<char>(shard.value() & 0xFF)};
    std::string bytes = encode_shard_record(shard, log.row);
    MDB_val key{name.size(), name.data()};
    MDB_val value{bytes.size(), bytes.data()};
    if (const int code = mdb_put(txn_, databases_.shards, &key, &value, 0); code != 0) {
      return code;
    }
    changed_ = true;
    shards_checksum_ ^= log.row_crc;
    log.row_crc = crc_of(bytes);
    shards_checksum_ ^= log.row_crc;
  }
  return 0;
}

int log_transaction::put_anchor() {
  anchor_record anchor{.transaction = mdb_txn_id(txn_),
                       .entries = index_.entries + static_cast<std::uint64_t>(entries_added_),
                       .shards_checksum = shards_checksum_,
                       .next_sequence = next_sequence_};
  MDB_val key{};
  MDB_val value{};
  int code = mdb_cursor_get(appender_, &key, &value, MDB_LAST);
  if (code == 0) {
    std::memcpy(&anchor.last_sequence, key.mv_data, sizeof(anchor.last_sequence));
  } else if (code != MDB_NOTFOUND) {
    return code;
  }
  std::string bytes = encode_anchor_record(anchor);
  key = {anchor_key.size(), const_cast<char*>(anchor_key.data())};
  value = {bytes.size(), bytes.data()};
  return mdb_put(txn_, databases_.shards, &key, &value, 0);
}

int log_transaction::commit() {
  int code = put_rows();
  if (code == 0 && changed_) {
    code = put_anchor();
  }
  if (code != 0) {
    return code;
  }
  mdb_cursor_close(appender_);
  appender_ = nullptr;
  MDB_txn* const txn = txn_;
  txn_ = nullptr; // gone, whatever comes of it
  return mdb_txn_commit(txn);
}

void log_transaction::publish() {
  index_.leftovers.erase(index_.leftovers.begin(),
                         index_.leftovers.begin() + static_cast<std::ptrdiff_t>(leftovers_removed_));
  for (auto& [shard, log] : staged_) {
    shard_log& base = log.base != nullptr ? *log.base : index_.shards[shard];
    auto& sequences = base.sequences;
    sequences.erase(sequences.begin() + static_cast<std::ptrdiff_t>(log.kept), sequences.end());
    sequences.erase(sequences.begin(), sequences.begin() + static_cast<std::ptrdiff_t>(log.skipped));
    sequences.insert(sequences.end(), log.appended.begin(), log.appended.end());
    base.row = log.row;
    base.row_crc = log.row_crc;
    index_.leftovers.insert(index_.leftovers.end(), log.buried.begin(), log.buried.end());
  }
  index_.next_sequence = next_sequence_;
  index_.shards_checksum = shards_checksum_;
  index_.entries += static_cast<std::uint64_t>(entries_added_);
  index_.bytes += static_cast<std::uint64_t>(bytes_added_);
}

} // namespace godwit::persistence::lmdb
