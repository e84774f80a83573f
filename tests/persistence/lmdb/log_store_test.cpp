#include "persistence/lmdb/lmdb_log_store.hpp"

#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lmdb.h>

#include "config/limits.hpp"
#include "tests/persistence/lmdb/log_fixture.hpp"

namespace godwit::persistence::lmdb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::chrono::milliseconds never{3'600'000};

class log_store_test : public ::testing::Test {
protected:
  storage_result<void> try_open(std::size_t map_bytes_max = 0) {
    environment_options options;
    options.folder = folder_.path();
    options.map_bytes = map_bytes_;
    options.map_bytes_max = map_bytes_max;
    auto env = environment::open(options);
    if (!env) {
      return unexpected(env.error());
    }
    env_ = std::move(*env);
    auto store = lmdb_log_store::open(*env_, sink_, options_);
    if (!store) {
      return unexpected(store.error());
    }
    store_ = std::move(*store);
    return {};
  }

  void open(std::size_t map_bytes_max = 0) {
    const auto opened = try_open(map_bytes_max);
    ASSERT_TRUE(opened) << opened.error().message;
  }

  void close() {
    store_.reset();
    env_.reset();
  }

  void write(log_write what) {
    const shard_id shard = what.shard;
    const write_generation generation = what.generation;
    store_->submit(std::move(what));
    store_->kick();
    ASSERT_TRUE(sink_.wait(shard, generation));
  }

  /// `count` entries from `first` on, each of `bytes`, in one write.
  log_write bulk(std::uint16_t shard, index_t first, std::size_t count, std::size_t bytes = 100) {
    std::vector<log_entry> entries;
    for (std::size_t i = 0; i < count; ++i) {
      entries.push_back(command(1, std::string(bytes, static_cast<char>('a' + (first + i) % 26))));
    }
    return append(shard, first, std::move(entries), ++generation_);
  }

  void expect_entries(std::uint16_t shard, index_t first, std::size_t count) {
    const auto log = store_->recover(shard_id(shard), 0);
    ASSERT_TRUE(log) << log.error().message;
    ASSERT_EQ(log->first, first);
    ASSERT_THAT(log->entries, SizeIs(count));
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(log->entries[i].payload.view().front(), static_cast<char>('a' + (first + i) % 26));
    }
  }

  /// Waits until the file holds so many entries; false after ten seconds.
  bool wait_entries(std::uint64_t count) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (store_->usage().entries != count && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return store_->usage().entries == count;
  }

  /// Flips a bit in the first place where the data file holds `needle`.
  void flip_bit_at(const std::string& needle) {
    const auto path = folder_.path() / "data.mdb";
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    std::string bytes(1 << 20, '\0');
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file.clear();
    const std::size_t at = bytes.find(needle);
    ASSERT_NE(at, std::string::npos);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(needle[0] ^ 1));
  }

  temporary_folder folder_;
  recording_log_sink sink_;
  log_store_options options_{.trim_delay = never,
                             .retry_delay_min = std::chrono::milliseconds(5),
                             .retry_delay_max = std::chrono::milliseconds(20)};
  std::size_t map_bytes_ = 1 << 20;
  write_generation generation_ = 0;
  std::unique_ptr<environment> env_;
  std::unique_ptr<lmdb_log_store> store_;
};

// --- writing --------------------------------------------------------------------------------------

TEST_F(log_store_test, AShardNeverSeenHasAnEmptyLog) {
  open();
  const auto log = store_->recover(shard_id(9), 0);
  ASSERT_TRUE(log);
  EXPECT_EQ(log->hard, hard_state{});
  EXPECT_EQ(log->first, 1U);
  EXPECT_THAT(log->entries, IsEmpty());
}

// Sixteen shards submit, one kick: one transaction, and one call with all completions.
TEST_F(log_store_test, AllShardsShareOneTransactionAndOneSync) {
  open();
  for (std::uint16_t shard = 0; shard < 16; ++shard) {
    store_->submit(bulk(shard, 1, 2));
    store_->submit(vote(shard, {3, node_id(1)}, ++generation_));
  }
  EXPECT_EQ(store_->usage().transactions, 0U);
  store_->kick();
  ASSERT_TRUE(sink_.wait(shard_id(15), generation_));
  EXPECT_EQ(sink_.calls(), 1U);
  EXPECT_THAT(sink_.written(), SizeIs(32));
  EXPECT_EQ(store_->usage().transactions, 1U);
  EXPECT_EQ(store_->usage().entries, 32U);
  EXPECT_EQ(store_->usage().bytes, 3200U);
  EXPECT_EQ(store_->usage().bytes_queued, 0U);
}

