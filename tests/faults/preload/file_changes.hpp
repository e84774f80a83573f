#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include "tests/faults/preload/watched_files.hpp"

namespace godwit::faults::preload {

/// A write of any name: its buffers, and where it goes.
struct write_call {
  int fd;
  const iovec* buffers;
  int count;
  off_t offset;    ///< where `positioned`
  bool positioned; ///< leaves the descriptor's position alone
  int flags;       ///< of pwritev2
};

/// The changes of a watched file, each with its record and its faults: results and errno as of the calls
/// of those names.
ssize_t write_watched(const descriptor& to, const write_call& call);
int resize_watched(const descriptor& to, int fd, off_t size);
int allocate_watched(const descriptor& to, int fd, int mode, off_t offset, off_t length);

/// `real` is fsync or fdatasync, or null for a sync that is only counted and marked.
int sync_watched(watched_file& file, int fd, int (*real)(int));

} // namespace godwit::faults::preload
