#include "tests/node/edge/edge_fixture.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

namespace godwit::node::test {

bool eventually(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

bytes encrypted_packet(std::size_t blocks, std::uint8_t fill) { return bytes(24 + 16 * blocks, fill); }

namespace {

class fake_events final : public actors::connection_events {
public:
  fake_events(fake_gateway& gateway, actors::connection_ptr connection)
      : gateway_(gateway), connection_(std::move(connection)) {}

  void packet(std::span<std::uint8_t> data, bool quick_ack) override {
    ++gateway_.packets;
    gateway_.on_packet(connection_, data, quick_ack);
  }
  void closed() override {
    connection_ = nullptr;
    ++gateway_.closed;
  }
  void drained() override { ++gateway_.drained; }

private:
  fake_gateway& gateway_;
  actors::connection_ptr connection_;
};

} // namespace

void fake_gateway::accepted(actors::connection_ptr connection) {
  ++accepted_count;
  {
    const std::lock_guard lock(mutex_);
    newest_ = connection;
  }
  if (on_accepted && !on_accepted(connection)) {
    return;
  }
  auto events = std::make_unique<fake_events>(*this, connection);
  connection->listen(std::move(events));
}

actors::connection_ptr fake_gateway::newest() {
  const std::lock_guard lock(mutex_);
  return newest_;
}

void fake_gateway::forget() {
  const std::lock_guard lock(mutex_);
  newest_ = nullptr;
}

client_socket::client_socket(std::uint16_t port, const char* address, int receive_buffer) {
  const bool v6 = std::strchr(address, ':') != nullptr;
  sockaddr_storage storage{};
  socklen_t size = 0;
  if (v6) {
    auto& to = reinterpret_cast<sockaddr_in6&>(storage);
    to.sin6_family = AF_INET6;
    to.sin6_port = htons(port);
    inet_pton(AF_INET6, address, &to.sin6_addr);
    size = sizeof(to);
  } else {
    auto& to = reinterpret_cast<sockaddr_in&>(storage);
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    inet_pton(AF_INET, address, &to.sin_addr);
    size = sizeof(to);
  }
  fd_ = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (receive_buffer != 0) {
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
  }
  const timeval limit = {10, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&storage), size) != 0) {
    close();
  }
}

client_socket& client_socket::operator=(client_socket&& other) noexcept {
  close();
  fd_ = std::exchange(other.fd_, -1);
  return *this;
}

client_socket::~client_socket() { close(); }

void client_socket::close() {
  if (fd_ >= 0) {
    ::close(fd_);
    fd_ = -1;
  }
}

bool client_socket::write(std::span<const std::uint8_t> data) {
  while (!data.empty()) {
    const ssize_t sent = ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      return false;
    }
    data = data.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

bool client_socket::write(std::string_view text) {
  return write({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

bytes client_socket::read_some(std::chrono::milliseconds patience) {
  pollfd wait = {fd_, POLLIN, 0};
  if (::poll(&wait, 1, static_cast<int>(patience.count())) <= 0) {
    return {};
  }
  bytes data(1 << 16);
  const ssize_t got = ::recv(fd_, data.data(), data.size(), 0);
  data.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return data;
}

bytes client_socket::read_all(bool* reset) {
  bytes all;
  pollfd wait = {fd_, POLLIN, 0};
  bytes data(1 << 16);
  while (::poll(&wait, 1, 10'000) > 0) {
    const ssize_t got = ::recv(fd_, data.data(), data.size(), 0);
    if (got <= 0) {
      if (reset != nullptr) {
        *reset = got < 0;
      }
      return all;
    }
    all.insert(all.end(), data.begin(), data.begin() + got);
  }
  ADD_FAILURE() << "the connection did not end";
  return all;
}

bool client_socket::ended() {
  pollfd wait = {fd_, POLLIN, 0};
  bytes data(1 << 16);
  while (::poll(&wait, 1, 10'000) > 0) {
    if (::recv(fd_, data.data(), data.size(), 0) <= 0) {
      return true;
    }
  }
  return false;
}

bool transport_client::send(const bytes& packet, bool quick_ack) {
  bytes out;
  transport.append(out, packet, quick_ack);
  return socket.write(out);
}

bytes transport_client::receive() {
  for (;;) {
    const auto next = transport.next();
    if (!next) {
      return {};
    }
    if (*next) {
      if ((*next)->quick_ack_token != 0) {
        tokens.push_back((*next)->quick_ack_token);
        continue;
      }
      return {(*next)->bytes.begin(), (*next)->bytes.end()};
    }
    input_ = socket.read_some();
    if (input_.empty()) {
      return {};
    }
    transport.feed(input_);
  }
}

edge_fixture::edge_fixture() {
  config_.set("scheduler.policy", caf::atom("sharing"));
  config_.set("scheduler.max-threads", 1);
  system_ = std::make_unique<caf::actor_system>(config_);
  gateway.on_packet = [](const actors::connection_ptr& connection, std::span<std::uint8_t> data, bool) {
    connection->send({std::string(data.begin(), data.end()), nullptr});
  };
}

edge_fixture::~edge_fixture() { end(); }

void edge_fixture::begin(std::size_t loops, const char* address) {
  setting_ = std::make_shared<connection_setting>(options, gateway);
  std::vector<edge_loop*> all;
  for (std::size_t i = 0; i < loops; ++i) {
    loops_.push_back(std::make_unique<edge_loop>(*system_, "edge" + std::to_string(i)));
    all.push_back(loops_.back().get());
    loops_.back()->start();
  }
  auto opened = listener::open(*config::parse_ip(address), 0, 1024, *all.front(), all, setting_);
  ASSERT_TRUE(opened) << opened.error();
  listeners_.push_back(std::move(*opened));
}

void edge_fixture::end() {
  listeners_.clear();
  for (const auto& loop : loops_) {
    loop->stop();
  }
  gateway.forget();
  loops_.clear();
}

std::uint64_t edge_fixture::closed(close_reason reason) const {
  std::uint64_t sum = 0;
  for (const auto& loop : loops_) {
    sum += loop->probe().closed[static_cast<std::size_t>(reason)].value();
  }
  return sum;
}

} // namespace godwit::node::test
