#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bench/load/load_client.hpp"
#include "protocol/crypto/rsa.hpp"

namespace godwit::bench {

/// The nodes of a cluster on this machine: node k has the address 127.0.0.k and the same ports as the others. Knows the
/// commands that make and serve them, and runs none itself. Nodes are counted from 1.
class cluster_layout {
public:
  /// `data`: a folder for each node, which nobody has made yet. Ports are chosen.
  cluster_layout(std::filesystem::path program, std::vector<std::filesystem::path> data);

  /// Runs a command to its end, under whatever `for_node` runs under; throws when it fails.
  using run_fn = std::function<void(unsigned for_node, const std::vector<std::string>& command)>;
  /// Makes all data folders, the first as a new cluster and each other by a bundle, which goes below `spare` and is
  /// removed. Throws std::runtime_error when the cluster has no key for clients then.
  void make(const run_fn& run, const std::filesystem::path& spare);

  /// What an operator does whose machine of `node` has lost its disk: makes its data folder anew, as that of a new node
  /// in its place, by a bundle of the node `by`, which runs. Throws as `run` does.
  void replace(unsigned node, unsigned by, const run_fn& run, const std::filesystem::path& spare) const;

  /// `settings`: more of section.key=value.
  [[nodiscard]] std::vector<std::string> serve_command(unsigned node, const std::vector<std::string>& settings) const;

  [[nodiscard]] unsigned nodes() const { return static_cast<unsigned>(data_.size()); }
  [[nodiscard]] const std::filesystem::path& data(unsigned node) const { return data_[node - 1]; }
  [[nodiscard]] std::uint16_t client_port() const { return client_port_; }
  [[nodiscard]] std::uint16_t peer_port() const { return peer_port_; }
  [[nodiscard]] std::uint16_t metrics_port() const { return metrics_port_; }
  /// Of the server, as clients have it.
  [[nodiscard]] const crypto::rsa_public_key& key() const { return *key_; }
  /// Where a client of this node goes; 0: clients are spread over all nodes by their number.
  [[nodiscard]] client_target target(unsigned node = 0) const;
  [[nodiscard]] bool is_ready(unsigned node) const;

private:
  [[nodiscard]] std::vector<std::string> addresses(unsigned node) const;

  std::filesystem::path program_;
  std::vector<std::filesystem::path> data_;
  std::uint16_t client_port_;
  std::uint16_t peer_port_;
  std::uint16_t metrics_port_;
  std::optional<crypto::rsa_public_key> key_;
};

} // namespace godwit::bench
