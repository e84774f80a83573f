// The functions of the C library that the preload library stands in for. Each asks whether the
// descriptor is watched and passes everything else on unchanged.

#include <cerrno>
#include <cstdarg>
#include <cstdio>

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/faults/preload/file_changes.hpp"
#include "tests/faults/preload/real_calls.hpp"
#include "tests/faults/preload/settings.hpp"
#include "tests/faults/preload/watched_files.hpp"

#define GODWIT_HOOK extern "C" __attribute__((visibility("default")))

using namespace godwit::faults::preload; // NOLINT(google-build-using-namespace): all of this file is its edge

namespace {

// O_TRUNC is a change that needs its record. The synchronous flag is kept from the kernel when syncs are
// not to reach the disk.
int open_watched(int folder, const char* path, int flags, mode_t mode) {
  int passed = flags & ~O_TRUNC;
  const bool synchronous = (flags & (O_SYNC | O_DSYNC)) != 0 && !current_settings().real_sync;
  if (synchronous)
    passed &= ~O_SYNC; // O_SYNC includes O_DSYNC
  const int fd = GODWIT_REAL(openat)(folder, path, passed, mode);
  if (fd < 0)
    return fd;
  forget_descriptor(fd);
  if (synchronous)
    remember_synchronous(fd);
  const descriptor to = find_descriptor(fd);
  if ((flags & O_TRUNC) != 0 && (flags & O_ACCMODE) != O_RDONLY && to.file != nullptr &&
      resize_watched(to, fd, 0) != 0) {
    const errno_guard keep;
    forget_descriptor(fd);
    GODWIT_REAL(close)(fd);
    return -1;
  }
  return fd;
}

int open_any(int folder, const char* path, int flags, mode_t mode) {
  if (current_settings().active && (flags & (O_TRUNC | O_SYNC | O_DSYNC)) != 0 && path_is_watched(folder, path))
    return open_watched(folder, path, flags, mode);
  const int fd = GODWIT_REAL(openat)(folder, path, flags, mode);
  forget_descriptor(fd);
  return fd;
}

bool has_mode(int flags) { return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE; }

template <class Real>
std::FILE* open_stream(const char* path, const char* mode, Real real) {
  if (current_settings().active && mode[0] == 'w' && path_is_watched(AT_FDCWD, path)) {
    const int fd = open_watched(AT_FDCWD, path, O_WRONLY | O_TRUNC | O_CLOEXEC, 0);
    if (fd < 0)
      return nullptr;
    forget_descriptor(fd);
    GODWIT_REAL(close)(fd);
  }
  std::FILE* stream = real(path, mode);
  if (stream != nullptr)
    forget_descriptor(::fileno(stream));
  return stream;
}

} // namespace

#define GODWIT_MODE_ARGUMENT(flags)                                                                                    \
  mode_t mode = 0;                                                                                                     \
  if (has_mode(flags)) {                                                                                               \
    va_list arguments;                                                                                                 \
    va_start(arguments, flags);                                                                                        \
    mode = va_arg(arguments, mode_t);                                                                                  \
    va_end(arguments);                                                                                                 \
  }

