#pragma once

#include <climits>
#include <cstdint>

#include "tests/faults/fault_control_page.hpp"
#include "tests/faults/undo_journal.hpp"

namespace godwit::faults::preload {

/// What the environment asked for, read once at the first call. Without GODWIT_FAULT_ROOT the library
/// passes everything through.
struct settings {
  bool active = false;
  bool real_sync = true;
  std::uint64_t journal_area_bytes = std::uint64_t{1} << 30;
  char root[PATH_MAX] = {}; ///< resolved, ends in '/'
  std::size_t root_length = 0;
  char journal[PATH_MAX] = {};
  control_page* control = nullptr; ///< shared with the test, or of this process alone; never null when active
};

const settings& current_settings();

/// Ends the process with a message: a test that runs without what it asked for proves nothing.
[[noreturn]] void give_up(const char* what, const char* name);

/// Moves a descriptor of the library out of the way of the program's own numbers.
int move_high(int fd);

/// Restores errno at the end of the scope.
class errno_guard {
public:
  errno_guard();
  ~errno_guard();
  errno_guard(const errno_guard&) = delete;
  errno_guard& operator=(const errno_guard&) = delete;

private:
  int saved_;
};

} // namespace godwit::faults::preload
