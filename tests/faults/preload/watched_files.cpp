#include "tests/faults/preload/watched_files.hpp"

#include <cstdio>
#include <cstring>
#include <limits>

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tests/faults/preload/real_calls.hpp"
#include "tests/faults/preload/settings.hpp"

namespace godwit::faults::preload {
namespace {

constexpr int descriptors_max = 65536;
constexpr std::uint32_t files_max = 1024;

// One word per descriptor: 0 unknown, 1 not watched, else (file index + 1) << 2 | synchronous << 1.
constexpr std::uint32_t unknown = 0;
constexpr std::uint32_t not_watched = 1;
constexpr std::uint32_t synchronous_bit = 2;

constinit std::atomic<std::uint32_t> table[descriptors_max] = {};
constinit watched_file files[files_max] = {};
constinit pthread_mutex_t table_mutex = PTHREAD_MUTEX_INITIALIZER;

class table_lock {
public:
  table_lock() { ::pthread_mutex_lock(&table_mutex); }
  ~table_lock() { ::pthread_mutex_unlock(&table_mutex); }
  table_lock(const table_lock&) = delete;
  table_lock& operator=(const table_lock&) = delete;
};

descriptor decode(std::uint32_t word) {
  if (word <= not_watched)
    return {};
  return {&files[(word >> 2) - 1], (word & synchronous_bit) != 0};
}

bool below_root(const char* path) {
  const settings& now = current_settings();
  return std::strncmp(path, now.root, now.root_length) == 0;
}

// The path behind a descriptor as the kernel has it, with every link resolved.
bool path_of(int fd, char* path, std::size_t size) {
  char link[64];
  std::snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
  const auto length = ::readlink(link, path, size - 1);
  if (length <= 0 || static_cast<std::size_t>(length) >= size - 1)
    return false;
  path[length] = 0;
  return true;
}

bool identify(int fd, file_identity& identity) {
  struct statx status {};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_INO | STATX_NLINK | STATX_BTIME, &status) != 0 ||
      !S_ISREG(status.stx_mode) || status.stx_nlink == 0)
    return false;
  identity.device = ::makedev(status.stx_dev_major, status.stx_dev_minor);
  identity.inode = status.stx_ino;
  identity.birth_ns =
    (status.stx_mask & STATX_BTIME) == 0
      ? 0
      : static_cast<std::uint64_t>(status.stx_btime.tv_sec) * 1'000'000'000 + status.stx_btime.tv_nsec;
  return true;
}

std::uint32_t index_of(const file_identity& identity, const char* path) {
  std::uint32_t free_index = files_max;
  for (std::uint32_t i = 0; i < files_max; ++i) {
    if (files[i].references == 0) {
      if (free_index == files_max)
        free_index = i;
    } else if (files[i].identity == identity) {
      return i;
    }
  }
  if (free_index == files_max)
    give_up("more files are open below the root than the library can watch", path);
  watched_file& file = files[free_index];
  file.identity = identity;
  std::snprintf(file.path, sizeof(file.path), "%s", path);
  return free_index;
}

// With the table locked.
std::uint32_t classify(int fd) {
  file_identity identity;
  char path[journal_header::path_bytes_max];
  if (!identify(fd, identity) || !path_of(fd, path, sizeof(path)) || !below_root(path))
    return not_watched;
  if (fd >= descriptors_max)
    give_up("a descriptor below the root has too high a number", path);
  const std::uint32_t index = index_of(identity, path);
  ++files[index].references;
  return (index + 1) << 2;
}

// Journals are mapped without the C library: the thread sanitizer would take its mmap for a write that the first
// user of the journal in another thread races with, since it does not see this library's atomics.
void* map_shared(int fd, std::size_t length) {
  return reinterpret_cast<void*>(::syscall(SYS_mmap, nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0L));
}

void unmap(void* memory, std::size_t length) { ::syscall(SYS_munmap, memory, length); }

// With the table locked. The last descriptor of the program is gone: its own record locks went with it,
// so closing the library's descriptor takes none away.
void release(std::uint32_t word) {
  watched_file* file = decode(word).file;
  if (file == nullptr || --file->references > 0)
    return;
  if (const int reader = file->reader.exchange(-1); reader >= 0)
    GODWIT_REAL(close)(reader);
  if (journal_header* journal = file->journal.exchange(nullptr))
    unmap(journal, journal->file_bytes());
}

