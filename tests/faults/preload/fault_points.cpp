#include "tests/faults/preload/fault_points.hpp"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <ctime>

#include <unistd.h>

#include "tests/faults/preload/settings.hpp"

namespace godwit::faults::preload {
namespace {

constexpr std::uint64_t sector_bytes = 512;

control_page& page() { return *current_settings().control; }

void sleep_us(std::uint64_t microseconds) {
  const errno_guard keep;
  timespec left{static_cast<time_t>(microseconds / 1'000'000), static_cast<long>(microseconds % 1'000'000 * 1000)};
  while (::nanosleep(&left, &left) != 0) {
  }
}

void wait_while(const std::atomic<std::uint32_t>& held, std::atomic<std::uint32_t>& waiting) {
  if (held.load() == 0)
    return;
  waiting.fetch_add(1);
  while (held.load() != 0)
    sleep_us(200);
  waiting.fetch_sub(1);
}

// The counts that one call reaches, each from 1; 0 where it is not counted.
struct call_counts {
  std::uint64_t write = 0;
  std::uint64_t synchronous_write = 0;
  std::uint64_t sync = 0;
  std::uint64_t operation = 0;
};

std::uint64_t count_of(const call_counts& counts, kill_target target) {
  switch (target) {
  case kill_target::nothing: return 0;
  case kill_target::write: return counts.write;
  case kill_target::sync: return counts.sync;
  case kill_target::operation: return counts.operation;
  case kill_target::synchronous_write: return counts.synchronous_write;
  }
  return 0;
}

passage reach_kill_point(const call_counts& counts) {
  passage now;
  now.applies = true;
  const std::uint64_t count = count_of(counts, page().kill_at.load());
  if (count == 0 || page().kill_number.load() != count)
    return now;
  if (page().kill_when.load() == kill_phase::before)
    kill_self();
  now.kill_middle = page().kill_when.load() == kill_phase::middle;
  now.kill_after = !now.kill_middle;
  return now;
}

bool passes_filter(const watched_file& file) {
  return page().only_paths_with[0] == 0 || std::strstr(file.path, page().only_paths_with) != nullptr;
}

// Takes one from a count of calls; false if there was none. A negative count never ends.
bool take_one(std::atomic<std::int64_t>& left) {
  std::int64_t now = left.load();
  while (now > 0 && !left.compare_exchange_weak(now, now - 1)) {
  }
  return now != 0;
}

int take_error(std::atomic<std::int64_t>& after, std::atomic<std::int64_t>& left,
               const std::atomic<std::int32_t>& error) {
  if (left.load() == 0 || take_one(after))
    return 0;
  return take_one(left) ? error.load() : 0;
}

} // namespace

passage enter_write(const watched_file& file, bool synchronous) {
  if (!passes_filter(file))
    return {};
  call_counts counts;
  counts.write = page().writes.fetch_add(1) + 1;
  counts.synchronous_write = synchronous ? page().synchronous_writes.fetch_add(1) + 1 : 0;
  counts.operation = page().operations.fetch_add(1) + 1;
  const passage now = reach_kill_point(counts);
  if (const std::uint32_t delay = page().write_delay_us.load())
    sleep_us(delay);
  wait_while(page().hold_writes, page().writes_held);
  return now;
}

passage enter_sync(const watched_file& file) {
  if (!passes_filter(file))
    return {};
  call_counts counts;
  counts.sync = page().syncs.fetch_add(1) + 1;
  counts.operation = page().operations.fetch_add(1) + 1;
  return reach_kill_point(counts);
}

void wait_in_sync(const passage& now) {
  if (!now.applies)
    return;
  if (const std::uint32_t delay = page().sync_delay_us.load())
    sleep_us(delay);
  wait_while(page().hold_syncs, page().syncs_held);
}

int take_write_error(const passage& now) {
  return now.applies ? take_error(page().write_errors_after, page().write_errors_left, page().write_errno) : 0;
}

int take_sync_error(const passage& now) {
  return now.applies ? take_error(page().sync_errors_after, page().sync_errors_left, page().sync_errno) : 0;
}

bool space_is_limited(const passage& now) { return now.applies && page().space_left.load() >= 0; }

std::uint64_t take_space(const passage& now, std::uint64_t length, std::uint64_t growth) {
  if (!space_is_limited(now))
    return length;
  const std::uint64_t wanted = page().space_growth_only.load() != 0 ? growth : length;
  std::int64_t left = page().space_left.load();
  for (;;) {
    if (left < 0)
      return length;
    const std::uint64_t taken = std::min(wanted, static_cast<std::uint64_t>(left));
    // The call that meets the end gets as much as fits, in whole sectors, like a real one; the next gets none.
    if (page().space_left.compare_exchange_weak(left, left - static_cast<std::int64_t>(taken)))
      return taken == wanted ? length : (length - (wanted - taken)) / sector_bytes * sector_bytes;
  }
}

void count_bytes(const passage& now, std::uint64_t bytes) {
  if (now.applies)
    page().bytes_written.fetch_add(bytes);
}

void kill_self() {
  page().killed.store(1);
  ::kill(::getpid(), SIGKILL);
  for (;;)
    ::pause();
}

} // namespace godwit::faults::preload
