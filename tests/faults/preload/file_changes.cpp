#include "tests/faults/preload/file_changes.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/faults/preload/fault_points.hpp"
#include "tests/faults/preload/journal_writer.hpp"
#include "tests/faults/preload/real_calls.hpp"
#include "tests/faults/preload/settings.hpp"

namespace godwit::faults::preload {
namespace {

constexpr std::uint64_t sector_bytes = 512;

std::uint64_t size_of(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0)
    give_up("cannot read the size of a watched file", "");
  return static_cast<std::uint64_t>(status.st_size);
}

/// How much of [begin, end) has no place on the disk yet: holes, and what lies behind the end of the file.
/// `reader` is read with offsets of its own, so that its position means nothing.
std::uint64_t bytes_in_holes(int reader, std::uint64_t begin, std::uint64_t end) {
  std::uint64_t holes = 0;
  while (begin < end) {
    const off_t found = ::lseek(reader, static_cast<off_t>(begin), SEEK_DATA);
    const std::uint64_t data = found < 0 ? end : std::min(end, static_cast<std::uint64_t>(found));
    holes += data - begin;
    const off_t hole = data < end ? ::lseek(reader, static_cast<off_t>(data), SEEK_HOLE) : -1;
    begin = hole < 0 ? end : static_cast<std::uint64_t>(hole);
  }
  return holes;
}

ssize_t write_all_buffers(const write_call& call) {
  if (call.flags != 0)
    return GODWIT_REAL(pwritev2)(call.fd, call.buffers, call.count, call.positioned ? call.offset : -1, call.flags);
  if (call.count == 1) {
    const iovec& only = call.buffers[0];
    return call.positioned ? GODWIT_REAL(pwrite)(call.fd, only.iov_base, only.iov_len, call.offset)
                           : GODWIT_REAL(write)(call.fd, only.iov_base, only.iov_len);
  }
  return call.positioned ? GODWIT_REAL(pwritev)(call.fd, call.buffers, call.count, call.offset)
                         : GODWIT_REAL(writev)(call.fd, call.buffers, call.count);
}

ssize_t write_prefix(const write_call& call, std::uint64_t bytes) {
  iovec buffers[IOV_MAX];
  int count = 0;
  for (; count < call.count && bytes > 0; ++count) {
    buffers[count] = call.buffers[count];
    buffers[count].iov_len = std::min<std::uint64_t>(buffers[count].iov_len, bytes);
    bytes -= buffers[count].iov_len;
  }
  write_call part = call;
  part.buffers = buffers;
  part.count = count;
  return write_all_buffers(part);
}

// About half of a write, ending on a sector of the file.
std::uint64_t middle_of(std::uint64_t offset, std::uint64_t length, bool synchronous) {
  const std::uint64_t end = (offset + length / 2 + sector_bytes - 1) / sector_bytes * sector_bytes;
  if (synchronous || end >= offset + length)
    return length;
  return end - offset;
}

struct write_place {
  std::uint64_t offset;
  std::uint64_t length;
  std::uint64_t old_size;
};

write_place place_of(const write_call& call, bool appends) {
  write_place place{0, 0, size_of(call.fd)};
  for (int i = 0; i < call.count; ++i)
    place.length += call.buffers[i].iov_len;
  if (appends)
    place.offset = place.old_size;
  else if (call.positioned)
    place.offset = static_cast<std::uint64_t>(call.offset);
  else
    place.offset = static_cast<std::uint64_t>(std::max<off_t>(0, ::lseek(call.fd, 0, SEEK_CUR)));
  return place;
}

ssize_t fail_with(int error) {
  errno = error;
  return -1;
}

// The rest of a write whose descriptor makes it durable at once: it can be slow or fail like a sync.
int sync_error_of_write(const passage& now) {
  wait_in_sync(now);
  return take_sync_error(now);
}

} // namespace

