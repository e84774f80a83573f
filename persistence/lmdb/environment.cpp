#include "persistence/lmdb/environment.hpp"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lmdb.h>

#include "config/limits.hpp"
#include "persistence/lmdb/environment_error.hpp"
#include "persistence/lmdb/fault_report.hpp"
#include "persistence/lmdb/file.hpp"

namespace godwit::persistence::lmdb {
namespace {

constexpr const char* data_file = "data.mdb";
/// Map sizes are multiples of this, and so of every page size.
constexpr std::size_t map_step_bytes = 64 << 10;

/// What a transaction that only removes may need beyond the maximum of the map.
constexpr std::size_t reserve_bytes = 4 << 20;

std::size_t whole_steps(std::size_t bytes) { return (bytes + map_step_bytes - 1) / map_step_bytes * map_step_bytes; }

void on_assert(MDB_env* env, const char* text) {
  const auto* const where = static_cast<const environment*>(mdb_env_get_userctx(env));
  std::fprintf(stderr, "godwit: data folder %s: the data file is damaged (%s). " GODWIT_DAMAGED_DATA_REMEDY "\n",
               where->folder().c_str(), text);
}

/// The folder is there and one, and holds an environment unless one may be made.
storage_result<void> check_folder(const environment_options& options, std::size_t& file_bytes) {
  const auto& folder = options.folder;
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) {
    const int code = errno;
    if (code != ENOENT || !options.create) {
      return unexpected(environment_error(folder, code, "looking for the folder"));
    }
    if (::mkdir(folder.c_str(), 0700) != 0) {
      return unexpected(environment_error(folder, errno, "making the folder"));
    }
    return sync_folder(folder.parent_path());
  }
  if (!S_ISDIR(status.st_mode)) {
    return unexpected(environment_error(folder, ENOTDIR, "opening the folder"));
  }
  if (::stat((folder / data_file).c_str(), &status) == 0) {
    file_bytes = static_cast<std::size_t>(status.st_size);
  } else if (errno != ENOENT) {
    return unexpected(environment_error(folder, errno, "looking at the data file"));
  } else if (!options.create) {
    return fail(persistence_errc::not_found,
                "data folder " + folder.string() +
                  ": there is no data file in it. Is the path right, and is the disk mounted?");
  }
  if (file_bytes == 0 && !options.create) {
    return fail(persistence_errc::corrupt,
                "data folder " + folder.string() + ": the data file is empty. " GODWIT_DAMAGED_DATA_REMEDY);
  }
  return {};
}

} // namespace

struct environment::gate {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<MDB_txn*> idle; ///< reset, ready for mdb_txn_renew
  unsigned open = 0;
  bool growing = false; ///< the writer waits until `open` is 0
};

environment::environment(environment_options options) : options_(std::move(options)), gate_(std::make_unique<gate>()) {
  if (options_.map_bytes == 0) {
    options_.map_bytes = limits::map_bytes_initial;
  }
  if (options_.map_bytes_max == 0) {
    options_.map_bytes_max = limits::map_bytes_max;
  }
}

environment::~environment() {
  if (env_ != nullptr) {
    for (MDB_txn* const txn : gate_->idle) {
      mdb_txn_abort(txn);
    }
    mdb_env_close(env_);
  }
}

storage_result<std::unique_ptr<environment>> environment::open(environment_options options) {
  install_fault_report();
  std::unique_ptr<environment> env(new environment(std::move(options)));
  return env->open_files().map([&] { return std::move(env); });
}