journal_header* map_journal(const char* path) {
  const int fd = GODWIT_REAL(openat)(AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
  if (fd < 0)
    return nullptr;
  struct stat status {};
  ::fstat(fd, &status);
  void* memory = map_shared(fd, static_cast<std::size_t>(status.st_size));
  GODWIT_REAL(close)(fd);
  if (memory == MAP_FAILED || static_cast<journal_header*>(memory)->magic != journal_header::magic_value)
    give_up("cannot map a journal", path);
  return static_cast<journal_header*>(memory);
}

// Made under another name and linked when complete: a process killed here leaves no half journal.
void make_journal(const watched_file& file, const char* path) {
  char temporary[PATH_MAX + 64];
  std::snprintf(temporary, sizeof(temporary), "%s/new-%d-%p", current_settings().journal, ::getpid(),
                static_cast<const void*>(&file));
  const std::uint64_t area = current_settings().journal_area_bytes;
  const int fd = GODWIT_REAL(openat)(AT_FDCWD, temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0 || GODWIT_REAL(ftruncate)(fd, static_cast<off_t>(journal_header::bytes + 2 * area)) != 0)
    give_up("cannot make a journal", temporary);
  void* memory = map_shared(fd, journal_header::bytes);
  if (memory == MAP_FAILED)
    give_up("cannot map a journal", temporary);
  auto* header = static_cast<journal_header*>(memory);
  header->capacity = area;
  header->identity = file.identity;
  header->next_sequence = 1;
  std::memcpy(header->path, file.path, sizeof(header->path));
  pthread_mutexattr_t attributes;
  ::pthread_mutexattr_init(&attributes);
  ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  ::pthread_mutex_init(&header->lock, &attributes);
  header->magic = journal_header::magic_value;
  unmap(memory, journal_header::bytes);
  GODWIT_REAL(close)(fd);
  // Another process may have been faster: then its journal is the one.
  [[maybe_unused]] const int linked = ::link(temporary, path);
  GODWIT_REAL(unlink)(temporary);
}

void open_reader(watched_file& file, int fd) {
  char link[64];
  std::snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
  const int reader = GODWIT_REAL(openat)(AT_FDCWD, link, O_RDONLY | O_CLOEXEC, 0);
  if (reader < 0)
    give_up("cannot read a watched file", file.path);
  file.reader = move_high(reader);
}

} // namespace

descriptor find_descriptor(int fd) {
  if (fd < 0 || !current_settings().active)
    return {};
  if (fd < descriptors_max) {
    const std::uint32_t word = table[fd].load(std::memory_order_acquire);
    if (word != unknown)
      return decode(word);
  }
  const errno_guard keep;
  const table_lock lock;
  if (fd < descriptors_max && table[fd].load() != unknown)
    return decode(table[fd].load());
  const std::uint32_t word = classify(fd);
  if (fd < descriptors_max)
    table[fd].store(word, std::memory_order_release);
  return decode(word);
}

void forget_descriptor(int fd) {
  if (fd < 0 || fd >= descriptors_max || table[fd].load(std::memory_order_relaxed) == unknown)
    return;
  const errno_guard keep;
  const table_lock lock;
  release(table[fd].exchange(unknown));
}

void forget_descriptors(unsigned first, unsigned last) {
  for (unsigned fd = first; fd <= last && fd < static_cast<unsigned>(descriptors_max); ++fd)
    forget_descriptor(static_cast<int>(fd));
}

void remember_synchronous(int fd) {
  if (find_descriptor(fd).file != nullptr)
    table[fd].fetch_or(synchronous_bit);
}

void copy_descriptor(int from, int to) {
  const descriptor source = find_descriptor(from);
  forget_descriptor(to);
  if (source.file != nullptr && source.synchronous)
    remember_synchronous(to);
}

bool path_is_watched(int folder, const char* path) {
  const errno_guard keep;
  const int fd = GODWIT_REAL(openat)(folder, path, O_PATH | O_CLOEXEC, 0);
  if (fd < 0)
    return false;
  file_identity identity;
  char resolved[journal_header::path_bytes_max];
  const bool watched = identify(fd, identity) && path_of(fd, resolved, sizeof(resolved)) && below_root(resolved);
  GODWIT_REAL(close)(fd);
  return watched;
}

journal_header* journal_of(watched_file& file, int fd, bool create) {
  journal_header* journal = file.journal.load(std::memory_order_acquire);
  if (journal != nullptr && (!create || file.reader.load(std::memory_order_relaxed) >= 0))
    return journal;
  const errno_guard keep;
  const table_lock lock;
  if (file.journal.load() == nullptr) {
    char name[journal_name_bytes_max];
    char path[PATH_MAX + journal_name_bytes_max];
    journal_name(file.identity, name);
    std::snprintf(path, sizeof(path), "%s/%s", current_settings().journal, name);
    journal = map_journal(path);
    if (journal == nullptr && create) {
      make_journal(file, path);
      journal = map_journal(path);
      if (journal == nullptr)
        give_up("cannot open a journal", path);
    }
    file.journal.store(journal, std::memory_order_release);
  }
  if (create && file.reader.load() < 0)
    open_reader(file, fd);
  return file.journal.load();
}

watched_file* file_mapped_at(const void* address) {
  const errno_guard keep;
  std::FILE* maps = GODWIT_REAL(fopen)("/proc/self/maps", "re");
  if (maps == nullptr)
    return nullptr;
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  char line[PATH_MAX + 128];
  watched_file* found = nullptr;
  while (found == nullptr && std::fgets(line, sizeof(line), maps) != nullptr) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    unsigned major = 0;
    unsigned minor = 0;
    unsigned long inode = 0;
    if (std::sscanf(line, "%lx-%lx %*s %*s %x:%x %lu", &begin, &end, &major, &minor, &inode) != 5)
      continue;
    if (wanted < begin || wanted >= end)
      continue;
    const table_lock lock;
    for (watched_file& file : files)
      if (file.references > 0 && file.identity.inode == inode && file.identity.device == ::makedev(major, minor))
        found = &file;
    break;
  }
  GODWIT_REAL(fclose)(maps);
  return found;
}

} // namespace godwit::faults::preload
