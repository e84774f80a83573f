#include "tests/support/wire/socket_connection.hpp"

#include <array>
#include <cerrno>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/limits.hpp"
#include "protocol/crypto/random.hpp"

namespace godwit::test {
namespace {

using clock_type = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds send_patience{10'000};
constexpr mtproto::packet_limits packet_bounds{limits::packet_bytes_max, limits::packet_bytes_max};

int connected_socket(const socket_address& to) {
  const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(to.port);
  if (::inet_pton(AF_INET, to.host.c_str(), &address.sin_addr) != 1 ||
      ::connect(made, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    ::close(made);
    return -1;
  }
  const int on = 1;
  ::setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return made;
}

} // namespace

socket_connection::socket_connection(const socket_address& to, mtproto::transport_kind kind, std::int16_t dc)
    : transport_(kind, crypto::system_random(), packet_bounds, dc), fd_(connected_socket(to)) {}

socket_connection::~socket_connection() { close(); }

void socket_connection::close() {
  if (fd_ >= 0) {
    ::close(std::exchange(fd_, -1));
  }
}

void socket_connection::shut_down() {
  if (fd_ >= 0) {
    ::shutdown(fd_, SHUT_WR);
  }
}

bool socket_connection::wait_for(short events, milliseconds patience) const {
  pollfd one{fd_, events, 0};
  return ::poll(&one, 1, static_cast<int>(std::max<std::int64_t>(0, patience.count()))) > 0;
}

std::string socket_connection::framed(std::string_view packet) {
  std::vector<std::uint8_t> bytes;
  transport_.append(bytes, {reinterpret_cast<const std::uint8_t*>(packet.data()), packet.size()});
  return {bytes.begin(), bytes.end()};
}

void socket_connection::send(std::string_view packet) {
  if (is_open()) {
    send_raw(framed(packet));
  }
}

void socket_connection::send_raw(std::string_view bytes) {
  const auto until = clock_type::now() + send_patience;
  while (is_open() && !bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno != EAGAIN && errno != EINTR) {
      // The node has closed; what it said before still lies in the socket.
      while (read_some()) {
      }
      close();
    } else {
      // A node that waits for us to read does not read itself.
      if (!read_some() && is_open()) {
        wait_for(POLLIN | POLLOUT, milliseconds(100));
      }
      if (clock_type::now() > until) {
        close();
      }
    }
  }
}

bool socket_connection::read_some() {
  if (!is_open()) {
    return false;
  }
  std::array<std::uint8_t, 64 << 10> buffer;
  const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got > 0) {
    take_packets({buffer.data(), static_cast<std::size_t>(got)});
    return true;
  }
  if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
    close();
  }
  return false;
}

void socket_connection::take_packets(std::span<std::uint8_t> bytes) {
  transport_.feed(bytes);
  for (;;) {
    const auto next = transport_.next();
    if (!next) {
      broken_ = true;
      close();
      return;
    }
    if (!*next) {
      return;
    }
    const mtproto::packet& one = **next;
    if (const std::int32_t code = mtproto::transport_error_in(one.bytes); code != 0) {
      error_ = code;
    } else if (!one.bytes.empty()) {
      packets_.emplace_back(reinterpret_cast<const char*>(one.bytes.data()), one.bytes.size());
    }
  }
}

std::optional<std::string> socket_connection::receive_now() {
  while (packets_.empty() && read_some()) {
  }
  if (packets_.empty()) {
    return std::nullopt;
  }
  std::string packet = std::move(packets_.front());
  packets_.pop_front();
  return packet;
}

std::optional<std::string> socket_connection::receive(milliseconds patience) {
  const auto until = clock_type::now() + patience;
  for (;;) {
    if (auto packet = receive_now()) {
      return packet;
    }
    const auto left = std::chrono::duration_cast<milliseconds>(until - clock_type::now());
    if (!is_open() || left.count() <= 0) {
      return std::nullopt;
    }
    wait_for(POLLIN, left);
  }
}

bool socket_connection::wait_closed(milliseconds patience) {
  const auto until = clock_type::now() + patience;
  while (is_open() && clock_type::now() < until) {
    receive(std::chrono::duration_cast<milliseconds>(until - clock_type::now()));
  }
  return !is_open();
}

} // namespace godwit::test
