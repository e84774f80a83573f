#pragma once

#include <cstddef>
#include <cstdint>

#include "tests/faults/undo_journal.hpp"

namespace godwit::faults::preload {

/// Holds a file's lock. A process killed while it held the lock leaves a journal that is complete up to
/// its last published record, so the next holder goes on.
class journal_lock {
public:
  explicit journal_lock(journal_header& journal);
  ~journal_lock();
  journal_lock(const journal_lock&) = delete;
  journal_lock& operator=(const journal_lock&) = delete;

private:
  journal_header& journal_;
};

/// With the lock held: records the `length` bytes from `offset` as they are now, read through
/// `reader`. Ends the process if the area is full.
undo_record& record_before(journal_header& journal, record_kind kind, std::uint64_t offset, std::uint64_t length,
                           std::uint64_t old_size, int reader);

/// With the lock held: the change happened, to `done` bytes; with `durable`, they are on the disk.
void record_after(journal_header& journal, undo_record& record, std::uint64_t done, bool durable);

/// With the lock held: the sync of this one change reported an error.
void lose(journal_header& journal, undo_record& record);

/// The last change that a sync which begins now covers.
std::uint64_t begin_sync(journal_header& journal);

/// The sync that began at `sequence` reported success: what it covers needs no undoing any more.
void end_sync(journal_header& journal, std::uint64_t sequence);

/// It reported an error: the kernel takes its pages for clean, so no later sync will write them.
void fail_sync(journal_header& journal, std::uint64_t sequence);

} // namespace godwit::faults::preload
