#include "tests/chat_load/rough_link.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <utility>

#include "config/limits.hpp"
#include "protocol/mtproto/message/constructors.hpp"
#include "protocol/mtproto/message/envelope.hpp"
#include "protocol/mtproto/transport/client_transport.hpp"
#include "protocol/tl/reader.hpp"

namespace godwit::chat_load {
namespace {

using std::chrono::milliseconds;
using clock = bench::socket_loop::clock;

constexpr mtproto::packet_limits packet_limits{limits::packet_bytes_max, limits::packet_bytes_max};
constexpr std::int64_t resend_after_ms = 2500;
/// Without a word for so long, a node is asked for one; and then it is given up.
constexpr milliseconds silence_ask{800};
constexpr milliseconds silence_max{2500};
/// What clients accept of a message's id: so far ahead of the right time, so far behind.
constexpr std::int64_t ahead_max_ms = 30'000;
constexpr std::int64_t behind_max_ms = 300'000;

class packet_list final : public mtproto::packet_sink {
public:
  std::span<std::uint8_t> open(std::size_t size) override { return packets.emplace_back(size); }
  std::vector<std::vector<std::uint8_t>> packets;
};

} // namespace

rough_link::rough_link(bench::socket_loop& loop, std::vector<bench::client_target> where,
                       std::shared_ptr<const bench::client_key> key, std::uint64_t seed, link_listener& listener)
    : loop_(loop), where_(std::move(where)), key_(std::move(key)), dice_(seed), listener_(listener) {
  at_ = dice_.below(where_.size());
  begin_session();
}

rough_link::~rough_link() { close_socket(); }

void rough_link::begin_session() {
  mtproto::client_session::options options;
  options.id = session_id{dice_.next()};
  options.key = std::shared_ptr<const crypto::auth_key>(key_, &key_->key);
  options.salt = session_ ? session_->salt() : key_->salt;
  options.random = &crypto::system_random();
  options.resend_after_ms = resend_after_ms;
  session_.emplace(std::move(options));
}

// --- connections ----------------------------------------------------------------------------------

void rough_link::start() { connect(); }

void rough_link::connect_later(milliseconds wait) {
  if (!std::exchange(connecting_, true)) {
    loop_.at(clock::now() + wait, [this] {
      connecting_ = false;
      connect();
    });
  }
}

void rough_link::connect() {
  close_socket();
  ++connections_;
  const bench::client_target& where = where_[at_];
  transport_ = std::make_unique<mtproto::client_transport>(where.transport, crypto::system_random(), packet_limits);
  unsent_.clear();
  deaf_ = false;
  heard_at_ = clock::now();
  asked_ = false;
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket_ < 0) {
    throw std::runtime_error("no socket for a device");
  }
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(where.port);
  to.sin_addr.s_addr = htonl((127U << 24) + where.dialled());
  loop_.watch(socket_, *this);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0 && errno != EINPROGRESS) {
    lose();
  }
}

void rough_link::close_socket() {
  if (socket_ >= 0) {
    ::close(std::exchange(socket_, -1));
  }
}

void rough_link::lose() {
  if (socket_ < 0) {
    return;
  }
  close_socket();
  if (std::exchange(up_, false)) {
    listener_.link_lost();
  }
  go_elsewhere();
  connect_later(milliseconds(50 + dice_.below(400)));
}

/// To another node: what ended here would not be better at once.
void rough_link::go_elsewhere() {
  if (where_.size() > 1) {
    at_ = (at_ + 1 + dice_.below(where_.size() - 1)) % where_.size();
  }
}

void rough_link::breach(const std::string& what) {
  listener_.link_breach("127.0.0." + std::to_string(where_[at_].dialled()) + ": " + what);
  lose();
}

/// A process that was stopped keeps its connections, and the kernel takes new ones for it.
void rough_link::watch_silence() {
  if (socket_ < 0 || deaf_) {
    return;
  }
  const auto silence = clock::now() - heard_at_;
  if (silence > silence_max) {
    lose();
  } else if (up_ && silence > silence_ask && !std::exchange(asked_, true)) {
    session_->ping(bench::wall_time());
  }
}

void rough_link::cut(milliseconds away) {
  if (socket_ < 0) {
    return;
  }
  close_socket();
  if (std::exchange(up_, false)) {
    listener_.link_lost();
  }
  if (dice_.chance(0.5)) {
    go_elsewhere();
  }
  connect_later(away);
}

void rough_link::stop_reading(milliseconds time) {
  deaf_ = true;
  loop_.at(clock::now() + time, [this] {
    deaf_ = false;
    heard_at_ = clock::now();
    read();
  });
}

void rough_link::on_socket(std::uint32_t events) {
  if (!up_ && socket_ >= 0 && (events & EPOLLOUT) != 0 && (events & (EPOLLERR | EPOLLHUP)) == 0) {
    up_ = true;
    session_->reconnected();
    listener_.link_up();
    flush();
  }
  if ((events & EPOLLOUT) != 0) {
    write();
  }
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
    read();
  }
}

// --- what comes -----------------------------------------------------------------------------------

