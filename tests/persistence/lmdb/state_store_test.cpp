#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include <lmdb.h>

#include "persistence/base/crc32c.hpp"
#include "persistence/lmdb/state_record.hpp"
#include "persistence/state/snapshot_rows.hpp"
#include "tests/persistence/lmdb/state_fixture.hpp"

namespace godwit::persistence::lmdb::test {
namespace {

constexpr shard_id shard{3};

std::string key_of(std::string_view sub_key) { return row_key(table_id{7}, entity_id{1}, sub_key); }

/// Nothing but what the test asks for: no pace to wait for, no sync of its own.
lmdb_state_store_options still() {
  lmdb_state_store_options options;
  options.flush_interval = std::chrono::milliseconds(0);
  options.idle_sync = std::chrono::hours(1);
  return options;
}

/// A shard whose flushes are waited for.
class shard_on_store {
public:
  explicit shard_on_store(open_store& on, shard_id which = shard)
      : on_(on), state(which, *on.store, on.store->recover(which).value(), {}) {}

  void write(const std::vector<std::pair<std::string, std::optional<std::string>>>& writes) {
    ASSERT_TRUE(state.apply(state.applied().index + 1, entry_of(writes)));
  }

  /// Flushes and gives the completion.
  flush_completion flush() {
    EXPECT_TRUE(state.flush(1, state.applied().index, true));
    on_.store->kick();
    flush_completion done;
    while (done.written.point.index != state.applied().index && !::testing::Test::HasFailure()) {
      done = next_completion(); // others tell of earlier flushes
    }
    return done;
  }

