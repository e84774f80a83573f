// The wall clock, which shows what the control page wants. std::chrono::system_clock, OpenSSL and the loggers read it by
// the functions here; the kernel's answer from the page that it maps into each process lies behind them.

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <ctime>

#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/faults/preload/real_calls.hpp"
#include "tests/faults/preload/settings.hpp"

#define GODWIT_HOOK extern "C" __attribute__((visibility("default")))

using namespace godwit::faults::preload; // NOLINT(google-build-using-namespace): all of this file is its edge

namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

using clock_call = int (*)(clockid_t, timespec*);

// Clocks are read by allocators and by the loader before anything else is ready: to look a name up, or to read the
// environment, would lead back there. Until the constructor ran, the kernel is asked itself.
constinit std::atomic<clock_call> real_clock{nullptr};
constinit std::atomic<const godwit::faults::control_page*> page{nullptr};

__attribute__((constructor)) void start_clocks() {
  if (current_settings().active) {
    page.store(current_settings().control);
  }
  real_clock.store(GODWIT_REAL(clock_gettime));
}

bool is_wall_clock(clockid_t clock) {
  return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;
}

int read_clock(clockid_t clock, timespec* into) {
  const clock_call real = real_clock.load(std::memory_order_relaxed);
  const int result = real != nullptr ? real(clock, into) : static_cast<int>(::syscall(SYS_clock_gettime, clock, into));
  const godwit::faults::control_page* const shared = page.load(std::memory_order_relaxed);
  if (result != 0 || shared == nullptr || !is_wall_clock(clock)) {
    return result;
  }
  const std::int64_t skew = shared->clock_skew_ns.load(std::memory_order_relaxed);
  if (skew != 0) {
    const std::int64_t shown = std::int64_t{into->tv_sec} * second_ns + into->tv_nsec + skew;
    into->tv_sec = shown / second_ns;
    into->tv_nsec = shown % second_ns;
  }
  return 0;
}

} // namespace

GODWIT_HOOK int clock_gettime(clockid_t clock, timespec* into) noexcept { return read_clock(clock, into); }

GODWIT_HOOK int gettimeofday(timeval* into, void*) noexcept {
  timespec now{};
  const int result = read_clock(CLOCK_REALTIME, &now);
  if (result == 0) {
    into->tv_sec = now.tv_sec;
    into->tv_usec = now.tv_nsec / 1000;
  }
  return result;
}

GODWIT_HOOK std::time_t time(std::time_t* into) noexcept {
  timespec now{};
  read_clock(CLOCK_REALTIME_COARSE, &now);
  if (into != nullptr) {
    *into = now.tv_sec;
  }
  return now.tv_sec;
}

GODWIT_HOOK int timespec_get(timespec* into, int base) noexcept {
  return base == TIME_UTC && read_clock(CLOCK_REALTIME, into) == 0 ? base : 0;
}
