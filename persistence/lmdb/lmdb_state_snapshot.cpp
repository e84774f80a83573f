#include "persistence/lmdb/lmdb_state_snapshot.hpp"

#include <algorithm>
#include <memory>

#include <lmdb.h>

#include "persistence/base/crc32c.hpp"
#include "persistence/lmdb/environment_error.hpp"
#include "persistence/lmdb/log_record.hpp"
#include "persistence/lmdb/state_record.hpp"
#include "persistence/state/row_key.hpp"
#include "persistence/state/snapshot_rows.hpp"

namespace godwit::persistence::lmdb {
namespace {

constexpr std::string_view reading = "reading rows";

/// LMDB takes mutable bytes and does not write to them.
MDB_val lmdb_value(std::string_view bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }

std::string_view bytes_of(const MDB_val& value) { return {static_cast<const char*>(value.mv_data), value.mv_size}; }

std::string damage(const environment& env, const std::string& what) {
  return "data folder " + env.folder().string() + ": " + what +
         " is damaged (its checksum does not hold). " GODWIT_DAMAGED_DATA_REMEDY;
}

std::string prefixed(const state_prefix& prefix, std::string_view key) {
  std::string out(prefix.data(), prefix.size());
  return out.append(key);
}

struct close_cursor {
  void operator()(MDB_cursor* cursor) const { mdb_cursor_close(cursor); }
};

} // namespace

storage_error damaged_row(const environment& env, shard_id shard, std::string_view row) {
  const std::string table = row.empty() ? "?" : std::to_string(static_cast<unsigned char>(row.front()));
  return {persistence_errc::corrupt,
          damage(env, "a row of table " + table + " of shard " + std::to_string(shard.value()))};
}

storage_error damaged_point(const environment& env, shard_id shard) {
  return {persistence_errc::corrupt, damage(env, "the record of shard " + std::to_string(shard.value()))};
}

storage_result<flushed_state> lmdb_state_snapshot::at(shard_id shard) {
  const auto known = std::find_if(known_.begin(), known_.end(), [&](const auto& each) { return each.first == shard; });
  if (known != known_.end()) {
    return known->second;
  }
  const auto point_key = make_point_key(shard);
  MDB_val key = lmdb_value({point_key.data(), point_key.size()});
  MDB_val value{};
  const int code = mdb_get(txn_.raw(), tables_.points, &key, &value);
  flushed_state state;
  if (code == 0) {
    auto read = read_point(shard, bytes_of(value));
    if (!read) {
      return unexpected(damaged_point(env_, shard));
    }
    state = *std::move(read);
  } else if (code != MDB_NOTFOUND) {
    return unexpected(env_.error(code, reading));
  }
  known_.emplace_back(shard, state);
  return state;
}

storage_result<std::optional<slice>> lmdb_state_snapshot::get(shard_id shard, std::string_view key) {
  const auto state = at(shard);
  if (!state) {
    return unexpected(state.error());
  }
  const std::string stored = prefixed(make_state_prefix(shard, state->generation), key);
  MDB_val stored_key = lmdb_value(stored);
  MDB_val value{};
  const int code = mdb_get(txn_.raw(), tables_.rows, &stored_key, &value);
  if (code == MDB_NOTFOUND) {
    return std::nullopt;
  }
  if (code != 0) {
    return unexpected(env_.error(code, reading));
  }
  const auto bytes = check_crc(stored, bytes_of(value));
  if (!bytes) {
    return unexpected(damaged_row(env_, shard, key));
  }
  return slice::copy_of(*bytes);
}

storage_result<void>
lmdb_state_snapshot::scan(shard_id shard, const row_range& range,
                          const std::function<bool(std::string_view key, std::string_view value)>& visit) {
  const auto state = at(shard);
  if (!state) {
    return unexpected(state.error());
  }
  const state_prefix prefix = make_state_prefix(shard, state->generation);
  const std::string from = prefixed(prefix, range.from);
  const std::string to =
    range.to.empty() ? prefix_end(std::string_view(prefix.data(), prefix.size())) : prefixed(prefix, range.to);

  MDB_cursor* opened = nullptr;
  if (const int code = mdb_cursor_open(txn_.raw(), tables_.rows, &opened); code != 0) {
    return unexpected(env_.error(code, reading));
  }
  const std::unique_ptr<MDB_cursor, close_cursor> cursor(opened);
  MDB_val key = lmdb_value(range.reverse ? std::string_view(to) : std::string_view(from));
  MDB_val value{};
  int code = 0;
  if (!range.reverse) {
    code = mdb_cursor_get(cursor.get(), &key, &value, MDB_SET_RANGE);
  } else {
    // The last row before `to`: one back from the first that is not. No `to`: the last of all.
    code = to.empty() ? MDB_NOTFOUND : mdb_cursor_get(cursor.get(), &key, &value, MDB_SET_RANGE);
    code = code == MDB_NOTFOUND ? mdb_cursor_get(cursor.get(), &key, &value, MDB_LAST)
           : code == 0          ? mdb_cursor_get(cursor.get(), &key, &value, MDB_PREV)
                                : code;
  }
  for (; code == 0; code = mdb_cursor_get(cursor.get(), &key, &value, range.reverse ? MDB_PREV : MDB_NEXT)) {
    const std::string_view stored = bytes_of(key);
    if (range.reverse ? stored < from : (!to.empty() && stored >= to)) {
      return {};
    }
    const auto bytes = check_crc(stored, bytes_of(value));
    if (!bytes) {
      return unexpected(damaged_row(env_, shard, stored.substr(state_prefix_bytes)));
    }
    if (!visit(stored.substr(state_prefix_bytes), *bytes)) {
      return {};
    }
  }
  return code == MDB_NOTFOUND ? storage_result<void>() : unexpected(env_.error(code, reading));
}

storage_result<state_chunk> lmdb_state_export::next(std::string_view after, std::uint64_t number,
                                                    std::size_t bytes_max) {
  row_range range;
  if (!after.empty()) {
    range.from.assign(after).push_back('\0');
  }
  state_chunk chunk;
  chunk.number = number;
  chunk.last = true;
  std::string rows;
  auto scanned = snapshot_->scan(shard_, range, [&](std::string_view key, std::string_view value) {
    if (!rows.empty() && rows.size() + key.size() + value.size() > bytes_max) {
      chunk.last = false;
      return false;
    }
    append_snapshot_row(rows, key, value);
    chunk.last_key = key;
    return true;
  });
  if (!scanned) {
    return unexpected(std::move(scanned.error()));
  }
  chunk.crc = crc32c(rows);
  chunk.rows = slice::adopt(std::move(rows));
  return chunk;
}

} // namespace godwit::persistence::lmdb
