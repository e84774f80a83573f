// Real files, real processes: a node's storage is killed at random instants under load, what was not
// synced is dropped, and the next process must find all that was acknowledged and nothing that was
// never proposed.

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <random>
#include <thread>

#include "tests/faults/fault_session.hpp"
#include "tests/persistence/kill/board.hpp"

namespace godwit::test {
namespace {

using faults::drop_policy;
using faults::fault_session;
using faults::kill_phase;
using faults::kill_target;
using faults::process_end;
using std::chrono::milliseconds;

bool is_long() { return std::getenv("GODWIT_LONG") != nullptr; }

std::uint64_t first_seed() {
  const char* const seed = std::getenv("GODWIT_SEED");
  return seed != nullptr ? std::strtoull(seed, nullptr, 10) : 1;
}

class storage_kill : public ::testing::Test {
protected:
  std::vector<std::string> child(const std::string& mode) const {
    return {GODWIT_STORAGE_CHILD, data.string(), board_file.string(), mode};
  }

  /// The folder, whole, before anything goes wrong.
  void SetUp() override { check(); }

  /// Ends with a check of everything by a fresh process.
  void check() {
    const pid_t last = session.spawn(child("check"));
    const auto end = session.wait(last);
    ASSERT_TRUE(end && end->good()) << "exit " << end->exit_code << " signal " << end->signal;
  }

