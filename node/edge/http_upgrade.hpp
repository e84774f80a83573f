#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace godwit::node {

/// One HTTP request at the client port: a WebSocket handshake at /apiws with the subprotocol `binary`
/// (https://core.telegram.org/mtproto/transports#websocket, RFC 6455 section 4), or an answer that tells
/// what is wrong, after which the connection ends. Where the request comes from is nobody's business
/// here: every call inside is authorized by its own key.
class http_upgrade {
public:
  enum class verdict : std::uint8_t {
    more,
    /// response() is the server's half of the handshake; what follows in the stream is WebSocket.
    upgraded,
    /// response() is all there is to say.
    refused,
  };

  /// Takes the head of the request off the front of `bytes`. Gathers it up to a bound.
  verdict feed(std::span<std::uint8_t>& bytes);
  [[nodiscard]] const std::string& response() const { return response_; }

private:
  verdict decide();

  std::string head_;
  std::string response_;
};

} // namespace godwit::node
