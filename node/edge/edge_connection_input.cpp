// From the socket to packets.

#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "node/edge/connection_entry.hpp"
#include "node/edge/edge_log.hpp"
#include "node/edge/websocket_frames.hpp"

namespace godwit::node {

void edge_connection::wait_readable() {
  if (waiting_readable_ || !is_open()) {
    return;
  }
  waiting_readable_ = true;
  socket_->async_wait(boost::asio::ip::tcp::socket::wait_read,
                      [self = caf::intrusive_ptr<edge_connection>(this)](const boost::system::error_code& error) {
                        self->waiting_readable_ = false;
                        if (!error && self->is_open()) {
                          self->readable_ = true;
                          self->loop_.schedule(*self);
                        }
                      });
}

void edge_connection::serve() {
  if (std::exchange(writable_, false)) {
    send_out();
    if (is_open() && ending_ && sent_ == out_.size()) {
      finish();
    }
    if (is_open() && events_ && above_drained_ && !closing_ && unsent_bytes() <= setting_->options.drained_bytes) {
      above_drained_ = false;
      events_->drained();
    }
  }
  if (!is_open()) {
    return;
  }
  if (closing_) {
    // Until our last bytes are sent, what the client says is left alone.
    if (linger_until_ != 0) {
      discard();
    }
    return;
  }
  // What was kept while the reader was paused comes first.
  give_packets();
  if (std::exchange(readable_, false)) {
    if (pauses_ == 0 && is_open()) {
      read();
    } else {
      readable_ = is_open();
    }
  }
  if (is_open() && pauses_ == 0 && !readable_) {
    wait_readable();
  }
  if (is_open()) {
    watch();
  }
}

void edge_connection::resume() {
  if (pauses_ != 0 && --pauses_ == 0 && is_open()) {
    last_read_ = loop_.now();
    loop_.schedule(*this);
  }
}

void edge_connection::read() {
  const auto buffer = loop_.read_buffer();
  const ssize_t got = ::recv(socket_->native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    return;
  }
  if (got <= 0) {
    drop(close_reason::by_client);
    return;
  }
  last_read_ = loop_.now();
  probe().reads.add();
  probe().bytes_in.add(static_cast<std::uint64_t>(got));
  take_input(buffer.first(static_cast<std::size_t>(got)));
  if (static_cast<std::size_t>(got) == buffer.size()) {
    // There is more, most likely; others have their turn first.
    readable_ = is_open();
    if (readable_) {
      loop_.schedule(*this);
    }
  }
  if (is_open()) {
    const bool amid = transport_.current_stage() == mtproto::server_transport::stage::packets &&
                      transport_.reader().kept_bytes() != 0 && pauses_ == 0;
    packet_since_ = !amid ? 0 : packet_since_ != 0 ? packet_since_ : loop_.now();
  }
}

/// The end of a closed connection: what still comes is thrown away, so that the client's system does not
/// answer it with a reset that would overtake our last bytes.
void edge_connection::discard() {
  if (!std::exchange(readable_, false)) {
    return;
  }
  const auto buffer = loop_.read_buffer();
  const ssize_t got = ::recv(socket_->native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
    drop(close_reason::by_client);
    return;
  }
  wait_readable();
}

void edge_connection::take_input(std::span<std::uint8_t> in) {
  if (entry_ && entry_->proxy && !take_proxy_header(in)) {
    return;
  }
  if (entry_ && entry_->http) {
    take_http(in);
  } else if (websocket_) {
    take_websocket(in);
  } else {
    take_stream(in);
  }
}

/// True: the client's own bytes are next.
bool edge_connection::take_proxy_header(std::span<std::uint8_t>& in) {
  const auto complete = entry_->proxy->feed(in);
  if (!complete) {
    probe().framing_errors[static_cast<std::size_t>(complete.error())].add();
    drop(close_reason::framing_error);
    return false;
  }
  if (!*complete) {
    return false;
  }
  if (const auto& source = entry_->proxy->source()) {
    peer_.bytes = source->address;
    client_ = client_address_of(peer_);
  }
  entry_.reset();
  if (setting_->budget.name(client_)) {
    drop(close_reason::address_limit);
    return false;
  }
  counted_by_address_ = true;
  return true;
}

void edge_connection::take_http(std::span<std::uint8_t> in) {
  const auto verdict = entry_->http->feed(in);
  if (verdict == http_upgrade::verdict::more) {
    return;
  }
  const std::string& response = entry_->http->response();
  append_raw({reinterpret_cast<const std::uint8_t*>(response.data()), response.size()});
  entry_.reset();
  loop_.output().mark(*this);
  if (verdict == http_upgrade::verdict::refused) {
    reason_ = close_reason::http;
    closing_ = true;
    return;
  }
  probe().websockets.add();
  websocket_ = std::make_unique<websocket_reader>();
  transport_ = mtproto::server_transport(false, setting_->options.first_packets);
  take_websocket(in);
}

void edge_connection::take_websocket(std::span<std::uint8_t> in) {
  using kind = websocket_reader::step::kind;
  while (is_open() && !closing_) {
    const auto step = websocket_->next(in);
    switch (step.what) {
    case kind::more: return;
    case kind::data: take_stream(step.bytes); break;
    case kind::ping: answer_ping(step.bytes); break;
    case kind::close:
      // Section 5.5.1: answered with the same status, and then the server closes.
      close_websocket(close_reason::by_client, step.bytes.first(step.bytes.size() < 2 ? 0 : 2));
      break;
    case kind::failed: {
      const auto status = static_cast<std::uint16_t>(step.status);
      const std::array<std::uint8_t, 2> bytes = {static_cast<std::uint8_t>(status >> 8),
                                                 static_cast<std::uint8_t>(status)};
      close_websocket(close_reason::websocket, bytes);
      break;
    }
    }
  }
}

void edge_connection::take_stream(std::span<std::uint8_t> in) {
  using stage = mtproto::server_transport::stage;
  const bool known = transport_.current_stage() == stage::packets;
  const auto now_in = transport_.feed(in);
  if (!now_in) {
    probe().framing_errors[static_cast<std::size_t>(now_in.error())].add();
    drop(close_reason::framing_error);
    return;
  }
  if (*now_in == stage::http) {
    entry_ = std::make_unique<entry>();
    entry_->http.emplace();
    std::vector<std::uint8_t> first(transport_.first_bytes().begin(), transport_.first_bytes().end());
    in = in.subspan(transport_.detection_taken());
    std::span<std::uint8_t> begin(first);
    entry_->http->feed(begin); // too short to be whole
    take_http(in);
    return;
  }
  if (*now_in == stage::packets) {
    if (!known) {
      begin_packets();
    }
    give_packets();
  }
}

/// The transport is known: somebody has to want the packets.
void edge_connection::begin_packets() {
  probe().transports[mtproto::index_of(transport_.kind())].add();
  setting_->acceptor.accepted(actors::connection_ptr(this));
  if (!events_ && !closing_) {
    drop(close_reason::refused);
  }
}

void edge_connection::give_packets() {
  if (!is_open() || transport_.current_stage() != mtproto::server_transport::stage::packets) {
    return;
  }
  while (pauses_ == 0 && !closing_) {
    const auto next = transport_.next();
    if (!next) {
      probe().framing_errors[static_cast<std::size_t>(next.error())].add();
      drop(close_reason::framing_error);
      return;
    }
    if (!*next) {
      return;
    }
    packet_seen_ = true;
    packet_since_ = 0;
    probe().packets_in.add();
    events_->packet((*next)->bytes, (*next)->quick_ack_wanted);
  }
  if (!closing_) {
    transport_.park();
  }
}

} // namespace godwit::node
