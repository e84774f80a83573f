#include "persistence/lmdb/state_writer.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <lmdb.h>

#include "persistence/base/crc32c.hpp"
#include "persistence/lmdb/environment_error.hpp"
#include "persistence/lmdb/log_record.hpp"
#include "persistence/lmdb/state_record.hpp"
#include "persistence/state/merged_scan.hpp"
#include "persistence/state/overlay_segment.hpp"
#include "persistence/state/row_key.hpp"
#include "persistence/state/snapshot_rows.hpp"

namespace godwit::persistence::lmdb {
namespace {

MDB_val lmdb_value(std::string_view bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }

std::string_view bytes_of(const MDB_val& value) { return {static_cast<const char*>(value.mv_data), value.mv_size}; }

void add_once(std::vector<shard_id>& list, shard_id shard) {
  if (std::find(list.begin(), list.end(), shard) == list.end()) {
    list.push_back(shard);
  }
}

/// Aborts what was not committed.
class transaction {
public:
  explicit transaction(environment& env) : code_(mdb_txn_begin(env.raw(), nullptr, 0, &txn_)) {}
  ~transaction() {
    if (txn_ != nullptr) {
      mdb_txn_abort(txn_);
    }
  }
  transaction(const transaction&) = delete;
  transaction& operator=(const transaction&) = delete;

  [[nodiscard]] int code() const { return code_; }
  [[nodiscard]] MDB_txn* raw() const { return txn_; }
  int commit() { return mdb_txn_commit(std::exchange(txn_, nullptr)); }

private:
  MDB_txn* txn_ = nullptr;
  int code_;
};

} // namespace

// --- opening --------------------------------------------------------------------------------------

storage_result<std::unique_ptr<state_writer>> state_writer::open(environment& env) {
  std::unique_ptr<state_writer> writer(new state_writer(env));
  if (auto loaded = writer->load(); !loaded) {
    return unexpected(std::move(loaded.error()));
  }
  return writer;
}

storage_result<void> state_writer::load() {
  constexpr std::string_view opening = "opening the state databases";
  transaction txn(env_);
  int code = txn.code();
  // Made with the environment and never again: a name that damage took must not come back empty.
  const unsigned create = env_.fresh() ? MDB_CREATE : 0;
  if (code == 0) {
    code = mdb_dbi_open(txn.raw(), state_rows_name, create, &tables_.rows);
  }
  if (code == 0) {
    code = mdb_dbi_open(txn.raw(), state_points_name, create, &tables_.points);
  }
  if (code == MDB_NOTFOUND) {
    return fail(persistence_errc::corrupt,
                "data folder " + env_.folder().string() + ": it holds no state. " GODWIT_DAMAGED_DATA_REMEDY);
  }
  if (code != 0) {
    return unexpected(env_.error(code, opening));
  }
  if (auto loaded = load_points(txn.raw()); !loaded) {
    return loaded;
  }
  if (auto found = find_generations(txn.raw()); !found) {
    return found;
  }
  code = txn.commit();
  if (code == 0 && env_.fresh()) {
    code = mdb_env_sync(env_.raw(), 1); // a crash could still undo it, and nobody would make them again
  }
  return code == 0 ? storage_result<void>() : unexpected(env_.error(code, opening));
}

storage_result<void> state_writer::load_points(MDB_txn* txn) {
  constexpr std::string_view reading = "reading the shards' records";
  MDB_cursor* cursor = nullptr;
  if (const int code = mdb_cursor_open(txn, tables_.points, &cursor); code != 0) {
    return unexpected(env_.error(code, reading));
  }
  MDB_val key{};
  MDB_val value{};
  int code = 0;
  while ((code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
    const std::string_view bytes = bytes_of(key);
    if (bytes.size() != 2) {
      return fail(persistence_errc::corrupt,
                  "data folder " + env_.folder().string() + ": a shard's record has a bad key");
    }
    const shard_id shard{
      static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[0]) << 8 | static_cast<unsigned char>(bytes[1]))};
    auto point = read_point(shard, bytes_of(value));
    if (!point) {
      return unexpected(damaged_point(env_, shard));
    }
    shard_record& record = shards_[shard];
    record.newest = point->generation;
    record.written = *std::move(point);
    // Nobody has synced yet: what a process that died wrote last may still be undone.
    unsynced_.push_back(shard);
  }
  mdb_cursor_close(cursor);
  return code == MDB_NOTFOUND ? storage_result<void>() : unexpected(env_.error(code, reading));
}

