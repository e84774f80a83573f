#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/faults/fault_session.hpp"

namespace godwit::faults {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::uint64_t> numbers_in(const fs::path& path) {
  const std::string bytes = read_file(path);
  std::vector<std::uint64_t> numbers(bytes.size() / sizeof(std::uint64_t));
  std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(std::uint64_t));
  return numbers;
}

class drop_unsynced_test : public ::testing::Test {
protected:
  fs::path file() { return session.root() / "file"; }

  /// Runs operations of godwit_faults_writer on the file.
  process_end run(const std::vector<std::string>& operations) {
    std::vector<std::string> argv{GODWIT_FAULTS_WRITER, file().string(), (session.outside() / "results").string()};
    argv.insert(argv.end(), operations.begin(), operations.end());
    return session.wait(session.spawn(argv)).value();
  }

  std::vector<std::int64_t> results() {
    const std::string bytes = read_file(session.outside() / "results");
    std::vector<std::int64_t> all(bytes.size() / sizeof(std::int64_t));
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(all.data()));
    return all;
  }

  drop_report drop(drop_policy policy, std::uint64_t seed = 1) {
    const auto report = session.drop_unsynced(seed, policy);
    EXPECT_TRUE(report) << report.error();
    return report.value_or(drop_report{});
  }

  /// The file as a string of one letter per `unit` bytes, '0' for zeroes and '?' for a mixture.
  std::string letters(std::size_t unit = 4096) {
    std::string text;
    const std::string bytes = read_file(file());
    for (std::size_t at = 0; at < bytes.size(); at += unit) {
      const std::string part = bytes.substr(at, unit);
      const bool uniform = part.find_first_not_of(part[0]) == std::string::npos;
      text += !uniform ? '?' : part[0] == 0 ? '0' : part[0];
    }
    return text;
  }

  fault_session session;
};

// Goal: the library is really there, and only a write before a sync survives the loss of everything
// unsynced. Method: one page with a sync, one page over it and one behind it without.
TEST_F(drop_unsynced_test, OnlyWhatASyncCoveredSurvives) {
  EXPECT_TRUE(run({"write:0:4096:a", "sync", "write:0:4096:b", "write:4096:4096:c", "die"}).killed());
  EXPECT_EQ(session.control().processes(), 1U);
  EXPECT_EQ(session.control().writes(), 3U);
  EXPECT_EQ(letters(), "bc");
  const auto report = drop(drop_policy::all);
  EXPECT_EQ(letters(), "a");
  EXPECT_EQ(report.records, 2U);
  EXPECT_EQ(report.files, 1U);
  EXPECT_EQ(report.sizes_reverted, 1U);
}

// Goal: killing the process alone loses nothing, and the policy `none` makes all of it durable.
TEST_F(drop_unsynced_test, AKilledProcessAloneLosesNothing) {
  run({"write:0:4096:a", "die"});
  EXPECT_EQ(letters(), "a");
  drop(drop_policy::none);
  EXPECT_EQ(letters(), "a");
  drop(drop_policy::all);
  EXPECT_EQ(letters(), "a");
}

// Goal: what one process left unsynced stays unsynced through the next one, until that one syncs.
TEST_F(drop_unsynced_test, UnsyncedWritesOutliveTheirProcess) {
  run({"write:0:4096:a", "die"});
  run({"write:4096:4096:b", "die"});
  drop(drop_policy::all);
  EXPECT_EQ(letters(), "");

  run({"write:0:4096:a", "die"});
  run({"sync", "die"});
  drop(drop_policy::all);
  EXPECT_EQ(letters(), "a");
}

// Goal: a write on an O_DSYNC descriptor is durable at once, and nothing else is by it: not another page,
// not other sectors of its own page.
TEST_F(drop_unsynced_test, ASynchronousWriteMakesItsOwnRangeDurableAndNoOther) {
  run({"write:0:8192:a", "sync", "write:0:8192:b", "dwrite:512:1024:c", "write:4096:4096:d", "die"});
  EXPECT_EQ(letters(512), "bccbbbbbdddddddd");
  drop(drop_policy::all);
  EXPECT_EQ(letters(512), "accaaaaaaaaaaaaa");
}

