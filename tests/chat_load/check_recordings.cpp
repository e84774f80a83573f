#include "tests/chat_load/check_recordings.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

namespace godwit::chat_load {
namespace {

/// In seconds: a date is a whole one, and the clocks of the nodes tell nearly the same.
constexpr const char* date_slack = "2";

} // namespace

int check_recordings(const std::string& checker, const std::filesystem::path& folder) {
  return run_program({"/usr/bin/python3", checker, "--date-slack", date_slack, folder.string()});
}

int run_program(const std::vector<std::string>& command) {
  std::fflush(stdout);
  std::vector<std::string> words = command;
  std::vector<char*> arguments;
  for (std::string& each : words) {
    arguments.push_back(each.data());
  }
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::execv(arguments.front(), arguments.data());
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

void print(const run_figures& of) {
  std::printf("calls %lu, sends %lu, acknowledged %lu, repeats %lu, refused %lu\n", of.calls, of.sends, of.acknowledged,
              of.repeats, of.refused);
  std::printf("pushes %lu, gaps %lu, too long %lu, differences %lu, connections %lu, sessions begun %lu\n", of.pushes,
              of.gaps, of.too_long, of.differences, of.reconnects, of.sessions);
  for (const auto& [text, times] : of.errors) {
    std::printf("  %6lu %s\n", times, text.c_str());
  }
  for (const std::string& each : of.breaches) {
    std::printf("BREACH %s\n", each.c_str());
  }
  if (of.breaches_seen > of.breaches.size()) {
    std::printf("BREACH and %lu more\n", of.breaches_seen - of.breaches.size());
  }
}

} // namespace godwit::chat_load
