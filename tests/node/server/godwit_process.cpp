#include "tests/node/server/godwit_process.hpp"

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace godwit::test {
namespace {

using clock_type = std::chrono::steady_clock;
using namespace std::chrono_literals;

std::string read(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& each : texts) {
    all.push_back(each.data());
  }
  all.push_back(nullptr);
  return all;
}

pid_t spawn(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
            const std::filesystem::path& folder) {
  std::vector<std::string> command{GODWIT_PROGRAM};
  command.insert(command.end(), arguments.begin(), arguments.end());
  std::vector<std::string> variables = environment;
  for (char** each = environ; *each != nullptr; ++each) {
    if (!std::string_view(*each).starts_with("GODWIT_")) {
      variables.emplace_back(*each);
    }
  }
  const auto argv = pointers(command);
  const auto envp = pointers(variables);
  const std::string out = folder / "out";
  const std::string err = folder / "err";
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(::open("/dev/null", O_RDONLY), 0);
    ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600), 1);
    ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600), 2);
    ::execve(GODWIT_PROGRAM, argv.data(), envp.data());
    ::_exit(127);
  }
  return child;
}

int code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

} // namespace

scratch_folder::scratch_folder() {
  std::string name = (std::filesystem::temp_directory_path() / "godwit_server_XXXXXX").string();
  path_ = ::mkdtemp(name.data());
}

scratch_folder::~scratch_folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

outcome godwit(const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
  const scratch_folder folder;
  const pid_t child = spawn(arguments, environment, folder.path());
  int status = 0;
  ::waitpid(child, &status, 0);
  return {.status = code_of(status), .out = read(folder.path() / "out"), .err = read(folder.path() / "err")};
}

std::uint16_t free_port() {
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(at);
  ::bind(probe, reinterpret_cast<const sockaddr*>(&at), sizeof(at));
  ::getsockname(probe, reinterpret_cast<sockaddr*>(&at), &size);
  ::close(probe);
  return ntohs(at.sin_port);
}

std::uint16_t listen_on_loopback(int socket) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(at);
  ::bind(socket, reinterpret_cast<const sockaddr*>(&at), sizeof(at));
  ::listen(socket, 1);
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&at), &size);
  return ntohs(at.sin_port);
}

running_node::running_node(const std::vector<std::string>& arguments, const std::vector<std::string>& environment)
    : pid_(spawn(arguments, environment, folder_.path())) {}

running_node::~running_node() {
  if (!status_) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
}

void running_node::signal(int number) const { ::kill(pid_, number); }

std::optional<int> running_node::wait(std::chrono::seconds at_most) {
  const auto until = clock_type::now() + at_most;
  int status = 0;
  while (!status_ && clock_type::now() < until) {
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      status_ = code_of(status);
    } else {
      std::this_thread::sleep_for(5ms);
    }
  }
  return status_;
}

std::string running_node::err() const { return read(folder_.path() / "err"); }

std::string http_get(std::uint16_t port, const std::string& path) {
  const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string text;
  if (::connect(made, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0) {
    const std::string request = "GET " + path + " HTTP/1.0\r\n\r\n";
    ::send(made, request.data(), request.size(), MSG_NOSIGNAL);
    std::array<char, 4096> some;
    for (ssize_t got = 0; (got = ::recv(made, some.data(), some.size(), 0)) > 0;) {
      text.append(some.data(), static_cast<std::size_t>(got));
    }
  }
  ::close(made);
  return text;
}

bool wait_for_page(std::uint16_t port, const std::string& path) {
  const auto until = clock_type::now() + 30s;
  while (clock_type::now() < until) {
    if (http_get(port, path).find(" 200 ") != std::string::npos) {
      return true;
    }
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

} // namespace godwit::test