void rough_link::read() {
  std::vector<std::uint8_t>& buffer = loop_.read_buffer();
  while (socket_ >= 0 && !deaf_) {
    const ssize_t got = ::recv(socket_, buffer.data(), buffer.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOTCONN)) {
      return;
    }
    if (got <= 0) {
      return lose();
    }
    heard_at_ = clock::now();
    asked_ = false;
    transport_->feed(std::span(buffer).first(static_cast<std::size_t>(got)));
    while (socket_ >= 0) {
      auto packet = transport_->next();
      if (!packet) {
        return breach("its framing is broken");
      }
      if (!*packet) {
        break;
      }
      if ((*packet)->quick_ack_token == 0) {
        handle((*packet)->bytes);
      }
    }
  }
}

void rough_link::handle(std::span<std::uint8_t> packet) {
  if (const std::int32_t error = mtproto::transport_error_in(packet); error != 0) {
    // Whatever the disk lost, the key was acknowledged.
    return breach("transport error " + std::to_string(error));
  }
  const auto closed = mtproto::parse_encrypted(packet);
  if (!closed || closed->key_id != key_->id) {
    return breach("a packet of another key");
  }
  crypto::cipher_job job = closed->job(key_->key, crypto::sender::server);
  crypto::decrypt({&job, 1});
  const auto inner = job.good ? mtproto::parse_inner(mtproto::buffer_slice::copy_of(closed->data))
                              : unexpected(mtproto::envelope_errc::too_short);
  if (!inner) {
    return breach("a packet that is not authentic");
  }
  if (inner->session != session_->id()) {
    return; // of the session before
  }
  handling_ = true;
  tl::reader in(inner->body.bytes());
  if (in.read_id() != mtproto::constructor::msg_container) {
    take(*inner);
  } else {
    // One by one: the order between answers and updates is part of what is promised.
    for (std::size_t left = in.read_count(16); left > 0 && in.ok(); --left) {
      mtproto::inner_message one{inner->salt, inner->session, {}, 0, {}};
      one.id = msg_id(static_cast<std::uint64_t>(in.read_long()));
      one.seqno = in.read_id();
      one.body = inner->body.at(in.read_raw(in.read_id()));
      if (inner->session == session_->id()) {
        take(one);
      }
    }
  }
  handling_ = false;
  flush();
}

void rough_link::take(const mtproto::inner_message& message) {
  const std::int64_t late = bench::wall_time() - (static_cast<std::int64_t>(message.id.value() >> 32) * 1000);
  if (late < -ahead_max_ms || late > behind_max_ms) {
    listener_.link_breach("127.0.0." + std::to_string(where_[at_].dialled()) + ": a msg_id " +
                          std::to_string(late / 1000) + " s behind the right time");
  }
  mtproto::client_output out;
  session_->receive(message, bench::wall_time(), out);
  if (out.broken) {
    return breach("a message that breaks a rule");
  }
  if (out.new_session) {
    listener_.link_session_made();
  }
  for (const mtproto::client_answer& each : out.answers) {
    listener_.link_answered(each);
  }
  for (const mtproto::buffer_slice& each : out.pushes) {
    listener_.link_pushed(each);
  }
}

// --- what goes ------------------------------------------------------------------------------------

mtproto::client_call rough_link::call(std::string query) {
  const mtproto::client_call made = session_->call(std::move(query));
  if (!handling_) {
    flush();
  }
  return made;
}

void rough_link::tick() {
  watch_silence();
  session_->tick(bench::wall_time());
  flush();
}

void rough_link::flush() {
  if (!up_ || !session_->has_output()) {
    return;
  }
  packet_list sink;
  session_->flush(bench::wall_time(), sink);
  for (std::vector<std::uint8_t>& packet : sink.packets) {
    crypto::cipher_job job = mtproto::seal_job(packet, key_->id, key_->key, crypto::sender::client);
    crypto::encrypt({&job, 1});
    mtproto::finish_seal(job);
    send(std::move(packet));
  }
  write();
}

void rough_link::send(std::vector<std::uint8_t> packet) {
  const auto later = [this](std::vector<std::uint8_t> what, std::uint64_t most) {
    loop_.at(clock::now() + milliseconds(1 + dice_.below(most)), [this, on = connections_, held = std::move(what)] {
      if (up_ && on == connections_) {
        put(held);
        write();
      }
    });
  };
  if (dice_.chance(rough_.doubled)) {
    if (dice_.chance(0.5)) {
      put(packet);
    } else {
      later(packet, 1500);
    }
  }
  if (dice_.chance(rough_.delayed)) {
    later(std::move(packet), 500);
  } else {
    put(packet);
  }
}

void rough_link::put(std::span<const std::uint8_t> packet) { transport_->append(unsent_, packet); }

void rough_link::write() {
  std::size_t sent = 0;
  while (socket_ >= 0 && sent < unsent_.size()) {
    const ssize_t took = ::send(socket_, unsent_.data() + sent, unsent_.size() - sent, MSG_NOSIGNAL);
    if (took < 0) {
      break; // on_socket() hears what comes of it
    }
    sent += static_cast<std::size_t>(took);
  }
  unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<std::ptrdiff_t>(sent));
}

} // namespace godwit::chat_load
