#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

#include "bench/bench_folder.hpp"
#include "bench/load/cluster_layout.hpp"
#include "bench/load/process_figures.hpp"

namespace godwit::bench {

struct node_options {
  std::filesystem::path parent; ///< of the folder for everything, which is removed at the end
  unsigned nodes = 1;
  std::vector<std::string> settings; ///< more of section.key=value, for all
  std::vector<std::string> wrapper;  ///< a program to run each node under, and its arguments
};

/// Real `godwit serve` processes with test numbers, one cluster, on free ports of 127.0.0.1, .2 and so on, with mutual
/// TLS between them; they end with the object. Nodes are counted from 1.
class node_cluster {
public:
  /// Throws std::runtime_error when a node does not come up.
  explicit node_cluster(const node_options& options);
  ~node_cluster();
  node_cluster(const node_cluster&) = delete;
  node_cluster& operator=(const node_cluster&) = delete;

  void start(unsigned node);
  /// Throws std::runtime_error when it does not get ready in half a minute.
  void wait_ready(unsigned node);
  /// By SIGTERM; waits for it.
  void stop(unsigned node) noexcept;
  /// All at once: the last ones would wait for a majority that is gone.
  void stop_all() noexcept;
  /// As cluster_layout::replace; the node does not run, and is not started. May run beside the other calls.
  void replace(unsigned node, unsigned by);
  /// By SIGKILL; does not wait for what others make of it.
  void kill(unsigned node) noexcept;

  [[nodiscard]] unsigned nodes() const { return layout_->nodes(); }
  [[nodiscard]] const cluster_layout& layout() const { return *layout_; }
  [[nodiscard]] pid_t pid(unsigned node) const { return pids_[node - 1]; }
  /// Memory and CPU of all.
  [[nodiscard]] process_figures figures() const;
  /// A sample of /metrics by name, labels included; its sum when the name is without labels; of all nodes together. 0
  /// when there is none.
  [[nodiscard]] double metric(const std::string& name) const;
  /// Whether the processes still are, and the last lines of their logs: for a report of what went wrong.
  [[nodiscard]] std::string condition() const;

private:
  [[nodiscard]] std::filesystem::path log_of(unsigned node) const;
  [[nodiscard]] std::string log_end(unsigned node) const;
  void run(unsigned node, const std::vector<std::string>& command);

  bench_folder folder_;
  node_options options_;
  std::unique_ptr<cluster_layout> layout_;
  std::vector<pid_t> pids_;
};

/// CPU of all processes of a cluster from the object's making on.
class cluster_cpu {
public:
  explicit cluster_cpu(const node_cluster& of);

  [[nodiscard]] double seconds() const;
  /// Of one core.
  [[nodiscard]] double percent() const { return seconds() / elapsed() * 100; }
  [[nodiscard]] double elapsed() const { return meters_.front().elapsed(); }

private:
  std::vector<cpu_meter> meters_;
};

} // namespace godwit::bench
