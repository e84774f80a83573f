#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>

#include "persistence/base/persistence_errc.hpp"

struct MDB_env;
struct MDB_txn;

namespace godwit::persistence::lmdb {

struct environment_options {
  std::filesystem::path folder;  ///< its parent exists; the folder itself is made if `create`
  bool create = true;            ///< false: a folder without an environment is refused with not_found
  bool no_meta_sync = false;     ///< MDB_NOMETASYNC: the last commit may be undone by a crash
  bool random_reads = false;     ///< no read-ahead: for data larger than memory, read in no order
  std::size_t map_bytes = 0;     ///< 0: limits::map_bytes_initial; always at least what the file needs
  std::size_t map_bytes_max = 0; ///< 0: limits::map_bytes_max
  unsigned named_databases = 4;
};

class read_transaction;

/// What begin_read does while the map waits for room to grow.
enum class when_growing : std::uint8_t {
  refuse, ///< answers busy; for threads that must not wait for other readers
  wait,   ///< waits; only for threads that hold no transaction of this environment themselves
};

/// An LMDB environment: opens it with an error that names folder and remedy, grows its map, and
/// hands out read transactions from a pool. Any thread; one writer at a time (the owner's thread).
///
/// The file is sparse and as long as the map, so that a file shorter than its last page means was cut
/// off by something else. A page that cannot be read through the map ends the process, for there is no
/// other way to report it; a message on standard error names the environment (see fault_report.hpp).
class environment {
public:
  /// Errors: not_found, invalid_argument (not a folder), read_only, no_space, corrupt,
  /// format_unknown, io_error. Two objects for the same folder must not exist in one process.
  static storage_result<std::unique_ptr<environment>> open(environment_options options);

  /// Every transaction has ended before.
  ~environment();
  environment(const environment&) = delete;
  environment& operator=(const environment&) = delete;

  [[nodiscard]] MDB_env* raw() const { return env_; }
  [[nodiscard]] const std::filesystem::path& folder() const { return options_.folder; }

  /// Made by this very call of open. Databases are made in such an environment only: elsewhere, one that
  /// is missing is damage.
  [[nodiscard]] bool fresh() const { return fresh_; }

  /// A picture of the last commit, from a pool of reset transactions (MDB_NOTLS: may move between
  /// threads). busy: limits::readers_max are open, or the map is about to grow.
  storage_result<read_transaction> begin_read(when_growing then = when_growing::refuse);

  /// Called by the writer between transactions: doubles the map when less than half is free
  /// and no reader is open; with `must` (after MDB_MAP_FULL) waits for the readers. no_space: the
  /// map is at its maximum and `must` was asked.
  storage_result<void> grow(bool must);
  /// The map waits for all readers to end, the writer with it.
  [[nodiscard]] bool growing() const;

  /// Lends the writer a little more map than the maximum, for a transaction that removes, and takes
  /// it back. Both wait for the readers.
  storage_result<void> open_reserve();
  storage_result<void> close_reserve();

  /// Copies a consistent picture of the environment into an empty folder (made when absent),
  /// compacted, and syncs it. Blocks for as long as the disk needs; writes go on meanwhile.
  storage_result<void> copy_to(const std::filesystem::path& folder);

  /// Bytes up to the last page in use, as of the last commit.
  [[nodiscard]] std::uint64_t used_bytes() const;
  [[nodiscard]] std::uint64_t map_bytes() const;
  /// What the file takes on the disk.
  [[nodiscard]] std::uint64_t disk_bytes() const;

  /// LMDB reports a write that was cut short as EIO, be it a full disk or a failing one. This tells
  /// them apart by writing zeros behind the last page in use, where nothing is: true when there is no
  /// room for `bytes` more. For the writer, between transactions.
  [[nodiscard]] bool disk_full(std::size_t bytes = 1 << 20) const;

  /// `doing` completes "while …"; the message names the folder and what an operator can do. A code
  /// of LMDB or errno.
  [[nodiscard]] storage_error error(int lmdb_code, std::string_view doing) const;

private:
  friend class read_transaction;
  struct gate; ///< reset transactions, the number of open ones, and what growing waits for

  explicit environment(environment_options options);
  storage_result<void> open_files();
  storage_result<void> check_headers() const;
  storage_result<void> check_length() const;
  storage_result<void> extend_file(std::size_t bytes);
  storage_result<void> remap_alone(std::size_t bytes);
  storage_result<void> remap(std::size_t bytes);
  void release(MDB_txn* txn) noexcept;

  environment_options options_;
  MDB_env* env_ = nullptr;
  std::size_t page_bytes_ = 0;
  bool fresh_ = false;
  std::unique_ptr<gate> gate_;
};

/// Gives its slot back when it dies. Moves between threads; one at a time uses it.
class read_transaction {
public:
  read_transaction(read_transaction&& other) noexcept;
  read_transaction& operator=(read_transaction&& other) noexcept;
  ~read_transaction();

  [[nodiscard]] MDB_txn* raw() const { return txn_; }

private:
  friend class environment;
  read_transaction(environment& env, MDB_txn* txn) : env_(&env), txn_(txn) {}

  environment* env_ = nullptr;
  MDB_txn* txn_ = nullptr;
};

} // namespace godwit::persistence::lmdb
