#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "tests/chat_load/chat_run.hpp"

namespace {

using godwit::chat_load::chat_run;
using godwit::chat_load::run_figures;
using godwit::chat_load::run_options;

constexpr std::string_view usage =
  R"(usage: godwit_chat_load [--seed N] [--accounts N] [--seconds N] [--kills N] [--pause MS] [--trouble MS]
                        [--runs N] [--checker FILE] [--folder FOLDER] [--godwit FILE]

Runs a node and two devices for each account, which do random things while the node is killed and connections fail, and
hands what they recorded to the checker.

  --seed N         of everything drawn at random (GODWIT_SEED, 1)
  --accounts N     (100)
  --seconds N      of doing things (20)
  --kills N        of the node in that time, each a power failure (3)
  --pause MS       between two things that a device does, in the mean (1000)
  --trouble MS     between two troubles of a device's connection, in the mean; 0: none (6000)
  --runs N         runs with the seeds that follow (1; with GODWIT_LONG 50)
  --checker FILE   of tests/checker
  --folder FOLDER  keeps the recordings there; else they are kept when something is wrong
  --godwit FILE    the program
)";

struct arguments {
  run_options run;
  std::uint64_t runs = 1;
  std::string checker = GODWIT_CHECKER;
  std::string folder;
};

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

bool take(std::string_view name, const char* value, arguments& into) {
  if (name == "--checker" || name == "--folder" || name == "--godwit") {
    (name == "--checker" ? into.checker : into.folder) = name == "--godwit" ? into.folder : value;
    into.run.program = name == "--godwit" ? std::filesystem::path(value) : into.run.program;
    return true;
  }
  const auto number = number_in(value);
  if (!number) {
    return false;
  }
  const auto small = static_cast<std::uint32_t>(*number);
  if (name == "--seed") {
    into.run.seed = *number;
  } else if (name == "--accounts") {
    into.run.accounts = small;
  } else if (name == "--seconds") {
    into.run.seconds = small;
  } else if (name == "--kills") {
    into.run.kills = small;
  } else if (name == "--pause") {
    into.run.pause = std::chrono::milliseconds(small);
  } else if (name == "--trouble") {
    into.run.trouble = std::chrono::milliseconds(small);
  } else if (name == "--runs") {
    into.runs = *number;
  } else {
    return false;
  }
  return true;
}

void print(const run_figures& of) {
  std::printf("calls %lu, sends %lu, acknowledged %lu, repeats %lu, refused %lu\n", of.calls, of.sends, of.acknowledged,
              of.repeats, of.refused);
  std::printf("pushes %lu, gaps %lu, too long %lu, differences %lu, connections %lu, sessions begun %lu\n", of.pushes,
              of.gaps, of.too_long, of.differences, of.reconnects, of.sessions);
  for (const auto& [text, times] : of.errors) {
    std::printf("  %6lu %s\n", times, text.c_str());
  }
}

/// A message keeps its author's date: what waits for a node that is down comes behind younger ones.
constexpr const char* date_slack = "60";

int check(const std::string& checker, const std::string& folder) {
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl("/usr/bin/python3", "python3", checker.c_str(), "--date-slack", date_slack, folder.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/// Whether all went well.
bool run_once(const arguments& with) {
  std::filesystem::path folder = with.folder;
  if (folder.empty()) {
    std::string name = (std::filesystem::temp_directory_path() / "godwit-chat-XXXXXX").string();
    folder = ::mkdtemp(name.data()) != nullptr ? std::filesystem::path(name) : std::filesystem::path();
  }
  std::filesystem::create_directories(folder);
  run_options options = with.run;
  options.folder = folder;
  bool good = false;
  {
    chat_run run(options);
    try {
      run.run();
      good = true;
    } catch (const std::exception& error) {
      std::printf("%s\n%s\n", error.what(), run.node().log_end().c_str());
    }
    print(run.figures());
    run.node().keep_log(folder / "node.log");
  }
  good = good && check(with.checker, folder.string()) == 0;
  if (!good) {
    std::printf("FAILED with seed %lu; recordings and the node's log are in %s; to repeat:\n"
                "  godwit_chat_load --seed %lu --accounts %u --seconds %u --kills %u --pause %ld --trouble %ld\n",
                options.seed, folder.c_str(), options.seed, options.accounts, options.seconds, options.kills,
                static_cast<long>(options.pause.count()), static_cast<long>(options.trouble.count()));
  } else if (with.folder.empty()) {
    std::filesystem::remove_all(folder);
  }
  return good;
}

} // namespace

int main(int argc, char** argv) {
  arguments with;
  with.run.program = GODWIT_PROGRAM;
  with.run.seconds = 20;
  if (const char* const seed = std::getenv("GODWIT_SEED")) {
    with.run.seed = number_in(seed).value_or(1);
  }
  with.runs = std::getenv("GODWIT_LONG") != nullptr ? 50 : 1;
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc || !take(argv[i], argv[i + 1], with)) {
      std::fputs(usage.data(), stderr);
      return 2;
    }
  }
  bool good = true;
  try {
    for (std::uint64_t i = 0; i < with.runs && good; ++i) {
      good = run_once(with);
      ++with.run.seed;
    }
  } catch (const std::exception& error) {
    std::printf("%s\n", error.what());
    return 1;
  }
  return good ? 0 : 1;
}
