#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>

#include <pthread.h>

namespace godwit::faults {

/// The undo journal of one file, as the preload library writes it and the replay reads it: a header
/// and two areas of records, of which one is in use. The file is mapped shared: what a killed process has
/// stored is there, complete up to the last published word. Never outlives a test, so it has no
/// versions: both sides are built from the same tree.

enum class record_kind : std::uint32_t { write = 1, shrink = 2, grow = 3 };

enum class record_state : std::uint32_t {
  begun = 1,   ///< the change may have happened wholly, partly or not at all
  done = 2,    ///< the change is in the page cache
  durable = 3, ///< done, and the bytes of its range are durable by themselves (O_DSYNC)
  synced = 4,  ///< done, and the pages of its range are durable by a later sync; used beside lost records only
  lost = 5,    ///< a sync reported an error: the page cache holds it, no later sync writes it
};

struct undo_record {
  std::uint64_t sequence;
  std::atomic<record_state> state;
  record_kind kind;
  std::uint64_t offset;      ///< first byte the change touches; of a grow: the old size
  std::uint64_t length;      ///< bytes it meant to touch
  std::uint64_t done_length; ///< bytes it did touch, known from `done` on
  std::uint64_t old_size;    ///< of the file, before
  std::uint64_t old_length;  ///< bytes before the change; they follow this record, from `offset`
  std::uint64_t bytes;       ///< of this record with what follows, a multiple of 8

  [[nodiscard]] const unsigned char* old_bytes() const { return reinterpret_cast<const unsigned char*>(this + 1); }
  [[nodiscard]] unsigned char* old_bytes() { return reinterpret_cast<unsigned char*>(this + 1); }
};

/// A file is known by these three: a number of an unlinked file is used again, a birth is not.
struct file_identity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t birth_ns = 0;

  friend bool operator==(const file_identity&, const file_identity&) = default;
};

struct journal_header {
  static constexpr std::uint64_t magic_value = 0x31304f444e555747; // "GWUNDO01"
  static constexpr std::size_t bytes = 4096;
  static constexpr std::size_t path_bytes_max = 2048;

  std::uint64_t magic;
  std::uint64_t capacity; ///< bytes of each area
  file_identity identity;
  pthread_mutex_t lock; ///< robust, shared by processes; serialises changes of the file
  std::atomic<std::uint32_t> active;
  std::atomic<std::uint32_t> holds_lost; ///< some record is lost: the journal is kept until the replay
  std::atomic<std::uint64_t> tail[2];    ///< bytes of records in each area
  std::atomic<std::uint64_t> next_sequence;
  std::atomic<std::uint64_t> durable_sequence; ///< records up to this one need no undoing
  std::atomic<std::uint64_t> open_records;     ///< records not known to be durable; may be too high, never too low
  char path[path_bytes_max];                   ///< as first opened; for messages only

  [[nodiscard]] unsigned char* area(std::uint32_t index) {
    return reinterpret_cast<unsigned char*>(this) + bytes + index * capacity;
  }
  [[nodiscard]] std::size_t file_bytes() const { return bytes + 2 * capacity; }
};

static_assert(sizeof(journal_header) <= journal_header::bytes);
static_assert(sizeof(undo_record) % 8 == 0);

inline constexpr std::size_t journal_name_bytes_max = 80;

/// The name of a file's journal inside the journal folder.
inline void journal_name(const file_identity& identity, char (&name)[journal_name_bytes_max]) {
  std::snprintf(name, sizeof(name), "%llx-%llx-%llx.undo", static_cast<unsigned long long>(identity.device),
                static_cast<unsigned long long>(identity.inode), static_cast<unsigned long long>(identity.birth_ns));
}

} // namespace godwit::faults
