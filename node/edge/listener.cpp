#include "node/edge/listener.hpp"

#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>

#include <caf/make_counted.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <future>
#include <optional>

#include "node/edge/edge_connection.hpp"
#include "node/edge/edge_log.hpp"

namespace godwit::node {

namespace {

/// Closes a descriptor that nobody took over.
class owned_fd {
public:
  explicit owned_fd(int fd) : fd_(fd) {}
  owned_fd(const owned_fd&) = delete;
  owned_fd& operator=(const owned_fd&) = delete;
  ~owned_fd() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  [[nodiscard]] int get() const { return fd_; }
  int take() { return std::exchange(fd_, -1); }

private:
  int fd_;
};

void set_option(int fd, int level, int name, int value) { ::setsockopt(fd, level, name, &value, sizeof(value)); }

/// In the form that the kernel takes, and its size.
std::pair<sockaddr_storage, socklen_t> socket_address(const config::ip_address& address, std::uint16_t port) {
  sockaddr_storage storage{};
  if (address.is_v4()) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, address.bytes.data() + 12, 4);
    return {storage, sizeof(v4)};
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  std::memcpy(&v6.sin6_addr, address.bytes.data(), 16);
  return {storage, sizeof(v6)};
}

std::uint16_t port_of(const sockaddr_storage& storage) {
  return ntohs(storage.ss_family == AF_INET ? reinterpret_cast<const sockaddr_in&>(storage).sin_port
                                            : reinterpret_cast<const sockaddr_in6&>(storage).sin6_port);
}

config::ip_address address_of(const sockaddr_storage& storage) {
  config::ip_address address;
  if (storage.ss_family == AF_INET) {
    address.bytes[10] = address.bytes[11] = 0xFF;
    std::memcpy(address.bytes.data() + 12, &reinterpret_cast<const sockaddr_in&>(storage).sin_addr, 4);
  } else {
    std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr, 16);
  }
  return address;
}

/// Peers that vanished without a word are noticed after some minutes.
void keep_alive(int fd) {
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 300);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 60);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
}

std::string failure(const std::string& what, const config::ip_address& address, std::uint16_t port, int error) {
  char text[INET6_ADDRSTRLEN] = {};
  const bool v4 = address.is_v4();
  ::inet_ntop(v4 ? AF_INET : AF_INET6, address.bytes.data() + (v4 ? 12 : 0), text, sizeof(text));
  return what + " " + text + " port " + std::to_string(port) + ": " + std::strerror(error);
}

/// True: descriptors or memory are short, and trying again at once is no use.
bool is_shortage(int error) { return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM; }

} // namespace

class listener::state final : public edge_input, public std::enable_shared_from_this<state> {
public:
  state(int fd, std::uint16_t port, edge_loop& home, std::vector<edge_loop*> loops,
        std::shared_ptr<connection_setting> setting)
      : port_(port),
        home_(home),
        loops_(std::move(loops)),
        setting_(std::move(setting)),
        descriptor_(std::in_place, home.io(), fd),
        pause_([this] { wait(); }) {}

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] edge_loop& home() const { return home_; }

  void wait() {
    if (!descriptor_) {
      return;
    }
    descriptor_->async_wait(boost::asio::posix::stream_descriptor::wait_read,
                            [self = shared_from_this()](const boost::system::error_code& error) {
                              if (!error && self->descriptor_) {
                                self->home_.schedule(*self);
                              }
                            });
  }

  void close() {
    home_.unschedule(*this);
    home_.disarm(pause_);
    descriptor_.reset();
  }

  void serve() override {
    for (int i = 0; i < limits::accepts_per_round; ++i) {
      sockaddr_storage peer{};
      socklen_t size = sizeof(peer);
      const int fd = ::accept4(descriptor_->native_handle(), reinterpret_cast<sockaddr*>(&peer), &size,
                               SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) {
        take(fd, address_of(peer));
      } else if (is_shortage(errno)) {
        rest(errno);
        return;
      } else if (errno == EAGAIN) {
        break;
      }
    }
    wait();
  }

private:
  void rest(int error) {
    static log::site limit{1, 1};
    home_.counters_of_edge().accept_failures.add();
    log::warning(
      limit, edge_log, "accept_failed",
      {{"error", std::strerror(error)}, {"remedy", "raise the limit of open files, or lower limits.connections"}});
    home_.arm(pause_, home_.now() + limits::accept_pause_ms);
  }

  void take(int fd, const config::ip_address& peer) {
    auto owned = std::make_shared<owned_fd>(fd);
    const edge_options& options = setting_->options;
    const bool proxied = std::any_of(options.proxy_sources.begin(), options.proxy_sources.end(),
                                     [&](const config::ip_network& network) { return network.contains(peer); });
    const auto client = client_address_of(peer);
    if (const auto rejected = setting_->budget.enter(proxied ? nullptr : &client)) {
      static log::site limit{1, 3};
      home_.counters_of_edge().rejected[static_cast<std::size_t>(*rejected)].add();
      log::warning(limit, edge_log, "connection_rejected", {{"reason", name_of(*rejected)}});
      return;
    }
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    keep_alive(fd);
    if (options.send_buffer_bytes != 0) {
      set_option(fd, SOL_SOCKET, SO_SNDBUF, options.send_buffer_bytes);
    }
    edge_loop& loop = *loops_[next_++ % loops_.size()];
    auto begin = [owned = std::move(owned), &loop, peer, proxied, setting = setting_] {
      caf::make_counted<edge_connection>(loop, owned->take(), peer, proxied, setting)->start();
    };
    if (loop.on_loop()) {
      begin();
    } else {
      loop.post(std::move(begin));
    }
  }

  const std::uint16_t port_;
  edge_loop& home_;
  const std::vector<edge_loop*> loops_;
  const std::shared_ptr<connection_setting> setting_;
  std::optional<boost::asio::posix::stream_descriptor> descriptor_;
  cluster::loop_timer pause_;
  std::size_t next_ = 0;
};

listener::listener(std::shared_ptr<state> shared) : state_(std::move(shared)) {}
listener::listener(listener&&) noexcept = default;
listener& listener::operator=(listener&& other) noexcept {
  if (this != &other) {
    stop();
    state_ = std::move(other.state_);
  }
  return *this;
}
listener::~listener() { stop(); }

expected<listener, std::string> listener::open(const config::ip_address& address, std::uint16_t port, int backlog,
                                               edge_loop& home, std::vector<edge_loop*> loops,
                                               std::shared_ptr<connection_setting> setting) {
  const auto failed = [&](const char* what) { return unexpected(failure(what, address, port, errno)); };
  owned_fd fd(::socket(address.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) {
    return failed("cannot open a socket for");
  }
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (!address.is_v4()) {
    set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  }
  auto [bound, size] = socket_address(address, port);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&bound), size) != 0) {
    return failed("cannot listen on");
  }
  if (::listen(fd.get(), backlog) != 0) {
    return failed("cannot listen on");
  }
  if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    return failed("cannot listen on");
  }
  auto shared = std::make_shared<state>(fd.take(), port_of(bound), home, std::move(loops), std::move(setting));
  home.post([shared] { shared->wait(); });
  return listener(std::move(shared));
}

std::uint16_t listener::port() const { return state_->port(); }

void listener::stop() {
  if (!state_) {
    return;
  }
  edge_loop& home = state_->home();
  if (home.is_running()) {
    std::promise<void> done;
    home.post([&] {
      state_->close();
      done.set_value();
    });
    done.get_future().wait();
  } else {
    state_->close();
  }
  state_.reset();
}

} // namespace godwit::node
