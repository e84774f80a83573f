#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string_view>

#include "tests/faults/fault_control_page.hpp"

namespace godwit::faults {

/// The switches and counters that a test shares with the processes it runs under the preload library.
/// Every switch acts at the next call of the process, also while it runs. Safe from any thread.
class fault_control {
public:
  /// Makes the file. Throws std::runtime_error where it cannot: a test cannot go on without.
  explicit fault_control(const std::filesystem::path& file);
  ~fault_control();
  fault_control(const fault_control&) = delete;
  fault_control& operator=(const fault_control&) = delete;

  /// Takes every fault back and sets every counter to 0.
  void reset();

  /// Faults and counters apply only to files whose path contains `part`; empty: to all. Set while no process
  /// runs. Throws std::length_error beyond control_page::filter_bytes_max.
  void only_paths_with(std::string_view part);

  enum class space_use : std::uint8_t {
    every_byte,  ///< as on a file system that never writes in place
    growth_only, ///< as on an ordinary one: writing over old bytes needs no space, filling a hole does
  };
  /// ENOSPC once `bytes` more are written; the write that meets the end is short.
  void limit_space(std::uint64_t bytes, space_use use = space_use::growth_only);
  void end_space_limit();

  /// After `after` good calls the next `times` fail with `error`; negative: all until further notice, 0:
  /// none. A failing write changes nothing. A failing sync leaves its pages in the page cache, never to be
  /// written by a later one. A write on a synchronous descriptor can fail both ways and counts in both.
  void fail_writes(int error, std::int64_t times = -1, std::int64_t after = 0);
  void fail_syncs(int error, std::int64_t times = -1, std::int64_t after = 0);

  void delay_writes(std::chrono::microseconds each);
  void delay_syncs(std::chrono::microseconds each);

  /// Calls wait until released. What was written before a held sync is not durable yet.
  void hold_writes(bool held);
  void hold_syncs(bool held);
  /// Waits until a call is held; false if none was before `timeout`.
  [[nodiscard]] bool wait_for_held_write(std::chrono::milliseconds timeout) const;
  [[nodiscard]] bool wait_for_held_sync(std::chrono::milliseconds timeout) const;

  /// The wall clock of the processes shows so much too much; negative: too little. Clocks that count from the start of
  /// the machine stay as they are, and so does what the kernel itself writes down, as times of files.
  void skew_clock(std::chrono::milliseconds by);

  /// The process ends itself, as by kill -9, at the `number`th call from now, counted from 1.
  void kill_at(kill_target target, std::uint64_t number, kill_phase when);
  void never_kill();
  [[nodiscard]] bool kill_point_reached() const { return page_->killed.load() != 0; }

  [[nodiscard]] std::uint64_t processes() const { return page_->attached.load(); }
  [[nodiscard]] std::uint64_t writes() const { return page_->writes.load(); }
  [[nodiscard]] std::uint64_t syncs() const { return page_->syncs.load(); }
  [[nodiscard]] std::uint64_t bytes_written() const { return page_->bytes_written.load(); }

private:
  control_page* page_ = nullptr;
};

} // namespace godwit::faults