// Goal: a later plain write may be lost back to the synchronous one, not behind it.
TEST_F(drop_unsynced_test, NothingIsLostBehindASynchronousWrite) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    session.clear();
    run({"write:0:512:a", "sync", "write:0:512:b", "dwrite:0:512:c", "write:0:512:d", "die"});
    drop(drop_policy::random, seed);
    seen.insert(letters());
  }
  EXPECT_EQ(seen, (std::set<std::string>{"c", "d"}));
}

// Goal: a file that only sees synchronous writes needs no sync to be durable, beyond its old end too.
TEST_F(drop_unsynced_test, ASynchronousWriteBeyondTheEndMakesItsLengthDurable) {
  run({"write:0:4096:a", "dwrite:8192:4096:c", "die"});
  drop(drop_policy::all);
  EXPECT_EQ(letters(), "00c");
}

// Goal: policy random chooses for each page among all its versions since the sync, independently of the
// others. Method: two pages written twice; every combination appears over the seeds, nothing else does.
TEST_F(drop_unsynced_test, EachPageHasOneOfItsVersions) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    session.clear();
    run({"write:0:8192:a", "sync", "write:0:8192:b", "write:0:8192:c", "die"});
    drop(drop_policy::random, seed);
    seen.insert(letters());
  }
  EXPECT_EQ(seen, (std::set<std::string>{"aa", "ab", "ac", "ba", "bb", "bc", "ca", "cb", "cc"}));
}

// Goal: the same seed gives the same loss.
TEST_F(drop_unsynced_test, ASeedRepeats) {
  std::set<std::string> seen;
  for (int repeat = 0; repeat < 5; ++repeat) {
    session.clear();
    run({"write:0:65536:a", "sync", "write:0:65536:b", "write:0:65536:c", "die"});
    drop(drop_policy::torn, 4711);
    seen.insert(letters(512));
  }
  EXPECT_EQ(seen.size(), 1U);
}

// Goal: torn pages mix sectors, never bytes within one; random never tears a page.
TEST_F(drop_unsynced_test, APageTearsBetweenSectorsOnly) {
  std::uint64_t torn = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    for (const auto policy : {drop_policy::torn, drop_policy::random}) {
      session.clear();
      run({"write:0:65536:a", "sync", "write:0:65536:b", "die"});
      const auto report = drop(policy, seed);
      EXPECT_EQ(letters(512).find('?'), std::string::npos);
      EXPECT_EQ(letters().find('?') != std::string::npos, report.pages_torn > 0);
      EXPECT_TRUE(policy == drop_policy::torn || report.pages_torn == 0);
      torn += report.pages_torn;
    }
  EXPECT_GT(torn, 0U);
}

// Goal: changes of size are changes like others: a lost truncation brings the bytes back, a lost growth
// takes them away. O_TRUNC, fallocate and fstreams included.
TEST_F(drop_unsynced_test, SizesAreRevertedToo) {
  const std::vector<std::vector<std::string>> changes = {{"truncate:4096"},
                                                         {"truncate:0", "write:0:12288:z"},
                                                         {"truncate:50000"},
                                                         {"reopen_trunc"},
                                                         {"allocate:50000"},
                                                         {"append:4096:z"},
                                                         {"fstream:100:z"},
                                                         {"writev:4096:8192:z"},
                                                         {"reopen_trunc", "append:10:z"},
                                                         {"dupwrite:100:9000:z"}};
  for (const auto& change : changes) {
    session.clear();
    std::vector<std::string> operations{"write:0:4096:a", "write:4096:4096:b", "sync"};
    operations.insert(operations.end(), change.begin(), change.end());
    operations.emplace_back("die");
    run(operations);
    EXPECT_NE(letters(), "ab") << change[0];
    drop(drop_policy::all);
    EXPECT_EQ(letters(), "ab") << change[0];
  }
}

