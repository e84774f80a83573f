#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>

#include <spdlog/sinks/base_sink.h>

namespace godwit::node {

/// Writes lines to a file or to standard error, each in one call, so that lines of other processes do
/// not get between. The writer thread alone writes; the rest is for any thread.
class line_sink final : public spdlog::sinks::base_sink<std::mutex> {
public:
  /// An empty name is standard error. errno tells why the file cannot be opened when good() is false.
  explicit line_sink(std::string file);
  ~line_sink() override;
  line_sink(const line_sink&) = delete;
  line_sink& operator=(const line_sink&) = delete;

  [[nodiscard]] bool good() const { return descriptor_ >= 0; }

  /// Opens the file anew before the next line; the old one stays in use if that fails.
  void ask_to_reopen() { asked_.store(true); }
  /// Lines that could not be written, for want of space or a reader.
  [[nodiscard]] std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

  /// How many flushes the writer has reached. wait_for_flush blocks until it is past `before`.
  [[nodiscard]] std::uint64_t flushes() const;
  void wait_for_flush(std::uint64_t before, std::chrono::seconds at_most) const;

protected:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override;

private:
  void reopen_if_asked();

  std::string file_;
  int descriptor_;
  std::string line_; ///< used again and again
  std::atomic<bool> asked_{false};
  std::atomic<std::uint64_t> lost_{0};

  mutable std::mutex flush_mutex_;
  mutable std::condition_variable flushed_;
  std::uint64_t flushes_ = 0;
};

} // namespace godwit::node
