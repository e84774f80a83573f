#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "bench/load/cluster_layout.hpp"
#include "tests/cluster/faults/node_network.hpp"
#include "tests/faults/fault_session.hpp"

namespace godwit::cluster_faults {

/// The nodes of a real cluster, each on an imagined disk of its own, and what is between them. Nodes are counted from 1.
class faulty_cluster {
public:
  struct options {
    std::filesystem::path program; ///< godwit
    unsigned nodes = 3;
    std::uint64_t seed = 1;
    std::vector<std::string> settings; ///< more of section.key=value, for all
    /// A network of namespaces; the process is within enter_own_network(). Otherwise proxies on 127.0.0.k.
    bool namespaces = false;
  };

  /// Makes the data folders and the network. Throws std::runtime_error when that fails.
  explicit faulty_cluster(const options& with);
  ~faulty_cluster();

  /// Starts the process of a node, unless it runs; does not wait for it.
  void start(unsigned node);
  /// Waits until all are ready; false: one of them is not.
  [[nodiscard]] bool wait_ready(std::chrono::seconds patience) const;
  /// Shards that the node leads, as it says.
  [[nodiscard]] unsigned leads(unsigned node) const;
  /// kill -9 and a power failure: what no sync covered is lost, as the seed says.
  void kill(unsigned node, std::uint64_t seed);
  /// SIGSTOP and SIGCONT.
  void freeze(unsigned node, bool frozen);
  /// SIGTERM to all. False: one did not end well in that time; the rest is killed.
  bool end_all(std::chrono::seconds patience);

  /// Faults of its disk and of its clock.
  [[nodiscard]] faults::fault_control& control(unsigned node) { return of(node).session.control(); }
  [[nodiscard]] node_network& network() { return *network_; }

  [[nodiscard]] bool runs(unsigned node) const { return of(node).process > 0; }
  /// Processes that ended by themselves since the last time: how, by node. They are not running any more.
  struct ended_node {
    unsigned node = 0;
    std::string how;
  };
  std::vector<ended_node> ended();

  [[nodiscard]] const bench::cluster_layout& layout() const { return *layout_; }
  [[nodiscard]] unsigned nodes() const { return static_cast<unsigned>(nodes_.size()); }
  /// Where clients of each node go.
  [[nodiscard]] std::vector<bench::client_target> targets() const;
  /// Of all nodes, for a comparison when they have ended.
  [[nodiscard]] std::vector<std::filesystem::path> storages() const;
  /// The last lines of a node's log.
  [[nodiscard]] std::string log_end(unsigned node) const;
  /// Copies, for whom the object is gone.
  void keep_logs(const std::filesystem::path& to) const;
  /// What each node that runs says of nodes and shards, and of its health.
  void keep_views(const std::filesystem::path& to);
  void keep_storages(const std::filesystem::path& to) const;

private:
  struct node_parts {
    faults::fault_session session;
    pid_t process = -1;
    std::vector<std::string> settings;
  };

  [[nodiscard]] node_parts& of(unsigned node) { return *nodes_[node - 1]; }
  [[nodiscard]] const node_parts& of(unsigned node) const { return *nodes_[node - 1]; }
  [[nodiscard]] std::filesystem::path log_of(unsigned node) const { return of(node).session.outside() / "log"; }
  pid_t spawn(unsigned node, std::vector<std::string> command);

  std::filesystem::path program_;
  std::vector<std::unique_ptr<node_parts>> nodes_;
  std::unique_ptr<bench::cluster_layout> layout_;
  std::unique_ptr<node_network> network_; ///< null while the data folders are made
};

} // namespace godwit::cluster_faults
