#include "bench/load/node_cluster.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>
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

node_cluster::node_cluster(const node_options& options) : folder_(options.parent), options_(options) {
  std::vector<std::filesystem::path> data;
  for (unsigned node = 1; node <= options_.nodes; ++node) {
    data.push_back(folder_.path() / ("node-" + std::to_string(node)));
  }
  pids_.assign(data.size(), -1);
  layout_ = std::make_unique<cluster_layout>(GODWIT_PROGRAM, std::move(data));
  try {
    layout_->make([this](unsigned node, const std::vector<std::string>& command) { run(node, command); },
                  folder_.path());
    for (unsigned node = 1; node <= nodes(); ++node) {
      start(node);
    }
    for (unsigned node = 1; node <= nodes(); ++node) {
      wait_ready(node);
    }
  } catch (...) {
    for (unsigned node = 1; node <= nodes(); ++node) {
      kill(node);
    }
    throw;
  }
}

node_cluster::~node_cluster() { stop_all(); }

void node_cluster::stop_all() noexcept {
  for (const pid_t each : pids_) {
    if (each > 0) {
      ::kill(each, SIGTERM);
    }
  }
  for (unsigned node = 1; node <= nodes(); ++node) {
    stop(node);
  }
}

void node_cluster::replace(unsigned node, unsigned by) {
  layout_->replace(
    node, by, [this](unsigned of, const std::vector<std::string>& command) { run(of, command); }, folder_.path());
}

void node_cluster::run(unsigned node, const std::vector<std::string>& command) {
  int status = 0;
  ::waitpid(spawn(command, log_of(node)), &status, 0);
  if (status != 0) {
    throw std::runtime_error("godwit " + command[1] + " failed: " + log_end(node));
  }
}

void node_cluster::start(unsigned node) {
  std::vector<std::string> command = options_.wrapper;
  const auto serve = layout_->serve_command(node, options_.settings);
  command.insert(command.end(), serve.begin(), serve.end());
  pids_[node - 1] = spawn(command, log_of(node));
}

void node_cluster::wait_ready(unsigned node) {
  int status = 0;
  const auto until = std::chrono::steady_clock::now() + start_time_max;
  while (!layout_->is_ready(node)) {
    if (::waitpid(pid(node), &status, WNOHANG) == pid(node)) {
      pids_[node - 1] = -1;
      throw std::runtime_error("godwit serve ended: " + log_end(node));
    }
    if (std::chrono::steady_clock::now() > until) {
      throw std::runtime_error("godwit serve is not ready: " + log_end(node));
    }
    std::this_thread::sleep_for(10ms);
  }
}

void node_cluster::stop(unsigned node) noexcept {
  pid_t& process = pids_[node - 1];
  if (process <= 0) {
    return;
  }
  ::kill(process, SIGTERM);
  const auto until = std::chrono::steady_clock::now() + stop_time_max;
  while (::waitpid(process, nullptr, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > until) {
      ::kill(process, SIGKILL);
    }
    std::this_thread::sleep_for(10ms);
  }
  process = -1;
}

void node_cluster::kill(unsigned node) noexcept {
  pid_t& process = pids_[node - 1];
  if (process > 0) {
    ::kill(process, SIGKILL);
    ::waitpid(process, nullptr, 0);
    process = -1;
  }
}

std::filesystem::path node_cluster::log_of(unsigned node) const {
  return folder_.path() / ("log-" + std::to_string(node));
}

std::string node_cluster::log_end(unsigned node) const {
  constexpr std::size_t shown = 2000;
  const std::string log = read(log_of(node));
  return log.substr(log.size() - std::min(log.size(), shown));
}

process_figures node_cluster::figures() const {
  process_figures sum;
  for (const pid_t each : pids_) {
    const process_figures one = figures_of(each);
    sum.rss_bytes += one.rss_bytes;
    sum.anonymous_bytes += one.anonymous_bytes;
    sum.cpu_seconds += one.cpu_seconds;
    sum.threads += one.threads;
  }
  return sum;
}

std::string node_cluster::condition() const {
  std::string made;
  for (unsigned node = 1; node <= nodes(); ++node) {
    const bool runs = pid(node) > 0 && figures_of(pid(node)).threads > 0;
    made += "node " + std::to_string(node) + (runs ? " runs" : " has ended") + "; its log ends:\n" + log_end(node);
  }
  return made;
}

double node_cluster::metric(const std::string& name) const {
  double sum = 0;
  for (unsigned node = 1; node <= nodes(); ++node) {
    sum += metric_at(layout_->metrics_port(), name, node);
  }
  return sum;
}

cluster_cpu::cluster_cpu(const node_cluster& of) {
  for (unsigned node = 1; node <= of.nodes(); ++node) {
    meters_.emplace_back(of.pid(node));
  }
}

double cluster_cpu::seconds() const {
  double sum = 0;
  for (const cpu_meter& each : meters_) {
    sum += each.seconds();
  }
  return sum;
}

} // namespace godwit::bench
