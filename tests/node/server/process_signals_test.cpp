#include "node/server/process_signals.hpp"

#include <csignal>
#include <functional>

#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace godwit::node {
namespace {

using namespace std::chrono_literals;

/// How a child that does this ends: its exit status, or 128 and a signal.
int end_of(const std::function<void()>& what) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(STDERR_FILENO);
    what();
    ::_exit(99);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Goal: one signal asks, SIGHUP asks for something else, and nothing is lost between two calls.
TEST(process_signals, EventsAreCollected) {
  EXPECT_EQ(end_of([] {
              process_signals signals;
              ::kill(::getpid(), SIGHUP);
              bool reopened = signals.wait(10s).reopen_log;
              ::kill(::getpid(), SIGTERM);
              const bool ended = signals.wait(10s).end;
              signals.fail({exit_code::address, "first"});
              signals.fail({exit_code::failure, "second"});
              const auto why = signals.wait(10s).failure;
              const auto nothing = signals.wait(1ms);
              const bool quiet = !nothing.end && !nothing.reopen_log && !nothing.failure;
              ::_exit(reopened && ended && why && why->code == exit_code::address && quiet ? 0 : 1);
            }),
            0);
}

// Goal: a person who has no patience is not kept waiting.
TEST(process_signals, ASecondSignalEndsTheProcessAtOnce) {
  EXPECT_EQ(end_of([] {
              process_signals signals;
              ::kill(::getpid(), SIGTERM);
              signals.wait(10s);
              ::kill(::getpid(), SIGINT);
              ::sleep(60);
            }),
            static_cast<int>(exit_code::failure));
}

// Goal: a drain or a disk that hangs does not keep the process for ever.
TEST(process_signals, TheEndHasATimeLimit) {
  EXPECT_EQ(end_of([] {
              process_signals signals;
              signals.end_at_latest(50ms);
              ::sleep(60);
            }),
            static_cast<int>(exit_code::failure));
}

} // namespace
} // namespace godwit::node
