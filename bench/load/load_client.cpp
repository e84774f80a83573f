#include "bench/load/load_client.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>
#include <variant>

#include "config/limits.hpp"
#include "protocol/mtproto/handshake/client_handshake.hpp"
#include "protocol/mtproto/message/envelope.hpp"
#include "protocol/mtproto/transport/client_transport.hpp"
#include "protocol/tl/api/call_fn.hpp"
#include "protocol/tl/writer.hpp"

namespace godwit::bench {
namespace {

/// A client's wish to be disconnected when it pings no more: the longest that clients in the field ask for.
constexpr std::int32_t disconnect_delay_seconds = 140;
constexpr mtproto::packet_limits packet_limits{limits::packet_bytes_max, limits::packet_bytes_max};
/// Clients with one source address: fewer than the system has ports for.
constexpr std::uint32_t clients_per_address = 16'000;

sockaddr_in loopback(std::uint32_t host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl((127U << 24) + host);
  return address;
}

std::string bytes_of(const tl::fn::function& what, layer_t layer) {
  std::string bytes;
  tl::writer out(bytes);
  what.store(out, layer);
  return bytes;
}

std::string in_init(const std::string& query, layer_t layer) {
  tl::fn::initConnection inner;
  inner.api_id = 17;
  inner.device_model = "Load client";
  inner.system_version = "Linux 6.1";
  inner.app_version = "1.0.0";
  inner.system_lang_code = "en";
  inner.lang_code = "en";
  inner.query = query;
  const std::string inited = bytes_of(inner, layer);
  tl::fn::invokeWithLayer outer;
  outer.layer = layer;
  outer.query = inited;
  return bytes_of(outer, layer);
}

/// A buffer that has grown beyond this is not kept.
constexpr std::size_t kept_bytes = 4096;

} // namespace

unix_ms wall_time() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
    .count();
}

load_client::load_client(socket_loop& loop, const client_target& where, std::function<void(const std::string&)> on_lost)
    : loop_(loop), where_(where), on_lost_(std::move(on_lost)) {
  transport_ = std::make_unique<mtproto::client_transport>(where.transport, crypto::system_random(), packet_limits);
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket_ < 0) {
    throw std::system_error(errno, std::generic_category(), "socket");
  }
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  // With one address for all, the system would choose from its range of ports; so it does for each address.
  ::setsockopt(socket_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
  const sockaddr_in from = loopback(1 + where.number / clients_per_address, 0);
  const sockaddr_in to = loopback(where.dialled(), where.port);
  ::bind(socket_, reinterpret_cast<const sockaddr*>(&from), sizeof(from));
  loop_.watch(socket_, *this);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0 && errno != EINPROGRESS) {
    const int error = errno;
    ::close(socket_);
    throw std::system_error(error, std::generic_category(), "connect");
  }
}

load_client::~load_client() {
  loop_.ciphers().forget(*this);
  if (socket_ >= 0) {
    ::close(socket_);
  }
}

void load_client::lose(const std::string& why) {
  if (socket_ < 0) {
    return;
  }
  ::close(std::exchange(socket_, -1));
  if (on_lost_) {
    on_lost_(why);
  }
}

void load_client::make_key(std::function<void(std::shared_ptr<const client_key>)> done) {
  key_made_ = std::move(done);
  mtproto::client_handshake_options options;
  options.server_keys.push_back(where_.server_key);
  options.dc = 2;
  handshake_ = std::make_unique<mtproto::client_handshake>(std::move(options), crypto::system_random());
  send_plain(handshake_->start());
}

void load_client::use_key(std::shared_ptr<const client_key> key) {
  key_ = std::move(key);
  mtproto::client_session::options options;
  options.id = session_id{crypto::system_random().next_u64()};
  options.key = std::shared_ptr<const crypto::auth_key>(key_, &key_->key);
  options.salt = key_->salt;
  options.random = &crypto::system_random();
  session_.emplace(std::move(options));
}

void load_client::call(const tl::fn::function& what, answer_fn done, bool init) {
  const std::string query = bytes_of(what, where_.layer);
  calls_.emplace(session_->call(init ? in_init(query, where_.layer) : query), std::move(done));
  flush_later();
}

void load_client::ping(std::function<void(double)> done) {
  const std::uint64_t id = session_->ping(wall_time(), disconnect_delay_seconds);
  pings_.emplace(id, sent_ping{clock::now(), std::move(done)});
  flush_later();
}

void load_client::on_socket(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) {
    write();
  }
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
    read((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
  }
}

