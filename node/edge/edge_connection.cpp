#include "node/edge/edge_connection.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "node/edge/connection_entry.hpp"
#include "node/edge/edge_log.hpp"
#include "node/edge/websocket_frames.hpp"

namespace godwit::node {

edge_connection::edge_connection(edge_loop& loop, int fd, const config::ip_address& peer, bool proxied,
                                 std::shared_ptr<connection_setting> setting)
    : loop_(loop),
      setting_(std::move(setting)),
      socket_(std::make_unique<boost::asio::ip::tcp::socket>(loop.io())),
      transport_(true, setting_->options.first_packets),
      timer_([this] { check_time(); }),
      peer_(peer),
      client_(client_address_of(peer)),
      counted_by_address_(!proxied) {
  // The protocol only matters to accept and open, which are not called.
  boost::system::error_code error;
  socket_->assign(boost::asio::ip::tcp::v4(), fd, error);
  if (error) {
    ::close(fd);
  }
  if (proxied) {
    entry_ = std::make_unique<entry>();
    entry_->proxy.emplace();
  }
}

edge_connection::~edge_connection() = default;

void edge_connection::start() {
  opened_at_ = last_read_ = loop_.now();
  probe().accepted.add();
  loop_.add(*this);
  if (!socket_->is_open()) {
    return drop(close_reason::by_client);
  }
  if (loop_.stood_still()) {
    return drop(close_reason::stood_still);
  }
  watch();
  wait_readable();
}

std::string edge_connection::address_text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (peer_.is_v4()) {
    inet_ntop(AF_INET, peer_.bytes.data() + 12, text.data(), text.size());
  } else {
    inet_ntop(AF_INET6, peer_.bytes.data(), text.data(), text.size());
  }
  return text.data();
}

std::string edge_connection::dialled_address() const {
  boost::system::error_code error;
  if (!is_open()) {
    return {};
  }
  const boost::asio::ip::address local = socket_->local_endpoint(error).address();
  if (error) {
    return {};
  }
  return local.is_v6() && local.to_v6().is_v4_mapped()
           ? boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, local.to_v6()).to_string()
           : local.to_string();
}

void edge_connection::authenticated() {
  authenticated_ = true;
  transport_.set_limits(setting_->options.packets);
}

/// The socket, the buffers and the place in the loop. After this only references are left.
void edge_connection::release() {
  if (!is_open()) {
    return;
  }
  boost::system::error_code ignored;
  socket_->close(ignored);
  socket_.reset();
  loop_.disarm(timer_);
  loop_.unschedule(*this);
  end_output();
  entry_.reset();
  websocket_.reset();
  transport_ = mtproto::server_transport(false, {});
  setting_->budget.leave(counted_by_address_ ? &client_ : nullptr);
  loop_.remove(*this);
}

void edge_connection::drop(close_reason reason) {
  if (!is_open()) {
    return;
  }
  if (linger_until_ == 0) { // else it was counted and told
    probe().closed[static_cast<std::size_t>(reason)].add();
    log::debug(edge_log, "connection_closed", {{"reason", name_of(reason)}});
  }
  release();
  if (const auto events = std::move(events_)) {
    events->closed();
  }
}

/// Arms the timer for the earliest limit that holds now. It may ring early: check_time() looks again.
void edge_connection::watch() {
  const edge_options& options = setting_->options;
  cluster::monotonic_ms due = ~cluster::monotonic_ms{0};
  const auto limit = [&due](cluster::monotonic_ms since, std::uint32_t length) { due = std::min(due, since + length); };
  if (linger_until_ != 0) {
    limit(linger_until_, 0);
  } else {
    if (!packet_seen_) {
      limit(opened_at_, options.first_packet_ms);
    }
    if (!authenticated_) {
      limit(opened_at_, options.known_key_ms);
    }
    if (packet_since_ != 0) {
      limit(packet_since_, options.packet_ms);
    }
    if (stalled_since_ != 0) {
      limit(stalled_since_, options.write_stall_ms);
    }
    if (options.idle_ms != 0 && pauses_ == 0) {
      limit(last_read_, options.idle_ms);
    }
  }
  if (due != ~cluster::monotonic_ms{0} && (!timer_.armed() || due < timer_.due())) {
    loop_.arm(timer_, due);
  }
}

void edge_connection::check_time() {
  const edge_options& options = setting_->options;
  const cluster::monotonic_ms now = loop_.now();
  const auto over = [now](cluster::monotonic_ms since, std::uint32_t length) { return now >= since + length; };
  if (linger_until_ != 0) {
    return now >= linger_until_ ? release() : watch();
  }
  if (!packet_seen_ && over(opened_at_, options.first_packet_ms)) {
    return drop(close_reason::first_packet);
  }
  if (!authenticated_ && over(opened_at_, options.known_key_ms)) {
    return drop(close_reason::known_key);
  }
  if (packet_since_ != 0 && over(packet_since_, options.packet_ms)) {
    return drop(close_reason::packet_time);
  }
  if (stalled_since_ != 0 && over(stalled_since_, options.write_stall_ms)) {
    return drop(close_reason::slow_reader);
  }
  if (options.idle_ms != 0 && pauses_ == 0 && over(last_read_, options.idle_ms)) {
    return drop(close_reason::idle);
  }
  watch();
}

} // namespace godwit::node
