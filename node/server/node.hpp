#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "config/node_config.hpp"
#include "node/config/secrets_file.hpp"
#include "node/metrics/metrics_endpoint.hpp"
#include "node/server/exit_code.hpp"
#include "protocol/expected.hpp"

namespace godwit::node {

class control_commands;
class metric_registry;

/// What the process lends to its node. All of it outlives the node.
struct node_services {
  const config::node_config& config; ///< validated; node.data is absolute
  const node_secrets& secrets;
  std::filesystem::path private_key; ///< PEM file of the server's RSA key
  metric_registry& metrics;
  control_commands& control;
  /// The node cannot go on, for the reason in this line; the process ends with the code. Any thread.
  std::function<void(exit_code, std::string)> fatal;
};

struct node_failure {
  exit_code code = exit_code::failure;
  std::string message; ///< one line with the remedy
};

/// Everything between the configuration and the sockets: storage, actors and the edge, from start to
/// stop. main.cpp and serve.cpp know of a node only what stands here.
///
/// start, drain and stop are called by one thread, in this order, each once; status, snapshot by any.
class node {
public:
  explicit node(node_services services);
  ~node(); ///< stops, if nobody did
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  /// Opens the storage, recovers, and begins to listen. Blocks while the storage opens; after it has
  /// returned, status() tells when clients are served.
  expected<void, node_failure> start();

  /// Whether clients are served now. While it starts, drains or lost its disk it is not good, and says why.
  [[nodiscard]] health status() const;
  /// Whether every thread of the node still makes progress.
  [[nodiscard]] health alive() const;

  /// Takes no new connection and lets what is under way come to its end, until the deadline.
  void drain(std::chrono::steady_clock::time_point deadline);

  /// Closes connections, ends the actors, closes the storage. Blocks.
  void stop();

  /// Copies the storage into an empty or missing folder while the node runs. Blocks.
  expected<void, std::string> snapshot(const std::filesystem::path& target);

private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

} // namespace godwit::node