/// `to_the_end`: there is more to learn than bytes, and only a read that finds none tells it.
void load_client::read(bool to_the_end) {
  std::vector<std::uint8_t>& buffer = loop_.read_buffer();
  while (socket_ >= 0) {
    const ssize_t got = ::recv(socket_, buffer.data(), buffer.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOTCONN)) {
      return;
    }
    if (got <= 0) {
      lose(got == 0 ? "closed" : std::strerror(errno));
      return;
    }
    transport_->feed(std::span(buffer).first(static_cast<std::size_t>(got)));
    while (socket_ >= 0) {
      auto packet = transport_->next();
      if (!packet) {
        lose("framing");
      } else if (!*packet) {
        break;
      } else if ((*packet)->quick_ack_token == 0) {
        handle((*packet)->bytes);
      }
    }
    if (!to_the_end && static_cast<std::size_t>(got) < buffer.size()) {
      return;
    }
  }
}

void load_client::handle(std::span<std::uint8_t> packet) {
  if (const std::int32_t error = mtproto::transport_error_in(packet); error != 0) {
    lose("transport error " + std::to_string(error));
  } else if (mtproto::key_of(packet) == auth_key_id{}) {
    handle_plain(packet);
  } else {
    handle_encrypted(packet);
  }
}

void load_client::handle_plain(std::span<const std::uint8_t> packet) {
  const auto message = mtproto::parse_plain(packet);
  if (!message || !handshake_) {
    lose("unencrypted");
    return;
  }
  auto next = handshake_->handle({reinterpret_cast<const char*>(message->body.data()), message->body.size()});
  if (!next) {
    lose("key exchange: " + std::string(to_string(next.error())));
  } else if (const auto* query = std::get_if<mtproto::handshake_query>(&*next)) {
    send_plain(query->body);
  } else {
    const auto& made = std::get<mtproto::new_auth_key>(*next);
    handshake_.reset();
    auto key = std::make_shared<client_key>();
    key->key = made.key;
    key->id = made.id;
    key->salt = static_cast<std::uint64_t>(made.server_salt);
    const auto done = std::exchange(key_made_, nullptr);
    done(std::move(key));
  }
}

void load_client::handle_encrypted(std::span<std::uint8_t> packet) {
  const auto closed = mtproto::parse_encrypted(packet);
  if (!closed || !key_ || closed->key_id != key_->id) {
    lose("not of this key");
    return;
  }
  loop_.ciphers().decrypt(*this, *closed, key_->key);
}

void load_client::decrypted(mtproto::buffer_slice plain) {
  if (socket_ < 0) {
    return;
  }
  const auto inner = mtproto::parse_inner(plain);
  if (!inner) {
    lose("not authentic");
    return;
  }
  mtproto::client_output& out = received_;
  session_->receive(*inner, wall_time(), out);
  for (const std::uint64_t id : out.pongs) {
    if (auto found = pings_.extract(id)) {
      const sent_ping& ping = found.mapped();
      ping.done(std::chrono::duration<double>(clock::now() - ping.at).count());
    }
  }
  for (const mtproto::client_answer& answer : out.answers) {
    if (auto found = calls_.extract(answer.call)) {
      found.mapped()(answer);
    }
  }
  if (pushed_) {
    for (const mtproto::buffer_slice& push : out.pushes) {
      pushed_(push);
    }
  }
  if (out.broken) {
    lose("broken packet");
  }
  out.clear();
  if (session_->has_requests() || session_->acks_waiting() >= where_.acks_gathered) {
    flush_later();
  }
}

void load_client::flush_later() {
  if (!std::exchange(has_output_, true)) {
    loop_.ciphers().has_output(*this, key_->id, key_->key);
  }
}

void load_client::gather(mtproto::packet_sink& packets) {
  has_output_ = false;
  session_->flush(wall_time(), packets);
}

void load_client::encrypted(std::span<const std::uint8_t> packet) { transport_->append(unsent_, packet); }

void load_client::send_plain(std::string_view body) {
  const std::string packet = mtproto::make_plain(plain_ids_.next(wall_time(), mtproto::msg_origin::client),
                                                 {reinterpret_cast<const std::uint8_t*>(body.data()), body.size()});
  transport_->append(unsent_, {reinterpret_cast<const std::uint8_t*>(packet.data()), packet.size()});
  write();
}

void load_client::write() {
  std::size_t sent = 0;
  while (socket_ >= 0 && sent < unsent_.size()) {
    const ssize_t took = ::send(socket_, unsent_.data() + sent, unsent_.size() - sent, MSG_NOSIGNAL);
    if (took < 0) {
      break; // EPOLLOUT, or EPOLLHUP, tells what comes of it
    }
    sent += static_cast<std::size_t>(took);
  }
  unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<std::ptrdiff_t>(sent));
  if (unsent_.empty() && unsent_.capacity() > kept_bytes) {
    std::vector<std::uint8_t>().swap(unsent_);
  }
}

} // namespace godwit::bench
