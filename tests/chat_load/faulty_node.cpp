#include "tests/chat_load/faulty_node.hpp"

#include <chrono>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

#include "bench/load/local_ports.hpp"

namespace godwit::chat_load {
namespace {

using namespace std::chrono_literals;

constexpr auto start_time_max = 60s;

std::string read(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace

faulty_node::faulty_node(const std::filesystem::path& program)
    : program_(program), port_(bench::free_port()), metrics_port_(bench::free_port()), peers_port_(bench::free_port()) {
  init();
  start();
  wait_ready();
}

pid_t faulty_node::spawn(std::vector<std::string> command) {
  // A shell that becomes the program, for the sake of the log.
  const std::string log = (session_.outside() / "log").string();
  command.insert(command.begin(), {"/bin/sh", "-c", "exec \"$0\" \"$@\" </dev/null >>'" + log + "' 2>&1"});
  return session_.spawn(command);
}

void faulty_node::init() {
  const std::filesystem::path data = session_.root() / "data";
  const pid_t child = spawn({program_, "init", "--data", data});
  const auto end = session_.wait(child);
  if (!end || !end->good()) {
    throw std::runtime_error("godwit init failed: " + log_end());
  }
  // What init made is there to stay.
  (void)session_.drop_unsynced(0, faults::drop_policy::none);
  auto key = crypto::rsa_public_key::from_pem(read(data / "server_rsa.pub.pem"));
  if (!key) {
    throw std::runtime_error("godwit init wrote no public key");
  }
  key_ = std::move(*key);
}

void faulty_node::start() {
  std::vector<std::string> command{program_, "serve", "--data", session_.root() / "data"};
  for (const std::string& each :
       {"listen.port=" + std::to_string(port_), "metrics.port=" + std::to_string(metrics_port_),
        "peers.port=" + std::to_string(peers_port_), std::string("auth.test_numbers=true")}) {
    command.insert(command.end(), {"--set", each});
  }
  process_ = spawn(std::move(command));
}

void faulty_node::check() {
  if (const auto end = session_.wait(process_, 0ms)) {
    throw std::runtime_error("the node ended by itself, exit code " + std::to_string(end->exit_code) + ", signal " +
                             std::to_string(end->signal) + "; its log ends:\n" + log_end());
  }
}

void faulty_node::wait_ready() {
  const auto until = std::chrono::steady_clock::now() + start_time_max;
  while (bench::http_get(metrics_port_, "/readyz").find(" 200 ") == std::string::npos) {
    check();
    if (std::chrono::steady_clock::now() > until) {
      throw std::runtime_error("the node is not ready; its log ends:\n" + log_end());
    }
    std::this_thread::sleep_for(10ms);
  }
}

void faulty_node::crash(std::uint64_t seed) {
  check();
  session_.kill(process_);
  constexpr std::array policies{faults::drop_policy::all, faults::drop_policy::random, faults::drop_policy::torn};
  const auto dropped = session_.drop_unsynced(seed, policies[seed % policies.size()]);
  if (!dropped) {
    throw std::runtime_error("unsynced writes cannot be dropped: " + dropped.error());
  }
  start();
}

std::string faulty_node::log_end() const {
  constexpr std::size_t shown = 3000;
  const std::string log = read(session_.outside() / "log");
  return log.substr(log.size() - std::min(log.size(), shown));
}

void faulty_node::keep_log(const std::filesystem::path& to) const {
  std::error_code ignored;
  std::filesystem::copy_file(session_.outside() / "log", to, std::filesystem::copy_options::overwrite_existing,
                             ignored);
}

} // namespace godwit::chat_load
