#include "bench/load/cluster_layout.hpp"

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "bench/load/local_ports.hpp"

namespace godwit::bench {
namespace {

void add_settings(std::vector<std::string>& command, const std::vector<std::string>& settings) {
  for (const std::string& each : settings) {
    command.insert(command.end(), {"--set", each});
  }
}

} // namespace

cluster_layout::cluster_layout(std::filesystem::path program, std::vector<std::filesystem::path> data)
    : program_(std::move(program)),
      data_(std::move(data)),
      client_port_(free_port()),
      peer_port_(free_port()),
      metrics_port_(free_port()) {}

std::vector<std::string> cluster_layout::addresses(unsigned node) const {
  const std::string address = "127.0.0." + std::to_string(node);
  return {"listen.addresses=" + address, "listen.port=" + std::to_string(client_port_),
          "peers.address=" + address,    "peers.port=" + std::to_string(peer_port_),
          "metrics.address=" + address,  "metrics.port=" + std::to_string(metrics_port_),
          "auth.test_numbers=true"};
}

void cluster_layout::make(const run_fn& run, const std::filesystem::path& spare) {
  for (unsigned node = 1; node <= nodes(); ++node) {
    std::vector<std::string> command = {program_, "init", "--data", data(node)};
    const std::filesystem::path bundle = spare / ("node-" + std::to_string(node) + ".bundle");
    if (node > 1) {
      run(1, {program_, "invite", "--data", data(1), "--node", std::to_string(node), bundle});
      command.insert(command.end(), {"--bundle", bundle});
    }
    add_settings(command, addresses(node));
    run(node, command);
    std::error_code ignored;
    std::filesystem::remove(bundle, ignored);
  }
  std::ifstream file(data(1) / "server_rsa.pub.pem", std::ios::binary);
  auto key = crypto::rsa_public_key::from_pem(std::string(std::istreambuf_iterator<char>(file), {}));
  if (!key) {
    throw std::runtime_error("godwit init wrote no public key");
  }
  key_ = std::move(*key);
}

void cluster_layout::replace(unsigned node, unsigned by, const run_fn& run, const std::filesystem::path& spare) const {
  const auto number = [](unsigned of) { return std::to_string(of); };
  const std::filesystem::path bundle = spare / ("in-place-of-" + number(node) + ".bundle");
  std::filesystem::remove_all(data(node));
  run(by, {program_, "invite", "--data", data(by), "--replace", number(node), bundle});
  std::vector<std::string> command = {program_, "init", "--data", data(node), "--bundle", bundle};
  add_settings(command, addresses(node));
  run(node, command);
  std::filesystem::remove(bundle);
}

std::vector<std::string> cluster_layout::serve_command(unsigned node, const std::vector<std::string>& settings) const {
  std::vector<std::string> command = {program_, "serve", "--data", data(node)};
  add_settings(command, settings);
  return command;
}

client_target cluster_layout::target(unsigned node) const {
  client_target made{.port = client_port_, .server_key = *key_};
  made.host = node == 0 ? 1 : node;
  made.hosts = node == 0 ? nodes() : 1;
  return made;
}

bool cluster_layout::is_ready(unsigned node) const {
  return http_get(metrics_port_, "/readyz", node).find(" 200 ") != std::string::npos;
}

} // namespace godwit::bench