GODWIT_HOOK int open(const char* path, int flags, ...) {
  GODWIT_MODE_ARGUMENT(flags)
  return open_any(AT_FDCWD, path, flags, mode);
}
GODWIT_HOOK int open64(const char* path, int flags, ...) {
  GODWIT_MODE_ARGUMENT(flags)
  return open_any(AT_FDCWD, path, flags, mode);
}
GODWIT_HOOK int openat(int folder, const char* path, int flags, ...) {
  GODWIT_MODE_ARGUMENT(flags)
  return open_any(folder, path, flags, mode);
}
GODWIT_HOOK int openat64(int folder, const char* path, int flags, ...) {
  GODWIT_MODE_ARGUMENT(flags)
  return open_any(folder, path, flags, mode);
}
// What the fortified headers call when there is no mode.
GODWIT_HOOK int __open_2(const char* path, int flags) { return open_any(AT_FDCWD, path, flags, 0); }
GODWIT_HOOK int __open64_2(const char* path, int flags) { return open_any(AT_FDCWD, path, flags, 0); }
GODWIT_HOOK int __openat_2(int folder, const char* path, int flags) { return open_any(folder, path, flags, 0); }
GODWIT_HOOK int __openat64_2(int folder, const char* path, int flags) { return open_any(folder, path, flags, 0); }
GODWIT_HOOK int creat(const char* path, mode_t mode) {
  return open_any(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}
GODWIT_HOOK int creat64(const char* path, mode_t mode) {
  return open_any(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}
GODWIT_HOOK std::FILE* fopen(const char* path, const char* mode) { return open_stream(path, mode, GODWIT_REAL(fopen)); }
GODWIT_HOOK std::FILE* fopen64(const char* path, const char* mode) {
  return open_stream(path, mode, GODWIT_REAL(fopen64));
}

GODWIT_HOOK int close(int fd) {
  forget_descriptor(fd);
  return GODWIT_REAL(close)(fd);
}
GODWIT_HOOK int close_range(unsigned first, unsigned last, int flags) noexcept {
  if ((static_cast<unsigned>(flags) & CLOSE_RANGE_CLOEXEC) == 0)
    forget_descriptors(first, last);
  return GODWIT_REAL(close_range)(first, last, flags);
}
GODWIT_HOOK void closefrom(int first) noexcept {
  forget_descriptors(first < 0 ? 0 : static_cast<unsigned>(first), ~0U);
  GODWIT_REAL(closefrom)(first);
}
GODWIT_HOOK int fclose(std::FILE* stream) {
  forget_descriptor(::fileno(stream));
  return GODWIT_REAL(fclose)(stream);
}

GODWIT_HOOK int dup(int fd) noexcept {
  const int copy = GODWIT_REAL(dup)(fd);
  if (copy >= 0)
    copy_descriptor(fd, copy);
  return copy;
}
GODWIT_HOOK int dup2(int fd, int to) noexcept {
  const int copy = GODWIT_REAL(dup2)(fd, to);
  if (copy >= 0 && copy != fd)
    copy_descriptor(fd, copy);
  return copy;
}
GODWIT_HOOK int dup3(int fd, int to, int flags) noexcept {
  const int copy = GODWIT_REAL(dup3)(fd, to, flags);
  if (copy >= 0)
    copy_descriptor(fd, copy);
  return copy;
}

// The argument is an int, a long or a pointer: all of them travel in one register.
#define GODWIT_FCNTL(name)                                                                                             \
  GODWIT_HOOK int name(int fd, int command, ...) {                                                                     \
    va_list arguments;                                                                                                 \
    va_start(arguments, command);                                                                                      \
    void* argument = va_arg(arguments, void*);                                                                         \
    va_end(arguments);                                                                                                 \
    const int result = GODWIT_REAL(name)(fd, command, argument);                                                       \
    if (result >= 0 && (command == F_DUPFD || command == F_DUPFD_CLOEXEC))                                             \
      copy_descriptor(fd, result);                                                                                     \
    return result;                                                                                                     \
  }
GODWIT_FCNTL(fcntl)
GODWIT_FCNTL(fcntl64)

GODWIT_HOOK ssize_t write(int fd, const void* bytes, size_t length) {
  const descriptor to = find_descriptor(fd);
  if (to.file == nullptr)
    return GODWIT_REAL(write)(fd, bytes, length);
  const iovec buffer{const_cast<void*>(bytes), length};
  return write_watched(to, {fd, &buffer, 1, 0, false, 0});
}
GODWIT_HOOK ssize_t writev(int fd, const iovec* buffers, int count) {
  const descriptor to = find_descriptor(fd);
  return to.file == nullptr ? GODWIT_REAL(writev)(fd, buffers, count)
                            : write_watched(to, {fd, buffers, count, 0, false, 0});
}

#define GODWIT_PWRITE(name, offset_type)                                                                               \
  GODWIT_HOOK ssize_t name(int fd, const void* bytes, size_t length, offset_type offset) {                             \
    const descriptor to = find_descriptor(fd);                                                                         \
    if (to.file == nullptr)                                                                                            \
      return GODWIT_REAL(name)(fd, bytes, length, offset);                                                             \
    const iovec buffer{const_cast<void*>(bytes), length};                                                              \
    return write_watched(to, {fd, &buffer, 1, offset, true, 0});                                                       \
  }
GODWIT_PWRITE(pwrite, off_t)
GODWIT_PWRITE(pwrite64, off64_t)

#define GODWIT_PWRITEV(name, offset_type)                                                                              \
  GODWIT_HOOK ssize_t name(int fd, const iovec* buffers, int count, offset_type offset) {                              \
    const descriptor to = find_descriptor(fd);                                                                         \
    return to.file == nullptr ? GODWIT_REAL(name)(fd, buffers, count, offset)                                          \
                              : write_watched(to, {fd, buffers, count, offset, true, 0});                              \
  }
GODWIT_PWRITEV(pwritev, off_t)
GODWIT_PWRITEV(pwritev64, off64_t)

#define GODWIT_PWRITEV2(name, offset_type)                                                                             \
  GODWIT_HOOK ssize_t name(int fd, const iovec* buffers, int count, offset_type offset, int flags) {                   \
    const descriptor to = find_descriptor(fd);                                                                         \
    return to.file == nullptr ? GODWIT_REAL(name)(fd, buffers, count, offset, flags)                                   \
                              : write_watched(to, {fd, buffers, count, offset, offset != -1, flags});                  \
  }
GODWIT_PWRITEV2(pwritev2, off_t)
GODWIT_PWRITEV2(pwritev64v2, off64_t)

// The caller is told to copy with reads and writes, which have their records.
GODWIT_HOOK ssize_t sendfile(int to, int from, off_t* offset, size_t length) noexcept {
  if (find_descriptor(to).file != nullptr) {
    errno = EINVAL;
    return -1;
  }
  return GODWIT_REAL(sendfile)(to, from, offset, length);
}
GODWIT_HOOK ssize_t sendfile64(int to, int from, off64_t* offset, size_t length) noexcept {
  if (find_descriptor(to).file != nullptr) {
    errno = EINVAL;
    return -1;
  }
  return GODWIT_REAL(sendfile64)(to, from, offset, length);
}
GODWIT_HOOK ssize_t copy_file_range(int from, off64_t* from_offset, int to, off64_t* to_offset, size_t length,
                                    unsigned flags) {
  if (find_descriptor(to).file != nullptr) {
    errno = EINVAL;
    return -1;
  }
  return GODWIT_REAL(copy_file_range)(from, from_offset, to, to_offset, length, flags);
}

#define GODWIT_FTRUNCATE(name, offset_type)                                                                            \
  GODWIT_HOOK int name(int fd, offset_type size) noexcept {                                                            \
    const descriptor to = find_descriptor(fd);                                                                         \
    return to.file == nullptr ? GODWIT_REAL(name)(fd, size) : resize_watched(to, fd, size);                            \
  }
GODWIT_FTRUNCATE(ftruncate, off_t)
GODWIT_FTRUNCATE(ftruncate64, off64_t)

#define GODWIT_TRUNCATE(name, offset_type)                                                                             \
  GODWIT_HOOK int name(const char* path, offset_type size) noexcept {                                                  \
    if (!current_settings().active || !path_is_watched(AT_FDCWD, path))                                                \
      return GODWIT_REAL(name)(path, size);                                                                            \
    const int fd = open_any(AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);                                                  \
    if (fd < 0)                                                                                                        \
      return -1;                                                                                                       \
    const int result = ftruncate(fd, size);                                                                            \
    const errno_guard keep;                                                                                            \
    close(fd);                                                                                                         \
    return result;                                                                                                     \
  }
GODWIT_TRUNCATE(truncate, off_t)
GODWIT_TRUNCATE(truncate64, off64_t)

#define GODWIT_FALLOCATE(name, offset_type)                                                                            \
  GODWIT_HOOK int name(int fd, int mode, offset_type offset, offset_type length) {                                     \
    const descriptor to = find_descriptor(fd);                                                                         \
    return to.file == nullptr ? GODWIT_REAL(name)(fd, mode, offset, length)                                            \
                              : allocate_watched(to, fd, mode, offset, length);                                        \
  }
GODWIT_FALLOCATE(fallocate, off_t)
GODWIT_FALLOCATE(fallocate64, off64_t)

#define GODWIT_POSIX_FALLOCATE(name, offset_type)                                                                      \
  GODWIT_HOOK int name(int fd, offset_type offset, offset_type length) {                                               \
    const descriptor to = find_descriptor(fd);                                                                         \
    if (to.file == nullptr)                                                                                            \
      return GODWIT_REAL(name)(fd, offset, length);                                                                    \
    const errno_guard keep;                                                                                            \
    return allocate_watched(to, fd, 0, offset, length) == 0 ? 0 : errno;                                               \
  }
GODWIT_POSIX_FALLOCATE(posix_fallocate, off_t)
GODWIT_POSIX_FALLOCATE(posix_fallocate64, off64_t)

GODWIT_HOOK int fsync(int fd) {
  const descriptor to = find_descriptor(fd);
  if (to.file == nullptr)
    return GODWIT_REAL(fsync)(fd);
  return sync_watched(*to.file, fd, current_settings().real_sync ? GODWIT_REAL(fsync) : nullptr);
}
GODWIT_HOOK int fdatasync(int fd) {
  const descriptor to = find_descriptor(fd);
  if (to.file == nullptr)
    return GODWIT_REAL(fdatasync)(fd);
  return sync_watched(*to.file, fd, current_settings().real_sync ? GODWIT_REAL(fdatasync) : nullptr);
}
GODWIT_HOOK int msync(void* address, size_t length, int flags) {
  if (current_settings().active && (flags & MS_SYNC) != 0)
    if (watched_file* file = file_mapped_at(address)) {
      if (current_settings().real_sync && GODWIT_REAL(msync)(address, length, flags) != 0)
        return -1;
      return sync_watched(*file, -1, nullptr);
    }
  return GODWIT_REAL(msync)(address, length, flags);
}
