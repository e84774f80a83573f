#include <cstdint>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/faults/lmdb_on_faults.hpp"

namespace godwit::faults {
namespace {

constexpr std::uint64_t kills_per_seed = 5;

constexpr drop_policy policies[] = {drop_policy::random, drop_policy::torn, drop_policy::all};

std::uint64_t kill_seed(std::uint64_t seed, std::uint64_t kill) { return seed * 1000 + kill; }

// How often a kill ended how.
struct tally {
  int kills = 0;
  int exact = 0;    // just what was acknowledged was found
  int one_more = 0; // a commit that had not returned was found
  int fewer = 0;
  std::uint64_t pages_reverted = 0;

  void record() const {
    ::testing::Test::RecordProperty("kills", kills);
    ::testing::Test::RecordProperty("found_exactly", exact);
    ::testing::Test::RecordProperty("found_one_more", one_more);
    ::testing::Test::RecordProperty("found_fewer", fewer);
    ::testing::Test::RecordProperty("pages_reverted", std::to_string(pages_reverted));
  }
};

// An environment of its own for each seed, killed several times in a row: the survivor of one failure is
// what the next one meets. Returns the first thing that went wrong.
std::string kill_often(const std::string& mode, std::uint64_t seed, std::uint64_t losable, tally& all) {
  lmdb_on_faults lmdb(mode, seed);
  // A transaction that is durable: an environment is under the model from its first commit on.
  if (!lmdb.run("create").good())
    return "cannot create: " + std::string(lmdb.book().text);
  if (const auto dropped = lmdb.session().drop_unsynced(seed, drop_policy::none); !dropped)
    return dropped.error();
  for (std::uint64_t kill = 0; kill < kills_per_seed; ++kill) {
    const drop_policy policy = policies[(seed + kill) % 3];
    const kill_result result = kill_and_check(lmdb, kill_seed(seed, kill), policy, losable);
    if (!result.wrong.empty())
      return "kill " + std::to_string(kill) + ", policy " + std::string(to_string(policy)) + ": " + result.wrong;
    ++all.kills;
    all.exact += result.found == result.acknowledged ? 1 : 0;
    all.one_more += result.found > result.acknowledged ? 1 : 0;
    all.fewer += result.found < result.acknowledged ? 1 : 0;
    all.pages_reverted += result.dropped.pages_reverted;
  }
  return {};
}

// Goal: with full sync, a commit is atomic and durable. Method: kills at seeded writes and syncs, each
// followed by a loss of unsynced pages; the environment opens with every page in its place, and holds exactly the
// acknowledged transactions or one more, whose commit was under way.
TEST(lmdb_crash_model, AFullySyncedCommitIsAtomicAndDurable) {
  tally all;
  const auto all_seeds = seeds(12, 600);
  for (const std::uint64_t seed : all_seeds)
    EXPECT_EQ(kill_often("full", seed, 0, all), "") << "GODWIT_SEED=" << seed;
  all.record();
  // The kills hit what they are meant to: something was lost, and some commits were done but not yet reported.
  if (all_seeds.size() > 1) {
    EXPECT_GT(all.pages_reverted, 0U);
    EXPECT_GT(all.one_more, 0);
  }
}

// Goal: without the sync of the meta page, at most the last acknowledged transaction is lost, as a whole;
// those before a later commit or an mdb_env_sync that returned are not.
TEST(lmdb_crash_model, WithoutMetaSyncOnlyTheLastTransactionCanBeLost) {
  tally all;
  for (const std::uint64_t seed : seeds(12, 600))
    EXPECT_EQ(kill_often("nometasync", seed, 1, all), "") << "GODWIT_SEED=" << seed;
  all.record();
}

// Goal: the test above is as strict as it can be: losses without the meta sync do happen.
TEST(lmdb_crash_model, WithoutMetaSyncTheLastTransactionIsLostForSomeSeed) {
  tally all;
  bool lost = false;
  for (std::uint64_t seed = 0; seed < 40 && !lost; ++seed)
    lost = kill_often("nometasync", seed, 0, all).find("found transaction") != std::string::npos;
  EXPECT_TRUE(lost);
}

// Goal: the layer can lose and destroy. Method: the same check on an environment that never syncs must
// find acknowledged transactions missing, and trees that are damaged.
TEST(lmdb_crash_model, WithoutSyncTheSameCheckFails) {
  tally all;
  bool lost = false;
  bool damaged = false;
  for (std::uint64_t seed = 0; seed < 60 && !(lost && damaged); ++seed) {
    const std::string wrong = kill_often("nosync", seed, 0, all);
    lost |= wrong.find("found transaction") != std::string::npos;
    damaged |= wrong.find("the check: ") != std::string::npos;
  }
  EXPECT_TRUE(lost);
  EXPECT_TRUE(damaged);
}

// Goal: after a kill alone the next process can find a transaction that is not durable yet: whoever acts on what
// it finds must sync first. Method: killed when the meta page is written but not synced; found by the next
// process; gone after a power failure, unless that process has synced.
TEST(lmdb_crash_model, WhatIsFoundAfterAKillIsDurableOnlyAfterASync) {
  for (const bool synced : {false, true}) {
    lmdb_on_faults lmdb("full", 1);
    ASSERT_TRUE(lmdb.run("create").good());
    ASSERT_TRUE(lmdb.run("run", 5).good());
    lmdb.session().control().kill_at(kill_target::synchronous_write, 1, kill_phase::middle);
    ASSERT_TRUE(lmdb.run("run").killed());
    lmdb.session().control().never_kill();
    EXPECT_EQ(lmdb.book().acknowledged, 5U);
    EXPECT_TRUE(lmdb.run("check").good());
    EXPECT_EQ(lmdb.book().found, 6U);
    EXPECT_TRUE(!synced || lmdb.run("sync").good());
    ASSERT_TRUE(lmdb.session().drop_unsynced(1, drop_policy::all));
    EXPECT_TRUE(lmdb.run("check").good());
    EXPECT_EQ(lmdb.book().found, synced ? 6U : 5U);
  }
}

// Goal: what the model does not promise, so that nobody relies on it: an environment whose first commit has not
// returned may not open. One whose first commit has returned does. Method: every kill point of the creation,
// several losses each.
TEST(lmdb_crash_model, AnEnvironmentIsSafeFromItsFirstCommitOn) {
  int kills = 0;
  int refused = 0;
  bool finished = false;
  std::string lmdb_text;
  for (std::uint64_t operation = 1; !finished; ++operation) {
    ASSERT_LT(operation, 50U) << "the creation does not end: " << lmdb_text;
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
      lmdb_on_faults lmdb("full", seed);
      lmdb.book().acknowledged = ~std::uint64_t{0};
      lmdb.session().control().kill_at(kill_target::operation, operation, static_cast<kill_phase>(seed % 3));
      finished = lmdb.run("create").good();
      const bool acknowledged = lmdb.book().acknowledged == 0;
      lmdb.session().control().never_kill();
      ASSERT_TRUE(lmdb.session().drop_unsynced(seed, policies[seed % 3]));
      const process_end checked = lmdb.run("check");
      EXPECT_TRUE(checked.good() || !acknowledged);
      lmdb_text = lmdb.book().text;
      kills += finished ? 0 : 1;
      refused += checked.signal != 0 || std::string_view(lmdb.book().text).starts_with("env_open") ? 1 : 0;
    }
  }
  RecordProperty("kills", kills);
  RecordProperty("refused", refused);
  EXPECT_GT(refused, 0);
}

} // namespace
} // namespace godwit::faults
