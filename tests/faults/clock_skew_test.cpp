#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/faults/fault_session.hpp"

namespace godwit::faults {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr std::size_t places = 8;
constexpr std::int64_t steady_place = 2;
/// Between two readings on a busy machine; a coarse clock and whole seconds are within it, too.
constexpr std::int64_t slack_ms = 5000;

template <class Clock>
std::int64_t now_of() {
  return std::chrono::duration_cast<milliseconds>(Clock::now().time_since_epoch()).count();
}

// A process that reads every clock all the time, and what it read.
class clock_skew : public ::testing::Test {
protected:
  void SetUp() override {
    const std::string file = session.outside() / "clocks";
    const int made = ::open(file.c_str(), O_RDWR | O_CREAT, 0600);
    ASSERT_EQ(::ftruncate(made, places * sizeof(std::int64_t)), 0);
    void* const memory = ::mmap(nullptr, places * sizeof(std::int64_t), PROT_READ, MAP_SHARED, made, 0);
    ::close(made);
    ASSERT_NE(memory, MAP_FAILED);
    told = static_cast<const std::atomic<std::int64_t>*>(memory);
    session.spawn({GODWIT_FAULTS_CLOCK, file});
  }

  /// Waits for two rounds of readings, so that one began after this call.
  void wait_for_readings() const {
    const std::int64_t before = told[0];
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (told[0] < before + 2) {
      ASSERT_LT(std::chrono::steady_clock::now(), until) << "the process reads no clocks";
      std::this_thread::sleep_for(1ms);
    }
  }

  void expect_wall_clocks_off_by(milliseconds skew) const {
    wait_for_readings();
    for (std::size_t place = 1; place < places; ++place) {
      const bool steady = place == steady_place;
      const std::int64_t right =
        steady ? now_of<std::chrono::steady_clock>() : now_of<std::chrono::system_clock>() + skew.count();
      EXPECT_LE(std::abs(told[place] - right), slack_ms) << "clock " << place;
    }
  }

  fault_session session;
  const std::atomic<std::int64_t>* told = nullptr;
};

// Goal: every way to ask for the wall clock shows the skew, switched while the process runs, and the steady clock never
// does. Method: a child that reads them all; forward, backward and back again.
TEST_F(clock_skew, TheWallClockOfARunningProcessIsSetAndSetBack) {
  expect_wall_clocks_off_by(0ms);
  session.control().skew_clock(10min);
  expect_wall_clocks_off_by(10min);
  session.control().skew_clock(-10min);
  expect_wall_clocks_off_by(-10min);
  session.control().reset();
  expect_wall_clocks_off_by(0ms);
}

// Goal: a process that starts with a wrong clock has it from the first reading on. Method: the skew comes first.
TEST_F(clock_skew, AProcessThatStartsLaterHasTheSkewToo) {
  session.kill();
  session.control().skew_clock(-1h);
  session.spawn({GODWIT_FAULTS_CLOCK, session.outside() / "clocks"});
  expect_wall_clocks_off_by(-1h);
}

} // namespace
} // namespace godwit::faults
