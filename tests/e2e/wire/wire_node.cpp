#include "tests/e2e/wire/wire_node.hpp"

#include <csignal>
#include <fstream>
#include <iterator>
#include <sstream>

#include <gtest/gtest.h>

namespace godwit::test {
namespace {

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace

wire_node::wire_node(std::vector<std::string> settings)
    : settings_(std::move(settings)), port_(free_port()), metrics_port_(free_port()) {
  const std::string data = folder_.path() / "data";
  const outcome made = godwit({"init", "--data", data});
  EXPECT_EQ(made.status, 0) << made.err;
  if (const auto key = crypto::rsa_public_key::from_pem(text_of(folder_.path() / "data" / "server_rsa.pub.pem"))) {
    keys_.push_back(*key);
  } else {
    ADD_FAILURE() << "no public key";
  }
  settings_.push_back("listen.port=" + std::to_string(port_));
  settings_.push_back("metrics.port=" + std::to_string(metrics_port_));
  settings_.push_back("peers.port=" + std::to_string(free_port()));
  settings_.push_back("auth.test_numbers=true");
  settings_.push_back("log.file=" + (folder_.path() / "log").string());
  start();
}

wire_node::~wire_node() = default;

void wire_node::start() {
  std::vector<std::string> command{"serve", "--data", folder_.path() / "data"};
  for (const std::string& each : settings_) {
    command.insert(command.end(), {"--set", each});
  }
  process_ = std::make_unique<running_node>(command);
  EXPECT_TRUE(wait_for_page(metrics_port_, "/readyz")) << process_->err() << log_text();
}

void wire_node::kill() {
  process_->signal(SIGKILL);
  process_->wait();
}

int wire_node::stop() {
  process_->signal(SIGTERM);
  return process_->wait().value_or(-1);
}

mtproto::client_handshake_options wire_node::exchange_options() const {
  mtproto::client_handshake_options options;
  options.server_keys = keys_;
  return options;
}

std::string wire_node::log_text() const { return process_->err() + text_of(folder_.path() / "log"); }

bool wire_node::is_running() const { return ::kill(process_->pid(), 0) == 0; }

std::size_t wire_node::resident_bytes() const {
  std::ifstream status("/proc/" + std::to_string(process_->pid()) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) {
      return std::stoul(line.substr(6)) * 1024;
    }
  }
  return 0;
}

double wire_node::metric(const std::string& name) const {
  std::istringstream page(http_get(metrics_port_, "/metrics"));
  double sum = 0;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with(name + " ") || line.starts_with(name + "{")) {
      sum += std::stod(line.substr(line.rfind(' ')));
    }
  }
  return sum;
}

} // namespace godwit::test
