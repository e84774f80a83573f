#include "bench/load/socket_loop.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

namespace godwit::bench {
namespace {

constexpr std::size_t read_buffer_bytes = 64 << 10;
/// run_until() asks its question at least so often.
constexpr std::chrono::milliseconds wait_max{100};

} // namespace

socket_loop::socket_loop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)), read_buffer_(read_buffer_bytes) {
  if (epoll_ < 0) {
    throw std::runtime_error("epoll_create1 failed");
  }
}

socket_loop::~socket_loop() { ::close(epoll_); }

void socket_loop::watch(int socket, socket_handler& handler) {
  epoll_event interest{};
  interest.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  interest.data.ptr = &handler;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &interest) != 0) {
    throw std::runtime_error("epoll_ctl failed");
  }
}

void socket_loop::at(clock::time_point when, std::function<void()> task) {
  timers_.push({when, ++timers_made_, std::move(task)});
}

void socket_loop::round(clock::time_point until) {
  ciphers_.run();
  const auto wait_until = timers_.empty() ? until : std::min(until, timers_.top().when);
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(wait_until - clock::now());
  std::array<epoll_event, 256> events;
  const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                                 static_cast<int>(std::clamp<std::int64_t>(wait.count(), 0, wait_max.count())));
  for (int i = 0; i < count; ++i) {
    const epoll_event& each = events[static_cast<std::size_t>(i)];
    static_cast<socket_handler*>(each.data.ptr)->on_socket(each.events);
  }
  ciphers_.run();
  while (!timers_.empty() && timers_.top().when <= clock::now()) {
    const auto task = timers_.top().task;
    timers_.pop();
    task();
  }
  ciphers_.run();
}

void socket_loop::run_until(const std::function<bool()>& done) {
  while (!done()) {
    round(clock::now() + wait_max);
  }
}

void socket_loop::run_for(std::chrono::duration<double> time) {
  const auto until = clock::now() + std::chrono::duration_cast<clock::duration>(time);
  while (clock::now() < until) {
    round(until);
  }
}

} // namespace godwit::bench
