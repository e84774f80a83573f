#include "tests/faults/replay.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <random>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tests/faults/file_versions.hpp"

namespace godwit::faults {
namespace {

namespace fs = std::filesystem;

class descriptor {
public:
  explicit descriptor(int fd) : fd_(fd) {}
  ~descriptor() {
    if (fd_ >= 0)
      ::close(fd_);
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

private:
  int fd_;
};

std::uint64_t mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

// FNV-1a: the same in every build, unlike std::hash.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : text)
    hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  return hash;
}

/// Chooses versions. Uniform choices alone would hardly ever lose just one page of a large transaction,
/// or keep just one: so each file leans one way, drawn from the seed.
class version_chooser {
public:
  version_chooser(std::uint64_t seed, drop_policy policy) : random_(seed), policy_(policy) {
    lean_ = static_cast<lean>(random_() % 3);
    rarity_ = std::uint64_t{2} << random_() % 5;
  }

  [[nodiscard]] std::size_t choose(std::size_t versions) {
    if (policy_ == drop_policy::all)
      return 0;
    if (policy_ == drop_policy::none)
      return versions - 1;
    const bool rare = random_() % rarity_ == 0;
    if (lean_ == lean::newest && !rare)
      return versions - 1;
    if (lean_ == lean::oldest && !rare)
      return 0;
    return random_() % versions;
  }

  [[nodiscard]] bool tear() { return policy_ == drop_policy::torn && random_() % 2 == 0; }

private:
  enum class lean : std::uint8_t { none, newest, oldest };

  std::mt19937_64 random_;
  drop_policy policy_;
  lean lean_{};
  std::uint64_t rarity_ = 2;
};

bool identify(int fd, file_identity& identity) {
  struct statx status {};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_INO | STATX_BTIME, &status) != 0 || !S_ISREG(status.stx_mode))
    return false;
  identity = {::makedev(status.stx_dev_major, status.stx_dev_minor), status.stx_ino, 0};
  if ((status.stx_mask & STATX_BTIME) != 0)
    identity.birth_ns = static_cast<std::uint64_t>(status.stx_btime.tv_sec) * 1'000'000'000 + status.stx_btime.tv_nsec;
  return true;
}

file_versions::page_content assemble(const file_versions::page_history& history, version_chooser& chooser,
                                     drop_report& report) {
  const std::size_t versions = history.contents.size();
  const bool torn = chooser.tear();
  const std::size_t whole = chooser.choose(versions);
  file_versions::page_content content;
  bool differs = false;
  std::size_t first_wanted = 0;
  for (std::uint64_t sector = 0; sector < sectors_per_page; ++sector) {
    const std::size_t wanted = torn ? chooser.choose(versions) : whole;
    const std::size_t version = std::max(wanted, history.oldest_possible[sector]);
    first_wanted = sector == 0 ? wanted : first_wanted;
    differs |= wanted != first_wanted;
    std::memcpy(content.data() + sector * sector_bytes, history.contents[version].data() + sector * sector_bytes,
                sector_bytes);
  }
  report.pages_torn += differs ? 1 : 0;
  return content;
}

bool write_page(int fd, std::uint64_t number, const file_versions::page_content& content, std::uint64_t size) {
  const std::uint64_t begin = number * page_bytes;
  if (begin >= size)
    return true;
  const std::uint64_t length = std::min(page_bytes, size - begin);
  return ::pwrite(fd, content.data(), length, static_cast<off_t>(begin)) == static_cast<ssize_t>(length);
}

bool revert(journal_header& journal, int fd, version_chooser chooser, drop_report& report) {
  const file_versions versions(journal, fd);
  if (versions.record_count() == 0)
    return true;
  ++report.files;
  report.records += versions.record_count();
  const std::size_t size_version =
    std::max(chooser.choose(versions.record_count() + 1), versions.oldest_possible_size());
  const std::uint64_t size = versions.size_at(size_version);
  report.sizes_reverted += size == versions.current_size() ? 0 : 1;

  for (const std::uint64_t number : versions.pages()) {
    const auto history = versions.history_of(number);
    const auto content = assemble(history, chooser, report);
    ++report.pages;
    if (content == history.contents.back() && size >= std::min(versions.current_size(), (number + 1) * page_bytes))
      continue;
    ++report.pages_reverted;
    if (!write_page(fd, number, content, size))
      return false;
  }
  return ::ftruncate(fd, static_cast<off_t>(size)) == 0;
}

