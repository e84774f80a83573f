#pragma once

#include <utility>

#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "actors/base/client_connection.hpp"
#include "cluster/base/loop_timer.hpp"
#include "config/ip_address.hpp"
#include "node/edge/connection_budget.hpp"
#include "node/edge/edge_loop.hpp"
#include "node/edge/edge_options.hpp"
#include "node/edge/edge_probe.hpp"
#include "protocol/mtproto/transport/server_transport.hpp"

namespace godwit::node {

/// What all connections of one listener share. Outlives them by being shared.
struct connection_setting {
  edge_options options;
  connection_budget budget;
  actors::connection_acceptor& acceptor;

  connection_setting(edge_options chosen, actors::connection_acceptor& takes)
      : options(std::move(chosen)),
        budget(options.connections_max, options.connections_per_address_max),
        acceptor(takes) {}
};

/// One socket of a client. Between packets it holds no buffer: it reads into the loop's, and its output
/// takes one from the loop's pool for as long as bytes wait.
class edge_connection final : public actors::client_connection, public edge_input {
public:
  /// `fd`: connected, non-blocking, counted in the budget; with its address unless a PROXY header is to come.
  edge_connection(edge_loop& loop, int fd, const config::ip_address& peer, bool proxied,
                  std::shared_ptr<connection_setting> setting);
  ~edge_connection() override;

  /// First call, on the loop: begins to read.
  void start();
  /// Ends at once.
  void drop(close_reason reason);

  // --- client_connection ---

  void listen(std::unique_ptr<actors::connection_events> events) override { events_ = std::move(events); }
  void send(actors::outgoing_packet packet) override;
  void send_quick_ack(std::uint32_t token) override;
  void close(actors::transport_error why) override;
  void pause() override { ++pauses_; }
  void resume() override;
  [[nodiscard]] cluster::home_loop& home() const override { return loop_; }
  [[nodiscard]] std::size_t unsent_bytes() const override { return staged_bytes_ + out_.size() - sent_; }
  [[nodiscard]] const actors::client_address& address() const override { return client_; }
  [[nodiscard]] std::string address_text() const override;
  [[nodiscard]] std::string dialled_address() const override;
  void authenticated() override;

  // --- for the loop and its output stage ---

  void serve() override;
  /// Puts a packet of the stage, encrypted, into its frame.
  void append(std::span<const std::uint8_t> packet);
  /// End of the round: sends what was appended, and closes if that is due.
  void flush();

  /// In the loop's list of connections.
  std::size_t place = 0;

private:
  struct entry; // what is needed until the transport is known

  [[nodiscard]] bool is_open() const { return socket_ != nullptr; }
  [[nodiscard]] edge_probe& probe() { return loop_.counters_of_edge(); }

  // edge_connection.cpp: life
  void release();
  void check_time();
  void watch();

  // edge_connection_input.cpp
  void wait_readable();
  void read();
  void discard();
  void take_input(std::span<std::uint8_t> in);
  bool take_proxy_header(std::span<std::uint8_t>& in);
  void take_http(std::span<std::uint8_t> in);
  void take_websocket(std::span<std::uint8_t> in);
  void take_stream(std::span<std::uint8_t> in);
  void begin_packets();
  void give_packets();

  // edge_connection_output.cpp
  bool may_send();
  std::vector<std::uint8_t>& output();
  void append_raw(std::span<const std::uint8_t> bytes);
  void answer_ping(std::span<const std::uint8_t> bytes);
  void close_websocket(close_reason reason, std::span<const std::uint8_t> status);
  void seal();
  void send_out();
  void wait_writable();
  void finish();
  void end_output();

  edge_loop& loop_;
  std::shared_ptr<connection_setting> setting_;
  std::unique_ptr<boost::asio::ip::tcp::socket> socket_; ///< null: closed
  std::unique_ptr<actors::connection_events> events_;
  std::unique_ptr<entry> entry_;
  std::unique_ptr<class websocket_reader> websocket_;
  mtproto::server_transport transport_;
  cluster::loop_timer timer_;

  std::vector<std::uint8_t> out_; ///< from the loop's pool, empty when nothing waits
  std::size_t sent_ = 0;          ///< of out_
  std::size_t sealed_ = 0;        ///< of out_: ready to be sent
  std::size_t staged_bytes_ = 0;  ///< of packets in the stage

  cluster::monotonic_ms opened_at_ = 0;
  cluster::monotonic_ms last_read_ = 0;
  cluster::monotonic_ms packet_since_ = 0;  ///< 0: not amid one
  cluster::monotonic_ms stalled_since_ = 0; ///< 0: nothing waits for the socket
  cluster::monotonic_ms linger_until_ = 0;  ///< 0: not at its end

  config::ip_address peer_;
  actors::client_address client_;
  std::uint32_t pauses_ = 0;
  actors::transport_error error_ = actors::transport_error::none;
  close_reason reason_ = close_reason::by_session;
  bool counted_by_address_ = false;
  bool readable_ = false;
  bool writable_ = false;
  bool waiting_readable_ = false;
  bool waiting_writable_ = false;
  bool packet_seen_ = false;
  bool authenticated_ = false;
  bool closing_ = false; ///< nothing more is taken in or accepted for sending
  bool ending_ = false;  ///< and the last bytes are in out_
  bool above_drained_ = false;
  bool websocket_closed_ = false; ///< our close frame is written
};

} // namespace godwit::node
