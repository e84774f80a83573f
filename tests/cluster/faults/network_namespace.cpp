#include "tests/cluster/faults/network_namespace.hpp"

#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <utility>

namespace godwit::cluster_faults {
namespace {

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

void write_file(const std::string& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) {
    fail(path);
  }
  const bool written = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = errno;
  ::close(file);
  if (!written) {
    errno = error;
    fail(path);
  }
}

std::string read_all(int file) {
  std::string text;
  std::array<char, 4096> some{};
  for (ssize_t got = 0; (got = ::read(file, some.data(), some.size())) > 0;) {
    text.append(some.data(), static_cast<std::size_t>(got));
  }
  return text;
}

/// Root of a namespace of users has no rights outside of it, so this one is who it was for files and other processes.
void move_away() {
  const std::string user = std::to_string(::geteuid());
  const std::string group = std::to_string(::getegid());
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0) {
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", "0 " + user + " 1");
    write_file("/proc/self/gid_map", "0 " + group + " 1");
  } else if (const int error = errno; ::unshare(CLONE_NEWNET) != 0) { // enough for a privileged one
    errno = error;
    fail("no namespaces of users and networks here");
  }
}

std::string name_of_ip() {
  // Where it is, for users in whose path it is not.
  for (const char* each : {"/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip", "/bin/ip"}) {
    if (::access(each, X_OK) == 0) {
      return each;
    }
  }
  throw std::runtime_error("the program ip is missing (package iproute2)");
}

} // namespace

network_namespace network_namespace::current() {
  const int file = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    fail("/proc/thread-self/ns/net");
  }
  return network_namespace(file);
}

network_namespace network_namespace::make() {
  const network_namespace here = current();
  const inside_namespace back(here);
  if (::unshare(CLONE_NEWNET) != 0) {
    fail("a network namespace cannot be made");
  }
  return current();
}

network_namespace::network_namespace(network_namespace&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

network_namespace::~network_namespace() {
  if (file_ >= 0) {
    ::close(file_);
  }
}

std::string network_namespace::path() const {
  return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(file_);
}

inside_namespace::inside_namespace(const network_namespace& which) : before_(network_namespace::current()) {
  if (::setns(which.file_, CLONE_NEWNET) != 0) {
    fail("a network namespace cannot be entered");
  }
}

inside_namespace::~inside_namespace() {
  if (::setns(before_.file_, CLONE_NEWNET) != 0) {
    std::perror("no way back from a network namespace");
    std::abort();
  }
}

std::optional<std::string> enter_own_network(const std::function<void()>& attempt) {
  int report[2];
  if (::pipe2(report, O_CLOEXEC) != 0) {
    fail("no pipe");
  }
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      move_away();
      attempt();
    } catch (const std::exception& error) {
      const std::string why = error.what();
      [[maybe_unused]] const auto written = ::write(report[1], why.data(), why.size());
      ::_exit(1);
    }
    ::_exit(0);
  }
  ::close(report[1]);
  const std::string why = read_all(report[0]);
  ::close(report[0]);
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) {
    fail("no child");
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return why.empty() ? "the attempt ended by a signal" : why;
  }
  move_away();
  return std::nullopt;
}

void run_ip(const std::string& commands) {
  const std::string program = name_of_ip();
  int in[2];
  int out[2];
  if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) {
    fail("no pipes");
  }
  // All of it now, while somebody can read it: a pipe holds more.
  [[maybe_unused]] const auto written = ::write(in[1], commands.data(), commands.size());
  ::close(in[1]);
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_adddup2(&files, in[0], STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&files, out[1], STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&files, out[1], STDERR_FILENO);
  std::array<std::string, 3> words{program, "-batch", "-"};
  std::array<char*, 4> argv{words[0].data(), words[1].data(), words[2].data(), nullptr};
  pid_t child = -1;
  const int error = ::posix_spawn(&child, program.c_str(), &files, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&files);
  ::close(in[0]);
  ::close(out[1]);
  const std::string said = read_all(out[0]);
  ::close(out[0]);
  int status = 0;
  if (error != 0 || ::waitpid(child, &status, 0) != child || status != 0) {
    throw std::runtime_error(program + " failed: " + said + "commands were:\n" + commands);
  }
}

void set_sysctl(const std::string& name, const std::string& value) { write_file("/proc/sys/net/" + name, value); }

} // namespace godwit::cluster_faults
