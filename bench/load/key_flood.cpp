#include "bench/load/key_flood.hpp"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <utility>

#include "bench/load/socket_loop.hpp"

namespace godwit::bench {
namespace {

constexpr int lowest_priority = 19;
/// Numbers of clients, and so source addresses, beside those of a farm.
constexpr std::uint32_t first_number = 1'000'000;
constexpr std::uint32_t numbers_per_thread = 1'000'000;

std::uint64_t thread_time_us() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(time.tv_nsec) / 1000;
}

} // namespace

key_flood::key_flood(const client_target& where, unsigned threads, std::uint32_t at_once) {
  for (unsigned i = 0; i < threads; ++i) {
    client_target own = where;
    own.number = first_number + i * numbers_per_thread;
    threads_.emplace_back([this, own = std::move(own), at_once] { work(own, at_once); });
  }
}

key_flood::~key_flood() {
  ending_ = true;
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

void key_flood::work(client_target where, std::uint32_t at_once) {
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), lowest_priority);
  socket_loop loop;
  std::vector<std::unique_ptr<load_client>> clients(at_once);
  // A client must not go inside its own callback: those that are through are replaced after the round.
  std::vector<std::uint32_t> over;
  const auto start = [&](std::uint32_t slot) {
    ++where.number;
    clients[slot] = std::make_unique<load_client>(loop, where, [&, slot](const std::string&) {
      ++failed_;
      over.push_back(slot);
    });
    clients[slot]->make_key([&, slot](std::shared_ptr<const client_key>) {
      ++made_;
      over.push_back(slot);
    });
  };
  for (std::uint32_t slot = 0; slot < at_once; ++slot) {
    start(slot);
  }
  std::uint64_t counted = thread_time_us();
  loop.run_until([&] {
    for (const std::uint32_t slot : std::exchange(over, {})) {
      start(slot);
    }
    const std::uint64_t now = thread_time_us();
    client_us_ += now - std::exchange(counted, now);
    return ending_.load();
  });
}

} // namespace godwit::bench
