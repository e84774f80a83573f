#include "node/edge/edge_loop.hpp"

#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <pthread.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>

#include "config/limits.hpp"
#include "node/edge/edge_connection.hpp"
#include "node/edge/system_clocks.hpp"

namespace godwit::node {
namespace {

/// Also without a timer, so that a sleep that took longer is noticed.
constexpr cluster::monotonic_ms sleep_ms_max = 500;
/// After a standstill, until the connections are taken that waited in the kernel.
constexpr cluster::monotonic_ms stale_ms = 1000;
/// Between two looks at the time that the thread used, which takes a system call.
constexpr cluster::monotonic_ms cpu_look_ms = 100;

cluster::monotonic_ms thread_cpu_ms() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<cluster::monotonic_ms>(used.tv_sec * 1000 + used.tv_nsec / 1'000'000);
}

} // namespace

struct edge_loop::wake_up {
  explicit wake_up(boost::asio::io_context& io) : descriptor(io), work(io.get_executor()) {
    const int fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0) {
      throw std::system_error(errno, std::generic_category(), "eventfd");
    }
    descriptor.assign(fd);
  }

  boost::asio::posix::stream_descriptor descriptor;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work;
};

edge_loop::edge_loop(caf::actor_system& system, std::string name, std::shared_ptr<cluster::cluster_clock> clock)
    : cluster::home_loop(system),
      clock_(clock ? std::move(clock) : make_cluster_clock()),
      io_(std::make_unique<boost::asio::io_context>(1)),
      wake_up_(std::make_unique<wake_up>(*io_)),
      name_(std::move(name)),
      read_buffer_(limits::read_buffer_bytes),
      output_(*this) {
  watch_wake_up();
}

edge_loop::~edge_loop() { stop(); }

void edge_loop::start() {
  thread_ = std::thread([this] { run(); });
}

void edge_loop::stop() {
  if (!thread_.joinable()) {
    return;
  }
  stopping_.store(true, std::memory_order_relaxed);
  post([] {});
  thread_.join();
}

void edge_loop::run() {
  ::pthread_setname_np(::pthread_self(), name_.c_str());
  attach();
  looked();
  cluster::monotonic_ms asleep = 0;
  while (!stopping_.load(std::memory_order_relaxed)) {
    // Whatever became ready meanwhile takes part in the round.
    io_->poll();
    look_back(asleep);
    const bool more = round_now();
    removed_.clear();
    asleep = 0;
    if (!more && scheduled_.empty() && !was_stopped(0)) {
      looked();
      asleep = sleep();
    }
  }
  close_connections();
}

/// At the time of the last look, so that read_inputs() notices what came to pass since.
bool edge_loop::round_now() { return run_round(looked_at_, clock_->now(looked_at_, wall_clock_ms())); }

/// Yields how long it may have slept.
cluster::monotonic_ms edge_loop::sleep() {
  if (!prepare_sleep()) {
    return 0;
  }
  const cluster::monotonic_ms now = steady_clock_ms();
  const cluster::monotonic_ms due = next_due() == 0 ? now + sleep_ms_max : std::min(next_due(), now + sleep_ms_max);
  if (due <= now) {
    return 0;
  }
  io_->run_one_for(std::chrono::milliseconds(due - now));
  return due - now;
}

void edge_loop::looked() {
  looked_at_ = steady_clock_ms();
  if (looked_at_ - cpu_looked_at_ >= cpu_look_ms) {
    cpu_looked_at_ = looked_at_;
    cpu_used_ = thread_cpu_ms();
  }
}

/// Since it looked last, in which it meant to sleep for `asleep` at most. A loop that had much to do did not stand still.
bool edge_loop::was_stopped(cluster::monotonic_ms asleep) const {
  const cluster::monotonic_ms passed = steady_clock_ms() - looked_at_;
  return passed > asleep + standstill_ms && thread_cpu_ms() - cpu_used_ < passed / 2;
}

/// What clients sent while the loop stood still is closed unread. They went elsewhere and sent it again; what they did
/// there since must not be undone by a copy that comes late.
void edge_loop::close_unread() {
  stale_until_ = steady_clock_ms() + stale_ms;
  while (!connections_.empty()) {
    connections_.back()->drop(close_reason::stood_still);
  }
}

void edge_loop::look_back(cluster::monotonic_ms asleep) {
  if (was_stopped(asleep)) {
    close_unread();
    // At the time before it: whoever served them hears that they are gone, ahead of timers that would ask again for them.
    looked();
    static_cast<void>(run_round(now(), wall()));
  }
  looked();
}

cluster::monotonic_ms edge_loop::fresh_now() const { return steady_clock_ms(); }

void edge_loop::wake() {
  const std::uint64_t one = 1;
  // It cannot fail but for a counter that is full, and then the loop wakes all the same.
  [[maybe_unused]] const auto written = ::write(wake_up_->descriptor.native_handle(), &one, sizeof(one));
}

void edge_loop::watch_wake_up() {
  wake_up_->descriptor.async_wait(
    boost::asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& error) {
      if (error) {
        return;
      }
      std::uint64_t count = 0;
      [[maybe_unused]] const auto got = ::read(wake_up_->descriptor.native_handle(), &count, sizeof(count));
      watch_wake_up();
    });
}

void edge_loop::schedule(edge_input& input) {
  if (!std::exchange(input.scheduled_, true)) {
    scheduled_.push_back(&input);
  }
}

void edge_loop::unschedule(edge_input& input) {
  if (std::exchange(input.scheduled_, false)) {
    std::erase(scheduled_, &input);
  }
  std::replace(serving_.begin(), serving_.end(), &input, static_cast<edge_input*>(nullptr));
}

void edge_loop::read_inputs() {
  serving_.swap(scheduled_);
  // By index: one may be taken out by another.
  for (std::size_t i = 0; i < serving_.size(); ++i) {
    // A process may as well be stopped amid a round; those that were not read yet are closed now, the others at its end.
    if (was_stopped(0)) {
      close_unread();
    }
    if (edge_input* const input = std::exchange(serving_[i], nullptr)) {
      input->scheduled_ = false;
      input->serve();
    }
  }
  serving_.clear();
}

void edge_loop::add(edge_connection& connection) {
  connection.place = connections_.size();
  connections_.emplace_back(&connection);
  probe_.open.set(static_cast<std::int64_t>(connections_.size()));
}

void edge_loop::remove(edge_connection& connection) {
  const std::size_t place = connection.place;
  removed_.push_back(std::move(connections_[place]));
  if (place + 1 != connections_.size()) {
    connections_[place] = std::move(connections_.back());
    connections_[place]->place = place;
  }
  connections_.pop_back();
  probe_.open.set(static_cast<std::int64_t>(connections_.size()));
}

/// The last thing on the loop's thread: those who listen hear of it, and actors take it in.
void edge_loop::close_connections() {
  while (!connections_.empty()) {
    connections_.back()->drop(close_reason::stopping);
  }
  looked();
  for (int rounds = 0; rounds < limits::actor_passes_per_round && round_now(); ++rounds) {
  }
  removed_.clear();
  // Waits that were cancelled give their references back.
  io_->poll();
}

} // namespace godwit::node
