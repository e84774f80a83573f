#include "bench/load/node_process.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "bench/load/local_ports.hpp"

namespace godwit::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto start_time_max = 30s;
constexpr auto stop_time_max = 30s;

pid_t spawn(std::vector<std::string> command, const std::filesystem::path& log) {
  std::vector<char*> arguments;
  for (std::string& each : command) {
    arguments.push_back(each.data());
  }
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    ::execvp(arguments.front(), arguments.data());
    ::_exit(127);
  }
  return child;
}

std::string read(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace

node_process::node_process(const std::filesystem::path& parent, const std::vector<std::string>& settings,
                           const std::vector<std::string>& wrapper)
    : folder_(parent), port_(free_port()), metrics_port_(free_port()) {
  command_ = wrapper;
  command_.insert(command_.end(), {GODWIT_PROGRAM, "serve", "--data", folder_.path() / "data"});
  std::vector<std::string> all = {"listen.port=" + std::to_string(port_),
                                  "metrics.port=" + std::to_string(metrics_port_), "auth.test_numbers=true"};
  all.insert(all.end(), settings.begin(), settings.end());
  for (const std::string& each : all) {
    command_.insert(command_.end(), {"--set", each});
  }
  try {
    init();
    start();
  } catch (...) {
    stop();
    throw;
  }
}

node_process::~node_process() { stop(); }

void node_process::restart() {
  stop();
  start();
}

void node_process::init() {
  const std::filesystem::path data = folder_.path() / "data";
  const pid_t child = spawn({GODWIT_PROGRAM, "init", "--data", data}, folder_.path() / "log");
  int status = 0;
  ::waitpid(child, &status, 0);
  if (status != 0) {
    throw std::runtime_error("godwit init failed: " + log_end());
  }
  auto key = crypto::rsa_public_key::from_pem(read(data / "server_rsa.pub.pem"));
  if (!key) {
    throw std::runtime_error("godwit init wrote no public key");
  }
  key_ = std::move(*key);
}

void node_process::start() {
  pid_ = spawn(command_, folder_.path() / "log");
  int status = 0;
  const auto until = std::chrono::steady_clock::now() + start_time_max;
  while (http_get(metrics_port_, "/readyz").find(" 200 ") == std::string::npos) {
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      throw std::runtime_error("godwit serve ended: " + log_end());
    }
    if (std::chrono::steady_clock::now() > until) {
      throw std::runtime_error("godwit serve is not ready: " + log_end());
    }
    std::this_thread::sleep_for(10ms);
  }
}

void node_process::stop() noexcept {
  if (pid_ <= 0) {
    return;
  }
  ::kill(pid_, SIGTERM);
  const auto until = std::chrono::steady_clock::now() + stop_time_max;
  while (::waitpid(pid_, nullptr, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > until) {
      ::kill(pid_, SIGKILL);
    }
    std::this_thread::sleep_for(10ms);
  }
  pid_ = -1;
}

std::string node_process::log_end() const {
  constexpr std::size_t shown = 2000;
  const std::string log = read(folder_.path() / "log");
  return log.substr(log.size() - std::min(log.size(), shown));
}

std::string node_process::condition() const {
  const bool runs = figures().threads > 0;
  return std::string(runs ? "the node runs" : "the node has ended") + "; its log ends:\n" + log_end();
}

double node_process::metric(const std::string& name) const {
  std::istringstream page(http_get(metrics_port_, "/metrics"));
  double sum = 0;
  for (std::string line; std::getline(page, line);) {
    const std::size_t value = line.rfind(' ');
    if (value == std::string::npos || !line.starts_with(name)) {
      continue;
    }
    if (value == name.size() || line[name.size()] == '{') {
      sum += std::stod(line.substr(value));
    }
  }
  return sum;
}

} // namespace godwit::bench
