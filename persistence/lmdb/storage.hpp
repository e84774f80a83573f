#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>

#include "persistence/base/persistence_errc.hpp"
#include "persistence/base/types.hpp"
#include "persistence/lmdb/environment.hpp"
#include "persistence/lmdb/file.hpp"
#include "persistence/lmdb/lmdb_log_store.hpp"
#include "persistence/lmdb/lmdb_state_store.hpp"

namespace godwit::persistence::lmdb {

/// What a data folder is made with and keeps for ever.
struct storage_settings {
  node_id node;                  ///< whose votes and entries it holds
  std::uint16_t shard_count = 0; ///< 1 to limits::shards_max

  friend bool operator==(const storage_settings&, const storage_settings&) = default;
};

struct storage_options {
  std::size_t map_bytes = 0;     ///< of each environment at first; see environment_options
  std::size_t map_bytes_max = 0; ///< of each environment
  log_store_options log;
  lmdb_state_store_options state;
};

struct storage_usage {
  log_usage log;
  std::uint64_t log_used_bytes = 0; ///< of its file, up to the last page in use
  std::uint64_t state_used_bytes = 0;
  std::uint64_t state_disk_bytes = 0;
};

/// A node's data folder:
///
///   lock    the process that has the folder open holds a lock on it and writes its number into it
///   log/    the environment of all shards' logs, terms and votes
///   state/  the environment of what applied entries produced
class storage {
public:
  /// Makes a data folder out of an empty or missing one. Errors: invalid_argument when there is
  /// something in it or the settings are out of bounds, and those of environment::open.
  static storage_result<void> create(const std::filesystem::path& folder, const storage_settings& settings);

  /// Opens a folder that create or snapshot made. The sinks outlive the object. Errors: busy when a
  /// process has it open already, not_found and invalid_argument when it is empty or something else,
  /// format_unknown, corrupt, and those of environment::open. Blocks while it scans the log.
  static storage_result<std::unique_ptr<storage>> open(const std::filesystem::path& folder, log_sink& log_hears,
                                                       state_sink& state_hears, const storage_options& options = {});

  /// Writes what the stores have queued.
  ~storage();
  storage(const storage&) = delete;
  storage& operator=(const storage&) = delete;

  [[nodiscard]] lmdb_log_store& log() { return *log_; }
  [[nodiscard]] lmdb_state_store& state() { return *state_; }
  [[nodiscard]] const storage_settings& settings() const { return settings_; }
  /// Drawn when the folder was made; copies of it share it.
  [[nodiscard]] std::uint64_t folder_id() const { return folder_id_; }
  [[nodiscard]] storage_usage usage() const;

  /// Copies everything into an empty or missing folder, from which a node can start as if it had
  /// crashed now; writes go on meanwhile. Blocks. busy: logs were reset again and again during the
  /// copy.
  storage_result<void> snapshot(const std::filesystem::path& target);

private:
  explicit storage(file_descriptor lock) : lock_(std::move(lock)) {}

  file_descriptor lock_; // first: nobody else may come before everything below is gone
  storage_settings settings_;
  std::uint64_t folder_id_ = 0;
  std::unique_ptr<environment> log_environment_;
  std::unique_ptr<environment> state_environment_;
  std::unique_ptr<lmdb_log_store> log_;
  std::unique_ptr<lmdb_state_store> state_;
};

} // namespace godwit::persistence::lmdb
