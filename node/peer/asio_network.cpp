#include "node/peer/asio_network.hpp"

#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <future>

#include "config/cluster_limits.hpp"
#include "config/limits.hpp"
#include "node/edge/sockets.hpp"
#include "node/peer/transport_link.hpp"
#include "node/peer/transport_log.hpp"

namespace godwit::node {

bool peer_transport::may_agree() {
  const std::uint64_t now = loop.counters().rounds.load(std::memory_order_relaxed);
  if (std::exchange(round, now) != now) {
    agreed_in_round = 0;
  }
  return agreed_in_round++ < limits::peer_handshakes_per_round;
}

/// The acceptor, and what the links share.
class asio_network::state final : public edge_input, public std::enable_shared_from_this<state> {
public:
  state(int fd, std::uint16_t at_port, edge_loop& on, const config::ip_address& at,
        std::shared_ptr<const tls_setting> tls)
      : transport(std::make_shared<peer_transport>(on)),
        loop(on),
        port(at_port),
        address(at),
        acceptor_(std::in_place, on.io(), fd),
        pause_([this] { wait(); }) {
    transport->tls = std::move(tls);
  }

  void wait() {
    if (!acceptor_) {
      return;
    }
    acceptor_->async_wait(boost::asio::posix::stream_descriptor::wait_read,
                          [self = shared_from_this()](const boost::system::error_code& error) {
                            if (!error && self->acceptor_) {
                              self->loop.schedule(*self);
                            }
                          });
  }

  void serve() override {
    for (std::size_t i = 0; i < limits::peer_accepts_per_round; ++i) {
      sockaddr_storage from{};
      socklen_t size = sizeof(from);
      const int fd =
        ::accept4(acceptor_->native_handle(), reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) {
        // The oldest goes: whoever holds connections open for nothing does not keep a node out.
        if (transport->unknown.size() >= limits::peers_unknown_max) {
          transport->unknown.front()->crowd_out();
        }
        transport_link::accept(transport, fd, address_of(from));
      } else if (is_shortage(errno)) {
        static log::site limit{1, 1};
        log::warning(limit, transport_log, "accept_failed",
                     {{"error", std::strerror(errno)}, {"remedy", "raise the limit of open files"}});
        loop.arm(pause_, loop.now() + limits::accept_pause_ms);
        return;
      } else if (errno == EAGAIN) {
        break;
      }
    }
    wait();
  }

  void close() {
    loop.unschedule(*this);
    loop.disarm(pause_);
    acceptor_.reset();
    transport->taker = nullptr;
    while (!transport->links.empty()) {
      transport->links.back()->stop();
    }
  }

  const std::shared_ptr<peer_transport> transport;
  edge_loop& loop;
  const std::uint16_t port;
  const config::ip_address address;

private:
  std::optional<boost::asio::posix::stream_descriptor> acceptor_;
  cluster::loop_timer pause_;
};

asio_network::asio_network(std::shared_ptr<state> shared) : state_(std::move(shared)) {}

asio_network::~asio_network() { stop(); }

expected<std::unique_ptr<asio_network>, std::string> asio_network::open(edge_loop& loop, const options& with) {
  const std::string where = text_of(with.address) + " port " + std::to_string(with.port);
  std::shared_ptr<const tls_setting> tls;
  if (with.credentials) {
    auto made = tls_setting::make(*with.credentials);
    if (!made) {
      return unexpected("certificates of this node: " + made.error());
    }
    tls = std::move(*made);
  } else if (!with.address.is_loopback()) {
    return unexpected("peers.address " + text_of(with.address) +
                      " is beyond the loopback, and this node has no certificates: give it its bundle (godwit invite)");
  }
  const auto failed = [&] {
    return unexpected("cannot listen for other nodes on " + where + ": " + std::strerror(errno) +
                      ". Is another process there, and is peers.address an address of this machine?");
  };
  owned_fd fd(::socket(with.address.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) {
    return failed();
  }
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (!with.address.is_v4()) {
    set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  }
  auto [bound, size] = socket_address(with.address, with.port);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&bound), size) != 0 ||
      ::listen(fd.get(), static_cast<int>(limits::peers_max)) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    return failed();
  }
  auto shared = std::make_shared<state>(fd.take(), port_of(bound), loop, with.address, std::move(tls));
  loop.post([shared] { shared->wait(); });
  return std::unique_ptr<asio_network>(new asio_network(std::move(shared)));
}

std::unique_ptr<cluster::peer_connection> asio_network::dial(const cluster::peer_address& to, cluster::peer_stream what,
                                                             cluster::node_id expected,
                                                             cluster::peer_connection_listener& hears) {
  return std::make_unique<transport_handle>(
    transport_link::dial(state_->transport, to, what, expected, state_->address, hears));
}

void asio_network::take_with(taker who) { state_->transport->taker = std::move(who); }

std::uint16_t asio_network::port() const { return state_->port; }

const transport_probe& asio_network::probe() const { return state_->transport->probe; }

expected<void, std::string> asio_network::replace(const peer_credentials& credentials) {
  auto made = tls_setting::make(credentials);
  if (!made) {
    return unexpected("certificates of this node: " + made.error());
  }
  state_->loop.post([shared = state_, tls = std::move(*made)] { shared->transport->tls = tls; });
  return {};
}

void asio_network::stop() {
  edge_loop& loop = state_->loop;
  if (!loop.is_running()) {
    state_->close();
    return;
  }
  std::promise<void> done;
  loop.post([&] {
    state_->close();
    done.set_value();
  });
  done.get_future().wait();
}

} // namespace godwit::node
