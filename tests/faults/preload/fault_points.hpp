#pragma once

#include <cstddef>
#include <cstdint>

#include "tests/faults/preload/watched_files.hpp"

namespace godwit::faults::preload {

/// What the control page wants of one call.
struct passage {
  bool applies = false; ///< the path passes the filter
  bool kill_middle = false;
  bool kill_after = false;
};

/// Counts the call, ends the process if its kill point is here. A write also waits here.
passage enter_write(const watched_file& file, bool synchronous);
passage enter_sync(const watched_file& file);

/// Waits as long as the page says that a sync takes.
void wait_in_sync(const passage& now);

/// The errno a call is to fail with; 0 for none. Uses up one of the failures asked for.
int take_write_error(const passage& now);
int take_sync_error(const passage& now);

bool space_is_limited(const passage& now);

/// How many of `length` bytes find space, when `growth` of them need new space; takes the space.
std::uint64_t take_space(const passage& now, std::uint64_t length, std::uint64_t growth);

void count_bytes(const passage& now, std::uint64_t bytes);

[[noreturn]] void kill_self();

} // namespace godwit::faults::preload