/// Hops from generation to generation; those that are not their shard's are leftovers.
storage_result<void> state_writer::find_generations(MDB_txn* txn) {
  constexpr std::string_view looking = "looking for unfinished imports";
  MDB_cursor* cursor = nullptr;
  if (const int code = mdb_cursor_open(txn, tables_.rows, &cursor); code != 0) {
    return unexpected(env_.error(code, looking));
  }
  MDB_val key{};
  MDB_val value{};
  std::string next;
  int code = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
  while (code == 0) {
    const auto stored = read_state_key(bytes_of(key));
    if (!stored) {
      return fail(persistence_errc::corrupt, "data folder " + env_.folder().string() + ": a row has a bad key");
    }
    shard_record& record = shards_[stored->shard];
    record.newest = std::max(record.newest, stored->generation);
    if (stored->generation != record.written.generation) {
      dead_.push_back({stored->shard, stored->generation});
    }
    next = prefix_end(bytes_of(key).substr(0, state_prefix_bytes));
    if (next.empty()) {
      code = MDB_NOTFOUND;
      break;
    }
    key = lmdb_value(next);
    code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
  }
  mdb_cursor_close(cursor);
  return code == MDB_NOTFOUND ? storage_result<void>() : unexpected(env_.error(code, looking));
}

// --- transactions ---------------------------------------------------------------------------------

storage_result<void> state_writer::transact(std::string_view doing, const std::function<int(MDB_txn*)>& body) {
  // Not worth an error of its own: when the map is really full, the write that needs it says so.
  (void)env_.grow(false);
  for (;;) {
    int code = 0;
    {
      transaction txn(env_);
      code = txn.code();
      if (code == 0) {
        code = body(txn.raw());
      }
      if (code == 0) {
        code = txn.commit();
      }
    }
    if (code == 0) {
      return {};
    }
    if (code != MDB_MAP_FULL) {
      code = code == EIO && env_.disk_full() ? ENOSPC : code;
      return unexpected(env_.error(code, doing));
    }
    if (auto grown = env_.grow(true); !grown) {
      return grown;
    }
  }
}

/// A commit syncs its pages and leaves its header to the next sync, which is the next commit's: the
/// transactions before it can no longer be undone.
void state_writer::committed(std::span<const std::pair<shard_id, flushed_state>> changed) {
  for (const shard_id shard : unsynced_) {
    shard_record& record = shards_[shard];
    record.durable = record.written.point.index;
    add_once(told_, shard);
  }
  unsynced_.clear();
  dirty_ = true;
  for (const auto& [shard, state] : changed) {
    shards_[shard].written = state;
    unsynced_.push_back(shard);
    add_once(told_, shard);
  }
}

storage_result<void> state_writer::sync() {
  if (const int code = mdb_env_sync(env_.raw(), 1); code != 0) {
    return unexpected(env_.error(code, "syncing the state"));
  }
  for (const shard_id shard : unsynced_) {
    shard_record& record = shards_[shard];
    record.durable = record.written.point.index;
    add_once(told_, shard);
  }
  unsynced_.clear();
  dirty_ = false;
  return {};
}

std::vector<flush_completion> state_writer::take_completions() {
  std::vector<flush_completion> out;
  out.reserve(told_.size());
  for (const shard_id shard : told_) {
    const shard_record& record = shards_[shard];
    out.push_back(flush_completion{shard, record.written, record.durable});
  }
  told_.clear();
  return out;
}

// --- flushing -------------------------------------------------------------------------------------

int state_writer::put_point(MDB_txn* txn, shard_id shard, const flushed_state& state) const {
  const auto point_key = make_point_key(shard);
  const std::string record = encode_point(shard, state);
  MDB_val key = lmdb_value({point_key.data(), point_key.size()});
  MDB_val value = lmdb_value(record);
  return mdb_put(txn, tables_.points, &key, &value, 0);
}

