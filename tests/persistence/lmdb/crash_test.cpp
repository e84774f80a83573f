// The log store on a disk that loses what was not synced: a process of its own writes votes and is killed at
// every step of its writes and syncs in turn.
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "persistence/lmdb/lmdb_log_store.hpp"
#include "tests/faults/fault_session.hpp"
#include "tests/persistence/lmdb/log_fixture.hpp"

namespace godwit::persistence::lmdb {
namespace {

using faults::drop_policy;
using faults::kill_phase;
using faults::kill_target;
using ::testing::HasSubstr;

class crash_test : public ::testing::Test {
protected:
  [[nodiscard]] std::string ledger() const { return (session_.outside() / "ledger").string(); }

  faults::process_end run(const std::string& count, const std::string& mutant) {
    const std::string folder = (session_.root() / "log").string();
    return session_.wait(session_.spawn({GODWIT_VOTE_CHILD, folder, ledger(), count, mutant})).value();
  }

  /// Kills the process at its `step`th write or sync and drops what is not synced. Returns what is wrong with what
  /// is left, or nothing.
  std::string crash_at(std::uint64_t step, kill_phase phase, drop_policy policy, const std::string& mutant) {
    session_.clear();
    std::ofstream(ledger(), std::ios::trunc).close();
    // The folder is made and synced before the first kill.
    if (!run("0", "").good()) {
      return "the folder could not be made";
    }
    session_.control().kill_at(kill_target::operation, step, phase);
    const faults::process_end end = run(std::to_string(votes), mutant);
    session_.control().never_kill();
    if (!end.killed()) {
      return "the process was not killed";
    }
    if (const auto dropped = session_.drop_unsynced(step, policy); !dropped) {
      return dropped.error();
    }
    return judge();
  }

  std::string judge() {
    std::uint64_t reported = 0;
    std::ifstream(ledger(), std::ios::binary).read(reinterpret_cast<char*>(&reported), sizeof(reported));
    recording_log_sink sink;
    environment_options options;
    options.folder = session_.root() / "log";
    options.create = false;
    options.map_bytes = 1 << 20;
    const auto env = environment::open(options);
    if (!env) {
      return env.error().message;
    }
    const auto store = lmdb_log_store::open(**env, sink);
    if (!store) {
      return store.error().message;
    }
    const auto log = (*store)->recover(shard_id(1), 0);
    if (!log) {
      return log.error().message;
    }
    if (log->hard.term < reported) {
      return "term " + std::to_string(reported) + " was reported durable, found " + std::to_string(log->hard.term);
    }
    if (log->hard.term != 0 && log->hard.vote != node_id(log->hard.term % 5 + 1)) {
      return "term " + std::to_string(log->hard.term) + " has another term's vote";
    }
    return {};
  }

  /// Crashes at each of the first steps in each phase; the first finding, or nothing.
  std::string sweep(drop_policy policy, const std::string& mutant) {
    for (std::uint64_t step = 1; step <= steps; ++step) {
      for (const kill_phase phase : {kill_phase::before, kill_phase::middle, kill_phase::after}) {
        std::string finding = crash_at(step, phase, policy, mutant);
        if (!finding.empty()) {
          return finding + ", step " + std::to_string(step) + ", phase " + std::to_string(static_cast<int>(phase));
        }
      }
    }
    return {};
  }

  static constexpr int votes = 50;
  static constexpr std::uint64_t steps = 24; // each vote takes a write or two, a sync and the header

  faults::fault_session session_;
};

TEST_F(crash_test, AVoteSurvivesAPowerFailureOnceItIsReported) {
  EXPECT_EQ(sweep(drop_policy::all, ""), "");
  EXPECT_EQ(sweep(drop_policy::random, ""), "");
}

// The same crashes must find both rules broken when they are switched off.
TEST_F(crash_test, AVoteThatIsNotSyncedIsLost) {
  EXPECT_THAT(sweep(drop_policy::all, "vote_unsynced"), HasSubstr("was reported durable"));
}

TEST_F(crash_test, ATermWrittenBeforeItsVoteIsFoundWithTheOldOne) {
  EXPECT_THAT(sweep(drop_policy::all, "split_hard_state"), HasSubstr("has another term's vote"));
}

// A process that is killed alone leaves unsynced writes in the page cache. The next one finds them and acts on
// them; a power failure after that must not take them back. Method: kill at every step, let another process tell
// what it finds, and only then drop what is not synced.
TEST_F(crash_test, WhatAProcessFindsSurvivesAPowerFailure) {
  for (std::uint64_t step = 1; step <= steps; ++step) {
    for (const kill_phase phase : {kill_phase::before, kill_phase::middle, kill_phase::after}) {
      SCOPED_TRACE("step " + std::to_string(step) + ", phase " + std::to_string(static_cast<int>(phase)));
      session_.clear();
      std::ofstream(ledger(), std::ios::trunc).close();
      ASSERT_TRUE(run("0", "").good());
      session_.control().kill_at(kill_target::operation, step, phase);
      ASSERT_TRUE(run(std::to_string(votes), "").killed());
      session_.control().never_kill();
      ASSERT_TRUE(run("found", "").good());
      ASSERT_TRUE(session_.drop_unsynced(step, drop_policy::all));
      ASSERT_EQ(judge(), "");
    }
  }
}

// A sync that fails may have lost anything since the last good one. Nothing is reported after it.
TEST_F(crash_test, AFailedSyncIsFinal) {
  ASSERT_TRUE(run("0", "").good());
  session_.control().fail_syncs(EIO, 1, 10);
  EXPECT_EQ(run(std::to_string(votes), "").exit_code, 4);
  ASSERT_TRUE(session_.drop_unsynced(1, drop_policy::all));
  EXPECT_EQ(judge(), "");
}

// A write meets the end of the disk in the middle, which LMDB reports as EIO. The store has to see that it was no
// failure of the disk: it keeps the vote, tells once, and goes on when there is room.
TEST_F(crash_test, ADiskThatFillsUpInTheMiddleOfAWriteIsWaitedFor) {
  ASSERT_TRUE(run("0", "").good());
  session_.control().limit_space(30'000, faults::fault_control::space_use::every_byte);
  const std::string folder = (session_.root() / "log").string();
  const pid_t child = session_.spawn({GODWIT_VOTE_CHILD, folder, ledger(), std::to_string(votes), ""});
  EXPECT_FALSE(session_.wait(child, std::chrono::milliseconds(300))) << "the process did not wait";
  session_.control().end_space_limit();
  EXPECT_TRUE(session_.wait(child).value().good());
  ASSERT_TRUE(session_.drop_unsynced(1, drop_policy::all));
  EXPECT_EQ(judge(), "");
}

} // namespace
} // namespace godwit::persistence::lmdb