// Goal: a synced truncation stays.
TEST_F(drop_unsynced_test, ASyncedTruncationStays) {
  run({"write:0:8192:a", "sync", "truncate:4096", "sync", "die"});
  drop(drop_policy::all);
  EXPECT_EQ(letters(), "a");
}

// Goal: the length after a loss is one that the file had, and no page shows bytes it never had.
TEST_F(drop_unsynced_test, ALengthIsOneThatTheFileHad) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 80; ++seed) {
    session.clear();
    run({"write:0:4096:a", "sync", "write:4096:4096:b", "truncate:0", "die"});
    drop(drop_policy::random, seed);
    seen.insert(letters());
  }
  // From the old length: the page before or after the truncation; from the middle one: also b or not.
  EXPECT_EQ(seen, (std::set<std::string>{"", "a", "0", "a0", "ab", "00", "0b"}));
}

// Goal: what a failed sync left is lost, although the next sync reports success, until it is written again.
// That is what Linux does: after the error its pages count as clean.
TEST_F(drop_unsynced_test, ASuccessAfterAFailedSyncPromisesNothing) {
  const std::vector<std::string> operations{"write:0:8192:a", "sync", "write:0:8192:b", "sync", "sync"};
  session.control().fail_syncs(EIO, 1, 1);
  run(operations);
  EXPECT_EQ(results(), (std::vector<std::int64_t>{8192, 0, 8192, -EIO, 0}));
  EXPECT_EQ(letters(), "bb");
  drop(drop_policy::all);
  EXPECT_EQ(letters(), "aa");

  session.clear();
  session.control().fail_syncs(EIO, 1, 1);
  run(operations);
  run({"write:0:4096:c", "sync"});
  drop(drop_policy::all);
  EXPECT_EQ(letters(), "ca");
}

// Goal: an error of a synchronous write is one of the write and of its sync.
TEST_F(drop_unsynced_test, ASynchronousWriteThatFailsIsNotDurable) {
  session.control().fail_syncs(EIO, 1, 0);
  run({"write:0:4096:a", "dwrite:0:4096:b", "dwrite:4096:4096:c"});
  EXPECT_EQ(results(), (std::vector<std::int64_t>{4096, -EIO, 4096}));
  EXPECT_EQ(letters(), "bc");
  drop(drop_policy::all);
  EXPECT_EQ(letters(), "0c");
}

// Goal: the write that meets the end of the space is short, in whole sectors; the next one fails.
TEST_F(drop_unsynced_test, SpaceEnds) {
  session.control().limit_space(5000, fault_control::space_use::every_byte);
  run({"write:0:4096:a", "write:4096:4096:b", "write:8192:4096:c"});
  EXPECT_EQ(results(), (std::vector<std::int64_t>{4096, 512, -ENOSPC}));
  EXPECT_EQ(letters(512), "aaaaaaaab");

  session.clear();
  session.control().limit_space(4096, fault_control::space_use::growth_only);
  run({"write:0:4096:a", "write:0:4096:b", "write:2048:4096:c", "allocate:8192"});
  EXPECT_EQ(results(), (std::vector<std::int64_t>{4096, 4096, 2048, -ENOSPC}));
  EXPECT_EQ(letters(512), "bbbbcccc");
}

