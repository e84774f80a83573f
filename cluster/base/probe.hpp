#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

/// Counters for hot paths. Each loop or thread has its own, so that counting takes neither a lock nor a
/// locked instruction; whoever scrapes reads them from another thread and adds them up.
namespace godwit::probe {

/// Goes up. One thread writes, any thread reads.
class counter {
public:
  void add(std::uint64_t n = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
  std::atomic<std::uint64_t> value_{0};
};

/// Goes up, written by any number of threads: for paths that are not hot.
class shared_counter {
public:
  void add(std::uint64_t n = 1) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
  std::atomic<std::uint64_t> value_{0};
};

/// Goes up and down. One thread writes, any thread reads.
class gauge {
public:
  void set(std::int64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t n) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  [[nodiscard]] std::int64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
  std::atomic<std::int64_t> value_{0};
};

/// Upper bounds of the buckets, inclusive, in microseconds; one more bucket takes the rest. The same for
/// every histogram, so that those of several loops can be added.
inline constexpr std::array<std::uint32_t, 18> latency_bounds_us = {
  50,     100,     250,     500,     1'000,     2'500,     5'000,     10'000,     25'000,
  50'000, 100'000, 250'000, 500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000, 30'000'000};

/// What a histogram held at one moment; not cumulative.
struct latency_values {
  std::array<std::uint64_t, latency_bounds_us.size() + 1> buckets{};
  std::uint64_t sum_us = 0;

  latency_values& operator+=(const latency_values& other) {
    for (std::size_t i = 0; i < buckets.size(); ++i) {
      buckets[i] += other.buckets[i];
    }
    sum_us += other.sum_us;
    return *this;
  }

  [[nodiscard]] std::uint64_t count() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t each : buckets) {
      sum += each;
    }
    return sum;
  }
};

/// How long things took. One thread writes, any thread reads; a reader may see an observation in a
/// bucket and not yet in the sum.
class latency_histogram {
public:
  /// A negative duration counts as none.
  void observe(std::chrono::nanoseconds took) noexcept {
    const std::int64_t ns = std::max<std::int64_t>(took.count(), 0);
    const std::uint64_t us = static_cast<std::uint64_t>(ns) / 1000;
    // Rounded up for the choice of the bucket, whose bound is inclusive.
    const std::uint64_t ceiling_us = (static_cast<std::uint64_t>(ns) + 999) / 1000;
    std::size_t index = 0;
    while (index < latency_bounds_us.size() && ceiling_us > latency_bounds_us[index]) {
      ++index;
    }
    bump(buckets_[index], 1);
    bump(sum_us_, us);
  }

  [[nodiscard]] latency_values values() const noexcept {
    latency_values read;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      read.buckets[i] = buckets_[i].load(std::memory_order_relaxed);
    }
    read.sum_us = sum_us_.load(std::memory_order_relaxed);
    return read;
  }

private:
  static void bump(std::atomic<std::uint64_t>& where, std::uint64_t by) noexcept {
    where.store(where.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }

  std::array<std::atomic<std::uint64_t>, latency_bounds_us.size() + 1> buckets_{};
  std::atomic<std::uint64_t> sum_us_{0};
};

} // namespace godwit::probe