  flush_completion next_completion() {
    EXPECT_TRUE(on_.sink.wait());
    const std::vector<flush_completion> done = on_.sink.take();
    for (const flush_completion& each : done) {
      state.flushed(each);
    }
    return done.empty() ? flush_completion{} : done.back();
  }

private:
  open_store& on_;

public:
  shard_state state;
};

std::optional<std::string> stored(open_store& on, std::string_view sub_key, shard_id which = shard) {
  const auto value = on.store->snapshot().value()->get(which, key_of(sub_key));
  EXPECT_TRUE(value) << value.error().message;
  return value && *value ? std::optional(std::string((*value)->view())) : std::nullopt;
}

/// Rows of all generations of all shards.
std::size_t rows_in_file(environment& env) {
  auto txn = env.begin_read();
  MDB_dbi rows = 0;
  EXPECT_EQ(mdb_dbi_open(txn->raw(), state_rows_name, 0, &rows), 0);
  MDB_stat stat{};
  mdb_stat(txn->raw(), rows, &stat);
  return stat.ms_entries;
}

/// Overwrites a byte of a stored value, past the store's own code.
void damage(environment& env, const char* database, const std::string& key) {
  MDB_txn* txn = nullptr;
  MDB_dbi dbi = 0;
  ASSERT_EQ(mdb_txn_begin(env.raw(), nullptr, 0, &txn), 0);
  ASSERT_EQ(mdb_dbi_open(txn, database, 0, &dbi), 0);
  MDB_val name{key.size(), const_cast<char*>(key.data())};
  MDB_val value{};
  ASSERT_EQ(mdb_get(txn, dbi, &name, &value), 0);
  std::string bytes(static_cast<const char*>(value.mv_data), value.mv_size);
  bytes[0] = static_cast<char>(bytes[0] ^ 0x10);
  value = {bytes.size(), bytes.data()};
  ASSERT_EQ(mdb_put(txn, dbi, &name, &value, 0), 0);
  ASSERT_EQ(mdb_txn_commit(txn), 0);
}

std::string stored_key(std::string_view row, state_generation generation = 0) {
  const state_prefix prefix = make_state_prefix(shard, generation);
  return std::string(prefix.data(), prefix.size()).append(row);
}

/// Imports these rows in chunks of one row. Answers of the last call.
storage_result<flushed_state> import_rows(open_store& on, const row_map& rows, index_t index, shard_id to = shard) {
  answer_of([&](auto done) { on.store->import_begin(to, done); }).value();
  std::uint64_t number = 0;
  for (const auto& [key, value] : rows) {
    state_chunk chunk;
    std::string bytes;
    append_snapshot_row(bytes, key, value);
    chunk.number = number++;
    chunk.last = number == rows.size();
    chunk.crc = crc32c(bytes);
    chunk.rows = slice::adopt(std::move(bytes));
    auto answer = answer_of([&](auto done) { on.store->import_chunk(to, chunk, done); });
    if (!answer) {
      return answer;
    }
  }
  return answer_of([&](auto done) { on.store->import_finish(to, snapshot_point{index, 1, {}, 0}, done); });
}

TEST(state_store, AShardNeverSeenIsAtTheBeginning) {
  const temporary_folder folder;
  open_store on(folder.path());
  const auto state = on.store->recover(shard);
  ASSERT_TRUE(state);
  EXPECT_EQ(state->point, snapshot_point{});
  EXPECT_EQ(state->generation, 0U);
}

// A row as docs/formats.md shows it, byte by byte.
TEST(state_store, TheDocumentedRowHolds) {
  const temporary_folder folder;
  open_store on(folder.path());
  shard_on_store one(on);
  one.write({{row_key(table_id{7}, entity_id{0x1234}, "k"), "hi"}});
  one.flush();
  auto txn = on.env->begin_read();
  MDB_dbi rows = 0;
  ASSERT_EQ(mdb_dbi_open(txn->raw(), "state_rows", 0, &rows), 0);
  std::string key("\x00\x03\x00\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00\x12\x34k", 16);
  MDB_val name{key.size(), key.data()};
  MDB_val value{};
  ASSERT_EQ(mdb_get(txn->raw(), rows, &name, &value), 0);
  EXPECT_EQ(std::string(static_cast<const char*>(value.mv_data), value.mv_size), "hi\xF0\x84\x9C\xF5");
}

// The worked example of a point.
TEST(state_store, TheDocumentedPointHolds) {
  const flushed_state state{
    snapshot_point{300, 4, {{{node_id{1}, member_role::voter}, {node_id{300}, member_role::standby}}}, 2}, 1};
  const std::string value("\x08\x01\x10\xAC\x02\x18\x04\x22\x0D\x0A\x04\x08\x01\x10\x01\x0A\x05\x08\xAC\x02"
                          "\x10\x02\x28\x02\xF9\x02\x10\x21",
                          28);
  EXPECT_EQ(encode_point(shard, state), value);
  const auto read = read_point(shard, value);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->point, state.point);
  EXPECT_EQ(read->generation, 1U);
  for (std::size_t bit = 0; bit < value.size() * 8; ++bit) {
    std::string damaged = value;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(read_point(shard, damaged)) << bit;
  }
  EXPECT_FALSE(read_point(shard_id{4}, value)) << "another shard's";
}

// The last transaction can be undone by a crash, those before it cannot; a sync settles the last.
TEST(state_store, AFlushIsDurableWithTheNextOneOrASync) {
  const temporary_folder folder;
  open_store on(folder.path(), still());
  shard_on_store one(on);
  one.write({{key_of("a"), "1"}});
  flush_completion done = one.flush();
  EXPECT_EQ(done.written.point.index, 1U);
  EXPECT_EQ(done.durable, 0U);
  one.write({{key_of("a"), "2"}});
  done = one.flush();
  EXPECT_EQ(done.written.point.index, 2U);
  EXPECT_EQ(done.durable, 1U);
  on.store->sync();
  done = one.next_completion();
  EXPECT_EQ(done.written.point.index, 2U);
  EXPECT_EQ(done.durable, 2U);
}

// Another shard's transaction makes this one's durable, and this one hears of it.
TEST(state_store, AShardHearsWhenAnothersFlushMadeItDurable) {
  const temporary_folder folder;
  open_store on(folder.path(), still());
  shard_on_store one(on);
  shard_on_store other(on, shard_id{4});
  one.write({{key_of("a"), "1"}});
  one.flush();
  other.write({{key_of("a"), "1"}});
  EXPECT_TRUE(other.state.flush(1, 1, true));
  on.store->kick();
  ASSERT_TRUE(on.sink.wait());
  bool told = false;
  for (const flush_completion& each : on.sink.take()) {
    told = told || (each.shard == shard && each.durable == 1);
  }
  EXPECT_TRUE(told);
}

// Goal: what a shard handed over several times is written once, in its order, and another shard's rows not less. Method: a
// transaction takes one shard only; between two flushes of a shard there is one of another.
TEST(state_store, AShardsFlushesAreWrittenTogether) {
  const temporary_folder folder;
  lmdb_state_store_options options = still();
  options.transaction_rows_max = 1;
  open_store on(folder.path(), options);
  constexpr shard_id other{4};
  shard_on_store one(on);
  shard_on_store two(on, other);
  const std::vector<std::pair<shard_on_store*, std::string>> all = {{&one, "first"}, {&two, "alone"}, {&one, "second"}};
  for (const auto& [which, value] : all) {
    which->write({{key_of("x"), value}});
    ASSERT_TRUE(which->state.flush(1, which->state.applied().index, true));
  }
  on.store->kick();
  std::vector<index_t> of_one;
  bool of_two = false;
  while (of_one.empty() || !of_two) {
    ASSERT_TRUE(on.sink.wait());
    for (const flush_completion& each : on.sink.take()) {
      each.shard == other ? (void)(of_two = true) : of_one.push_back(each.written.point.index);
    }
  }
  EXPECT_TRUE(std::all_of(of_one.begin(), of_one.end(), [](index_t each) { return each == 2; }));
  EXPECT_EQ(stored(on, "x"), "second");
  EXPECT_EQ(stored(on, "x", other), "alone");
}

TEST(state_store, AQuietStoreSyncsByItself) {
  const temporary_folder folder;
  lmdb_state_store_options options = still();
  options.idle_sync = std::chrono::milliseconds(20);
  open_store on(folder.path(), options);
  shard_on_store one(on);
  one.write({{key_of("a"), "1"}});
  EXPECT_EQ(one.flush().durable, 0U);
  EXPECT_EQ(one.next_completion().durable, 1U);
}

TEST(state_store, WhatWasFlushedIsThereAfterReopening) {
  const temporary_folder folder;
  {
    open_store on(folder.path());
    shard_on_store one(on);
    one.write({{key_of("a"), "1"}, {key_of("b"), "2"}});
    one.flush();
    one.write({{key_of("a"), std::nullopt}, {key_of("c"), ""}});
    one.state.flush(1, 2, true); // no kick: closing writes what is queued
  }
  open_store on(folder.path());
  EXPECT_EQ(on.store->recover(shard)->point.index, 2U);
  EXPECT_EQ(stored(on, "a"), std::nullopt);
  EXPECT_EQ(stored(on, "b"), "2");
  EXPECT_EQ(stored(on, "c"), "");
}

// What a node writes about members must come back, for a log whose configuration was trimmed.
TEST(state_store, ThePointKeepsTheMembers) {
  const temporary_folder folder;
  const flushed_state state{snapshot_point{9, 2, {{{node_id{1}, member_role::voter}}}, 7}, 0};
  {
    open_store on(folder.path());
    on.store->flush(state_flush{shard, state, {}});
  }
  open_store on(folder.path());
  EXPECT_EQ(on.store->recover(shard)->point, state.point);
}

TEST(state_store, ADamagedRowIsRefusedByNameAndItsNeighboursAreServed) {
  const temporary_folder folder;
  open_store on(folder.path());
  shard_on_store one(on);
  one.write({{key_of("a"), "secret-a"}, {key_of("b"), "secret-b"}});
  one.flush();
  damage(*on.env, state_rows_name, stored_key(key_of("b")));
  EXPECT_EQ(stored(on, "a"), "secret-a");
  const auto expect_refusal = [&](const storage_error& why) {
    EXPECT_EQ(why.code, persistence_errc::corrupt);
    EXPECT_NE(why.message.find(folder.path().string()), std::string::npos) << why.message;
    EXPECT_NE(why.message.find("table 7 of shard 3"), std::string::npos) << why.message;
    EXPECT_EQ(why.message.find("secret"), std::string::npos) << why.message;
  };
  const auto value = on.store->snapshot().value()->get(shard, key_of("b"));
  ASSERT_FALSE(value);
  expect_refusal(value.error());
  const auto page = page_of(one.state, {});
  ASSERT_FALSE(page);
  expect_refusal(page.error());
  const auto chunk = on.store->begin_export(shard).value()->next("", 0, 1 << 20);
  ASSERT_FALSE(chunk) << "a damaged row must not travel to other nodes";
  expect_refusal(chunk.error());
  row_range first;
  first.to = key_of("b");
  EXPECT_TRUE(page_of(one.state, first));
}

// A row that stands under another's key is as bad as a damaged one: the key is in the checksum.
TEST(state_store, AValueUnderAnotherKeyIsRefused) {
  const temporary_folder folder;
  open_store on(folder.path());
  shard_on_store one(on);
  one.write({{key_of("a"), "1"}});
  one.flush();
  MDB_txn* txn = nullptr;
  MDB_dbi rows = 0;
  ASSERT_EQ(mdb_txn_begin(on.env->raw(), nullptr, 0, &txn), 0);
  ASSERT_EQ(mdb_dbi_open(txn, state_rows_name, 0, &rows), 0);
  std::string from = stored_key(key_of("a"));
  std::string to = stored_key(key_of("b"));
  MDB_val key{from.size(), from.data()};
  MDB_val value{};
  ASSERT_EQ(mdb_get(txn, rows, &key, &value), 0);
  std::string bytes(static_cast<const char*>(value.mv_data), value.mv_size);
  key = {to.size(), to.data()};
  value = {bytes.size(), bytes.data()};
  ASSERT_EQ(mdb_put(txn, rows, &key, &value, 0), 0);
  ASSERT_EQ(mdb_txn_commit(txn), 0);
  const auto read = on.store->snapshot().value()->get(shard, key_of("b"));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, persistence_errc::corrupt);
}

