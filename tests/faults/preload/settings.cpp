#include "tests/faults/preload/settings.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/faults/preload/real_calls.hpp"

namespace godwit::faults::preload {
namespace {

constinit settings the_settings{};
constinit pthread_once_t read_once = PTHREAD_ONCE_INIT;
alignas(control_page_bytes) constinit unsigned char private_page[control_page_bytes] = {};

// The replay takes this lock alone: it refuses to work under a living process.
void lock_journal_folder() {
  char path[PATH_MAX + 8];
  std::snprintf(path, sizeof(path), "%s/lock", the_settings.journal);
  const int fd = GODWIT_REAL(openat)(AT_FDCWD, path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ::flock(fd, LOCK_SH | LOCK_NB) != 0)
    give_up("cannot lock the journal folder", path);
  move_high(fd);
}

// A journal belongs to one root for good: the replay finds it by this link.
void bind_journal_to_root() {
  char path[PATH_MAX + 8];
  char bound[PATH_MAX] = {};
  std::snprintf(path, sizeof(path), "%s/root", the_settings.journal);
  char root[PATH_MAX] = {};
  std::memcpy(root, the_settings.root, the_settings.root_length - 1);
  if (::symlink(root, path) != 0 &&
      (errno != EEXIST || ::readlink(path, bound, sizeof(bound) - 1) <= 0 || std::strcmp(bound, root) != 0))
    give_up("the journal folder belongs to another root", path);
}

control_page* map_control_page(const char* path) {
  if (path == nullptr || *path == 0) {
    auto* page = reinterpret_cast<control_page*>(private_page);
    page->space_left = -1;
    return page;
  }
  const int fd = GODWIT_REAL(openat)(AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
  if (fd < 0)
    give_up("cannot open GODWIT_FAULT_CONTROL", path);
  void* memory = ::mmap(nullptr, control_page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  GODWIT_REAL(close)(fd);
  if (memory == MAP_FAILED || static_cast<control_page*>(memory)->magic != control_page::magic_value)
    give_up("GODWIT_FAULT_CONTROL is no control page", path);
  return static_cast<control_page*>(memory);
}

void read_settings() {
  const char* root = std::getenv("GODWIT_FAULT_ROOT");
  if (root == nullptr || *root == 0)
    return;
  const char* journal = std::getenv("GODWIT_FAULT_JOURNAL");
  if (journal == nullptr || ::realpath(journal, the_settings.journal) == nullptr)
    give_up("GODWIT_FAULT_JOURNAL names no folder", journal == nullptr ? "" : journal);
  if (::realpath(root, the_settings.root) == nullptr)
    give_up("GODWIT_FAULT_ROOT names no folder", root);
  std::size_t length = std::strlen(the_settings.root);
  // Against an accident: a folder of the system is never a folder for faults.
  if (std::strchr(the_settings.root + 1, '/') == nullptr || length + 2 > sizeof(the_settings.root))
    give_up("GODWIT_FAULT_ROOT is a top-level folder", root);
  the_settings.root[length++] = '/';
  the_settings.root_length = length;
  if (std::strncmp(the_settings.journal, the_settings.root, length) == 0)
    give_up("GODWIT_FAULT_JOURNAL lies below GODWIT_FAULT_ROOT", journal);
  if (const char* megabytes = std::getenv("GODWIT_FAULT_JOURNAL_MB"))
    the_settings.journal_area_bytes = std::strtoull(megabytes, nullptr, 10) << 20;
  if (the_settings.journal_area_bytes == 0)
    give_up("GODWIT_FAULT_JOURNAL_MB is no number above 0", "");
  if (const char* real_sync = std::getenv("GODWIT_FAULT_REAL_SYNC"))
    the_settings.real_sync = std::strcmp(real_sync, "0") != 0;
  the_settings.control = map_control_page(std::getenv("GODWIT_FAULT_CONTROL"));
  lock_journal_folder();
  bind_journal_to_root();
  the_settings.control->attached.fetch_add(1);
  the_settings.active = true;
}

__attribute__((constructor)) void start() { current_settings(); }

} // namespace

const settings& current_settings() {
  const errno_guard keep;
  ::pthread_once(&read_once, read_settings);
  return the_settings;
}

void give_up(const char* what, const char* name) {
  char text[PATH_MAX + 256];
  const int length = std::snprintf(text, sizeof(text), "disk faults: %s: %s (errno %d)\n", what, name, errno);
  // NOLINTNEXTLINE(bugprone-unused-return-value): the process ends anyway
  [[maybe_unused]] const auto written = GODWIT_REAL(write)(2, text, static_cast<std::size_t>(length));
  std::abort();
}

int move_high(int fd) {
  const int high = GODWIT_REAL(fcntl)(fd, F_DUPFD_CLOEXEC, 512);
  if (high < 0)
    return fd;
  GODWIT_REAL(close)(fd);
  return high;
}

errno_guard::errno_guard() : saved_(errno) {}
errno_guard::~errno_guard() { errno = saved_; }

} // namespace godwit::faults::preload
