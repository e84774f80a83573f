// godwit_faults_clock RESULTS
//
// Reads the clocks again and again and stores them in RESULTS, as 64-bit numbers of milliseconds: how many rounds there
// were, then what each way to ask for the time says. Ends when it is killed.

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <new>
#include <thread>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

namespace {

constexpr std::size_t places = 8;

std::int64_t milliseconds(const timespec& time) { return std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000; }

std::int64_t read(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return milliseconds(now);
}

template <class Clock>
std::int64_t read() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now().time_since_epoch()).count();
}

std::int64_t by_gettimeofday() {
  timeval now{};
  ::gettimeofday(&now, nullptr);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_usec / 1000;
}

std::int64_t by_timespec_get() {
  timespec now{};
  std::timespec_get(&now, TIME_UTC);
  return milliseconds(now);
}

} // namespace

int main(int, char** argv) {
  const int file = ::open(argv[1], O_RDWR);
  void* const memory = ::mmap(nullptr, places * sizeof(std::int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) {
    return 2;
  }
  auto* const told = static_cast<std::atomic<std::int64_t>*>(memory);
  for (;;) {
    told[1] = read<std::chrono::system_clock>();
    told[2] = read<std::chrono::steady_clock>();
    told[3] = read(CLOCK_REALTIME);
    told[4] = read(CLOCK_REALTIME_COARSE);
    told[5] = by_gettimeofday();
    told[6] = std::int64_t{std::time(nullptr)} * 1000;
    told[7] = by_timespec_get();
    ++told[0];
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}
