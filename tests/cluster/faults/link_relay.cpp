#include "tests/cluster/faults/link_relay.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace godwit::cluster_faults {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t packet_bytes = 16 << 10;
/// Of one direction; beyond, the sender's own buffers fill.
constexpr std::size_t held_max = 4 << 20;
/// The shortest time until TCP sends something again, which doubles with each attempt.
constexpr milliseconds resend_time{200};
constexpr std::uint64_t attempts_max = 3;

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ENOTCONN; }

} // namespace

link_relay::link_relay(int dialled, int target, std::uint64_t seed) : dice_(seed) {
  there_.from = back_.to = dialled;
  there_.to = back_.from = target;
}

link_relay::~link_relay() {
  ::close(there_.from);
  ::close(there_.to);
}

void link_relay::reset_at_end() {
  const linger at_once{1, 0};
  for (const int each : {there_.from, there_.to}) {
    ::setsockopt(each, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  }
}

bool link_relay::pump(const link_weather& there, const link_weather& back, clock::time_point now) {
  return pump(there_, there, now) && pump(back_, back, now) && !(there_.closed && back_.closed);
}

link_relay::clock::time_point link_relay::due() const {
  clock::time_point first = clock::time_point::max();
  for (const stream* each : {&there_, &back_}) {
    if (!each->silent && !each->blocked && !each->chunks.empty()) {
      first = std::min(first, each->chunks.front().due);
    }
  }
  return first;
}

bool link_relay::pump(stream& of, const link_weather& weather, clock::time_point now) {
  of.silent = weather.silent;
  if (of.silent) {
    return true;
  }
  for (bool more = true; more;) {
    more = false;
    if (!take(of, weather, now, more) || !give(of, now)) {
      reset_at_end();
      return false;
    }
  }
  if (of.ended && of.chunks.empty() && !of.closed) {
    ::shutdown(of.to, SHUT_WR);
    of.closed = true;
  }
  return true;
}

/// False: the connection is broken.
bool link_relay::take(stream& of, const link_weather& weather, clock::time_point now, bool& more) {
  if (of.ended || of.held >= held_max) {
    return true;
  }
  std::array<std::uint8_t, packet_bytes> some;
  const ssize_t got = ::recv(of.from, some.data(), some.size(), 0);
  if (got < 0) {
    return would_block();
  }
  if (got == 0) {
    of.ended = true;
    return true;
  }
  more = true;
  if (dice_.chance(weather.reset)) {
    return false;
  }
  auto after = weather.delay + milliseconds(dice_.below(static_cast<std::uint64_t>(weather.jitter.count()) + 1));
  if (dice_.chance(weather.lost)) {
    after += resend_time * (1U << dice_.below(attempts_max));
  }
  of.last_due = std::max(of.last_due, now + after);
  of.chunks.push_back({of.last_due, {some.begin(), some.begin() + got}});
  of.held += static_cast<std::size_t>(got);
  bytes_ += static_cast<std::uint64_t>(got);
  return true;
}

bool link_relay::give(stream& of, clock::time_point now) {
  of.blocked = false;
  while (!of.chunks.empty() && of.chunks.front().due <= now) {
    chunk& next = of.chunks.front();
    const ssize_t took = ::send(of.to, next.bytes.data() + next.sent, next.bytes.size() - next.sent, MSG_NOSIGNAL);
    if (took < 0) {
      of.blocked = true;
      return would_block();
    }
    next.sent += static_cast<std::size_t>(took);
    of.held -= static_cast<std::size_t>(took);
    if (next.sent == next.bytes.size()) {
      of.chunks.pop_front();
    }
  }
  return true;
}

} // namespace godwit::cluster_faults
