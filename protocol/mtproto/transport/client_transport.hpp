#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "protocol/crypto/random.hpp"
#include "protocol/expected.hpp"
#include "protocol/mtproto/transport/frame.hpp"
#include "protocol/mtproto/transport/packet_reader.hpp"

namespace godwit::mtproto {

struct obfuscation;

/// The client's end of one connection, for tests and the load generator.
class client_transport {
public:
  /// `random` outlives the object. `dc`: for the header of an obfuscated connection.
  client_transport(transport_kind kind, crypto::random_source& random, const packet_limits& limits,
                   std::int16_t dc = 2);
  client_transport(client_transport&&) noexcept;
  client_transport& operator=(client_transport&&) noexcept;
  ~client_transport();

  /// Appends a packet, ready to send; the first one behind what names the transport.
  void append(std::vector<std::uint8_t>& out, std::span<const std::uint8_t> payload, bool quick_ack_wanted = false);

  /// As at the server: feed(), then next() until it gives nothing. A packet of 4 bytes is a transport
  /// error, see transport_error_in.
  void feed(std::span<std::uint8_t> bytes);
  expected<std::optional<packet>, transport_errc> next() { return reader_.next(); }

private:
  void append_greeting(std::vector<std::uint8_t>& out);

  packet_reader reader_;
  frame_writer writer_;
  std::unique_ptr<obfuscation> obfuscation_;
  crypto::random_source* random_;
  transport_kind kind_;
  std::int16_t dc_;
  bool greeted_ = false;
};

} // namespace godwit::mtproto
