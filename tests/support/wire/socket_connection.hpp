#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/mtproto/transport/client_transport.hpp"
#include "protocol/mtproto/transport/transport_kind.hpp"

namespace godwit::test {

/// Where a node listens: an IPv4 address and a port.
struct socket_address {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
};

/// One TCP connection to a node, with the client's end of a transport. The socket does not block: what waits
/// is said to wait. Not for two threads.
class socket_connection {
public:
  /// Connects; closed at once when nobody listens. `dc`: for the header of an obfuscated transport.
  socket_connection(const socket_address& to, mtproto::transport_kind kind, std::int16_t dc = 2);
  ~socket_connection();
  socket_connection(const socket_connection&) = delete;
  socket_connection& operator=(const socket_connection&) = delete;

  /// A packet, framed. Waits while the node does not read, some seconds at most: then it closes.
  void send(std::string_view packet);
  /// Bytes past the transport.
  void send_raw(std::string_view bytes);
  /// The bytes that send() would have sent, for who wants them broken.
  std::string framed(std::string_view packet);

  /// The next packet, once it is there; none: it did not come in time, or never will (see is_open). A packet of
  /// four bytes is a transport error, which goes to error() instead and closes.
  std::optional<std::string> receive(std::chrono::milliseconds patience);
  /// Reads what the kernel has, without waiting.
  std::optional<std::string> receive_now();
  /// Waits until the node closes; what comes until then is thrown away.
  bool wait_closed(std::chrono::milliseconds patience);

  void close();
  /// No more from us: the node sees an end of the stream.
  void shut_down();
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  /// The transport error that ended the connection, as -404; 0: none came.
  [[nodiscard]] std::int32_t error() const { return error_; }
  /// What came does not fit the transport.
  [[nodiscard]] bool broken() const { return broken_; }
  /// For epoll; -1 when closed.
  [[nodiscard]] int fd() const { return fd_; }

private:
  bool wait_for(short events, std::chrono::milliseconds patience) const;
  /// False: nothing there, or closed.
  bool read_some();
  void take_packets(std::span<std::uint8_t> bytes);

  mtproto::client_transport transport_;
  std::deque<std::string> packets_;
  int fd_ = -1;
  std::int32_t error_ = 0;
  bool broken_ = false;
};

} // namespace godwit::test