// Goal: a process can be ended exactly before, within and after a write, or a sync.
TEST_F(drop_unsynced_test, AKillPointIsExact) {
  const std::vector<std::string> operations{"write:0:4096:a", "sync", "write:0:4096:b", "sync", "write:0:512:c"};
  const auto killed_at = [&](kill_target target, std::uint64_t number, kill_phase when, drop_policy policy) {
    session.clear();
    session.control().kill_at(target, number, when);
    EXPECT_TRUE(run(operations).killed());
    EXPECT_TRUE(session.control().kill_point_reached());
    drop(policy);
    return letters(512);
  };
  const auto none = drop_policy::none;
  const auto all = drop_policy::all;
  EXPECT_EQ(killed_at(kill_target::write, 2, kill_phase::before, none), "aaaaaaaa");
  EXPECT_EQ(killed_at(kill_target::write, 2, kill_phase::middle, none), "bbbbaaaa");
  EXPECT_EQ(killed_at(kill_target::write, 2, kill_phase::middle, all), "aaaaaaaa");
  EXPECT_EQ(killed_at(kill_target::write, 2, kill_phase::after, none), "bbbbbbbb");
  EXPECT_EQ(killed_at(kill_target::write, 2, kill_phase::after, all), "aaaaaaaa");
  EXPECT_EQ(killed_at(kill_target::sync, 2, kill_phase::before, all), "aaaaaaaa");
  EXPECT_EQ(killed_at(kill_target::sync, 2, kill_phase::middle, all), "aaaaaaaa");
  EXPECT_EQ(killed_at(kill_target::sync, 2, kill_phase::after, all), "bbbbbbbb");
  EXPECT_EQ(killed_at(kill_target::operation, 5, kill_phase::after, none), "cbbbbbbb");
}

// Goal: a renamed file is found, a removed one is forgotten, and a new file with its number starts afresh.
TEST_F(drop_unsynced_test, FoldersChangeAtOnce) {
  run({"write:0:4096:a", "sync", "write:0:4096:b", "rename:2", "die"});
  drop(drop_policy::all);
  EXPECT_FALSE(fs::exists(file()));
  EXPECT_EQ(read_file(file().string() + "2"), std::string(4096, 'a'));

  run({"write:0:4096:a", "unlink", "write:0:8192:b", "die"});
  EXPECT_FALSE(fs::exists(file()));
  run({"write:0:4096:c", "sync", "die"});
  drop(drop_policy::all);
  EXPECT_EQ(letters(), "c");
}

// Goal: msync(MS_SYNC) counts as a sync of the mapped file.
TEST_F(drop_unsynced_test, MsyncIsASync) {
  run({"write:0:4096:a", "msync", "die"});
  drop(drop_policy::all);
  EXPECT_EQ(letters(), "a");
}

// Goal: files outside of the root are left alone. Method: the same writes on a file beside it.
TEST_F(drop_unsynced_test, FilesOutsideOfTheRootAreNotTouched) {
  const fs::path other = session.outside() / "file";
  fs::create_symlink(other, session.root() / "link");
  for (const fs::path& path : {other, session.root() / "link"}) {
    session.wait(session.spawn(
      {GODWIT_FAULTS_WRITER, path.string(), (session.outside() / "results").string(), "write:0:4096:a", "die"}));
    EXPECT_EQ(session.control().writes(), 0U);
    EXPECT_EQ(drop(drop_policy::all).records, 0U);
    EXPECT_EQ(read_file(other), std::string(4096, 'a'));
    fs::remove(other);
  }
}

// Goal: the replay refuses to change files under a living process, and names the folder.
TEST_F(drop_unsynced_test, ALivingProcessIsNotRobbed) {
  session.control().hold_writes(true);
  const pid_t child =
    session.spawn({GODWIT_FAULTS_WRITER, file().string(), (session.outside() / "results").string(), "write:0:4096:a"});
  ASSERT_TRUE(session.control().wait_for_held_write(std::chrono::seconds(20)));
  const auto refused = session.drop_unsynced(1, drop_policy::all);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().find(session.journal().string()), std::string::npos);
  session.kill(child);
  EXPECT_TRUE(session.drop_unsynced(1, drop_policy::all));
}

// Goal: the journal stays small over many syncs, and loses nothing when it is compacted. Method: far more
// bytes than it holds.
TEST(fault_journal, StaysSmallOverManySyncs) {
  fault_session session({.journal_mb = 16});
  const auto end = session.wait(session.spawn({GODWIT_FAULTS_WRITER, (session.root() / "file").string(),
                                               (session.outside() / "results").string(), "bench:20000", "die"}));
  EXPECT_TRUE(end && end->killed());
}

