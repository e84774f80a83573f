// Real processes: a node's entities are killed at random instants while they answer, what was not synced is
// dropped, and the next process must find all that was acknowledged and nothing that was never asked for.

#include <gtest/gtest.h>

#include <cstdlib>
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
using std::chrono::milliseconds;

std::uint64_t first_seed() {
  const char* const seed = std::getenv("GODWIT_SEED");
  return seed != nullptr ? std::strtoull(seed, nullptr, 10) : 1;
}

class entity_kill : public ::testing::Test {
protected:
  std::vector<std::string> child(const std::string& mode) const {
    return {GODWIT_ENTITY_CHILD, (session.root() / "data").string(), board_file.string(), mode};
  }
  void check() {
    const auto end = session.wait(session.spawn(child("check")));
    ASSERT_TRUE(end && end->good()) << "exit " << end->exit_code << " signal " << end->signal;
  }

  fault_session session;
  std::filesystem::path board_file = session.outside() / "board";
  board& promises = board::map(board_file);
};

// Goal: an answer of an entity is a promise (the design, section 3: nothing is acknowledged before it is on a
// majority's disks). Method: every cycle dies by SIGKILL after a random time or in the middle of a random write or
// sync; the seed prints with a failure.
TEST_F(entity_kill, NothingAcknowledgedIsLostByKillsWithUnsyncedWritesDropped) {
  const int cycles = std::getenv("GODWIT_LONG") != nullptr ? 1000 : 60;
  check();
  for (int cycle = 0; cycle < cycles; ++cycle) {
    const std::uint64_t seed = first_seed() * 1'000'000 + static_cast<std::uint64_t>(cycle);
    SCOPED_TRACE("GODWIT_SEED=" + std::to_string(first_seed()) + " cycle " + std::to_string(cycle));
    std::mt19937_64 dice(seed);
    const bool at_random_time = dice() % 2 == 0;
    if (at_random_time) {
      session.control().never_kill();
    } else {
      session.control().kill_at(kill_target::operation, 1 + dice() % 600, static_cast<kill_phase>(dice() % 3));
    }
    const pid_t process = session.spawn(child("count"));
    const auto end = session.wait(process, at_random_time ? milliseconds(20 + dice() % 200) : milliseconds(20'000));
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
  EXPECT_GT(promises.starts.load(), static_cast<std::uint64_t>(cycles) / 4);
  EXPECT_GT(promises.answers.load(), 1000U);
  std::printf("%d kills, %llu requests acknowledged, %llu starts\n", cycles,
              static_cast<unsigned long long>(promises.answers.load()),
              static_cast<unsigned long long>(promises.starts.load()));
}

// Goal: on a full disk nothing is acknowledged and nothing is lost; askers hear `unavailable` (the child then asks
// again), the operator hears why, and when there is room again the same process goes on.
TEST_F(entity_kill, AFullDiskAcknowledgesNothingAndGoesOnWhenThereIsRoom) {
  const auto wait_until = [](const auto& condition) {
    for (int i = 0; i < 4000 && !condition(); ++i) {
      std::this_thread::sleep_for(milliseconds(5));
    }
    return condition();
  };
  const pid_t process = session.spawn(child("grow"));
  ASSERT_TRUE(wait_until([&] { return promises.answers > 500; }));
  session.control().limit_space(64 << 10, faults::fault_control::space_use::growth_only);
  ASSERT_TRUE(wait_until([&] { return promises.refusals > 0; }));
  const std::uint64_t asked = promises.proposed[3];
  EXPECT_TRUE(wait_until([&] { return promises.proposed[3] > asked + 1; })) << "nobody heard `unavailable`";
  const std::uint64_t before = promises.answers;
  session.control().end_space_limit();
  EXPECT_TRUE(wait_until([&] { return promises.recoveries > 0 && promises.answers > before + 500; }));
  session.kill(process);
  ASSERT_TRUE(session.drop_unsynced(first_seed(), drop_policy::all));
  check();
}

// Goal: the check above can fail. Method: after a run the promise of one slot is raised by one.
TEST_F(entity_kill, ABrokenPromiseIsNoticed) {
  const pid_t process = session.spawn(child("count"));
  for (int i = 0; i < 2000 && promises.answers < 200; ++i) {
    std::this_thread::sleep_for(milliseconds(5));
  }
  session.kill(process);
  ASSERT_GE(promises.answers.load(), 200U);
  promises.acknowledged[7] = promises.proposed[7] + 1;
  const auto end = session.wait(session.spawn(child("check")));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->exit_code, 3);
}

} // namespace
} // namespace godwit::test
