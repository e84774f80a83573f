#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "config/node_config.hpp"
#include "node/identity/node_credentials.hpp"
#include "node/metrics/metrics_endpoint.hpp"
#include "node/server/exit_code.hpp"
#include "protocol/expected.hpp"

namespace godwit::node {

class control_commands;
class metric_registry;

/// What the process lends to its node. All of it outlives the node.
struct node_services {
  const config::node_config& config; ///< validated; node.data is absolute
  const node_credentials& credentials;
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
/// start, open_when_ready, drain and stop are called by one thread, in this order; status, snapshot by any.
class node {
public:
  explicit node(node_services services);
  ~node(); ///< stops, if nobody did
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  /// Opens the storage, recovers, and joins the other nodes. Blocks while the storage opens. Clients are let in later:
  /// see open_when_ready().
  expected<void, node_failure> start();

  /// After start(), again and again: lets clients in once every shard has a leader, for before that their keys could
  /// not be looked up. With a majority of the nodes away this takes as long as they do. Does not block; false: not yet.
  expected<bool, node_failure> open_when_ready();

  /// Whether clients are served now. While it starts, drains or lost its disk it is not good, and says why.
  [[nodiscard]] health status() const;
  /// Whether every thread of the node still makes progress.
  [[nodiscard]] health alive() const;

  /// Sends clients to other nodes while this one hears no majority, which is all that it can do for them; to be called
  /// some times a second, by the thread that called start.
  void part_with_clients();

  /// JSON of /discovery: where the metrics of all nodes are. Any thread.
  [[nodiscard]] std::string discovery() const;

  /// Whether this node alone decides for its cluster. Any thread.
  [[nodiscard]] bool only_voter() const;

  /// Commands of operators that wait for something end at once, from now on: before their server is closed.
  void end_commands();

  /// Renews the certificate that other nodes see, if it is time; to be called about once an hour, by the thread that
  /// called start; not while its clock is wrong. Blocks for a disk's sync.
  void renew_certificate();

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
