#include "node/edge/listener.hpp"

#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>

#include <caf/make_counted.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <future>
#include <optional>

#include "node/edge/edge_connection.hpp"
#include "node/edge/edge_log.hpp"
#include "node/edge/sockets.hpp"

namespace godwit::node {

namespace {

/// Peers that vanished without a word are noticed after some minutes.
void keep_alive(int fd) {
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 300);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 60);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
}

std::string failure(const std::string& what, const config::ip_address& address, std::uint16_t port, int error) {
  return what + " " + text_of(address) + " port " + std::to_string(port) + ": " + std::strerror(error);
}

} // namespace

class listener::state final : public edge_input, public std::enable_shared_from_this<state> {
public:
  state(int fd, const config::ip_address& address, std::uint16_t port, edge_loop& home, std::vector<edge_loop*> loops,
        std::shared_ptr<connection_setting> setting)
      : address_(address),
        port_(port),
        home_(home),
        loops_(std::move(loops)),
        setting_(std::move(setting)),
        descriptor_(std::in_place, home.io(), fd),
        pause_([this] { wait(); }) {}

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const config::ip_address& address() const { return address_; }
  [[nodiscard]] int number() { return descriptor_->native_handle(); }
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

  const config::ip_address address_;
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
  auto bound = bind(address, port, home, std::move(loops), std::move(setting));
  if (bound) {
    if (auto begun = bound->begin(backlog); !begun) {
      return unexpected(begun.error());
    }
  }
  return bound;
}

expected<listener, std::string> listener::bind(const config::ip_address& address, std::uint16_t port, edge_loop& home,
                                               std::vector<edge_loop*> loops,
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
  if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    return failed("cannot listen on");
  }
  return listener(
    std::make_shared<state>(fd.take(), address, port_of(bound), home, std::move(loops), std::move(setting)));
}

expected<void, std::string> listener::begin(int backlog) {
  if (::listen(state_->number(), backlog) != 0) {
    return unexpected(failure("cannot listen on", state_->address(), state_->port(), errno));
  }
  state_->home().post([shared = state_] { shared->wait(); });
  return {};
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