ssize_t write_watched(const descriptor& to, const write_call& call) {
  const int flags = GODWIT_REAL(fcntl)(call.fd, F_GETFL);
  const bool synchronous = to.synchronous || (flags & O_DSYNC) != 0 || (call.flags & (RWF_DSYNC | RWF_SYNC)) != 0;
  const bool appends = (flags & O_APPEND) != 0 || (call.flags & RWF_APPEND) != 0;
  const passage now = enter_write(*to.file, synchronous);
  if (const int error = take_write_error(now))
    return fail_with(error);
  if (call.count <= 0 || call.count > IOV_MAX || (call.positioned && call.offset < 0))
    return write_all_buffers(call);

  journal_header& journal = *journal_of(*to.file, call.fd, true);
  ssize_t done = 0;
  {
    const journal_lock lock(journal);
    const write_place place = place_of(call, appends);
    const std::uint64_t end = place.offset + place.length;
    const std::uint64_t growth = space_is_limited(now) ? bytes_in_holes(to.file->reader.load(), place.offset, end) : 0;
    const std::uint64_t space = take_space(now, place.length, growth);
    if (space == 0 && place.length > 0)
      return fail_with(ENOSPC);
    undo_record& record =
      record_before(journal, record_kind::write, place.offset, space, place.old_size, to.file->reader.load());
    if (now.kill_middle) {
      write_prefix(call, middle_of(place.offset, space, synchronous));
      kill_self();
    }
    done = space == place.length ? write_all_buffers(call) : write_prefix(call, space);
    if (done < 0)
      return done; // begun, never done: if part of it happened after all, the replay may undo it
    const int sync_error = synchronous ? sync_error_of_write(now) : 0;
    record_after(journal, record, static_cast<std::uint64_t>(done), synchronous && sync_error == 0);
    if (sync_error != 0) {
      lose(journal, record);
      done = fail_with(sync_error);
    }
  }
  count_bytes(now, done > 0 ? static_cast<std::uint64_t>(done) : 0);
  if (now.kill_after)
    kill_self();
  return done;
}

int resize_watched(const descriptor& to, int fd, off_t size) {
  const passage now = enter_write(*to.file, false);
  if (const int error = take_write_error(now))
    return static_cast<int>(fail_with(error));
  if (size < 0)
    return GODWIT_REAL(ftruncate)(fd, size);

  journal_header& journal = *journal_of(*to.file, fd, true);
  int result = 0;
  {
    const journal_lock lock(journal);
    const std::uint64_t old_size = size_of(fd);
    const auto new_size = static_cast<std::uint64_t>(size);
    if (new_size == old_size)
      return GODWIT_REAL(ftruncate)(fd, size);
    const bool grows = new_size > old_size;
    const std::uint64_t from = std::min(old_size, new_size);
    const std::uint64_t length = std::max(old_size, new_size) - from;
    undo_record& record = record_before(journal, grows ? record_kind::grow : record_kind::shrink, from, length,
                                        old_size, to.file->reader.load());
    result = GODWIT_REAL(ftruncate)(fd, size);
    if (now.kill_middle)
      kill_self();
    record_after(journal, record, length, false);
  }
  if (now.kill_after)
    kill_self();
  return result;
}

int allocate_watched(const descriptor& to, int fd, int mode, off_t offset, off_t length) {
  const int zeroes = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;
  if ((mode & ~(zeroes | FALLOC_FL_KEEP_SIZE)) != 0)
    return static_cast<int>(fail_with(EOPNOTSUPP)); // the journal cannot undo a moved range
  const passage now = enter_write(*to.file, false);
  if (const int error = take_write_error(now))
    return static_cast<int>(fail_with(error));
  if (offset < 0 || length <= 0)
    return GODWIT_REAL(fallocate)(fd, mode, offset, length);

  journal_header& journal = *journal_of(*to.file, fd, true);
  int result = 0;
  {
    const journal_lock lock(journal);
    const std::uint64_t old_size = size_of(fd);
    const auto begin = static_cast<std::uint64_t>(offset);
    const std::uint64_t end = begin + static_cast<std::uint64_t>(length);
    const bool grows = (mode & FALLOC_FL_KEEP_SIZE) == 0 && end > old_size;
    if (grows && take_space(now, end - old_size, end - old_size) < end - old_size)
      return static_cast<int>(fail_with(ENOSPC));
    const bool changes_bytes = (mode & zeroes) != 0;
    const std::uint64_t from = changes_bytes ? begin : std::max(begin, old_size);
    undo_record& record = record_before(journal, changes_bytes ? record_kind::write : record_kind::grow, from,
                                        end > from ? end - from : 0, old_size, to.file->reader.load());
    result = GODWIT_REAL(fallocate)(fd, mode, offset, length);
    if (now.kill_middle)
      kill_self();
    if (result == 0)
      record_after(journal, record, end > from ? end - from : 0, false);
  }
  if (now.kill_after)
    kill_self();
  return result;
}

int sync_watched(watched_file& file, int fd, int (*real)(int)) {
  const passage now = enter_sync(file);
  // Without a journal nothing was written since the last replay; the faults hold all the same.
  journal_header* journal = journal_of(file, fd, false);
  const std::uint64_t sequence = journal == nullptr ? 0 : begin_sync(*journal);
  wait_in_sync(now);
  int error = take_sync_error(now);
  if (error == 0 && real != nullptr && real(fd) != 0)
    error = errno;
  if (now.kill_middle)
    kill_self();
  if (journal != nullptr && error == 0)
    end_sync(*journal, sequence);
  if (journal != nullptr && error != 0)
    fail_sync(*journal, sequence);
  if (now.kill_after)
    kill_self();
  return error == 0 ? 0 : static_cast<int>(fail_with(error));
}

} // namespace godwit::faults::preload
