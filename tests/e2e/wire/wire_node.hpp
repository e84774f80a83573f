#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "protocol/crypto/rsa.hpp"
#include "protocol/mtproto/handshake/client_handshake.hpp"
#include "tests/node/server/godwit_process.hpp"
#include "tests/support/wire/socket_client.hpp"

namespace godwit::test {

/// The program as a person runs it: `godwit init` in a folder that goes with the object, `godwit serve` on free
/// ports, test numbers allowed.
class wire_node {
public:
  /// Fails the test when the node does not come up. `settings`: as after --set.
  explicit wire_node(std::vector<std::string> settings = {});
  ~wire_node();

  void start();
  /// SIGKILL.
  void kill();
  /// SIGTERM; the exit code, -1 when it did not end.
  int stop();

  [[nodiscard]] socket_address address() const { return {.host = "127.0.0.1", .port = port_}; }
  /// What a client of this server begins a key exchange with.
  [[nodiscard]] mtproto::client_handshake_options exchange_options() const;
  [[nodiscard]] std::string log_text() const;
  /// Memory of the process that is in RAM.
  [[nodiscard]] std::size_t resident_bytes() const;
  /// A counter or gauge of /metrics, all its labels added; 0 when there is none.
  [[nodiscard]] double metric(const std::string& name) const;
  [[nodiscard]] bool is_running() const;

private:
  scratch_folder folder_;
  std::vector<std::string> settings_;
  std::uint16_t port_;
  std::uint16_t metrics_port_;
  std::vector<crypto::rsa_public_key> keys_;
  std::unique_ptr<running_node> process_;
};

} // namespace godwit::test
