#include "tests/faults/fault_control.hpp"

#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace godwit::faults {
namespace {

bool wait_until_positive(const std::atomic<std::uint32_t>& count, std::chrono::milliseconds timeout) {
  const auto end = std::chrono::steady_clock::now() + timeout;
  while (count.load() == 0) {
    if (std::chrono::steady_clock::now() >= end)
      return false;
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  return true;
}

std::uint64_t count_of(const control_page& page, kill_target target) {
  switch (target) {
  case kill_target::nothing: return 0;
  case kill_target::write: return page.writes;
  case kill_target::sync: return page.syncs;
  case kill_target::operation: return page.operations;
  case kill_target::synchronous_write: return page.synchronous_writes;
  }
  return 0;
}

std::uint32_t to_us(std::chrono::microseconds time) { return static_cast<std::uint32_t>(time.count()); }

} // namespace

fault_control::fault_control(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const bool sized = fd >= 0 && ::ftruncate(fd, control_page_bytes) == 0;
  void* memory = sized ? ::mmap(nullptr, control_page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
  if (fd >= 0)
    ::close(fd);
  if (memory == MAP_FAILED)
    throw std::runtime_error(file.string() + ": cannot make the control page");
  page_ = new (memory) control_page{};
  page_->magic = control_page::magic_value;
  page_->space_left = -1;
}

fault_control::~fault_control() { ::munmap(page_, control_page_bytes); }

void fault_control::reset() {
  never_kill();
  end_space_limit();
  fail_writes(0, 0);
  fail_syncs(0, 0);
  delay_writes({});
  delay_syncs({});
  hold_writes(false);
  hold_syncs(false);
  skew_clock({});
  only_paths_with({});
  page_->writes_held = 0;
  page_->syncs_held = 0;
  page_->writes = 0;
  page_->synchronous_writes = 0;
  page_->syncs = 0;
  page_->operations = 0;
  page_->bytes_written = 0;
  page_->attached = 0;
}

void fault_control::only_paths_with(std::string_view part) {
  if (part.size() >= control_page::filter_bytes_max)
    throw std::length_error("the filter is too long");
  std::memset(page_->only_paths_with, 0, control_page::filter_bytes_max);
  part.copy(page_->only_paths_with, part.size());
}

void fault_control::limit_space(std::uint64_t bytes, space_use use) {
  page_->space_growth_only = use == space_use::growth_only ? 1 : 0;
  page_->space_left = static_cast<std::int64_t>(bytes);
}

void fault_control::end_space_limit() { page_->space_left = -1; }

void fault_control::fail_writes(int error, std::int64_t times, std::int64_t after) {
  page_->write_errors_left = 0;
  page_->write_errno = error;
  page_->write_errors_after = after;
  page_->write_errors_left = times;
}

void fault_control::fail_syncs(int error, std::int64_t times, std::int64_t after) {
  page_->sync_errors_left = 0;
  page_->sync_errno = error;
  page_->sync_errors_after = after;
  page_->sync_errors_left = times;
}

void fault_control::delay_writes(std::chrono::microseconds each) { page_->write_delay_us = to_us(each); }
void fault_control::delay_syncs(std::chrono::microseconds each) { page_->sync_delay_us = to_us(each); }
void fault_control::hold_writes(bool held) { page_->hold_writes = held ? 1 : 0; }
void fault_control::hold_syncs(bool held) { page_->hold_syncs = held ? 1 : 0; }

bool fault_control::wait_for_held_write(std::chrono::milliseconds timeout) const {
  return wait_until_positive(page_->writes_held, timeout);
}

bool fault_control::wait_for_held_sync(std::chrono::milliseconds timeout) const {
  return wait_until_positive(page_->syncs_held, timeout);
}

void fault_control::skew_clock(std::chrono::milliseconds by) {
  page_->clock_skew_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(by).count();
}

void fault_control::kill_at(kill_target target, std::uint64_t number, kill_phase when) {
  page_->killed = 0;
  page_->kill_at = kill_target::nothing; // so that no call sees half of the new point
  page_->kill_number = count_of(*page_, target) + number;
  page_->kill_when = when;
  page_->kill_at = target;
}

void fault_control::never_kill() {
  page_->kill_at = kill_target::nothing;
  page_->killed = 0;
}

} // namespace godwit::faults