TEST_F(log_store_test, CompletionsOfAShardComeInTheOrderOfItsWrites) {
  open();
  for (index_t index = 1; index <= 500; ++index) {
    store_->submit(bulk(static_cast<std::uint16_t>(index % 3), (index + 2) / 3, 1));
    if (index % 7 == 0) {
      store_->kick();
    }
  }
  store_->kick();
  ASSERT_TRUE(sink_.wait(shard_id(500 % 3), generation_));
  write_generation last[3] = {};
  for (const log_completion& one : sink_.written()) {
    EXPECT_GT(one.generation, std::exchange(last[one.shard.value()], one.generation));
  }
  EXPECT_THAT(sink_.written(), SizeIs(500));
}

TEST_F(log_store_test, TheDestructorWritesWhatWasSubmitted) {
  open();
  store_->submit(bulk(1, 1, 10));
  close();
  EXPECT_THAT(sink_.written(), SizeIs(1));
  open();
  expect_entries(1, 1, 10);
}

// A write is bounded by nobody but its submitter; the store tells what it holds.
TEST_F(log_store_test, QueuedBytesAreCountedUntilTheyAreDurable) {
  open();
  store_->submit(bulk(1, 1, 10, 1000));
  EXPECT_GE(store_->usage().bytes_queued, 10'000U);
  store_->kick();
  ASSERT_TRUE(sink_.wait(shard_id(1), generation_));
  EXPECT_EQ(store_->usage().bytes_queued, 0U);
}

TEST_F(log_store_test, EntriesBelowTheGivenIndexComeWithoutPayloadUnlessTheyAreChanges) {
  open();
  log_write three = bulk(1, 1, 3);
  three.entries[1].kind = entry_kind::change;
  write(std::move(three));
  const auto log = store_->recover(shard_id(1), 2);
  ASSERT_TRUE(log);
  EXPECT_EQ(log->entries[0].payload.size(), 0U);
  EXPECT_EQ(log->entries[1].payload.size(), 100U);
  EXPECT_EQ(log->entries[2].payload.size(), 100U);
}

TEST_F(log_store_test, TheMapGrowsUnderTheLog) {
  open();
  for (index_t i = 0; i < 16; ++i) {
    write(bulk(1, 1 + i * 10, 10, 30'000));
  }
  EXPECT_GE(env_->map_bytes(), std::uint64_t{4} << 20);
  EXPECT_THAT(sink_.failures(), IsEmpty());
  close();
  open();
  expect_entries(1, 1, 160);
}

// A hole between the log and a write would be a fault of the caller; what it would leave cannot be trusted.
TEST_F(log_store_test, AWriteThatDoesNotContinueItsLogIsFinal) {
  open();
  write(bulk(1, 1, 3));
  store_->submit(bulk(1, 5, 1));
  store_->kick();
  ASSERT_TRUE(sink_.wait_failures(1));
  EXPECT_EQ(sink_.failures()[0].code, persistence_errc::invalid_argument);
  close();
  open();
  expect_entries(1, 1, 3);
}

// --- trims and resets -----------------------------------------------------------------------------

TEST_F(log_store_test, ALoneTrimCostsNoTransactionAndGoesWithTheNextWrite) {
  open();
  write(bulk(1, 1, 10));
  store_->submit(trim(1, 6));
  store_->kick();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(store_->usage().transactions, 1U);
  EXPECT_EQ(store_->usage().entries, 10U);
  write(vote(2, {1, node_id(1)}, ++generation_));
  EXPECT_EQ(store_->usage().transactions, 2U);
  EXPECT_EQ(store_->usage().entries, 5U);
  EXPECT_EQ(store_->usage().bytes, 500U);
  expect_entries(1, 6, 5);
}

TEST_F(log_store_test, ALoneTrimIsDoneAfterAWhile) {
  options_.trim_delay = std::chrono::milliseconds(1);
  open();
  write(bulk(1, 1, 10));
  store_->submit(trim(1, 6, ++generation_));
  store_->kick();
  EXPECT_TRUE(sink_.wait(shard_id(1), generation_));
  EXPECT_TRUE(wait_entries(5));
}

// More rows than one transaction may remove: several follow each other until all are gone.
TEST_F(log_store_test, ALongTrimIsDoneInPieces) {
  options_.trim_delay = std::chrono::milliseconds(1);
  open();
  const std::size_t count = limits::removals_per_transaction * 2 + 10;
  write(bulk(1, 1, count, 10));
  store_->submit(trim(1, count + 1));
  store_->kick();
  EXPECT_TRUE(wait_entries(0));
  EXPECT_GE(store_->usage().transactions, 4U);
  close();
  open();
  expect_entries(1, count + 1, 0);
}

TEST_F(log_store_test, AResetEmptiesTheLogAtOnceAndTheFileByAndBy) {
  open();
  const std::size_t count = limits::removals_per_transaction * 2;
  write(bulk(1, 1, count, 10));
  log_write reset;
  reset.shard = shard_id(1);
  reset.reset = 9001;
  reset.generation = ++generation_;
  write(std::move(reset));
  expect_entries(1, 9001, 0);
  EXPECT_GT(store_->usage().entries, 0U);
  write(bulk(1, 9001, 3));

  // The leftovers are known again after reopening, and go.
  close();
  options_.trim_delay = std::chrono::milliseconds(1);
  open();
  expect_entries(1, 9001, 3);
  EXPECT_TRUE(wait_entries(3));
  close();
  open();
  expect_entries(1, 9001, 3);
}

TEST_F(log_store_test, AHeldTrimWaitsForTheEndOfTheHold) {
  options_.trim_delay = std::chrono::milliseconds(1);
  open();
  write(bulk(1, 1, 10));
  {
    const lmdb_log_store::trim_hold hold(*store_);
    store_->submit(trim(1, 6));
    store_->kick();
    write(bulk(1, 11, 1));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(store_->usage().entries, 11U);
  }
  EXPECT_TRUE(wait_entries(6));
}

// --- damage ---------------------------------------------------------------------------------------

TEST_F(log_store_test, ADamagedEntryIsRefusedByNameAtTheStart) {
  open();
  log_write two = bulk(7, 1, 2);
  two.entries[1].payload = slice::copy_of("needle in the haystack");
  write(std::move(two));
  close();
  flip_bit_at("needle in the haystack");
  const auto opened = try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, persistence_errc::corrupt);
  EXPECT_THAT(opened.error().message,
              AllOf(HasSubstr(folder_.path().string()), HasSubstr("entry 2"), HasSubstr("shard 7")));
  EXPECT_THAT(opened.error().message, ::testing::Not(HasSubstr("haystack")));
}

TEST_F(log_store_test, ADamagedEntryIsRefusedByNameWhenItIsRead) {
  open();
  log_write two = bulk(7, 1, 2);
  two.entries[1].payload = slice::copy_of("needle in the haystack");
  write(std::move(two));
  flip_bit_at("needle in the haystack");
  EXPECT_TRUE(store_->read(shard_id(7), 1, 1, 1000));
  const auto found = store_->read(shard_id(7), 1, 2, 1000);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, persistence_errc::corrupt);
  EXPECT_THAT(found.error().message, AllOf(HasSubstr("entry 2"), HasSubstr("shard 7")));
}

TEST_F(log_store_test, ADamagedVoteIsRefusedByName) {
  open();
  write(vote(7, {0x41424344, node_id(0x45464748)}, ++generation_));
  close();
  flip_bit_at(encode_shard_record(shard_id(7), {{0x41424344, node_id(0x45464748)}, 1, 0}));
  const auto opened = try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, persistence_errc::corrupt);
  EXPECT_THAT(opened.error().message, AllOf(HasSubstr("term and vote"), HasSubstr("shard 7")));
}