TEST(state_store, ADamagedShardRecordIsRefusedAtTheStart) {
  const temporary_folder folder;
  {
    open_store on(folder.path());
    shard_on_store one(on);
    one.write({{key_of("a"), "1"}});
    one.flush();
    const auto key = make_point_key(shard);
    damage(*on.env, state_points_name, std::string(key.data(), key.size()));
  }
  environment_options options;
  options.folder = folder.path();
  options.no_meta_sync = true;
  auto env = environment::open(options);
  ASSERT_TRUE(env);
  queue_sink sink;
  const auto store = lmdb_state_store::open(**env, sink);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, persistence_errc::corrupt);
  EXPECT_NE(store.error().message.find("shard 3"), std::string::npos) << store.error().message;
}

// --- imports --------------------------------------------------------------------------------------

// Rows of the old generation are invisible at once and gone a little later, in small pieces.
TEST(state_store, AnImportReplacesAllRowsAndTheOldOnesGo) {
  const temporary_folder folder;
  lmdb_state_store_options options = open_store::quick();
  options.removals_per_transaction = 10;
  open_store on(folder.path(), options);
  shard_on_store one(on);
  std::vector<std::pair<std::string, std::optional<std::string>>> writes;
  for (int i = 0; i < 200; ++i) {
    writes.emplace_back(key_of("old" + std::to_string(i)), "x");
  }
  one.write(writes);
  one.flush();
  ASSERT_EQ(rows_in_file(*on.env), 200U);
  const auto before = on.store->snapshot().value();
  ASSERT_TRUE(before->at(shard)); // reads as of now
  const auto state = import_rows(on, {{key_of("new"), "1"}, {key_of("new2"), "2"}}, 50);
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_EQ(state->point.index, 50U);
  EXPECT_EQ(stored(on, "old1"), std::nullopt);
  EXPECT_EQ(stored(on, "new"), "1");
  const auto old = before->get(shard, key_of("old1"));
  ASSERT_TRUE(old);
  EXPECT_TRUE(*old) << "an older picture keeps its rows";
  for (int i = 0; i < 1000 && rows_in_file(*on.env) != 2; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(rows_in_file(*on.env), 2U);
  EXPECT_EQ(stored(on, "new2"), "2");
}

TEST(state_store, LeftoversOfAnUnfinishedImportGoAfterARestart) {
  const temporary_folder folder;
  {
    open_store on(folder.path());
    shard_on_store one(on);
    one.write({{key_of("a"), "1"}});
    one.flush();
    answer_of([&](auto done) { on.store->import_begin(shard, done); }).value();
    state_chunk chunk;
    std::string bytes;
    append_snapshot_row(bytes, key_of("leftover"), "x");
    chunk.crc = crc32c(bytes);
    chunk.rows = slice::adopt(std::move(bytes));
    ASSERT_TRUE(answer_of([&](auto done) { on.store->import_chunk(shard, chunk, done); }));
    EXPECT_EQ(rows_in_file(*on.env), 2U);
  }
  open_store on(folder.path());
  EXPECT_EQ(stored(on, "leftover"), std::nullopt);
  EXPECT_EQ(stored(on, "a"), "1");
  // A new import must not meet the old one's rows, gone or not.
  ASSERT_TRUE(import_rows(on, {{key_of("new"), "1"}}, 5));
  EXPECT_EQ(stored(on, "leftover"), std::nullopt);
  EXPECT_EQ(stored(on, "new"), "1");
  for (int i = 0; i < 1000 && rows_in_file(*on.env) != 1; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(rows_in_file(*on.env), 1U);
}

// The leftovers are still there when the next import comes: it must not take their generation.
TEST(state_store, AnImportNeverSharesAGenerationWithLeftovers) {
  const temporary_folder folder;
  lmdb_state_store_options options = open_store::quick();
  options.removals_per_transaction = 0;
  {
    open_store on(folder.path(), options);
    answer_of([&](auto done) { on.store->import_begin(shard, done); }).value();
    state_chunk chunk;
    std::string bytes;
    append_snapshot_row(bytes, key_of("leftover"), "x");
    chunk.crc = crc32c(bytes);
    chunk.rows = slice::adopt(std::move(bytes));
    ASSERT_TRUE(answer_of([&](auto done) { on.store->import_chunk(shard, chunk, done); }));
  }
  open_store on(folder.path(), options);
  ASSERT_TRUE(import_rows(on, {{key_of("new"), "1"}}, 5));
  EXPECT_EQ(rows_in_file(*on.env), 2U);
  EXPECT_EQ(stored(on, "leftover"), std::nullopt);
  EXPECT_EQ(stored(on, "new"), "1");
}

TEST(state_store, AFlushOfAnOlderGenerationIsDropped) {
  const temporary_folder folder;
  open_store on(folder.path());
  shard_on_store one(on);
  one.write({{key_of("a"), "1"}});
  one.flush();
  one.write({{key_of("late"), "1"}});
  EXPECT_TRUE(one.state.flush(1, 2, true)); // queued, not kicked: the import comes between
  const auto state = import_rows(on, {{key_of("new"), "1"}}, 50);
  ASSERT_TRUE(state);
  one.state.installed(*state);
  one.write({{key_of("after"), "1"}});
  EXPECT_EQ(one.flush().written.point.index, 51U);
  EXPECT_EQ(stored(on, "late"), std::nullopt);
  EXPECT_EQ(stored(on, "after"), "1");
}

// The rows were replaced and the shard has not heard of it: neither half of the picture may be served.
TEST(state_store, AReadBetweenImportAndInstallIsRefused) {
  const temporary_folder folder;
  open_store on(folder.path());
  shard_on_store one(on);
  one.write({{key_of("a"), "1"}});
  one.flush();
  const auto state = import_rows(on, {{key_of("new"), "1"}}, 50);
  ASSERT_TRUE(state);
  const auto page = page_of(one.state, {});
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code, persistence_errc::busy);
  const auto view = one.state.open_view();
  ASSERT_TRUE(view);
  EXPECT_FALSE((*view)->get(key_of("a")));
  one.state.installed(*state);
  EXPECT_TRUE(page_of(one.state, {}));
}

TEST(state_store, ChunksAreCheckedBeforeTheyAreTaken) {
  const temporary_folder folder;
  open_store on(folder.path());
  state_chunk chunk;
  std::string bytes;
  append_snapshot_row(bytes, key_of("a"), "1");
  chunk.crc = crc32c(bytes);
  chunk.rows = slice::adopt(std::move(bytes));
  const auto send = [&](const state_chunk& what) {
    const auto answer = answer_of([&](auto done) { on.store->import_chunk(shard, what, done); });
    return answer ? persistence_errc::ok : answer.error().code;
  };
  const auto finish = [&] {
    const auto answer = answer_of([&](auto done) {
      on.store->import_finish(shard, snapshot_point{5, 1, {}, 0}, done);
    });
    return answer ? persistence_errc::ok : answer.error().code;
  };
  EXPECT_EQ(send(chunk), persistence_errc::not_found) << "nothing was begun";
  EXPECT_EQ(finish(), persistence_errc::not_found);
  answer_of([&](auto done) { on.store->import_begin(shard, done); }).value();
  state_chunk damaged = chunk;
  damaged.crc ^= 1;
  EXPECT_EQ(send(damaged), persistence_errc::corrupt);
  state_chunk later = chunk;
  later.number = 1;
  EXPECT_EQ(send(later), persistence_errc::invalid_argument);
  EXPECT_EQ(send(chunk), persistence_errc::ok) << "a refused chunk may come again";
  EXPECT_EQ(send(chunk), persistence_errc::invalid_argument) << "but only once";
  EXPECT_EQ(send(later), persistence_errc::corrupt) << "its rows do not come after the last";
  EXPECT_EQ(finish(), persistence_errc::invalid_argument) << "the last chunk is missing";
  state_chunk empty;
  empty.number = 1;
  empty.last = true;
  EXPECT_EQ(send(empty), persistence_errc::ok);
  EXPECT_EQ(finish(), persistence_errc::ok);
  EXPECT_EQ(stored(on, "a"), "1");
}

TEST(state_store, AnExportGoesToAnotherStoreInChunks) {
  const temporary_folder folder;
  const temporary_folder other_folder;
  open_store on(folder.path());
  open_store other(other_folder.path());
  shard_on_store one(on);
  row_map rows;
  std::vector<std::pair<std::string, std::optional<std::string>>> writes;
  for (int i = 0; i < 300; ++i) {
    const std::string key = key_of(std::to_string(i));
    rows[key] = std::string(static_cast<std::size_t>(i), 'v');
    writes.emplace_back(key, rows[key]);
  }
  one.write(writes);
  one.flush();
  auto from = on.store->begin_export(shard).value();
  one.write({{key_of("later"), "not in the picture"}});
  one.flush();
  answer_of([&](auto done) { other.store->import_begin(shard, done); }).value();
  std::string after;
  std::uint64_t number = 0;
  for (bool last = false; !last; ++number) {
    auto chunk = from->next(after, number, 5000).value();
    EXPECT_LE(chunk.rows.size(), 6000U);
    after = chunk.last_key;
    last = chunk.last;
    ASSERT_TRUE(answer_of([&](auto done) { other.store->import_chunk(shard, chunk, done); }));
  }
  EXPECT_GT(number, 5U);
  const snapshot_point point = from->point();
  EXPECT_EQ(point.index, 1U);
  const auto state = answer_of([&](auto done) { other.store->import_finish(shard, point, done); });
  ASSERT_TRUE(state);
  shard_state target(shard, *other.store, *state, {});
  row_range all;
  all.rows_max = 1000;
  const auto page = page_of(target, all);
  ASSERT_TRUE(page);
  EXPECT_EQ(rows_of(*page), rows);
  EXPECT_EQ(other.store->recover(shard)->point, point);
}

// --- bounds ---------------------------------------------------------------------------------------

TEST(state_store, TheReadersQueueHasABound) {
  const temporary_folder folder;
  lmdb_state_store_options options = open_store::quick();
  options.reader_threads = 1;
  options.reader_queue_max = 2;
  open_store on(folder.path(), options);
  std::promise<void> gate;
  std::promise<void> started;
  std::atomic<int> ran = 0;
  auto open = gate.get_future().share();
  ASSERT_TRUE(on.store->run_on_reader([&] {
    started.set_value();
    open.wait();
  }));
  started.get_future().wait();
  EXPECT_TRUE(on.store->run_on_reader([&] { ++ran; }));
  EXPECT_TRUE(on.store->run_on_reader([&] { ++ran; }));
  const auto refused = on.store->run_on_reader([&] { ran += 100; });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, persistence_errc::busy);
  gate.set_value();
  on.store.reset(); // runs what waits
  EXPECT_EQ(ran, 2);
}