  fault_session session;
  std::filesystem::path data = session.root() / "data";
  std::filesystem::path board_file = session.outside() / "board";
  board& promises = board::map(board_file);
};

// Goal: no acknowledged mutation is lost, none is there by half, whatever the instant of the kill and
// whatever part of the unsynced writes survives. Method: every cycle dies by SIGKILL after a random time
// or at a random write or sync, in the middle of it too; the seed prints with a failure.
TEST_F(storage_kill, NothingAcknowledgedIsLostByKillsWithUnsyncedWritesDropped) {
  const int cycles = is_long() ? 3000 : 150;
  for (int cycle = 0; cycle < cycles; ++cycle) {
    const std::uint64_t seed = first_seed() * 1'000'000 + static_cast<std::uint64_t>(cycle);
    SCOPED_TRACE("GODWIT_SEED=" + std::to_string(first_seed()) + " cycle " + std::to_string(cycle));
    std::mt19937_64 dice(seed);
    const bool at_random_time = dice() % 3 == 0;
    if (at_random_time) {
      session.control().never_kill();
    } else {
      session.control().kill_at(kill_target::operation, 1 + dice() % (dice() % 2 == 0 ? 40 : 600),
                                static_cast<kill_phase>(dice() % 3));
    }
    const pid_t process = session.spawn(child("count"));
    const auto end = session.wait(process, at_random_time ? milliseconds(5 + dice() % 200) : milliseconds(20'000));
    if (!end) {
      session.kill(process);
    }
    ASSERT_TRUE(!end || end->killed()) << "exit " << end->exit_code << " signal " << end->signal;
    constexpr drop_policy policies[] = {drop_policy::none, drop_policy::all, drop_policy::random, drop_policy::torn};
    const auto dropped = session.drop_unsynced(seed, policies[dice() % 4]);
    ASSERT_TRUE(dropped) << dropped.error();
  }
  session.control().never_kill();
  check();
  EXPECT_GT(promises.starts.load(), 10U);
  EXPECT_GT(promises.answers.load(), 1000U);
  RecordProperty("acknowledged", std::to_string(promises.answers.load()));
  std::printf("%d kills, %llu mutations acknowledged, %llu starts\n", cycles,
              static_cast<unsigned long long>(promises.answers.load()),
              static_cast<unsigned long long>(promises.starts.load()));
}

// Goal: a creation that was killed leaves a folder that works, or one that is refused and can be removed;
// nothing in between.
TEST_F(storage_kill, AnInterruptedCreationIsFinishedOrRefused) {
  int refused = 0;
  for (std::uint64_t number = 1; number <= 60; number += is_long() ? 1 : 3) {
    session.clear();
    session.control().kill_at(kill_target::operation, number, kill_phase::middle);
    session.wait(session.spawn(child("check")));
    session.control().never_kill();
    ASSERT_TRUE(session.drop_unsynced(number, drop_policy::random));
    const auto end = session.wait(session.spawn(child("check")));
    ASSERT_TRUE(end);
    EXPECT_TRUE(end->good() || end->exit_code == 4) << "exit " << end->exit_code << " signal " << end->signal;
    refused += end->exit_code == 4 ? 1 : 0;
  }
  EXPECT_GT(refused, 0) << "no kill fell into the creation";
}

// Goal: the check above can fail. Method: after a run the promise of one slot is raised by one.
TEST_F(storage_kill, ABrokenPromiseIsNoticed) {
  const pid_t process = session.spawn(child("count"));
  std::this_thread::sleep_for(milliseconds(300));
  session.kill(process);
  ASSERT_TRUE(session.drop_unsynced(first_seed(), drop_policy::all));
  promises.acknowledged[7] = promises.proposed[7] + 1;
  const auto end = session.wait(session.spawn(child("check")));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->exit_code, 3);
}

// Goal: a full disk stops the writes with one clear message and loses nothing; when there is room again
// the same process goes on. Method: only growth needs space, as on an ordinary file system, where LMDB's
// header can always be written in place; the log is not trimmed, so that it has to grow.
TEST_F(storage_kill, AFullDiskStopsAndGoesOnWhenThereIsRoom) {
  const pid_t process = session.spawn(child("grow"));
  const auto wait_until = [](const auto& condition) {
    for (int i = 0; i < 2000 && !condition(); ++i) {
      std::this_thread::sleep_for(milliseconds(5));
    }
    return condition();
  };
  ASSERT_TRUE(wait_until([&] { return promises.answers > 500; }));
  session.control().limit_space(64 << 10, faults::fault_control::space_use::growth_only);
  ASSERT_TRUE(wait_until([&] { return promises.refusals > 0; }));
  const std::uint64_t before = promises.answers;
  session.control().end_space_limit();
  EXPECT_TRUE(wait_until([&] { return promises.recoveries > 0; }));
  EXPECT_TRUE(wait_until([&] { return promises.answers > before + 500; }));
  session.kill(process);
  ASSERT_TRUE(session.drop_unsynced(first_seed(), drop_policy::all));
  check();
}

// Goal: a process that dies on a full disk has lost nothing either.
TEST_F(storage_kill, AKillOnAFullDiskLosesNothing) {
  for (int cycle = 0; cycle < 10; ++cycle) {
    std::mt19937_64 dice(first_seed() + static_cast<std::uint64_t>(cycle));
    const pid_t process = session.spawn(child("count"));
    std::this_thread::sleep_for(milliseconds(100));
    session.control().limit_space(dice() % (256 << 10), faults::fault_control::space_use::every_byte);
    std::this_thread::sleep_for(milliseconds(dice() % 150));
    session.kill(process);
    session.control().end_space_limit();
    ASSERT_TRUE(session.drop_unsynced(dice(), drop_policy::random));
  }
  check();
}

// Goal: a failed sync leaves nobody knowing what is on the disk: the process ends with a message that
// names the folder, and the next start finds all that was acknowledged.
TEST_F(storage_kill, AFailedSyncEndsTheProcessAndLosesNothing) {
  const pid_t process = session.spawn(child("count"));
  std::this_thread::sleep_for(milliseconds(200));
  session.control().fail_syncs(EIO, 1);
  const auto end = session.wait(process);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->exit_code, 4);
  ASSERT_TRUE(session.drop_unsynced(first_seed(), drop_policy::all));
  session.control().reset();
  check();
}

// Goal: a node starts from an online snapshot, and it holds at least what was acknowledged when the
// copy began.
TEST_F(storage_kill, ANodeStartsFromAnOnlineSnapshot) {
  const std::filesystem::path copy = session.root() / "copy";
  std::vector<std::string> argv = child("count");
  argv.insert(argv.end(), {"snapshot", copy.string()});
  const pid_t process = session.spawn(argv);
  std::uint64_t before[board::slots] = {};
  std::this_thread::sleep_for(milliseconds(150));
  for (std::uint32_t slot = 0; slot < board::slots; ++slot) {
    before[slot] = promises.acknowledged[slot];
  }
  const auto end = session.wait(process);
  ASSERT_TRUE(end && end->good());
  for (std::uint32_t slot = 0; slot < board::slots; ++slot) {
    promises.acknowledged[slot] = before[slot]; // the copy is older than the original
  }
  data = copy;
  check();
}

// Goal: a folder that cannot be written is refused by name. Method: a read-only mount in a name space of
// the child's own, for permissions do not bind root.
TEST_F(storage_kill, AReadOnlyFolderIsRefusedByName) {
  const std::string folder = data.string();
  const std::string told = (session.outside() / "told").string();
  const std::string script = "mount --bind " + folder + " " + folder + " && mount -o remount,ro,bind " + folder + " " +
                             folder + " || exit 77; exec " + GODWIT_STORAGE_CHILD + " " + folder + " " +
                             board_file.string() + " check 2>" + told;
  const auto end = session.wait(session.spawn({"/usr/bin/unshare", "--mount", "/bin/sh", "-c", script}));
  ASSERT_TRUE(end);
  if (end->exit_code == 77 || end->exit_code == 1) {
    GTEST_SKIP() << "mounting is not permitted here";
  }
  EXPECT_EQ(end->exit_code, 4);
  std::ifstream file(told);
  const std::string message{std::istreambuf_iterator<char>(file), {}};
  EXPECT_NE(message.find(folder), std::string::npos) << message;
  EXPECT_NE(message.find("ead-only"), std::string::npos) << message;
}

// Goal: a second process on the folder is refused by name and disturbs nothing.
TEST_F(storage_kill, ASecondProcessOnTheFolderIsRefused) {
  const pid_t first = session.spawn(child("count"));
  std::this_thread::sleep_for(milliseconds(300));
  const auto second = session.wait(session.spawn(child("check")));
  ASSERT_TRUE(second);
  EXPECT_EQ(second->exit_code, 4);
  const std::uint64_t before = promises.answers;
  std::this_thread::sleep_for(milliseconds(200));
  EXPECT_GT(promises.answers.load(), before);
  session.kill(first);
  ASSERT_TRUE(session.drop_unsynced(first_seed(), drop_policy::all));
  check();
}

} // namespace
} // namespace godwit::test
