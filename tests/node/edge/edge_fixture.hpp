#pragma once

#include <gtest/gtest.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "node/edge/edge_connection.hpp"
#include "node/edge/edge_loop.hpp"
#include "node/edge/listener.hpp"
#include "protocol/crypto/random.hpp"
#include "protocol/mtproto/transport/client_transport.hpp"

namespace godwit::node::test {

using bytes = std::vector<std::uint8_t>;

inline constexpr mtproto::packet_limits wide = {limits::packet_bytes_max, limits::packet_bytes_max};

/// Waits until something holds; false after ten seconds.
bool eventually(const std::function<bool()>& holds);

/// A packet that looks encrypted, of 24 + 16 * blocks bytes.
bytes encrypted_packet(std::size_t blocks, std::uint8_t fill = 0xA5);

/// What stands in for the gateway: gives every connection events that run `on_packet`.
class fake_gateway final : public actors::connection_acceptor {
public:
  using packet_handler = std::function<void(const actors::connection_ptr&, std::span<std::uint8_t>, bool quick_ack)>;

  /// On the loop. Default: sends the packet back.
  packet_handler on_packet;
  /// On the loop. False: nobody listens to the connection.
  std::function<bool(const actors::connection_ptr&)> on_accepted;

  std::atomic<int> accepted_count{0};
  std::atomic<int> packets{0};
  std::atomic<int> closed{0};
  std::atomic<int> drained{0};

  void accepted(actors::connection_ptr connection) override;
  /// The newest connection accepted.
  actors::connection_ptr newest();
  void forget();

private:
  std::mutex mutex_;
  actors::connection_ptr newest_;
};

/// A blocking socket of a client, with a time limit on everything.
class client_socket {
public:
  client_socket() = default;
  explicit client_socket(std::uint16_t port, const char* address = "127.0.0.1", int receive_buffer = 0);
  client_socket(client_socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  client_socket& operator=(client_socket&& other) noexcept;
  ~client_socket();

  [[nodiscard]] bool connected() const { return fd_ >= 0; }
  [[nodiscard]] int fd() const { return fd_; }
  /// False: the connection is gone.
  bool write(std::span<const std::uint8_t> data);
  bool write(std::string_view text);
  /// Some bytes; none: the end, or nothing for `patience`.
  bytes read_some(std::chrono::milliseconds patience = std::chrono::seconds(10));
  /// Everything until the end. Sets `reset` when the end was none in order.
  bytes read_all(bool* reset = nullptr);
  /// Waits for the end; false: it did not come.
  bool ended();
  void close();

private:
  int fd_ = -1;
};

/// A client that speaks one of the transports.
class transport_client {
public:
  transport_client(std::uint16_t port, mtproto::transport_kind kind)
      : socket(port), transport(kind, crypto::system_random(), wide) {}

  bool send(const bytes& packet, bool quick_ack = false);
  /// The next packet; empty: none came, or the stream ended. Tokens are gathered.
  bytes receive();

  client_socket socket;
  mtproto::client_transport transport;
  std::vector<std::uint32_t> tokens;

private:
  bytes input_;
  bool fresh_ = false;
};

class edge_fixture : public ::testing::Test {
protected:
  edge_fixture();
  ~edge_fixture() override;

  /// Starts loops and a listener with `options`.
  void begin(std::size_t loops = 1, const char* address = "127.0.0.1");
  void end();
  [[nodiscard]] std::uint16_t port() const { return listeners_.front().port(); }
  [[nodiscard]] const edge_probe& probe() const { return loops_.front()->probe(); }
  [[nodiscard]] std::uint64_t closed(close_reason reason) const;

  edge_options options;
  fake_gateway gateway;
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  std::vector<std::unique_ptr<edge_loop>> loops_;
  std::shared_ptr<connection_setting> setting_;
  std::vector<listener> listeners_;
};

} // namespace godwit::node::test
