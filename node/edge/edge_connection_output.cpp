// From packets to the socket.

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "node/edge/connection_entry.hpp"
#include "node/edge/websocket_frames.hpp"
#include "protocol/crypto/random.hpp"

namespace godwit::node {

void edge_connection::send(actors::outgoing_packet packet) {
  if (may_send()) {
    staged_bytes_ += packet.bytes.size();
    loop_.output().add(*this, std::move(packet));
  }
}

/// False, too, for a client that lets too much wait: the connection ends with this round.
bool edge_connection::may_send() {
  if (!is_open() || closing_) {
    return false;
  }
  if (unsent_bytes() <= setting_->options.unread_bytes_max) {
    return true;
  }
  reason_ = close_reason::slow_reader;
  closing_ = true;
  loop_.output().mark(*this);
  return false;
}

void edge_connection::send_quick_ack(std::uint32_t token) {
  if (may_send()) {
    transport_.writer().append_quick_ack(output(), token);
    probe().quick_acks.add();
    loop_.output().mark(*this);
  }
}

void edge_connection::close(actors::transport_error why) {
  if (!is_open() || closing_) {
    return;
  }
  closing_ = true;
  reason_ = close_reason::by_session;
  error_ = why;
  loop_.output().mark(*this);
}

void edge_connection::append(std::span<const std::uint8_t> packet) {
  staged_bytes_ -= packet.size();
  if (is_open()) {
    transport_.writer().append(output(), packet, crypto::system_random());
    probe().packets_out.add();
  }
}

std::vector<std::uint8_t>& edge_connection::output() {
  if (out_.capacity() == 0) {
    out_ = loop_.output().take_buffer();
  } else if (sent_ > out_.size() / 2) {
    out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(sent_));
    sealed_ -= sent_;
    sent_ = 0;
  }
  return out_;
}

/// Bytes that belong to no transport: HTTP, and control frames of WebSocket.
void edge_connection::append_raw(std::span<const std::uint8_t> bytes) {
  seal();
  auto& out = output();
  out.insert(out.end(), bytes.begin(), bytes.end());
  sealed_ = out.size();
}

/// Readies what was appended by the transport: obfuscation, and one frame around it in a WebSocket.
void edge_connection::seal() {
  if (sealed_ == out_.size()) {
    return;
  }
  transport_.seal(std::span(out_).subspan(sealed_));
  if (websocket_) {
    wrap_frame(out_, sealed_, websocket_opcode::binary);
  }
  sealed_ = out_.size();
}

void edge_connection::answer_ping(std::span<const std::uint8_t> bytes) {
  // A client that does not read its pongs gets no more of them.
  if (unsent_bytes() <= setting_->options.drained_bytes) {
    std::vector<std::uint8_t> frame(bytes.begin(), bytes.end());
    wrap_frame(frame, 0, websocket_opcode::pong);
    append_raw(frame);
    loop_.output().mark(*this);
  }
}

/// Writes our close frame; the connection ends once it is sent.
void edge_connection::close_websocket(close_reason reason, std::span<const std::uint8_t> status) {
  std::vector<std::uint8_t> frame(status.begin(), status.end());
  wrap_frame(frame, 0, websocket_opcode::close);
  append_raw(frame);
  websocket_closed_ = true;
  closing_ = true;
  reason_ = reason;
  loop_.output().mark(*this);
}

void edge_connection::flush() {
  if (!is_open()) {
    return;
  }
  if (closing_ && reason_ == close_reason::slow_reader) {
    drop(reason_);
    return;
  }
  if (closing_ && error_ != actors::transport_error::none) {
    transport_.writer().append_error(output(), -static_cast<std::int32_t>(error_));
    error_ = actors::transport_error::none;
  }
  seal();
  if (closing_ && websocket_ && !websocket_closed_) {
    static constexpr std::array<std::uint8_t, 2> normal = {0x03, 0xE8};
    close_websocket(reason_, normal);
  }
  if (!waiting_writable_) {
    send_out();
  }
  if (!is_open()) {
    return;
  }
  if (unsent_bytes() > setting_->options.drained_bytes) {
    above_drained_ = true;
  }
  ending_ = closing_;
  if (ending_ && sent_ == out_.size()) {
    finish();
  }
}

void edge_connection::send_out() {
  // What is not sealed is not for the wire: it waits for the end of the round.
  if (sent_ < sealed_) {
    const ssize_t taken =
      ::send(socket_->native_handle(), out_.data() + sent_, sealed_ - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (taken < 0 && errno != EAGAIN && errno != EINTR) {
      drop(closing_ ? reason_ : close_reason::by_client);
      return;
    }
    if (taken > 0) {
      probe().sends.add();
      probe().bytes_out.add(static_cast<std::uint64_t>(taken));
      sent_ += static_cast<std::size_t>(taken);
      stalled_since_ = 0;
    }
  }
  if (sent_ < sealed_) {
    stalled_since_ = stalled_since_ != 0 ? stalled_since_ : loop_.now();
    watch();
    wait_writable();
    return;
  }
  stalled_since_ = 0;
  if (sealed_ == out_.size()) {
    end_output();
  }
}

void edge_connection::wait_writable() {
  if (waiting_writable_) {
    return;
  }
  waiting_writable_ = true;
  socket_->async_wait(boost::asio::ip::tcp::socket::wait_write,
                      [self = caf::intrusive_ptr<edge_connection>(this)](const boost::system::error_code& error) {
                        self->waiting_writable_ = false;
                        if (!error && self->is_open()) {
                          self->writable_ = true;
                          self->loop_.schedule(*self);
                        }
                      });
}

void edge_connection::end_output() {
  if (out_.capacity() != 0) {
    loop_.output().give_back(std::move(out_));
    out_ = std::vector<std::uint8_t>();
  }
  sent_ = sealed_ = 0;
}

/// Everything is with the kernel: nothing more is sent, and the client gets a moment to read it. Whoever
/// listens is told now.
void edge_connection::finish() {
  if (linger_until_ != 0) {
    return;
  }
  probe().closed[static_cast<std::size_t>(reason_)].add();
  ::shutdown(socket_->native_handle(), SHUT_WR);
  linger_until_ = loop_.now() + setting_->options.linger_ms;
  loop_.disarm(timer_);
  watch();
  if (readable_) {
    loop_.schedule(*this);
  } else {
    wait_readable();
  }
  if (const auto events = std::move(events_)) {
    events->closed();
  }
}

} // namespace godwit::node