// Goal: a sync covers what was written before it began and nothing else, and what it does not cover is kept
// when the journal is compacted. Method: while a sync of one process is held, another one writes; then the
// first one's records are more than the journal keeps.
TEST_F(drop_unsynced_test, ASyncCoversNothingThatWasWrittenMeanwhile) {
  fault_session small({.journal_mb = 1});
  const fs::path shared = small.root() / "file";
  const auto spawn = [&](std::vector<std::string> operations) {
    operations.insert(operations.begin(),
                      {GODWIT_FAULTS_WRITER, shared.string(), (small.outside() / "results").string()});
    return small.spawn(operations);
  };
  small.wait(spawn({"write:0:524288:a", "sync"}));
  small.control().hold_syncs(true);
  const pid_t first = spawn({"write:0:524288:b", "sync"});
  ASSERT_TRUE(small.control().wait_for_held_sync(std::chrono::seconds(20)));
  EXPECT_TRUE(small.wait(spawn({"write:0:32768:c", "write:32768:32768:c", "write:524288:4096:c", "die"}))->killed());
  small.control().hold_syncs(false);
  EXPECT_TRUE(small.wait(first)->good());
  const auto report = small.drop_unsynced(1, drop_policy::all);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->records, 3U);
  EXPECT_EQ(read_file(shared), std::string(524288, 'b'));
}

// Goal: the marks are sound when threads write and sync one file at once and the process is killed from outside
// at any instant. Method: each thread counts up in its own page; what a thread has acknowledged is there after
// the loss, or the number it was about to acknowledge, and no mixture. The journal holds far less than is
// written, and is hardly ever empty: so it is compacted all the time.
TEST(fault_journal, IsSoundUnderThreadsAndAKillAtAnyInstant) {
  constexpr std::size_t threads = 4;
  fault_session session({.journal_mb = 1});
  const fs::path file = session.root() / "file";
  const fs::path results = session.outside() / "results";
  for (std::uint64_t round = 0; round < 30; ++round) {
    session.clear();
    session.control().delay_syncs(std::chrono::microseconds(100)); // others write meanwhile
    const pid_t child =
      session.spawn({GODWIT_FAULTS_WRITER, file.string(), results.string(), "race:" + std::to_string(threads)});
    while (session.control().syncs() < 50 + round * 97) {
      const auto ended = session.wait(child, std::chrono::milliseconds(1));
      ASSERT_FALSE(ended) << "signal " << ended->signal;
    }
    session.kill(child);
    ASSERT_TRUE(session.drop_unsynced(round, round % 2 == 0 ? drop_policy::all : drop_policy::random));

    auto pages = numbers_in(file);
    auto acknowledged = numbers_in(results);
    pages.resize(threads * 512); // a thread that has not come far has nothing there
    acknowledged.resize(threads);
    for (std::size_t thread = 0; thread < threads; ++thread) {
      const std::uint64_t number = pages[thread * 512];
      const std::uint64_t promised = acknowledged[thread];
      EXPECT_TRUE(number == promised || number == promised + 1) << number << ", promised " << promised;
      EXPECT_TRUE(std::all_of(pages.begin() + static_cast<std::ptrdiff_t>(thread * 512),
                              pages.begin() + static_cast<std::ptrdiff_t>((thread + 1) * 512),
                              [&](std::uint64_t other) { return other == number; }));
    }
  }
}

// Goal: the tool does what the function does.
TEST_F(drop_unsynced_test, TheToolDropsToo) {
  run({"write:0:4096:a", "sync", "write:0:4096:b", "die"});
  const std::string command = std::string(GODWIT_FAULT_REPLAY) + " " + session.journal().string() +
                              " --seed 7 --policy all > " + (session.outside() / "report").string();
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(letters(), "a");
  EXPECT_EQ(read_file(session.outside() / "report"), "files=1 records=1 pages=1 reverted=1 torn=0 sizes=0\n");
}

} // namespace
} // namespace godwit::faults
