#pragma once

#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "cluster/base/loop_timer.hpp"
#include "cluster/peer/peer_connection.hpp"
#include "config/ip_address.hpp"
#include "node/edge/edge_loop.hpp"
#include "node/peer/byte_stream.hpp"
#include "node/peer/frame_reader.hpp"
#include "node/peer/peer_socket.hpp"
#include "node/peer/peer_transport.hpp"

namespace godwit::node {

/// One TCP connection between two nodes: connect, agree on TLS, greet, frames, a last word. On the loop alone; lives in
/// the transport's list while it has a socket. Whoever uses it holds a handle, which ends it (transport_handle).
class transport_link final : public edge_input,
                             public cluster::round_task,
                             public std::enable_shared_from_this<transport_link> {
public:
  /// One that another node dialled.
  static void accept(const std::shared_ptr<peer_transport>& of, int fd, const config::ip_address& from);
  /// One to another node, from the address `from` if that is given.
  static std::shared_ptr<transport_link> dial(const std::shared_ptr<peer_transport>& of,
                                              const cluster::peer_address& to, cluster::peer_stream what,
                                              persistence::node_id expected,
                                              const std::optional<config::ip_address>& from,
                                              cluster::peer_connection_listener& hears);

  transport_link(std::shared_ptr<peer_transport> of, bool accepted, cluster::peer_stream what,
                 persistence::node_id expected);
  ~transport_link() override;

  // --- for its handle ---

  void listen(cluster::peer_connection_listener& who);
  void send(std::string frame, bool first);
  [[nodiscard]] std::size_t queued_bytes() const { return queued_bytes_ + socket_.unsent(); }
  /// Nobody listens any more: it ends, with a try to send what waits.
  void abandon();

  // --- for the transport ---

  /// Ends, and tells why.
  void fail(std::string why);
  /// Ends without a last word, and tells why: the loop is about to stop.
  void stop();
  /// More were on their way than may be.
  void crowd_out();

  void serve() override;
  void run_deferred() override;

  std::size_t place = 0; ///< in the transport's list

private:
  enum class stage : std::uint8_t {
    failed_early, ///< nothing was dialled: trouble_ tells why
    connecting,
    agreeing,
    greeting,
    open,
    lingering, ///< the last word is said; what comes is thrown away
    ended,
  };

  // transport_link.cpp: life
  bool take(int fd);
  void connect(const cluster::peer_address& to, const std::optional<config::ip_address>& from);
  void begin_stream();
  void check_time();
  void tell_closed(std::string why);
  void leave_unknown();
  void say_goodbye();
  void release();
  [[nodiscard]] std::string where() const;

  // transport_link_io.cpp: bytes
  void wait_readable();
  void wait_writable();
  void connected();
  void progress();
  void agree();
  void take_greeting();
  void be_taken();
  void take_answer();
  void opened();
  void read();
  std::size_t read_once();
  void give_frames();
  void discard();
  void write_frames();
  std::deque<std::string>* next_queue();
  void write_record();
  void flush();
  void tell_writable();
  [[nodiscard]] bool is_over() const { return stage_ == stage::lingering || stage_ == stage::ended; }

  const std::shared_ptr<peer_transport> owner_;
  peer_transport& of_;
  const bool accepted_;
  cluster::peer_stream what_;
  const persistence::node_id expected_;
  cluster::peer_connection_listener* hears_ = nullptr;
  stage stage_ = stage::connecting;
  config::ip_address address_; ///< of the other side
  std::uint16_t port_ = 0;     ///< that was dialled
  std::string trouble_;

  std::optional<boost::asio::posix::stream_descriptor> descriptor_;
  peer_socket socket_;
  std::unique_ptr<byte_stream> stream_;
  cluster::loop_timer timer_;

  std::array<char, 8> greeting_{};
  std::size_t greeting_have_ = 0;
  frame_reader frames_in_;
  std::deque<std::string> frames_out_;
  std::deque<std::string> frames_first_;           ///< before those
  std::deque<std::string>* begun_queue_ = nullptr; ///< the header of its first frame is written
  std::size_t front_sent_ = 0;                     ///< of that frame
  std::size_t queued_bytes_ = 0;                   ///< of both, with their headers, without what is written
  bool above_high_ = false;
  bool overfull_ = false;
  bool handed_over_ = false; ///< of an accepted one: somebody has a handle
  bool telling_ = false;     ///< somebody began to listen after the end
  bool unknown_ = false;     ///< in the transport's list of them
  bool readable_ = false;
  bool writable_ = false;
  bool waiting_readable_ = false;
  bool waiting_writable_ = false;
};

/// What the users of a connection hold.
class transport_handle final : public cluster::peer_connection {
public:
  explicit transport_handle(std::shared_ptr<transport_link> link) : link_(std::move(link)) {}
  ~transport_handle() override { link_->abandon(); }

  void listen(cluster::peer_connection_listener& who) override { link_->listen(who); }
  void send(std::string frame) override { link_->send(std::move(frame), false); }
  void send_first(std::string frame) override { link_->send(std::move(frame), true); }
  [[nodiscard]] std::size_t queued_bytes() const override { return link_->queued_bytes(); }

private:
  std::shared_ptr<transport_link> link_;
};

} // namespace godwit::node