// An entry in the middle disappears from the tree without any damaged byte.
TEST_F(log_store_test, AMissingEntryIsRefusedByName) {
  open();
  write(bulk(7, 1, 5));
  store_.reset();
  MDB_txn* txn = nullptr;
  ASSERT_EQ(mdb_txn_begin(env_->raw(), nullptr, 0, &txn), 0);
  log_sequence sequence = 3;
  MDB_val key{sizeof(sequence), &sequence};
  const auto databases = [&] {
    MDB_dbi entries = 0;
    EXPECT_EQ(mdb_dbi_open(txn, "entries", 0, &entries), 0);
    return entries;
  }();
  ASSERT_EQ(mdb_del(txn, databases, &key, nullptr), 0);
  ASSERT_EQ(mdb_txn_commit(txn), 0);
  env_.reset();
  const auto opened = try_open();
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, AllOf(HasSubstr("entry 3"), HasSubstr("shard 7"), HasSubstr("missing")));
}

// --- no room, and a disk that fails ---------------------------------------------------------------

// The map may not grow. What does not fit waits, in order, and goes through once a trim has made room.
TEST_F(log_store_test, AFullMapKeepsTheWritesUntilATrimMakesRoom) {
  open(1 << 20);
  index_t next = 1;
  while (sink_.failures().empty() && next < 10'000) {
    log_write one = bulk(1, next++, 1, 3000);
    const write_generation generation = one.generation;
    store_->submit(std::move(one));
    store_->kick();
    while (sink_.failures().empty() && sink_.written().size() < generation) {
      std::this_thread::yield();
    }
  }
  ASSERT_THAT(sink_.failures(), SizeIs(1));
  EXPECT_EQ(sink_.failures()[0].code, persistence_errc::no_space);
  EXPECT_THAT(sink_.failures()[0].message, AllOf(HasSubstr(folder_.path().string()), HasSubstr("raise the limit")));
  store_->submit(bulk(1, next++, 1, 3000));
  store_->submit(trim(1, next - 20));
  store_->kick();
  ASSERT_TRUE(sink_.wait(shard_id(1), generation_));
  EXPECT_TRUE(sink_.wait_recoveries(1));
  EXPECT_THAT(sink_.failures(), SizeIs(1));
  const auto written = sink_.written();
  for (std::size_t i = 0; i < written.size(); ++i) {
    EXPECT_EQ(written[i].generation, i + 1);
  }
  EXPECT_LE(env_->map_bytes(), std::uint64_t{2} << 20);
  close();
  open(1 << 20);
  expect_entries(1, next - 20, 20);
}