void state_writer::start_key(shard_id shard, state_generation generation) {
  const state_prefix prefix = make_state_prefix(shard, generation);
  key_.assign(prefix.data(), prefix.size());
}

int state_writer::put_row(MDB_cursor* cursor, std::string_view row, std::string_view value) {
  key_.resize(state_prefix_bytes);
  key_.append(row);
  MDB_val key = lmdb_value(key_);
  MDB_val room{value.size() + crc_bytes, nullptr};
  // Rows come in order, so the cursor mostly stands on the page already.
  if (const int code = mdb_cursor_put(cursor, &key, &room, MDB_RESERVE); code != 0) {
    return code;
  }
  auto* const out = static_cast<char*>(room.mv_data);
  std::memcpy(out, value.data(), value.size());
  const std::uint32_t crc = crc32c(value, crc32c(key_));
  const std::array<char, crc_bytes> tail{static_cast<char>(crc), static_cast<char>(crc >> 8),
                                         static_cast<char>(crc >> 16), static_cast<char>(crc >> 24)};
  std::memcpy(out + value.size(), tail.data(), tail.size());
  return 0;
}

int state_writer::remove_row(MDB_cursor* cursor, std::string_view row) {
  key_.resize(state_prefix_bytes);
  key_.append(row);
  MDB_val key = lmdb_value(key_);
  const int code = mdb_cursor_get(cursor, &key, nullptr, MDB_SET);
  return code == 0 ? mdb_cursor_del(cursor, 0) : code == MDB_NOTFOUND ? 0 : code;
}

int state_writer::write_shard(MDB_cursor* cursor, std::span<const state_flush* const> flushes) {
  std::vector<std::span<const overlay_row>> newest_first;
  for (auto flush = flushes.rbegin(); flush != flushes.rend(); ++flush) {
    for (auto segment = (*flush)->segments.rbegin(); segment != (*flush)->segments.rend(); ++segment) {
      newest_first.push_back((*segment)->rows());
    }
  }
  start_key(flushes.front()->shard, flushes.front()->to.generation);
  for (overlay_merge rows(std::move(newest_first), false); rows.row() != nullptr; rows.next()) {
    const overlay_row& row = *rows.row();
    const int code = row.erased ? remove_row(cursor, row.key) : put_row(cursor, row.key, row.value);
    if (code != 0) {
      return code;
    }
  }
  return 0;
}

storage_result<void> state_writer::write(std::span<const state_flush> flushes, std::uint32_t removals) {
  std::map<shard_id, std::vector<const state_flush*>> by_shard;
  for (const state_flush& each : flushes) {
    if (each.to.generation == shards_[each.shard].written.generation) {
      by_shard[each.shard].push_back(&each);
    }
  }
  removal removed;
  auto written = transact("writing rows", [&](MDB_txn* txn) {
    removed = {removals, 0};
    MDB_cursor* cursor = nullptr; // ends with its transaction
    int code = mdb_cursor_open(txn, tables_.rows, &cursor);
    for (auto shard = by_shard.begin(); code == 0 && shard != by_shard.end(); ++shard) {
      code = write_shard(cursor, shard->second);
      if (code == 0) {
        code = put_point(txn, shard->first, shard->second.back()->to);
      }
    }
    return code == 0 ? remove_dead(cursor, removed) : code;
  });
  if (!written) {
    return written;
  }
  std::vector<std::pair<shard_id, flushed_state>> changed;
  for (const auto& [shard, list] : by_shard) {
    changed.emplace_back(shard, list.back()->to);
  }
  // A transaction that changes nothing syncs nothing.
  if (!changed.empty() || removed.left != removals) {
    committed(changed);
  }
  dead_.erase(dead_.begin(), dead_.begin() + static_cast<std::ptrdiff_t>(removed.finished));
  return {};
}

