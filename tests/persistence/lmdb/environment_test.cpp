#include "persistence/lmdb/environment.hpp"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <sys/resource.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lmdb.h>

#include "config/limits.hpp"
#include "tests/persistence/lmdb/log_fixture.hpp"

namespace godwit::persistence::lmdb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class environment_test : public ::testing::Test {
protected:
  [[nodiscard]] std::filesystem::path data_file() const { return folder_.path() / "data.mdb"; }

  storage_result<std::unique_ptr<environment>> open(std::size_t map_bytes = 1 << 20, std::size_t map_bytes_max = 0,
                                                    bool create = true) {
    environment_options options;
    options.folder = folder_.path();
    options.create = create;
    options.map_bytes = map_bytes;
    options.map_bytes_max = map_bytes_max;
    return environment::open(options);
  }

  /// Writes `count` values of a page each in one transaction.
  static int put(environment& env, int first, int count) {
    MDB_txn* txn = nullptr;
    MDB_dbi database = 0;
    int code = mdb_txn_begin(env.raw(), nullptr, 0, &txn);
    if (code == 0) {
      code = mdb_dbi_open(txn, nullptr, 0, &database);
    }
    for (int i = first; code == 0 && i < first + count; ++i) {
      std::string text(4000, static_cast<char>('a' + i % 26));
      MDB_val key{sizeof(i), &i};
      MDB_val value{text.size(), text.data()};
      code = mdb_put(txn, database, &key, &value, 0);
    }
    if (code != 0) {
      mdb_txn_abort(txn);
      return code;
    }
    return mdb_txn_commit(txn);
  }

  static int get(const read_transaction& txn, int i) {
    MDB_dbi database = 0;
    if (const int code = mdb_dbi_open(txn.raw(), nullptr, 0, &database); code != 0) {
      return code;
    }
    MDB_val key{sizeof(i), &i};
    MDB_val value{};
    const int code = mdb_get(txn.raw(), database, &key, &value);
    if (code == 0 && *static_cast<const char*>(value.mv_data) != 'a' + i % 26) {
      return MDB_CORRUPTED;
    }
    return code;
  }

  void overwrite(std::streamoff at, const std::string& bytes) {
    std::fstream file(data_file(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(at);
    file << bytes;
  }

  void expect_refused(const storage_result<std::unique_ptr<environment>>& opened, persistence_errc code,
                      const char* remedy) {
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, code) << opened.error().message;
    EXPECT_THAT(opened.error().message, AllOf(HasSubstr(folder_.path().string()), HasSubstr(remedy)));
  }

  temporary_folder folder_;
};

TEST_F(environment_test, AMissingParentFolderIsNamed) {
  environment_options options;
  options.folder = folder_.path() / "missing" / "log";
  expect_refused(environment::open(options), persistence_errc::not_found, "is the disk mounted?");
}

TEST_F(environment_test, AFileInPlaceOfTheFolderIsNamed) {
  environment_options options;
  options.folder = folder_.path() / "file";
  std::ofstream(options.folder) << "text";
  expect_refused(environment::open(options), persistence_errc::invalid_argument, "does not name a folder");
}

TEST_F(environment_test, AnEmptyFolderIsRefusedUnlessItMayBeFilled) {
  expect_refused(open(1 << 20, 0, false), persistence_errc::not_found, "is the disk mounted?");
  EXPECT_TRUE(open());
  EXPECT_TRUE(open(1 << 20, 0, false));
}

TEST_F(environment_test, AnEmptiedDataFileIsRefused) {
  ASSERT_TRUE(open());
  std::filesystem::resize_file(data_file(), 0);
  expect_refused(open(1 << 20, 0, false), persistence_errc::corrupt, "restore the folder from a backup");
}

// Without the check the process would end with SIGBUS at the first read behind the end.
TEST_F(environment_test, ADataFileThatWasCutOffIsRefused) {
  {
    const auto env = open();
    ASSERT_TRUE(env);
    ASSERT_EQ(put(**env, 0, 50), 0);
  }
  std::filesystem::resize_file(data_file(), 40 * 4096);
  expect_refused(open(), persistence_errc::corrupt, "cut off");
}

TEST_F(environment_test, ADamagedHeaderIsRefused) {
  ASSERT_TRUE(open());
  overwrite(16, "damaged!");
  expect_refused(open(), persistence_errc::corrupt, "restore the folder from a backup");
}

// The version stands behind the magic number of the header, which stands behind that of the page.
TEST_F(environment_test, AnotherVersionOfTheFileIsRefused) {
  ASSERT_TRUE(open());
  overwrite(20, std::string("\x63\x00\x00\x00", 4));
  expect_refused(open(), persistence_errc::format_unknown, "version");
}

// The file is cut off under an open map; the read that follows ends the process, and the operator
// learns which file it was.
TEST_F(environment_test, APageThatCannotBeReadEndsTheProcessWithTheNameOfTheFile) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto die = [this] {
    const auto env = open();
    put(**env, 0, 50);
    std::filesystem::resize_file(data_file(), 8192);
    get(*(*env)->begin_read(), 7);
  };
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  EXPECT_DEATH(die(), "data file .*/data.mdb: a page cannot be read");
#else
  EXPECT_EXIT(die(), ::testing::KilledBySignal(SIGBUS), "data file .*/data.mdb: a page cannot be read");
#endif
}

