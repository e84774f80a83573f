#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/load/node_cluster.hpp"

namespace godwit::bench {

/// A cluster of one node. Throws std::runtime_error when it does not come up.
class node_process {
public:
  /// As those of node_options.
  node_process(const std::filesystem::path& parent, const std::vector<std::string>& settings,
               const std::vector<std::string>& wrapper = {})
      : node_({.parent = parent, .nodes = 1, .settings = settings, .wrapper = wrapper}) {}

  /// Ends the process with SIGTERM and starts one on the same folder and ports.
  void restart() {
    node_.stop(1);
    node_.start(1);
    node_.wait_ready(1);
  }

  [[nodiscard]] std::uint16_t port() const { return node_.layout().client_port(); }
  [[nodiscard]] const crypto::rsa_public_key& key() const { return node_.layout().key(); }
  [[nodiscard]] pid_t pid() const { return node_.pid(1); }
  [[nodiscard]] process_figures figures() const { return node_.figures(); }
  [[nodiscard]] double metric(const std::string& name) const { return node_.metric(name); }
  [[nodiscard]] std::string condition() const { return node_.condition(); }

private:
  node_cluster node_;
};

} // namespace godwit::bench
