#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "node/peer/peer_socket.hpp"
#include "persistence/base/types.hpp"

namespace godwit::node {

/// Bytes in both directions over a socket, encrypted or as they are. Never blocks and never throws.
class byte_stream {
public:
  virtual ~byte_stream() = default;

  enum class progress {
    done,
    waits,  ///< for bytes of the other side
    failed, ///< failure() says why; what is in the socket's output tells the other side
  };

  /// Agrees with the other side; again after more bytes came.
  virtual progress agree() = 0;
  /// Bytes of the other side; 0: none now, or the stream has ended (failure() is not empty).
  virtual std::size_t read(std::span<char> to) = 0;
  /// Puts bytes into the socket's output.
  virtual void write(std::string_view bytes) = 0;
  /// Puts the end of the stream into the socket's output.
  virtual void finish() = 0;

  /// The node that the other side's certificate names; no_node without encryption.
  [[nodiscard]] virtual persistence::node_id certified() const = 0;
  /// Why the stream ended, in words for an operator; empty while it goes on.
  [[nodiscard]] virtual const std::string& failure() const = 0;
};

/// Bytes as they are: for nodes of one machine that have no certificates.
class plain_stream final : public byte_stream {
public:
  explicit plain_stream(peer_socket& socket) : socket_(socket) {}

  progress agree() override { return progress::done; }
  std::size_t read(std::span<char> to) override {
    const std::size_t got = socket_.receive(to.data(), to.size());
    if (got == 0 && socket_.ended() && failure_.empty()) {
      failure_ = socket_.why_ended();
    }
    return got;
  }
  void write(std::string_view bytes) override { socket_.write(bytes); }
  void finish() override {}
  [[nodiscard]] persistence::node_id certified() const override { return persistence::no_node; }
  [[nodiscard]] const std::string& failure() const override { return failure_; }

private:
  peer_socket& socket_;
  std::string failure_;
};

} // namespace godwit::node
