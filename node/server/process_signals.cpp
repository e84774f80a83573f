#include "node/server/process_signals.hpp"

#include <csignal>
#include <utility>

#include <pthread.h>
#include <unistd.h>

namespace godwit::node {
namespace {

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
    .count();
}

sigset_t handled() {
  sigset_t set;
  sigemptyset(&set);
  for (const int each : {SIGTERM, SIGINT, SIGHUP, SIGUSR2}) {
    sigaddset(&set, each);
  }
  return set;
}

[[noreturn]] void end_now(std::string_view why) {
  [[maybe_unused]] const ssize_t wrote = ::write(STDERR_FILENO, why.data(), why.size());
  ::_exit(static_cast<int>(exit_code::failure));
}

} // namespace

process_signals::process_signals() {
  const sigset_t set = handled();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  thread_ = std::thread([this] { run(); });
}

process_signals::~process_signals() {
  stopping_.store(true);
  ::pthread_kill(thread_.native_handle(), SIGUSR2); // only wakes the thread
  thread_.join();
}

void process_signals::run() {
  ::pthread_setname_np(::pthread_self(), "signals");
  const sigset_t set = handled();
  const timespec pause{.tv_sec = 0, .tv_nsec = 100'000'000};
  while (!stopping_.load()) {
    // A time limit needs a look at the clock now and then; without one there is nothing to look at.
    const int signal = end_by_ms_.load() != 0 ? ::sigtimedwait(&set, nullptr, &pause) : ::sigwaitinfo(&set, nullptr);
    if (const auto end_by = end_by_ms_.load(); end_by != 0 && now_ms() >= end_by) {
      end_now("godwit: the node did not end in time; ended by force. Nothing acknowledged is lost.\n");
    }
    if (signal == SIGHUP) {
      const std::lock_guard lock(mutex_);
      pending_.reopen_log = true;
    } else if (signal == SIGTERM || signal == SIGINT) {
      if (ending_.exchange(true)) {
        end_now("godwit: ended at once by a second signal. Nothing acknowledged is lost.\n");
      }
      const std::lock_guard lock(mutex_);
      pending_.end = true;
    } else {
      continue;
    }
    wake_.notify_all();
  }
}

process_signals::event process_signals::wait(std::chrono::milliseconds at_most) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, at_most, [&] { return pending_.reopen_log || pending_.end || pending_.failure; });
  return std::exchange(pending_, {});
}

void process_signals::fail(node_failure why) {
  {
    const std::lock_guard lock(mutex_);
    if (!pending_.failure) {
      pending_.failure = std::move(why);
    }
  }
  wake_.notify_all();
}

void process_signals::end_at_latest(std::chrono::milliseconds from_now) {
  end_by_ms_.store(now_ms() + from_now.count());
  ::pthread_kill(thread_.native_handle(), SIGUSR2);
}

} // namespace godwit::node
