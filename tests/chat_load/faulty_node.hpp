#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include <sys/types.h>

#include "protocol/crypto/rsa.hpp"
#include "tests/faults/fault_session.hpp"

namespace godwit::chat_load {

/// A real `godwit serve` with test numbers on an imagined disk: a kill takes what no sync covered with it.
class faulty_node {
public:
  /// Makes the data folder and starts the process. Throws std::runtime_error when it does not come up.
  explicit faulty_node(const std::filesystem::path& program);

  /// kill -9, a power failure, and the next process on what is left of the folder, without waiting for it. Throws
  /// std::runtime_error when there is nothing to kill: the process ended by itself.
  void crash(std::uint64_t seed);
  /// Throws std::runtime_error when the process ended by itself.
  void check();
  /// Waits until the node says that it is ready. Throws std::runtime_error when it does not.
  void wait_ready();

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const crypto::rsa_public_key& key() const { return *key_; }
  /// The last lines of its log.
  [[nodiscard]] std::string log_end() const;
  /// Copies the log, for whom the object is gone.
  void keep_log(const std::filesystem::path& to) const;

private:
  void init();
  void start();
  pid_t spawn(std::vector<std::string> command);

  std::filesystem::path program_;
  faults::fault_session session_;
  std::uint16_t port_;
  std::uint16_t metrics_port_;
  std::uint16_t peers_port_;
  std::optional<crypto::rsa_public_key> key_;
  pid_t process_ = -1;
};

} // namespace godwit::chat_load
