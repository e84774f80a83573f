#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "tests/chat_load/chat_run.hpp"
#include "tests/chat_load/check_recordings.hpp"
#include "tests/chat_load/faulty_node.hpp"

namespace {

using godwit::chat_load::chat_run;
using godwit::chat_load::check_recordings;
using godwit::chat_load::faulty_node;
using godwit::chat_load::run_figures;
using godwit::chat_load::run_options;
using godwit::simulation::dice;

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
  std::uint32_t seconds = 20; ///< of doing things
  std::uint32_t kills = 3;    ///< of the node, in that time
  std::filesystem::path program;
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
    into.program = name == "--godwit" ? std::filesystem::path(value) : into.program;
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
    into.seconds = small;
  } else if (name == "--kills") {
    into.kills = small;
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

/// Each kill somewhere in a part of the time of its own, in the middle of a rush.
void disturb(chat_run& run, faulty_node& node, dice& chance, const arguments& with) {
  using std::chrono::milliseconds;
  using clock = godwit::bench::socket_loop::clock;
  const auto whole = milliseconds(std::chrono::seconds(with.seconds));
  const auto now = clock::now();
  for (std::uint32_t i = 0; i < with.kills; ++i) {
    const auto part = whole / (with.kills + 1);
    const auto when = part / 2 + i * part + milliseconds(chance.below(static_cast<std::uint64_t>(part.count())));
    run.loop().at(now + when, [&run] { run.hurry(4); });
    run.loop().at(now + when + milliseconds(chance.below(60)), [&node, seed = chance.next()] { node.crash(seed); });
  }
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
    faulty_node node(with.program);
    dice chance(options.seed ^ 1);
    chat_run run(options, {{.port = node.port(), .server_key = node.key()}}, [&node] { node.check(); });
    try {
      run.sign_up();
      run.begin();
      disturb(run, node, chance, with);
      run.run_for(std::chrono::seconds(with.seconds));
      run.end();
      good = run.figures().breaches.empty();
    } catch (const std::exception& error) {
      std::printf("%s\n%s\n", error.what(), node.log_end().c_str());
    }
    print(run.figures());
    node.keep_log(folder / "node.log");
  }
  good = check_recordings(with.checker, folder) == 0 && good;
  if (!good) {
    std::printf("FAILED with seed %lu; recordings and the node's log are in %s; to repeat:\n"
                "  godwit_chat_load --seed %lu --accounts %u --seconds %u --kills %u --pause %ld --trouble %ld\n",
                options.seed, folder.c_str(), options.seed, options.accounts, with.seconds, with.kills,
                static_cast<long>(options.pause.count()), static_cast<long>(options.trouble.count()));
  } else if (with.folder.empty()) {
    std::filesystem::remove_all(folder);
  }
  return good;
}

} // namespace

int main(int argc, char** argv) {
  arguments with;
  with.program = GODWIT_PROGRAM;
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