TEST_F(environment_test, ATransactionSeesTheMomentItBeganAt) {
  const auto env = open();
  ASSERT_EQ(put(**env, 0, 1), 0);
  const auto before = (*env)->begin_read();
  ASSERT_EQ(put(**env, 1, 1), 0);
  const auto after = (*env)->begin_read();
  EXPECT_EQ(get(*before, 1), MDB_NOTFOUND);
  EXPECT_EQ(get(*after, 1), 0);
}

// A used and reset transaction comes from the pool again; it must show the present.
TEST_F(environment_test, ATransactionFromThePoolSeesTheLastCommit) {
  const auto env = open();
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(put(**env, i, 1), 0);
    const auto txn = (*env)->begin_read();
    ASSERT_TRUE(txn);
    EXPECT_EQ(get(*txn, i), 0);
    EXPECT_EQ(get(*txn, i + 1), MDB_NOTFOUND);
  }
}

TEST_F(environment_test, MoreReadersThanTheBoundAreRefused) {
  const auto env = open();
  std::vector<read_transaction> open_ones;
  for (unsigned i = 0; i < limits::readers_max; ++i) {
    auto txn = (*env)->begin_read();
    ASSERT_TRUE(txn) << i << ' ' << txn.error().message;
    open_ones.push_back(std::move(*txn));
  }
  const auto refused = (*env)->begin_read();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, persistence_errc::busy);
  open_ones.pop_back();
  EXPECT_TRUE((*env)->begin_read());
}

TEST_F(environment_test, TheMapGrowsWhenLittleOfItIsFree) {
  const auto env = open(1 << 20);
  ASSERT_EQ(put(**env, 0, 80), 0);
  ASSERT_TRUE((*env)->grow(false));
  EXPECT_EQ((*env)->map_bytes(), std::uint64_t{1} << 20);
  ASSERT_EQ(put(**env, 100, 120), 0);
  ASSERT_TRUE((*env)->grow(false));
  EXPECT_EQ((*env)->map_bytes(), std::uint64_t{2} << 20);
  EXPECT_EQ(put(**env, 300, 200), 0);
}

// The transaction is given back on another thread than the one that began it.
TEST_F(environment_test, GrowingWaitsForTheReadersAndRefusesNewOnesMeanwhile) {
  const auto env = open(1 << 20);
  std::optional<read_transaction> reader = std::move(*(*env)->begin_read());
  std::atomic<bool> grown = false;
  std::thread writer([&] {
    EXPECT_TRUE((*env)->grow(true));
    grown = true;
  });
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while ((*env)->begin_read() && std::chrono::steady_clock::now() < until) {
    std::this_thread::yield();
  }
  EXPECT_FALSE(grown);
  std::thread late([&] { EXPECT_TRUE((*env)->begin_read(when_growing::wait)); });
  EXPECT_EQ((*env)->begin_read().error().code, persistence_errc::busy);
  reader.reset();
  writer.join();
  late.join();
  EXPECT_EQ((*env)->map_bytes(), std::uint64_t{2} << 20);
  EXPECT_TRUE((*env)->begin_read());
}

