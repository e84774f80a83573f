#include "node/log/line_sink.hpp"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace godwit::node {
namespace {

int open_log(const std::string& file) {
  if (file.empty()) {
    return STDERR_FILENO;
  }
  return ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

} // namespace

line_sink::line_sink(std::string file) : file_(std::move(file)), descriptor_(open_log(file_)) {}

line_sink::~line_sink() {
  if (descriptor_ > STDERR_FILENO) {
    ::close(descriptor_);
  }
}

std::uint64_t line_sink::flushes() const {
  const std::lock_guard lock(flush_mutex_);
  return flushes_;
}

void line_sink::wait_for_flush(std::uint64_t before, std::chrono::seconds at_most) const {
  std::unique_lock lock(flush_mutex_);
  flushed_.wait_for(lock, at_most, [&] { return flushes_ > before; });
}

void line_sink::sink_it_(const spdlog::details::log_msg& message) {
  reopen_if_asked();
  line_.assign(message.payload.data(), message.payload.size());
  line_ += '\n';
  std::string_view rest = line_;
  while (!rest.empty()) {
    const ssize_t wrote = ::write(descriptor_, rest.data(), rest.size());
    if (wrote > 0) {
      rest.remove_prefix(static_cast<std::size_t>(wrote));
    } else if (wrote == 0 || errno != EINTR) {
      lost_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
  }
}

void line_sink::flush_() {
  reopen_if_asked();
  {
    const std::lock_guard lock(flush_mutex_);
    ++flushes_;
  }
  flushed_.notify_all();
}

void line_sink::reopen_if_asked() {
  if (!asked_.exchange(false) || file_.empty()) {
    return;
  }
  if (const int fresh = open_log(file_); fresh >= 0) {
    ::close(std::exchange(descriptor_, fresh));
  }
}

} // namespace godwit::node