/// Rows of ten kilobytes.
log_entry large_rows(int first, int count) {
  std::vector<std::pair<std::string, std::optional<std::string>>> writes;
  for (int i = first; i < first + count; ++i) {
    writes.emplace_back(key_of(std::to_string(i)), std::string(10'000, 'x'));
  }
  return entry_of(writes);
}

/// Removes all rows past the store's own code, and commits once more, so that their pages are free.
void make_room(environment& env) {
  for (const bool drop : {true, false}) {
    MDB_txn* txn = nullptr;
    MDB_dbi dbi = 0;
    ASSERT_EQ(mdb_txn_begin(env.raw(), nullptr, 0, &txn), 0);
    ASSERT_EQ(mdb_dbi_open(txn, drop ? state_rows_name : state_points_name, 0, &dbi), 0);
    if (drop) {
      ASSERT_EQ(mdb_drop(txn, dbi, 0), 0);
    } else {
      const auto name = make_point_key(shard_id{9});
      const std::string point = encode_point(shard_id{9}, {});
      MDB_val key{name.size(), const_cast<char*>(name.data())};
      MDB_val value{point.size(), const_cast<char*>(point.data())};
      ASSERT_EQ(mdb_put(txn, dbi, &key, &value, 0), 0);
    }
    ASSERT_EQ(mdb_txn_commit(txn), 0);
  }
}

// A map that may not grow is like a full disk: told once, the rows stay in the overlay and are served
// from there, and go to the store once there is room.
TEST(state_store, AFullMapIsToldOnceAndLosesNothing) {
  const temporary_folder folder;
  environment_options env_options;
  env_options.folder = folder.path();
  env_options.no_meta_sync = true;
  env_options.map_bytes = 1 << 20;
  env_options.map_bytes_max = 1 << 20;
  auto env = environment::open(env_options);
  ASSERT_TRUE(env);
  queue_sink sink;
  lmdb_state_store_options options = open_store::quick();
  options.retry_min = std::chrono::milliseconds(1);
  options.retry_max = std::chrono::milliseconds(2);
  auto store = lmdb_state_store::open(**env, sink, options).value();
  shard_state state(shard, *store, store->recover(shard).value(), {});
  const auto deliver_until = [&](index_t written) {
    while (state.overlay_bytes() != 0 && sink.wait()) {
      for (const flush_completion& each : sink.take()) {
        state.flushed(each);
        EXPECT_LE(each.written.point.index, written);
      }
    }
    EXPECT_EQ(state.overlay_bytes(), 0U);
  };
  ASSERT_TRUE(state.apply(1, large_rows(0, 60)));
  state.flush(1, 1, true);
  store->kick();
  deliver_until(1);
  ASSERT_TRUE(state.apply(2, large_rows(100, 60)));
  state.flush(1, 2, true);
  store->kick();
  for (int i = 0; i < 1000 && sink.failures().empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(50)); // several tries
  const std::vector<storage_error> failures = sink.failures();
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_EQ(failures[0].code, persistence_errc::no_space);
  EXPECT_NE(failures[0].message.find(folder.path().string()), std::string::npos);
  slice value;
  EXPECT_EQ(state.find(key_of("107"), value), shard_state::found::value);
  row_range all;
  all.rows_max = 1000;
  const auto page = page_of(state, all);
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->rows.size(), 104U) << "a page of a megabyte";
  EXPECT_EQ(sink.recovered(), 0);

  make_room(**env);
  deliver_until(2);
  EXPECT_EQ(sink.recovered(), 1);
  EXPECT_EQ(sink.failures().size(), 1U);
  EXPECT_EQ(store->recover(shard)->point.index, 2U);
  EXPECT_EQ(rows_in_file(**env), 60U);
}

// Grows from one megabyte to many while flushes and reads go on.
TEST(state_store, TheMapGrowsUnderLoad) {
  const temporary_folder folder;
  open_store on(folder.path(), open_store::quick(), 1 << 20);
  shard_on_store one(on);
  for (int round = 0; round < 40; ++round) {
    std::vector<std::pair<std::string, std::optional<std::string>>> writes;
    for (int i = 0; i < 50; ++i) {
      writes.emplace_back(key_of(std::to_string(round * 50 + i)), std::string(10'000, 'x'));
    }
    one.write(writes);
    one.flush();
    auto page = page_of(one.state, {});
    ASSERT_TRUE(page || page.error().code == persistence_errc::busy) << page.error().message;
  }
  EXPECT_GT(on.env->map_bytes(), std::uint64_t{16} << 20);
  EXPECT_EQ(rows_in_file(*on.env), 2000U);
  EXPECT_TRUE(on.sink.failures().empty());
}

} // namespace
} // namespace godwit::persistence::lmdb::test