int state_writer::remove_dead(MDB_cursor* cursor, removal& todo) const {
  while (todo.finished < dead_.size()) {
    const dead_generation& dead = dead_[todo.finished];
    const state_prefix prefix = make_state_prefix(dead.shard, dead.generation);
    const std::string_view begin(prefix.data(), prefix.size());
    MDB_val key = lmdb_value(begin);
    MDB_val value{};
    int code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    for (; code == 0 && bytes_of(key).substr(0, state_prefix_bytes) == begin; --todo.left) {
      if (todo.left == 0) {
        return 0;
      }
      code = mdb_cursor_del(cursor, 0);
      code = code == 0 ? mdb_cursor_get(cursor, &key, &value, MDB_NEXT) : code;
    }
    if (code != 0 && code != MDB_NOTFOUND) {
      return code;
    }
    ++todo.finished;
  }
  return 0;
}

// --- imports --------------------------------------------------------------------------------------

flushed_state state_writer::import_begin(shard_id shard) {
  shard_record& record = shards_[shard];
  if (record.pending) {
    dead_.push_back({shard, record.pending->generation});
  }
  record.pending.emplace();
  record.pending->generation = ++record.newest;
  return flushed_state{{}, record.newest};
}

storage_result<flushed_state> state_writer::import_chunk(shard_id shard, const state_chunk& chunk) {
  shard_record& record = shards_[shard];
  if (!record.pending) {
    return fail(persistence_errc::not_found, "no import of shard " + std::to_string(shard.value()) + " was begun");
  }
  import& pending = *record.pending;
  if (chunk.number != pending.next_chunk || pending.complete) {
    return fail(persistence_errc::invalid_argument, "a chunk of shard " + std::to_string(shard.value()) +
                                                      " is out of order: " + std::to_string(chunk.number) +
                                                      " came where " + std::to_string(pending.next_chunk) + " is due");
  }
  std::vector<std::pair<std::string_view, std::string_view>> rows;
  snapshot_row_reader reader(chunk.rows.view(), pending.last_key);
  for (std::pair<std::string_view, std::string_view> row; reader.next(row.first, row.second);) {
    rows.push_back(row);
  }
  if (crc32c(chunk.rows.view()) != chunk.crc || !reader.ok()) {
    return fail(persistence_errc::corrupt,
                "a chunk of shard " + std::to_string(shard.value()) + " was damaged on its way; fetch it again");
  }
  if (!rows.empty()) {
    auto written = transact("installing a snapshot", [&](MDB_txn* txn) {
      MDB_cursor* cursor = nullptr;
      int code = mdb_cursor_open(txn, tables_.rows, &cursor);
      start_key(shard, pending.generation);
      for (std::size_t i = 0; code == 0 && i < rows.size(); ++i) {
        code = put_row(cursor, rows[i].first, rows[i].second);
      }
      return code;
    });
    if (!written) {
      return unexpected(std::move(written.error()));
    }
    committed({});
    pending.last_key = rows.back().first;
  }
  ++pending.next_chunk;
  pending.complete = chunk.last;
  return flushed_state{{}, pending.generation};
}

storage_result<flushed_state> state_writer::import_finish(shard_id shard, snapshot_point point) {
  shard_record& record = shards_[shard];
  if (!record.pending) {
    return fail(persistence_errc::not_found, "no import of shard " + std::to_string(shard.value()) + " was begun");
  }
  if (!record.pending->complete) {
    return fail(persistence_errc::invalid_argument,
                "the last chunk of shard " + std::to_string(shard.value()) + " has not come");
  }
  const flushed_state state{std::move(point), record.pending->generation};
  const state_generation old = record.written.generation;
  auto written = transact("installing a snapshot", [&](MDB_txn* txn) { return put_point(txn, shard, state); });
  if (!written) {
    return unexpected(std::move(written.error()));
  }
  const std::array<std::pair<shard_id, flushed_state>, 1> changed{{{shard, state}}};
  committed(changed);
  record.pending.reset();
  dead_.push_back({shard, old});
  if (auto synced = sync(); !synced) {
    return unexpected(std::move(synced.error()));
  }
  // The answer to the import tells of it.
  std::erase(told_, shard);
  return state;
}

} // namespace godwit::persistence::lmdb
