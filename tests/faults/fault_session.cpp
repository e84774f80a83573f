#include "tests/faults/fault_session.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace godwit::faults {
namespace {

namespace fs = std::filesystem;

fs::path make_folder(const fs::path& parent) {
  std::string name = ((parent.empty() ? fs::temp_directory_path() : parent) / "godwit-faults-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr)
    throw std::runtime_error(name + ": cannot be made");
  return fs::canonical(name);
}

fs::path make_part(const fs::path& folder, const char* name) {
  fs::create_directory(folder / name);
  return folder / name;
}

/// The environment of a child: the test's own, with some names replaced.
class environment_of_child {
public:
  environment_of_child() {
    for (char** entry = environ; *entry != nullptr; ++entry)
      entries_.emplace_back(*entry);
  }

  void set(std::string_view name, const std::string& value) {
    const std::string prefix = std::string(name) + "=";
    std::erase_if(entries_, [&](const std::string& entry) { return entry.starts_with(prefix); });
    entries_.push_back(prefix + value);
  }

  void append(const char* name, const std::string& value, char separator) {
    const char* old = std::getenv(name);
    set(name, old == nullptr || *old == 0 ? value : std::string(old) + separator + value);
  }

  void add(const std::string& entry) { set(entry.substr(0, entry.find('=')), entry.substr(entry.find('=') + 1)); }

  [[nodiscard]] std::vector<char*> pointers() {
    std::vector<char*> all;
    for (std::string& entry : entries_)
      all.push_back(entry.data());
    all.push_back(nullptr);
    return all;
  }

private:
  std::vector<std::string> entries_;
};

// Between fork and exec: only calls that are safe there, since the test may have threads.
[[noreturn]] void become(char* const* argv, char* const* environment, int report) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::execve(argv[0], argv, environment);
  const int error = errno;
  [[maybe_unused]] const auto written = ::write(report, &error, sizeof(error));
  ::_exit(127);
}

process_end end_of(int status) {
  if (WIFSIGNALED(status))
    return {-1, WTERMSIG(status)};
  return {WEXITSTATUS(status), 0};
}

} // namespace

bool process_end::killed() const { return signal == SIGKILL; }

fault_session::fault_session(session_options options)
    : options_(std::move(options)),
      folder_(make_folder(options_.parent)),
      root_(make_part(folder_, "data")),
      outside_(make_part(folder_, "outside")),
      journal_(make_part(folder_, "journal")),
      control_(folder_ / "control") {}

fault_session::~fault_session() {
  kill();
  std::error_code ignored; // a folder left behind harms no other test
  fs::remove_all(folder_, ignored);
}

pid_t fault_session::spawn(const std::vector<std::string>& argv, const std::vector<std::string>& environment) {
  environment_of_child names;
  names.append("LD_PRELOAD", GODWIT_DISK_FAULTS_LIBRARY, ':');
  // The address sanitizer wants to be the first library; behind this one it works as well.
  names.append("ASAN_OPTIONS", "verify_asan_link_order=0", ':');
  names.set("GODWIT_FAULT_ROOT", root_.string());
  names.set("GODWIT_FAULT_JOURNAL", journal_.string());
  names.set("GODWIT_FAULT_JOURNAL_MB", std::to_string(options_.journal_mb));
  names.set("GODWIT_FAULT_CONTROL", (folder_ / "control").string());
  names.set("GODWIT_FAULT_REAL_SYNC", options_.real_sync ? "1" : "0");
  for (const std::string& entry : environment)
    names.add(entry);

  std::vector<std::string> words = argv;
  std::vector<char*> argv_pointers;
  for (std::string& word : words)
    argv_pointers.push_back(word.data());
  argv_pointers.push_back(nullptr);
  const std::vector<char*> environment_pointers = names.pointers();

  int report[2];
  if (::pipe2(report, O_CLOEXEC) != 0)
    throw std::runtime_error("no pipe for a child");
  const pid_t process = ::fork();
  if (process == 0)
    become(argv_pointers.data(), environment_pointers.data(), report[1]);
  ::close(report[1]);
  int error = 0;
  const auto got = process > 0 ? ::read(report[0], &error, sizeof(error)) : 0;
  ::close(report[0]);
  if (process < 0)
    throw std::runtime_error("cannot fork");
  running_.push_back(process);
  if (got > 0) {
    kill(process);
    throw std::runtime_error(argv[0] + ": " + std::strerror(error));
  }
  return process;
}

void fault_session::kill(pid_t process) {
  if (std::find(running_.begin(), running_.end(), process) == running_.end())
    return;
  ::kill(process, SIGKILL);
  int status = 0;
  while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  std::erase(running_, process);
}

void fault_session::kill() {
  for (const pid_t process : std::vector<pid_t>(running_))
    kill(process);
}

std::optional<process_end> fault_session::wait(pid_t process, std::chrono::milliseconds timeout) {
  // By its number: the header of glibc 2.36 cannot be used from C++.
  const int handle = static_cast<int>(::syscall(SYS_pidfd_open, process, 0));
  if (handle < 0)
    throw std::runtime_error("not a process of this session");
  pollfd waiting{handle, POLLIN, 0};
  const auto end = std::chrono::steady_clock::now() + timeout;
  int ready = 0;
  do {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    ready = ::poll(&waiting, 1, static_cast<int>(std::max<std::int64_t>(0, left.count())));
  } while (ready < 0 && errno == EINTR);
  ::close(handle);
  if (ready != 1)
    return std::nullopt;
  int status = 0;
  while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  std::erase(running_, process);
  return end_of(status);
}

expected<drop_report, std::string> fault_session::drop_unsynced(std::uint64_t seed, drop_policy policy) {
  return faults::drop_unsynced(journal_, seed, policy);
}

void fault_session::clear() {
  kill();
  // Removed one by one: the journal is bound to the folder itself.
  for (const auto& entry : fs::directory_iterator(root_))
    fs::remove_all(entry.path());
  static_cast<void>(drop_unsynced(0, drop_policy::none));
  control_.reset();
}

} // namespace godwit::faults