TEST_F(log_store_test, AFullMapThatIsRaisedAtTheNextStartHasLostNothing) {
  open(1 << 20);
  index_t durable = 0;
  for (index_t next = 1; sink_.failures().empty(); ++next) {
    log_write one = bulk(1, next, 1, 3000);
    store_->submit(std::move(one));
    store_->kick();
    while (sink_.failures().empty() && sink_.written().size() < next) {
      std::this_thread::yield();
    }
    durable = sink_.written().size();
  }
  close();
  open(8 << 20);
  expect_entries(1, 1, durable);
  write(bulk(1, durable + 1, 1, 3000));
  expect_entries(1, 1, durable + 1);
}

// The size limit of files stands for a full disk: writes behind it fail, and go through when it is gone.
TEST_F(log_store_test, AFullDiskKeepsTheWritesUntilThereIsRoom) {
  map_bytes_ = 16 << 20;
  open();
  write(bulk(1, 1, 10));
  ASSERT_NE(std::signal(SIGXFSZ, SIG_IGN), SIG_ERR);
  rlimit usual{};
  ::getrlimit(RLIMIT_FSIZE, &usual);
  const rlimit small{64 << 10, usual.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  for (index_t i = 0; i < 10; ++i) {
    store_->submit(bulk(1, 11 + i * 10, 10, 5000));
    store_->kick();
  }
  EXPECT_TRUE(sink_.wait_failures(1));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_THAT(sink_.failures(), SizeIs(1));
  EXPECT_GE(store_->usage().bytes_queued, 50'000U);
  ::setrlimit(RLIMIT_FSIZE, &usual);
  EXPECT_TRUE(sink_.wait(shard_id(1), generation_));
  EXPECT_TRUE(sink_.wait_recoveries(1));
  ASSERT_THAT(sink_.failures(), SizeIs(1));
  EXPECT_EQ(sink_.failures()[0].code, persistence_errc::no_space);
  const auto written = sink_.written();
  for (std::size_t i = 0; i < written.size(); ++i) {
    EXPECT_EQ(written[i].generation, i + 1);
  }
  close();
  open();
  expect_entries(1, 1, 110);
}

// Closing must not wait for room that may never come; what was not reported may be lost.
TEST_F(log_store_test, AStoreWithoutRoomCanBeClosed) {
  open(1 << 20);
  store_->submit(bulk(1, 1, 20, 100'000));
  store_->kick();
  ASSERT_TRUE(sink_.wait_failures(1));
  close();
  EXPECT_THAT(sink_.written(), IsEmpty());
}

// The data file is closed under the environment: every write fails for good. Nothing may be reported
// as durable afterwards, and nothing piles up.
TEST_F(log_store_test, AFailingDiskIsFinal) {
  open();
  write(bulk(1, 1, 1));
  int file = -1;
  ASSERT_EQ(mdb_env_get_fd(env_->raw(), &file), 0);
  const int kept = ::dup(file);
  ::close(file);
  store_->submit(bulk(1, 2, 1));
  store_->kick();
  ASSERT_TRUE(sink_.wait_failures(1));
  EXPECT_EQ(sink_.failures()[0].code, persistence_errc::io_error);
  EXPECT_THAT(sink_.failures()[0].message, HasSubstr(folder_.path().string()));
  ASSERT_EQ(::dup2(kept, file), file);
  ::close(kept);
  store_->submit(bulk(1, 3, 1));
  store_->kick();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_THAT(sink_.written(), SizeIs(1));
  EXPECT_THAT(sink_.failures(), SizeIs(1));
  EXPECT_EQ(store_->usage().bytes_queued, 0U);
}

} // namespace
} // namespace godwit::persistence::lmdb
