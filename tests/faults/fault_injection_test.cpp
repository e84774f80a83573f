#include <cerrno>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "tests/faults/lmdb_on_faults.hpp"

namespace godwit::faults {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int lmdb_error = 3; ///< exit code of the child, see lmdb_child.cpp

// LMDB as a process that uses it sees each fault: an environment with some transactions is made first.
class fault_injection : public ::testing::Test {
protected:
  void SetUp() override {
    ASSERT_TRUE(lmdb.run("create").good());
    ASSERT_TRUE(lmdb.run("run", 20).good());
    ASSERT_EQ(acknowledged(), 20U);
    control.reset();
  }

  std::uint64_t acknowledged() { return lmdb.book().acknowledged; }

  /// After a loss of everything unsynced the environment holds just what was acknowledged.
  void expect_intact() {
    control.reset();
    ASSERT_TRUE(lmdb.session().drop_unsynced(1, drop_policy::all));
    EXPECT_TRUE(lmdb.run("check").good()) << lmdb.book().text;
    EXPECT_EQ(lmdb.book().found, acknowledged());
  }

  lmdb_on_faults lmdb{"full", 1};
  fault_control& control{lmdb.session().control()};
};

// Goal: a full disk is an error of the commit, and takes nothing of what was acknowledged. Method: space for
// some pages; LMDB calls the short write EIO, the next one ENOSPC.
TEST_F(fault_injection, AFullDiskIsAnErrorOfTheCommit) {
  control.limit_space(200'000, fault_control::space_use::every_byte);
  EXPECT_EQ(lmdb.run("run", 1000).exit_code, lmdb_error);
  EXPECT_TRUE(lmdb.book().error == ENOSPC || lmdb.book().error == EIO) << lmdb.book().text;
  EXPECT_EQ(lmdb.run("run", 1000).exit_code, lmdb_error);
  EXPECT_EQ(lmdb.book().error, ENOSPC) << lmdb.book().text;
  EXPECT_LE(control.bytes_written(), 200'000U);
  EXPECT_GE(control.bytes_written(), 199'000U);
  expect_intact();
}

// Goal: as above where only growth needs space, as on most file systems; and the store goes on when space is
// back. A write across the end of the file is short there, which LMDB calls EIO each time.
TEST_F(fault_injection, AStoreGoesOnWhenSpaceIsBack) {
  control.limit_space(0);
  EXPECT_EQ(lmdb.run("run", 1000).exit_code, lmdb_error);
  EXPECT_TRUE(lmdb.book().error == ENOSPC || lmdb.book().error == EIO) << lmdb.book().text;
  control.end_space_limit();
  const std::uint64_t before = acknowledged();
  EXPECT_TRUE(lmdb.run("run", 5).good());
  EXPECT_EQ(acknowledged(), before + 5);
  expect_intact();
}

// Goal: a sync that fails is an error of the commit, and its transaction is not there afterwards.
TEST_F(fault_injection, AFailedSyncIsAnErrorOfTheCommit) {
  control.fail_syncs(EIO, 1);
  EXPECT_EQ(lmdb.run("run", 5).exit_code, lmdb_error);
  EXPECT_EQ(lmdb.book().error, EIO) << lmdb.book().text;
  EXPECT_EQ(acknowledged(), 20U);
  expect_intact();
}

// Goal: so is the failure of the synchronous write of the meta page, which comes second in a commit.
TEST_F(fault_injection, AFailedMetaWriteIsAnErrorOfTheCommit) {
  control.fail_syncs(EIO, 1, 1);
  EXPECT_EQ(lmdb.run("run", 5).exit_code, lmdb_error);
  EXPECT_EQ(lmdb.book().error, EIO) << lmdb.book().text;
  EXPECT_EQ(acknowledged(), 20U);
  expect_intact();
}

// Goal: a process that starts again after a failed sync can go on: LMDB writes every page of a new transaction,
// so nothing of it rests on the pages that were lost.
TEST_F(fault_injection, CommitsAfterAFailedSyncAreDurable) {
  control.fail_syncs(EIO, 1);
  EXPECT_EQ(lmdb.run("run", 5).exit_code, lmdb_error);
  EXPECT_TRUE(lmdb.run("run", 30).good());
  EXPECT_EQ(acknowledged(), 50U);
  expect_intact();
}

/// After a sync that failed for the transaction under way, `then` and a power failure in the commit that follows:
/// for how many of the seeds the environment is damaged or has lost more than its mode may.
int damaged_after_failed_sync(const std::string& mode, std::int64_t good_syncs_before, std::uint64_t losable,
                              const std::function<void(lmdb_on_faults&)>& then) {
  int damaged = 0;
  for (std::uint64_t seed = 0; seed < 25; ++seed) {
    lmdb_on_faults lmdb(mode, seed);
    EXPECT_TRUE(lmdb.run("create").good());
    EXPECT_TRUE(lmdb.run("run", 20 + seed % 2).good());
    lmdb.session().control().fail_syncs(EIO, 1, good_syncs_before);
    EXPECT_EQ(lmdb.run("try").exit_code, lmdb_error);
    then(lmdb);
    const std::uint64_t acknowledged = lmdb.book().acknowledged;
    lmdb.session().control().kill_at(kill_target::sync, 1, kill_phase::before);
    EXPECT_TRUE(lmdb.run("run").killed());
    lmdb.session().control().never_kill();
    EXPECT_TRUE(lmdb.session().drop_unsynced(seed, drop_policy::random));
    const bool good = lmdb.run("check").good() && lmdb.book().found + losable >= acknowledged;
    damaged += good ? 0 : 1;
  }
  return damaged;
}

// Goal: what must not be done after a failed write of the meta page: it may have reached the disk, LMDB has put the
// old one back into the page cache alone, and the next transaction writes over the pages of the failed one. A
// sync before that next transaction makes the old meta page durable, and all is well.
TEST(fault_after_error, AStoreIsSyncedBeforeItIsUsedAgainAfterAFailedMetaWrite) {
  EXPECT_GT(damaged_after_failed_sync("full", 1, 0, [](lmdb_on_faults&) {}), 0);
  EXPECT_EQ(damaged_after_failed_sync("full", 1, 0, [](lmdb_on_faults& lmdb) { lmdb.run("sync"); }), 0);
}

// Goal: after a failed sync of the data, with full sync, a store can be used at once.
TEST(fault_after_error, AStoreCanBeUsedAfterAFailedDataSync) {
  EXPECT_EQ(damaged_after_failed_sync("full", 0, 0, [](lmdb_on_faults&) {}), 0);
}

// Goal: without meta sync it cannot: the meta page of the transaction before was among what was lost.
TEST(fault_after_error, WithoutMetaSyncAFailedSyncEndsAStore) {
  EXPECT_GT(damaged_after_failed_sync("nometasync", 0, 1, [](lmdb_on_faults& lmdb) { lmdb.run("run", 1); }), 0);
}

// Goal: a held sync holds the acknowledgement; killed there, the transaction is gone; nothing else is.
TEST_F(fault_injection, AHeldSyncHoldsTheAcknowledgement) {
  control.hold_syncs(true);
  const pid_t child = lmdb.start("run", 5);
  ASSERT_TRUE(control.wait_for_held_sync(seconds(20)));
  EXPECT_EQ(acknowledged(), 20U);
  lmdb.session().kill(child);
  expect_intact();

  control.hold_syncs(true);
  const pid_t second = lmdb.start("run", 5);
  ASSERT_TRUE(control.wait_for_held_sync(seconds(20)));
  control.hold_syncs(false);
  EXPECT_TRUE(lmdb.session().wait(second)->good());
  EXPECT_EQ(acknowledged(), 25U);
}

// Goal: a slow disk is slow. Method: more syncs than the time could hold without the delay.
TEST_F(fault_injection, ASlowSyncTakesItsTime) {
  control.delay_syncs(milliseconds(20));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(lmdb.run("run", 5).good());
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(200)); // two waits per commit
}

// Goal: a filter keeps faults from other files.
TEST_F(fault_injection, AFilterNamesTheFiles) {
  control.only_paths_with("another");
  control.fail_writes(EIO);
  EXPECT_TRUE(lmdb.run("run", 5).good());
  control.only_paths_with("environment/data.mdb");
  EXPECT_EQ(lmdb.run("run", 5).exit_code, lmdb_error);
  expect_intact();
}

} // namespace
} // namespace godwit::faults
