#include "tests/cluster/faults/packet_delay.hpp"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace godwit::cluster_faults {
namespace {

constexpr std::size_t virtio_bytes = 10; ///< its header; linux/virtio_net.h is not C++
constexpr std::size_t ether_bytes = 14;
constexpr std::size_t addresses_at = virtio_bytes + ether_bytes + 12; ///< of the header of IPv4
constexpr std::size_t packet_bytes_max = virtio_bytes + ether_bytes + 65'536;
/// Of one way; more are lost, as on any full line.
constexpr std::size_t held_max = 4096;

std::uint32_t number_at(const std::uint8_t* bytes) {
  std::uint32_t number = 0;
  std::memcpy(&number, bytes, sizeof(number));
  return ntohl(number);
}

int open_socket(unsigned interface) {
  // The protocol comes with the interface, so that nothing of another one is heard.
  const int made = ::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  sockaddr_ll at{};
  at.sll_family = AF_PACKET;
  at.sll_protocol = htons(ETH_P_IP);
  at.sll_ifindex = static_cast<int>(interface);
  if (made < 0 || ::setsockopt(made, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) != 0 ||
      ::bind(made, reinterpret_cast<const sockaddr*>(&at), sizeof(at)) != 0) {
    const std::string why = std::strerror(errno);
    if (made >= 0) {
      ::close(made);
    }
    throw std::runtime_error("a socket for packets cannot be opened: " + why);
  }
  return made;
}

} // namespace

packet_delay::packet_delay(std::vector<port> ports, std::uint64_t seed)
    : ports_(std::move(ports)),
      waker_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      buffer_(packet_bytes_max),
      sockets_(ports_.size(), -1),
      dice_(seed) {
  thread_ = std::thread([this] { run(); });
}

packet_delay::~packet_delay() {
  {
    const std::lock_guard hold(mutex_);
    stopping_ = true;
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(waker_, &one, sizeof(one));
  thread_.join();
  close_sockets();
  ::close(waker_);
}

void packet_delay::set(ways wanted) {
  {
    const std::lock_guard hold(mutex_);
    if (!wanted.empty()) {
      open_sockets();
    }
    ways_ = std::move(wanted);
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(waker_, &one, sizeof(one));
}

void packet_delay::open_sockets() {
  for (std::size_t node = 1; node < ports_.size(); ++node) {
    if (sockets_[node] < 0) {
      sockets_[node] = open_socket(ports_[node].interface);
    }
  }
}

void packet_delay::close_sockets() {
  for (int& each : sockets_) {
    if (each >= 0) {
      ::close(std::exchange(each, -1));
    }
  }
}

// --- the thread -----------------------------------------------------------------------------------

void packet_delay::run() {
  std::unique_lock hold(mutex_);
  while (!stopping_) {
    std::vector<pollfd> files{{waker_, POLLIN, 0}};
    for (const int each : sockets_) {
      files.push_back({each, POLLIN, 0}); // poll passes over negative ones
    }
    const int wait = wait_ms();
    hold.unlock();
    ::poll(files.data(), files.size(), wait);
    std::uint64_t woken = 0;
    [[maybe_unused]] const auto got = ::read(waker_, &woken, sizeof(woken));
    hold.lock();
    for (unsigned node = 1; node < sockets_.size(); ++node) {
      take(node);
    }
    pass_due();
    const bool idle = std::all_of(held_.begin(), held_.end(), [](const auto& each) { return each.second.empty(); });
    if (ways_.empty() && idle) {
      close_sockets(); // to copy every packet is dear
    }
  }
}

int packet_delay::wait_ms() const {
  clock::time_point first = clock::time_point::max();
  for (const auto& [way, packets] : held_) {
    if (!packets.empty()) {
      first = std::min(first, packets.front().due);
    }
  }
  if (first == clock::time_point::max()) {
    return -1;
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(first - clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

void packet_delay::take(unsigned from) {
  const int socket = sockets_[from];
  for (;;) {
    const ssize_t got = socket < 0 ? -1 : ::recv(socket, buffer_.data(), buffer_.size(), 0);
    if (got <= 0) {
      return;
    }
    hold(from, buffer_.data(), static_cast<std::size_t>(got));
  }
}

void packet_delay::hold(unsigned from, const std::uint8_t* bytes, std::size_t size) {
  if (size < addresses_at + 8 || number_at(bytes + addresses_at) != ports_[from].address) {
    return;
  }
  const std::uint32_t target = number_at(bytes + addresses_at + 4);
  const auto to =
    std::find_if(ports_.begin() + 1, ports_.end(), [&](const port& each) { return each.address == target; });
  const std::pair way(from, static_cast<unsigned>(to - ports_.begin()));
  const auto found = ways_.find(way);
  if (to == ports_.end() || found == ways_.end()) {
    return; // the kernel's
  }
  const link_weather& weather = found->second;
  std::deque<packet>& packets = held_[way];
  if (dice_.chance(weather.lost) || packets.size() >= held_max) {
    ++lost_;
    return;
  }
  const auto jitter = std::chrono::milliseconds(dice_.below(static_cast<std::uint64_t>(weather.jitter.count()) + 1));
  clock::time_point due = clock::now() + weather.delay + jitter;
  if (!packets.empty()) {
    due = std::max(due, packets.back().due);
  }
  packets.push_back({due, {bytes, bytes + size}});
}

void packet_delay::pass_due() {
  const auto now = clock::now();
  for (auto& [way, packets] : held_) {
    while (!packets.empty() && packets.front().due <= now) {
      give(way.second, packets.front());
      packets.pop_front();
    }
  }
}

void packet_delay::give(unsigned to, packet& what) {
  const port& target = ports_[to];
  std::copy(target.far.begin(), target.far.end(), what.bytes.begin() + virtio_bytes);
  std::copy(target.near.begin(), target.near.end(), what.bytes.begin() + virtio_bytes + target.far.size());
  const bool sent = sockets_[to] >= 0 && ::send(sockets_[to], what.bytes.data(), what.bytes.size(), 0) >= 0;
  ++(sent ? passed_ : lost_);
}

} // namespace godwit::cluster_faults
