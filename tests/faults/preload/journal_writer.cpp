#include "tests/faults/preload/journal_writer.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <unistd.h>

#include "tests/faults/preload/settings.hpp"

namespace godwit::faults::preload {
namespace {

// Dead records are worth a copy of the living ones only when there are many.
std::uint64_t compact_bytes_min(const journal_header& journal) {
  return std::min(std::uint64_t{4} << 20, journal.capacity / 8);
}

template <class Visit>
void each_record(journal_header& journal, Visit&& visit) {
  const std::uint32_t active = journal.active.load();
  const std::uint64_t tail = journal.tail[active].load();
  for (std::uint64_t at = 0; at < tail;) {
    auto& record = *reinterpret_cast<undo_record*>(journal.area(active) + at);
    at += record.bytes;
    visit(record);
  }
}

// Forgets everything. The mark is stored before the tail: a process killed between leaves records that
// are known to be durable.
void clear(journal_header& journal) {
  journal.durable_sequence.store(journal.next_sequence.load() - 1);
  journal.tail[journal.active.load()].store(0);
  journal.open_records.store(0);
}

// Copies the living records to the other area and switches with one store: a process killed at any
// point leaves one of two complete areas.
void compact(journal_header& journal) {
  const std::uint32_t other = 1 - journal.active.load();
  std::uint64_t tail = 0;
  std::uint64_t open = 0;
  each_record(journal, [&](const undo_record& record) {
    if (record.sequence <= journal.durable_sequence.load())
      return;
    std::memcpy(journal.area(other) + tail, &record, record.bytes);
    tail += record.bytes;
    open += record.state.load() == record_state::durable ? 0 : 1;
  });
  const std::uint32_t old = journal.active.load();
  journal.tail[other].store(tail);
  journal.active.store(other);
  journal.tail[old].store(0);
  journal.open_records.store(open);
}

void compact_if_worth_it(journal_header& journal) {
  const std::uint64_t tail = journal.tail[journal.active.load()].load();
  if (tail < compact_bytes_min(journal))
    return;
  std::uint64_t living = 0;
  each_record(journal, [&](const undo_record& record) {
    living += record.sequence > journal.durable_sequence.load() ? record.bytes : 0;
  });
  if (tail - living > std::max(compact_bytes_min(journal), living))
    compact(journal);
}

} // namespace

journal_lock::journal_lock(journal_header& journal) : journal_(journal) {
  const errno_guard keep;
  if (::pthread_mutex_lock(&journal_.lock) == EOWNERDEAD)
    ::pthread_mutex_consistent(&journal_.lock);
}

journal_lock::~journal_lock() { ::pthread_mutex_unlock(&journal_.lock); }

undo_record& record_before(journal_header& journal, record_kind kind, std::uint64_t offset, std::uint64_t length,
                           std::uint64_t old_size, int reader) {
  const errno_guard keep;
  const std::uint64_t old_length = offset >= old_size ? 0 : std::min(length, old_size - offset);
  const std::uint64_t bytes = sizeof(undo_record) + (old_length + 7) / 8 * 8;
  const std::uint32_t active = journal.active.load(std::memory_order_relaxed);
  const std::uint64_t tail = journal.tail[active].load(std::memory_order_relaxed);
  if (bytes > journal.capacity - tail)
    give_up("a journal is full, raise GODWIT_FAULT_JOURNAL_MB", journal.path);

  auto& record = *reinterpret_cast<undo_record*>(journal.area(active) + tail);
  record.sequence = journal.next_sequence.load(std::memory_order_relaxed);
  record.state.store(record_state::begun, std::memory_order_relaxed);
  record.kind = kind;
  record.offset = offset;
  record.length = length;
  record.done_length = 0;
  record.old_size = old_size;
  record.old_length = old_length;
  record.bytes = bytes;
  for (std::uint64_t read = 0; read < old_length;) {
    const auto got = ::pread(reader, record.old_bytes() + read, old_length - read, static_cast<off_t>(offset + read));
    if (got <= 0 && errno != EINTR)
      give_up("cannot read the bytes before a write", journal.path);
    read += got > 0 ? static_cast<std::uint64_t>(got) : 0;
  }
  journal.open_records.fetch_add(1);
  journal.next_sequence.store(record.sequence + 1);
  journal.tail[active].store(tail + bytes, std::memory_order_release);
  return record;
}

void record_after(journal_header& journal, undo_record& record, std::uint64_t done, bool durable) {
  record.done_length = done;
  if (!durable) {
    record.state.store(record_state::done, std::memory_order_release);
    return;
  }
  record.state.store(record_state::durable, std::memory_order_release);
  // A file that is only ever written on synchronous descriptors has no sync to empty its journal.
  if (journal.open_records.fetch_sub(1) == 1 && journal.holds_lost.load() == 0)
    clear(journal);
}

void lose(journal_header& journal, undo_record& record) {
  // The mark of the journal first: a process killed between leaves it too careful, not too trusting.
  journal.holds_lost.store(1);
  record.state.store(record_state::lost);
}

std::uint64_t begin_sync(journal_header& journal) {
  const journal_lock lock(journal);
  return journal.next_sequence.load() - 1;
}

void end_sync(journal_header& journal, std::uint64_t sequence) {
  const journal_lock lock(journal);
  if (journal.holds_lost.load() != 0) {
    each_record(journal, [&](undo_record& record) {
      const auto state = record.state.load();
      if (record.sequence <= sequence && (state == record_state::done || state == record_state::durable))
        record.state.store(record_state::synced);
    });
    return;
  }
  if (journal.next_sequence.load() - 1 == sequence) {
    clear(journal);
    return;
  }
  // Another sync that began later may have ended before this one.
  if (sequence > journal.durable_sequence.load())
    journal.durable_sequence.store(sequence);
  compact_if_worth_it(journal);
}

void fail_sync(journal_header& journal, std::uint64_t sequence) {
  const journal_lock lock(journal);
  each_record(journal, [&](undo_record& record) {
    if (record.sequence > sequence || record.sequence <= journal.durable_sequence.load())
      return;
    if (record.state.load() == record_state::done)
      lose(journal, record);
  });
}

} // namespace godwit::faults::preload
