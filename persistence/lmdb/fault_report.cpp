#include "persistence/lmdb/fault_report.hpp"
#include "persistence/lmdb/environment_error.hpp"

#include <array>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <string_view>

#include <fcntl.h>
#include <ucontext.h>
#include <unistd.h>

namespace godwit::persistence::lmdb {
namespace {

// Everything below runs inside a signal handler: only open, read, write and sigaction, no allocation.

struct sigaction before_bus;
struct sigaction before_segv;

void say(std::string_view text) {
  // Nothing can be done about a failure here.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

/// Takes a hexadecimal number and the character behind it off the line.
std::uintptr_t take_hex(std::string_view& line) {
  std::uintptr_t value = 0;
  while (!line.empty()) {
    const char c = line.front();
    line.remove_prefix(1);
    if (c >= '0' && c <= '9') {
      value = value * 16 + static_cast<std::uintptr_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      value = value * 16 + static_cast<std::uintptr_t>(c - 'a' + 10);
    } else {
      break;
    }
  }
  return value;
}

/// How far behind its map a damaged length can lead a read: lengths in LMDB's pages have 32 bits.
constexpr std::uintptr_t reach = std::uintptr_t{1} << 32;

constexpr std::string_view advice =
  "Either the disk failed, or the file was damaged or cut off. Check the disk. " GODWIT_DAMAGED_DATA_REMEDY "\n";

/// One line of /proc/self/maps: "begin-end rights offset device inode path".
struct map_line {
  explicit map_line(std::string_view line)
      : begin(take_hex(line)), end(take_hex(line)), readable(line.starts_with('r')) {
    if (const std::size_t at = line.find('/'); at != std::string_view::npos) {
      path = line.substr(at);
    }
  }
  [[nodiscard]] bool holds(std::uintptr_t address) const { return address >= begin && address < end; }
  [[nodiscard]] bool is_data_file() const { return path.find("/data.mdb") != std::string_view::npos; }

  std::uintptr_t begin;
  std::uintptr_t end;
  bool readable;
  std::string_view path;
};

template <class Visit>
void for_each_map(Visit visit) {
  const int file = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    return;
  }
  std::array<char, 4352> line; // a path of 4096 bytes and what stands before it
  std::array<char, 1024> piece;
  std::size_t length = 0;
  for (ssize_t got = 0; (got = ::read(file, piece.data(), piece.size())) > 0;) {
    for (const char c : std::string_view(piece.data(), static_cast<std::size_t>(got))) {
      if (c == '\n') {
        visit(map_line({line.data(), length}));
        length = 0;
      } else if (length < line.size()) {
        line[length++] = c;
      }
    }
  }
  ::close(file);
}

/// Where the faulting instruction is; 0 where that is not known.
std::uintptr_t instruction_of(const void* context) {
#if defined(__x86_64__)
  return static_cast<std::uintptr_t>(static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return static_cast<std::uintptr_t>(static_cast<const ucontext_t*>(context)->uc_mcontext.pc);
#else
  static_cast<void>(context);
  return 0;
#endif
}

void report(std::uintptr_t address, std::uintptr_t instruction) {
  std::uintptr_t owner = 0; // the beginning of the data file's map that the fault belongs to
  bool in_library = false;
  for_each_map([&](const map_line& map) {
    if (map.is_data_file() && address >= map.begin && (map.holds(address) || address - map.end < reach)) {
      owner = map.begin;
    } else if (map.holds(address) && map.readable) {
      owner = 0; // a fault in memory of another kind
    }
    in_library = in_library || (map.holds(instruction) && map.path.find("/liblmdb") != std::string_view::npos);
  });
  // A damaged page can also lead LMDB astray to anywhere: then it is one of those that are open.
  for_each_map([&](const map_line& map) {
    if (map.is_data_file() && (map.begin == owner || (owner == 0 && in_library))) {
      say("godwit: data file ");
      say(map.path);
      say(owner != 0 ? ": a page cannot be read. " : ": this or another open data file cannot be read. ");
      say(advice);
    }
  });
}

void on_fault(int signal, siginfo_t* info, void* context) {
  report(reinterpret_cast<std::uintptr_t>(info->si_addr), instruction_of(context));
  // Returning runs the faulting instruction again, now under the handler that was there before.
  ::sigaction(signal, signal == SIGBUS ? &before_bus : &before_segv, nullptr);
}

} // namespace

void install_fault_report() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction ours {};
    ours.sa_sigaction = on_fault;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&ours.sa_mask);
    ::sigaction(SIGBUS, &ours, &before_bus);
    ::sigaction(SIGSEGV, &ours, &before_segv);
  });
}

} // namespace godwit::persistence::lmdb