storage_result<void> environment::open_files() {
  std::size_t file_bytes = 0;
  if (auto checked = check_folder(options_, file_bytes); !checked) {
    return checked;
  }
  // A map that was grown before stays grown: the file has its length. LMDB adds what is in use beyond.
  const std::size_t map_bytes = whole_steps(std::max(options_.map_bytes, std::min(file_bytes, options_.map_bytes_max)));
  unsigned flags = MDB_NOTLS;
  flags |= options_.no_meta_sync ? MDB_NOMETASYNC : 0U;
  flags |= options_.random_reads ? MDB_NORDAHEAD : 0U;
  int code = mdb_env_create(&env_);
  if (code == 0) {
    code = mdb_env_set_mapsize(env_, map_bytes);
  }
  if (code == 0) {
    code = mdb_env_set_maxdbs(env_, options_.named_databases);
  }
  if (code == 0) {
    // One more for copy_to, whose transaction LMDB begins by itself, and one to spare.
    code = mdb_env_set_maxreaders(env_, limits::readers_max + 2);
  }
  if (code == 0) {
    mdb_env_set_userctx(env_, this);
    mdb_env_set_assert(env_, on_assert);
    code = mdb_env_open(env_, folder().c_str(), flags, 0600);
  }
  if (code != 0) {
    return unexpected(error(code, "opening the environment"));
  }
  MDB_stat stat{};
  mdb_env_stat(env_, &stat);
  page_bytes_ = stat.ms_psize;
  fresh_ = file_bytes == 0;
  if (auto checked = check_headers(); !checked) {
    return checked;
  }
  if (auto checked = check_length(); !checked) {
    return checked;
  }
  // A process that was killed may have left its last commit in the page cache alone. What is found is acted on
  // from here, a vote for instance, so it has to survive a power failure from here.
  if ((code = mdb_env_sync(env_, 1)) != 0) {
    return unexpected(error(code, "syncing what the last process left"));
  }
  // Slots of processes that died; their snapshots would keep pages from being used again.
  int dead = 0;
  if ((code = mdb_reader_check(env_, &dead)) != 0) {
    return unexpected(error(code, "looking for stale readers"));
  }
  if (auto extended = extend_file(map_bytes); !extended) {
    return extended;
  }
  return file_bytes == 0 ? sync_folder(folder()) : storage_result<void>();
}

// The header pages have no checksum of their own, and LMDB takes the one with the higher number. A damaged
// number could bring an older tree back. But transactions are numbered without gaps and use the two pages
// by turns.
storage_result<void> environment::check_headers() const {
  constexpr std::size_t number_offset = 144; // of MDB_meta::mm_txnid in its page, data version 1
  int file = -1;
  std::uint64_t even = 0;
  std::uint64_t odd = 0;
  if (mdb_env_get_fd(env_, &file) != 0 || ::pread(file, &even, sizeof(even), number_offset) != sizeof(even) ||
      ::pread(file, &odd, sizeof(odd), static_cast<off_t>(page_bytes_ + number_offset)) != sizeof(odd)) {
    return unexpected(error(errno, "reading the data file's header"));
  }
  const bool unwritten = even == 0 && odd == 0;
  const bool in_turn = even % 2 == 0 && odd % 2 == 1 && (even + 1 == odd || odd + 1 == even);
  return unwritten || in_turn ? storage_result<void>()
                              : unexpected(error(MDB_INVALID, "reading the data file's header"));
}

storage_result<void> environment::check_length() const {
  struct stat status {};
  int file = -1;
  if (mdb_env_get_fd(env_, &file) != 0 || ::fstat(file, &status) != 0) {
    return unexpected(error(errno, "looking at the data file"));
  }
  const std::uint64_t needed = used_bytes();
  if (static_cast<std::uint64_t>(status.st_size) >= needed) {
    return {};
  }
  return fail(persistence_errc::corrupt, "data folder " + folder().string() + ": the data file was cut off: it has " +
                                           std::to_string(status.st_size) + " bytes and should have at least " +
                                           std::to_string(needed) + ". " GODWIT_DAMAGED_DATA_REMEDY);
}