// Readers come and go on two threads while the writer fills one map after another.
TEST_F(environment_test, ReadersSeeWholeDataWhileTheMapGrows) {
  const auto env = open(1 << 20);
  ASSERT_EQ(put(**env, 0, 100), 0);
  std::atomic<bool> stop = false;
  const auto read_on = [&] {
    for (int i = 0; !stop; i = (i + 1) % 100) {
      const auto txn = (*env)->begin_read(when_growing::wait);
      ASSERT_TRUE(txn);
      ASSERT_EQ(get(*txn, i), 0);
    }
  };
  std::thread first(read_on);
  std::thread second(read_on);
  for (int i = 1; i < 20; ++i) {
    int code = put(**env, i * 100, 100);
    while (code == MDB_MAP_FULL) {
      ASSERT_TRUE((*env)->grow(true));
      code = put(**env, i * 100, 100);
    }
    ASSERT_EQ(code, 0);
  }
  stop = true;
  first.join();
  second.join();
  EXPECT_GE((*env)->map_bytes(), std::uint64_t{8} << 20);
}

TEST_F(environment_test, AMapAtItsMaximumIsToldFromOneThatCanGrow) {
  const auto env = open(1 << 20, 1 << 20);
  EXPECT_TRUE((*env)->grow(false));
  const auto grown = (*env)->grow(true);
  ASSERT_FALSE(grown);
  EXPECT_EQ(grown.error().code, persistence_errc::no_space);
  EXPECT_THAT(grown.error().message, HasSubstr("raise the limit"));
}

// The size limit of files stands for a full disk. LMDB calls the write that is cut short EIO, and the blocks before
// the cut can be written again: they are no proof of room.
TEST_F(environment_test, AFullDiskIsToldFromAFailingOneAfterALargeTransaction) {
  const auto env = open(16 << 20);
  ASSERT_NE(std::signal(SIGXFSZ, SIG_IGN), SIG_ERR);
  rlimit usual{};
  ::getrlimit(RLIMIT_FSIZE, &usual);
  const rlimit small{(3 << 20) + 2048, usual.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const int code = put(**env, 0, 1500);
  const bool full = (*env)->disk_full();
  ::setrlimit(RLIMIT_FSIZE, &usual);
  EXPECT_EQ(code, EIO);
  EXPECT_TRUE(full);
  EXPECT_FALSE((*env)->disk_full());
}

TEST_F(environment_test, AGrownMapStaysGrownAfterReopening) {
  {
    const auto env = open(1 << 20);
    ASSERT_TRUE((*env)->grow(true));
  }
  EXPECT_EQ((*open(1 << 20))->map_bytes(), std::uint64_t{2} << 20);
}

TEST_F(environment_test, ACopyHoldsWhatTheOriginalHeldAndNothingLater) {
  const auto env = open(8 << 20);
  ASSERT_EQ(put(**env, 0, 100), 0);
  const auto target = folder_.path() / "copy";
  ASSERT_TRUE((*env)->copy_to(target));
  ASSERT_EQ(put(**env, 100, 1), 0);
  environment_options options;
  options.folder = target;
  options.create = false;
  const auto copy = environment::open(options);
  ASSERT_TRUE(copy) << copy.error().message;
  const auto txn = (*copy)->begin_read();
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(get(*txn, i), 0);
  }
  EXPECT_EQ(get(*txn, 100), MDB_NOTFOUND);
}

TEST_F(environment_test, ACopyIntoAFolderInUseIsRefused) {
  const auto env = open();
  const auto copied = (*env)->copy_to(folder_.path());
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code, persistence_errc::invalid_argument);
}

} // namespace
} // namespace godwit::persistence::lmdb
