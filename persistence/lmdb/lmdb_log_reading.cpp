// The half of lmdb_log_store that any thread may call while the other writes.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <lmdb.h>

#include "persistence/lmdb/lmdb_log_store.hpp"

namespace godwit::persistence::lmdb {

std::vector<log_sequence> lmdb_log_store::sequences_of(shard_id shard, index_t first, std::size_t count) const {
  const std::lock_guard lock(index_mutex_);
  const auto found = index_.shards.find(shard);
  if (found == index_.shards.end() || first < found->second.row.first_index || first >= found->second.end()) {
    return {};
  }
  const auto& all = found->second.sequences;
  const auto from = all.begin() + static_cast<std::ptrdiff_t>(first - found->second.row.first_index);
  return {from,
          from + static_cast<std::ptrdiff_t>(std::min<std::size_t>(count, static_cast<std::size_t>(all.end() - from)))};
}

namespace {

/// One entry; nothing when it is gone. Without `payload` its pages are not touched, and the checksum, which the scan
/// at the start has verified, is verified again only for a change.
storage_result<std::optional<log_record>> get(const environment& env, MDB_txn* txn, log_databases databases,
                                              log_sequence sequence, shard_id shard, index_t index,
                                              bool payload = true) {
  MDB_val key{sizeof(sequence), &sequence};
  MDB_val value{};
  const int code = mdb_get(txn, databases.entries, &key, &value);
  if (code == MDB_NOTFOUND) {
    return std::optional<log_record>();
  }
  if (code != 0) {
    return unexpected(env.error(code, "reading the log"));
  }
  const std::string_view bytes(static_cast<const char*>(value.mv_data), value.mv_size);
  auto record = payload ? read_log_record(sequence, bytes) : read_log_record_unchecked(bytes);
  if (!payload && record && record->kind == entry_kind::change) {
    record = read_log_record(sequence, bytes);
  }
  if (!record || record->shard != shard || record->index != index) {
    return unexpected(damaged_entry(env, shard, index, "is damaged"));
  }
  return record;
}

} // namespace

storage_result<recovered_log> lmdb_log_store::recover(shard_id shard, index_t payloads_from) {
  recovered_log out;
  {
    const std::lock_guard lock(index_mutex_);
    if (const auto found = index_.shards.find(shard); found != index_.shards.end()) {
      out.hard = found->second.row.hard;
      out.first = found->second.row.first_index;
    }
  }
  const auto sequences = sequences_of(shard, out.first, SIZE_MAX);
  const auto txn = env_.begin_read(when_growing::wait);
  if (!txn) {
    return unexpected(txn.error());
  }
  out.entries.reserve(sequences.size());
  for (index_t index = out.first; const log_sequence sequence : sequences) {
    const auto record = get(env_, txn->raw(), databases_, sequence, shard, index, index > payloads_from);
    if (!record) {
      return unexpected(record.error());
    }
    if (!*record) {
      return unexpected(damaged_entry(env_, shard, index, "is missing"));
    }
    const bool wanted = index > payloads_from || (*record)->kind == entry_kind::change;
    out.entries.push_back({(*record)->term, (*record)->kind, wanted ? slice::copy_of((*record)->payload) : slice()});
    ++index;
  }
  return out;
}

storage_result<std::vector<log_entry>> lmdb_log_store::read(shard_id shard, index_t first, std::uint32_t count,
                                                            std::size_t bytes_max) {
  std::vector<log_entry> out;
  const auto sequences = sequences_of(shard, first, count);
  const auto txn = env_.begin_read(when_growing::wait);
  if (!txn) {
    return unexpected(txn.error());
  }
  std::size_t bytes = 0;
  for (index_t index = first; const log_sequence sequence : sequences) {
    const auto record = get(env_, txn->raw(), databases_, sequence, shard, index);
    if (!record) {
      return unexpected(record.error());
    }
    // Trimmed or replaced since the index was asked: what came before it is not what the log holds now.
    if (!*record) {
      out.clear();
      break;
    }
    bytes += (*record)->payload.size();
    if (bytes > bytes_max && !out.empty()) {
      break;
    }
    out.push_back({(*record)->term, (*record)->kind, slice::copy_of((*record)->payload)});
    ++index;
  }
  if (out.empty()) {
    return fail(persistence_errc::not_found, "data folder " + env_.folder().string() + ": log entry " +
                                               std::to_string(first) + " of shard " + std::to_string(shard.value()) +
                                               " is not in the log.");
  }
  return out;
}

log_usage lmdb_log_store::usage() const {
  log_usage out;
  {
    const std::lock_guard lock(index_mutex_);
    out.entries = index_.entries;
    out.bytes = index_.bytes;
  }
  out.bytes_queued = bytes_queued_;
  out.disk_bytes = env_.disk_bytes();
  out.transactions = transactions_;
  return out;
}

} // namespace godwit::persistence::lmdb