storage_result<void> environment::extend_file(std::size_t bytes) {
  struct stat status {};
  int file = -1;
  if (mdb_env_get_fd(env_, &file) != 0 || ::fstat(file, &status) != 0) {
    return unexpected(error(errno, "looking at the data file"));
  }
  if (static_cast<std::size_t>(status.st_size) >= bytes) {
    return {};
  }
  // Takes no blocks. Synced, so that no later commit rests on a length that a crash takes back.
  if (::ftruncate(file, static_cast<off_t>(bytes)) != 0 || ::fsync(file) != 0) {
    return unexpected(error(errno, "extending the data file"));
  }
  return {};
}

storage_result<read_transaction> environment::begin_read(when_growing then) {
  MDB_txn* txn = nullptr;
  {
    std::unique_lock lock(gate_->mutex);
    if (gate_->growing && then == when_growing::wait) {
      gate_->changed.wait(lock, [this] { return !gate_->growing; });
    }
    if (gate_->growing) {
      return fail(persistence_errc::busy, "data folder " + folder().string() +
                                            ": the data file is being made larger, which waits for all readers. Try "
                                            "again in a moment.");
    }
    if (gate_->open >= limits::readers_max) {
      return unexpected(error(MDB_READERS_FULL, "beginning to read"));
    }
    ++gate_->open;
    if (!gate_->idle.empty()) {
      txn = gate_->idle.back();
      gate_->idle.pop_back();
    }
  }
  const int code = txn != nullptr ? mdb_txn_renew(txn) : mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn);
  if (code != 0) {
    if (txn != nullptr) {
      mdb_txn_abort(txn);
    }
    release(nullptr);
    return unexpected(error(code, "beginning to read"));
  }
  return read_transaction(*this, txn);
}

void environment::release(MDB_txn* txn) noexcept {
  if (txn != nullptr) {
    mdb_txn_reset(txn);
  }
  const std::lock_guard lock(gate_->mutex);
  if (txn != nullptr) {
    gate_->idle.push_back(txn);
  }
  if (--gate_->open == 0 && gate_->growing) {
    gate_->changed.notify_all();
  }
}

storage_result<void> environment::grow(bool must) {
  MDB_envinfo info{};
  mdb_env_info(env_, &info);
  const std::size_t used = (info.me_last_pgno + 1) * page_bytes_;
  const std::size_t next = whole_steps(std::min(info.me_mapsize * 2, options_.map_bytes_max));
  if (!must && used < info.me_mapsize / 2) {
    return {};
  }
  if (next <= info.me_mapsize) {
    return must ? storage_result<void>(unexpected(error(MDB_MAP_FULL, "growing the map"))) : storage_result<void>();
  }
  if (must) {
    return remap_alone(next);
  }
  if (auto extended = extend_file(next); !extended) {
    return extended;
  }
  const std::lock_guard lock(gate_->mutex);
  return gate_->open == 0 ? remap(next) : storage_result<void>();
}

bool environment::growing() const {
  const std::lock_guard lock(gate_->mutex);
  return gate_->growing;
}

storage_result<void> environment::open_reserve() {
  // A map that a reserve has left larger than the maximum counts from there.
  return remap_alone(whole_steps(std::max<std::size_t>(map_bytes(), options_.map_bytes_max)) + reserve_bytes);
}

storage_result<void> environment::close_reserve() {
  return remap_alone(whole_steps(std::max<std::size_t>(used_bytes(), options_.map_bytes_max)));
}

storage_result<void> environment::remap_alone(std::size_t bytes) {
  if (auto extended = extend_file(bytes); !extended) {
    return extended;
  }
  std::unique_lock lock(gate_->mutex);
  gate_->growing = true;
  gate_->changed.wait(lock, [this] { return gate_->open == 0; });
  auto remapped = remap(bytes);
  gate_->growing = false;
  gate_->changed.notify_all();
  return remapped;
}

// Under the lock, which event loops take, too: the file was extended, and synced, before.
storage_result<void> environment::remap(std::size_t bytes) {
  // LMDB gives its map up before it asks for the larger one and cannot go on without: try first.
  void* const trial = ::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (trial == MAP_FAILED) {
    return unexpected(error(errno, "growing the map"));
  }
  ::munmap(trial, bytes);
  if (const int code = mdb_env_set_mapsize(env_, bytes); code != 0) {
    return unexpected(error(code, "growing the map"));
  }
  return {};
}

