#pragma once

#include <atomic>
#include <cstdint>

#include "tests/faults/undo_journal.hpp"

namespace godwit::faults::preload {

/// A regular file below the root that some descriptor of this process names. Two descriptors of one file
/// share it, and so its journal.
struct watched_file {
  file_identity identity;
  std::uint32_t references = 0; ///< descriptors; guarded by the table's mutex
  std::atomic<journal_header*> journal{nullptr};
  std::atomic<int> reader{-1}; ///< the library's own descriptor for reading old bytes
  char path[journal_header::path_bytes_max] = {};
};

/// What the library knows about a descriptor; `file` is null if it is not watched.
struct descriptor {
  watched_file* file = nullptr;
  bool synchronous = false; ///< opened O_DSYNC or O_SYNC, though the flag was kept from the kernel
};

/// Looked up without a lock once the descriptor is known; else asks the kernel which file it names.
descriptor find_descriptor(int fd);

/// The number `fd` names another file from now on, or none.
void forget_descriptor(int fd);
void forget_descriptors(unsigned first, unsigned last);

/// For flags that the library keeps from the kernel.
void remember_synchronous(int fd);
void copy_descriptor(int from, int to);

/// Whether the path names an existing regular file below the root.
bool path_is_watched(int folder, const char* path);

/// The file's journal; null if it has none and `create` is false. With `create` also opens the reader.
journal_header* journal_of(watched_file& file, int fd, bool create);

/// The watched file that is mapped at this address; null if none is.
watched_file* file_mapped_at(const void* address);

} // namespace godwit::faults::preload
