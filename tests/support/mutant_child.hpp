#pragma once

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>

#include "persistence/base/mutant.hpp"

namespace godwit::test {

/// Runs `find` in a child process with one rule switched off: without it a program may break its own memory. `find` gives
/// the first violation it sees, or nothing; dying of what the rule prevents counts as one. Fails when nobody noticed, and
/// when it took more than four minutes.
template <class Find>
void expect_noticed(persistence::mutant which, const Find& find) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    close(ends[0]);
    persistence::mutants_on.set(static_cast<std::size_t>(which));
    alarm(240);
    const std::string text = find();
    const bool told = write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size());
    _exit(told ? 0 : 2);
  }
  close(ends[1]);
  std::string violation;
  std::array<char, 512> part{};
  for (ssize_t got = 0; (got = read(ends[0], part.data(), part.size())) > 0;) {
    violation.append(part.data(), static_cast<std::size_t>(got));
  }
  close(ends[0]);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  if (WIFSIGNALED(status)) {
    EXPECT_NE(WTERMSIG(status), SIGALRM) << "it takes too long";
    return;
  }
  // Sanitizers end a process with a status of their own.
  EXPECT_TRUE(WEXITSTATUS(status) != 0 || !violation.empty()) << "nobody noticed";
}

} // namespace godwit::test