storage_result<void> environment::copy_to(const std::filesystem::path& target) {
  if (auto made = make_empty_folder(target); !made) {
    return made;
  }
  {
    std::unique_lock lock(gate_->mutex);
    gate_->changed.wait(lock, [this] { return !gate_->growing; });
    ++gate_->open;
  }
  const auto copied = [&]() -> storage_result<void> {
    const file_descriptor file(::open((target / data_file).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file) {
      return unexpected(environment_error(target, errno, "making the copy's data file"));
    }
    int code = mdb_env_copyfd2(env_, file.get(), MDB_CP_COMPACT);
    if (code == MDB_INCOMPATIBLE && ::ftruncate(file.get(), 0) == 0 && ::lseek(file.get(), 0, SEEK_SET) == 0) {
      code = mdb_env_copyfd2(env_, file.get(), 0); // pages that nothing refers to cannot be left out
    }
    if (code != 0) {
      return unexpected(environment_error(target, code, "copying " + folder().string()));
    }
    if (::fsync(file.get()) != 0) {
      return unexpected(environment_error(target, errno, "syncing the copy"));
    }
    return sync_folder(target);
  }();
  release(nullptr);
  return copied;
}

std::uint64_t environment::used_bytes() const {
  // Reads the header through the map, which must not be replaced meanwhile.
  const std::lock_guard lock(gate_->mutex);
  MDB_envinfo info{};
  mdb_env_info(env_, &info);
  return (std::uint64_t{info.me_last_pgno} + 1) * page_bytes_;
}

std::uint64_t environment::map_bytes() const {
  const std::lock_guard lock(gate_->mutex);
  MDB_envinfo info{};
  mdb_env_info(env_, &info);
  return info.me_mapsize;
}

std::uint64_t environment::disk_bytes() const {
  struct stat status {};
  int file = -1;
  if (mdb_env_get_fd(env_, &file) != 0 || ::fstat(file, &status) != 0) {
    return 0;
  }
  return static_cast<std::uint64_t>(status.st_blocks) * 512;
}

bool environment::disk_full(std::size_t bytes) const {
  int file = -1;
  if (mdb_env_get_fd(env_, &file) != 0) {
    return false;
  }
  const std::vector<char> zeros(256 << 10);
  const std::uint64_t map = map_bytes();
  std::uint64_t at = used_bytes();
  // The write that was cut short has taken blocks there, which can be written again on a full disk.
  if (const off_t hole = ::lseek(file, static_cast<off_t>(at), SEEK_HOLE);
      hole > 0 && static_cast<std::uint64_t>(hole) < map) {
    at = std::max(at, static_cast<std::uint64_t>(hole));
  }
  const std::uint64_t end = std::min<std::uint64_t>(at + bytes, map);
  while (at < end) {
    const ssize_t written =
      ::pwrite(file, zeros.data(), std::min<std::uint64_t>(zeros.size(), end - at), static_cast<off_t>(at));
    if (written < 0 && errno != EINTR) {
      return errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
    }
    at += static_cast<std::uint64_t>(std::max<ssize_t>(written, 0));
  }
  return false;
}

storage_error environment::error(int lmdb_code, std::string_view doing) const {
  return environment_error(folder(), lmdb_code, doing);
}

read_transaction::read_transaction(read_transaction&& other) noexcept
    : env_(other.env_), txn_(std::exchange(other.txn_, nullptr)) {}

read_transaction& read_transaction::operator=(read_transaction&& other) noexcept {
  std::swap(env_, other.env_);
  std::swap(txn_, other.txn_);
  return *this;
}

read_transaction::~read_transaction() {
  if (txn_ != nullptr) {
    env_->release(txn_);
  }
}

} // namespace godwit::persistence::lmdb
