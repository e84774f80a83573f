#include "tests/cluster/faults/link_proxy.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

#include "bench/load/local_ports.hpp"

namespace godwit::cluster_faults {
namespace {

using clock = link_relay::clock;

constexpr int backlog = 64;
constexpr int socket_kind = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

sockaddr_in address_of(endpoint of) {
  sockaddr_in made{};
  made.sin_family = AF_INET;
  made.sin_port = htons(of.port);
  made.sin_addr.s_addr = htonl(of.address);
  return made;
}

void send_at_once(int socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/// Edges only: a connection is asked until it has nothing more, and one that is silent is left alone.
void watch(int epoll, int file, std::uint32_t events) {
  epoll_event wanted{};
  wanted.events = events | EPOLLET;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, file, &wanted) != 0) {
    throw std::runtime_error(std::string("link proxy: epoll: ") + std::strerror(errno));
  }
}

} // namespace

link_proxy::link_proxy(std::uint64_t seed)
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)), waker_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)), seed_(seed) {
  if (epoll_ < 0 || waker_ < 0) {
    throw std::runtime_error("link proxy: no descriptors");
  }
  watch(epoll_, waker_, EPOLLIN);
  thread_ = std::thread([this] { run(); });
}

link_proxy::~link_proxy() {
  {
    const std::lock_guard hold(mutex_);
    stopping_ = true;
  }
  wake();
  thread_.join();
  for (auto& [between, each] : ways_) {
    ::close(each.listener);
  }
  ::close(waker_);
  ::close(epoll_);
}

std::uint16_t link_proxy::open(unsigned from, unsigned to, endpoint target) {
  // Bound by name: such a port stays with the socket while it refuses.
  const std::uint16_t port = bench::free_port();
  const int listener = ::socket(AF_INET, socket_kind, 0);
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const sockaddr_in at = address_of({INADDR_LOOPBACK, port});
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&at), sizeof(at)) != 0 || ::listen(listener, backlog) != 0) {
    ::close(listener);
    throw std::runtime_error(std::string("link proxy: port ") + std::to_string(port) + ": " + std::strerror(errno));
  }
  const std::lock_guard hold(mutex_);
  watch(epoll_, listener, EPOLLIN);
  way& made = ways_[{from, to}];
  made.listener = listener;
  made.target = target;
  return port;
}

void link_proxy::set_weather(unsigned from, unsigned to, const link_weather& how) {
  {
    const std::lock_guard hold(mutex_);
    weather_[{from, to}] = how;
  }
  wake();
}

void link_proxy::cut(unsigned one, unsigned other) {
  const std::lock_guard hold(mutex_);
  for (const pair& between : {pair(one, other), pair(other, one)}) {
    const auto found = ways_.find(between);
    if (found != ways_.end() && cuts_.insert(between).second) {
      ::shutdown(found->second.listener, SHUT_RDWR); // listens no more, keeps its port
      end(found->second);
    }
  }
}

void link_proxy::heal(unsigned one, unsigned other) {
  {
    const std::lock_guard hold(mutex_);
    for (const pair& between : {pair(one, other), pair(other, one)}) {
      weather_.erase(between);
      if (cuts_.erase(between) != 0 && ::listen(ways_.at(between).listener, backlog) != 0) {
        throw std::runtime_error(std::string("link proxy: listening again: ") + std::strerror(errno));
      }
    }
  }
  wake();
}

void link_proxy::heal_all() {
  std::set<pair> all;
  {
    const std::lock_guard hold(mutex_);
    for (const auto& [between, each] : ways_) {
      all.insert(between);
    }
  }
  for (const auto& [from, to] : all) {
    heal(from, to);
  }
}

link_proxy::figures link_proxy::counted() const {
  const std::lock_guard hold(mutex_);
  return figures_;
}

void link_proxy::wake() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(waker_, &one, sizeof(one));
}

link_weather link_proxy::weather(unsigned from, unsigned to) const {
  const auto found = weather_.find({from, to});
  return found == weather_.end() ? link_weather{} : found->second;
}

// --- the thread -----------------------------------------------------------------------------------

void link_proxy::run() {
  std::unique_lock hold(mutex_);
  while (!stopping_) {
    const int wait = wait_ms();
    hold.unlock();
    std::array<epoll_event, 64> events{};
    ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), wait);
    std::uint64_t woken = 0;
    [[maybe_unused]] const auto got = ::read(waker_, &woken, sizeof(woken));
    hold.lock();
    pump_all();
  }
  for (auto& [between, each] : ways_) {
    each.relays.clear();
  }
}

int link_proxy::wait_ms() const {
  clock::time_point first = clock::time_point::max();
  for (const auto& [between, each] : ways_) {
    for (const auto& relay : each.relays) {
      first = std::min(first, relay->due());
    }
  }
  if (first == clock::time_point::max()) {
    return -1;
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(first - clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

/// There are a few connections between a few nodes: to ask each of them costs less than to know which.
void link_proxy::pump_all() {
  for (auto& [between, each] : ways_) {
    accept_all(each);
    const link_weather there = weather(between.first, between.second);
    const link_weather back = weather(between.second, between.first);
    std::erase_if(each.relays, [&](const std::unique_ptr<link_relay>& relay) {
      const bool over = !relay->pump(there, back, clock::now());
      if (over) {
        figures_.bytes += relay->bytes();
        ++figures_.ended;
      }
      return over;
    });
  }
}

void link_proxy::accept_all(way& of) {
  for (;;) {
    const int dialled = ::accept4(of.listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (dialled < 0) {
      return;
    }
    const int target = ::socket(AF_INET, socket_kind, 0);
    const sockaddr_in to = address_of(of.target);
    if (target < 0 ||
        (::connect(target, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0 && errno != EINPROGRESS)) {
      ::close(dialled);
      if (target >= 0) {
        ::close(target);
      }
      continue;
    }
    for (const int each : {dialled, target}) {
      send_at_once(each);
      watch(epoll_, each, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
    }
    ++figures_.connections;
    of.relays.push_back(std::make_unique<link_relay>(dialled, target, seed_++));
  }
}

void link_proxy::end(way& of) {
  for (const auto& relay : of.relays) {
    relay->reset_at_end();
    figures_.bytes += relay->bytes();
    ++figures_.ended;
  }
  of.relays.clear();
}

} // namespace godwit::cluster_faults