// Maps the journal of one file and reverts it; a file without a journal has nothing to revert.
bool revert_file(const fs::path& file, const fs::path& journal_folder, std::uint64_t seed, drop_policy policy,
                 drop_report& report) {
  const descriptor target(::open(file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  file_identity identity;
  if (target.get() < 0 || !identify(target.get(), identity))
    return errno == EACCES; // what nobody may write, nobody wrote
  char name[journal_name_bytes_max];
  journal_name(identity, name);
  const fs::path journal_path = journal_folder / name;
  const descriptor source(::open(journal_path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (source.get() < 0)
    return errno == ENOENT;
  struct stat status {};
  if (::fstat(source.get(), &status) != 0 || static_cast<std::size_t>(status.st_size) < journal_header::bytes)
    return false;
  const auto length = static_cast<std::size_t>(status.st_size);
  void* memory = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED, source.get(), 0);
  if (memory == MAP_FAILED)
    return false;
  auto& journal = *static_cast<journal_header*>(memory);
  const bool good = journal.magic == journal_header::magic_value && journal.file_bytes() == length &&
                    journal.identity == identity &&
                    revert(journal, target.get(), version_chooser(seed, policy), report);
  ::munmap(memory, length);
  // Removed at once: a second link to the same file finds nothing to do.
  return good && ::unlink(journal_path.c_str()) == 0;
}

bool lock_alone(int fd) {
  // A killed process is gone for its parent a moment before its last thread has let go of its files.
  for (int attempt = 0; attempt < 1000; ++attempt) {
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0)
      return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

} // namespace

std::string_view to_string(drop_policy policy) {
  switch (policy) {
  case drop_policy::none: return "none";
  case drop_policy::all: return "all";
  case drop_policy::random: return "random";
  case drop_policy::torn: return "torn";
  }
  return "unknown";
}

std::optional<drop_policy> drop_policy_from(std::string_view name) {
  for (const auto policy : {drop_policy::none, drop_policy::all, drop_policy::random, drop_policy::torn})
    if (to_string(policy) == name)
      return policy;
  return std::nullopt;
}

expected<drop_report, std::string> drop_unsynced(const fs::path& journal, std::uint64_t seed, drop_policy policy) {
  const descriptor lock(::open((journal / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (lock.get() < 0 || !lock_alone(lock.get()))
    return unexpected(journal.string() + ": is no journal folder, or a process still runs under it");
  // The preload library left a link to the root. Without one nothing ran, so nothing was written.
  std::error_code error;
  const fs::path folder = fs::read_symlink(journal / "root", error);
  if (error == std::errc::no_such_file_or_directory)
    return drop_report{};
  if (error || folder != fs::canonical(folder, error) || folder.parent_path() == folder.root_path())
    return unexpected((journal / "root").string() + ": names no folder for faults");

  std::vector<fs::path> files;
  for (auto entry = fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error))
    if (entry->is_regular_file(error) && !entry->is_symlink(error))
      files.push_back(entry->path());
  if (error)
    return unexpected(folder.string() + ": " + error.message());
  std::sort(files.begin(), files.end());

  drop_report report;
  for (const fs::path& file : files) {
    const std::string name = file.lexically_relative(folder).string();
    if (!revert_file(file, journal, mix(seed ^ hash_of(name)), policy, report))
      return unexpected(file.string() + ": cannot be reverted: " + std::strerror(errno));
  }
  // Journals of files that were removed since.
  for (const auto& entry : fs::directory_iterator(journal, error))
    if (entry.path().extension() == ".undo")
      fs::remove(entry.path(), error);
  return report;
}

} // namespace godwit::faults
