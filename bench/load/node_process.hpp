#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "bench/bench_folder.hpp"
#include "bench/load/process_figures.hpp"
#include "protocol/crypto/rsa.hpp"

namespace godwit::bench {

/// A real `godwit serve` with test numbers, in a folder of its own below `parent` and on free ports of 127.0.0.1;
/// ends with the object. Its log goes to the folder and with it. Throws std::runtime_error when the node does not
/// come up.
class node_process {
public:
  /// `settings`: more of section.key=value. `wrapper`: a program, with its arguments, to run the node under.
  node_process(const std::filesystem::path& parent, const std::vector<std::string>& settings,
               const std::vector<std::string>& wrapper = {});
  ~node_process();
  node_process(const node_process&) = delete;
  node_process& operator=(const node_process&) = delete;

  /// Ends the process with SIGTERM and starts one on the same folder and ports.
  void restart();

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const crypto::rsa_public_key& key() const { return *key_; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] process_figures figures() const { return figures_of(pid_); }
  /// A sample of /metrics by name, labels included; their sum when the name is without labels. 0 when there is none.
  [[nodiscard]] double metric(const std::string& name) const;
  /// Whether the process still is, and the last lines of its log: for a report of what went wrong.
  [[nodiscard]] std::string condition() const;

private:
  void init();
  void start();
  void stop() noexcept;
  [[nodiscard]] std::string log_end() const;

  bench_folder folder_;
  std::uint16_t port_;
  std::uint16_t metrics_port_;
  std::optional<crypto::rsa_public_key> key_;
  std::vector<std::string> command_;
  pid_t pid_ = -1;
};

} // namespace godwit::bench
