#include "persistence/lmdb/storage.hpp"

#include <array>
#include <cerrno>
#include <span>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "config/limits.hpp"
#include "persistence/lmdb/environment_error.hpp"
#include "persistence/lmdb/storage_format.hpp"

namespace godwit::persistence::lmdb {
namespace {

constexpr const char* log_folder = "log";
constexpr const char* state_folder = "state";
constexpr const char* lock_file = "lock";
constexpr const char* program = "godwit 0.1.0";
constexpr int copy_attempts_max = 3;

environment_options log_options(const std::filesystem::path& folder, const storage_options& options) {
  return {.folder = folder / log_folder,
          .create = false,
          .map_bytes = options.map_bytes,
          .map_bytes_max = options.map_bytes_max};
}

environment_options state_options(const std::filesystem::path& folder, const storage_options& options) {
  return {.folder = folder / state_folder,
          .create = false,
          .no_meta_sync = true,
          .random_reads = true,
          .map_bytes = options.map_bytes,
          .map_bytes_max = options.map_bytes_max};
}

/// The process that wrote its number into the lock file, for the operator.
std::string holder(int file) {
  std::array<char, 32> text{};
  const ssize_t got = ::pread(file, text.data(), text.size(), 0);
  std::string number(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  number.erase(number.find_last_not_of(" \n") + 1);
  return number.empty() ? "another process" : "process " + number;
}

storage_result<file_descriptor> lock_folder(const std::filesystem::path& folder) {
  file_descriptor file(::open((folder / lock_file).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file) {
    return unexpected(environment_error(folder, errno, "opening the lock file"));
  }
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      return unexpected(environment_error(folder, errno, "locking the folder"));
    }
    return fail(persistence_errc::busy, "data folder " + folder.string() + " is in use by " + holder(file.get()) +
                                          ". End it first, or name another folder.");
  }
  const std::string number = std::to_string(::getpid()) + "\n";
  if (::ftruncate(file.get(), 0) != 0 ||
      ::pwrite(file.get(), number.data(), number.size(), 0) != static_cast<ssize_t>(number.size())) {
    // The number only helps people; a full disk must not keep the node from starting and trimming.
    if (errno != ENOSPC && errno != EDQUOT) {
      return unexpected(environment_error(folder, errno, "writing the lock file"));
    }
  }
  return file;
}

/// Refuses what is no data folder before anything is written into it.
storage_result<void> check_data_folder(const std::filesystem::path& folder) {
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) {
    return unexpected(environment_error(folder, errno, "looking for the folder"));
  }
  if (!S_ISDIR(status.st_mode)) {
    return unexpected(environment_error(folder, ENOTDIR, "opening the folder"));
  }
  std::error_code code;
  if (std::filesystem::is_empty(folder, code)) {
    return fail(persistence_errc::not_found, "data folder " + folder.string() +
                                               " is empty. Is the disk mounted? A new node's folder has to be "
                                               "created first.");
  }
  for (const char* part : {log_folder, state_folder}) {
    if (::stat((folder / part).c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
      return fail(persistence_errc::invalid_argument,
                  "folder " + folder.string() +
                    " is not a data folder, or making it was interrupted: it has no folder " + part +
                    ". Name another folder, or remove this one and create it again.");
    }
  }
  return {};
}

/// Hears nothing: nothing is written while a folder is made.
class deaf_state_sink final : public state_sink {
public:
  void state_flushed(std::span<const flush_completion> /*done*/) override {}
  void state_failed(const storage_error& /*why*/) override {}
  void state_recovered() override {}
};

/// Each store makes its own in a fresh environment.
storage_result<void> make_databases(environment& env, environment_kind kind) {
  if (kind == environment_kind::log) {
    return open_log_databases(env).map([](const log_databases&) {});
  }
  deaf_state_sink sink;
  return lmdb_state_store::open(env, sink).map([](const std::unique_ptr<lmdb_state_store>&) {});
}

storage_result<std::uint64_t> random_number(const std::filesystem::path& folder) {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof(number), 0) != static_cast<ssize_t>(sizeof(number))) {
    return unexpected(environment_error(folder, errno, "drawing a number for the folder"));
  }
  return number;
}

} // namespace

storage_result<void> storage::create(const std::filesystem::path& folder, const storage_settings& settings) {
  if (settings.node == no_node || settings.shard_count == 0 || settings.shard_count > limits::shards_max) {
    return fail(persistence_errc::invalid_argument,
                "data folder " + folder.string() +
                  ": the node's id must not be 0, and the number of shards must be 1 to " +
                  std::to_string(limits::shards_max) + ".");
  }
  if (auto made = make_empty_folder(folder); !made) {
    return made;
  }
  const auto lock = lock_folder(folder);
  if (!lock) {
    return unexpected(lock.error());
  }
  const auto id = random_number(folder);
  if (!id) {
    return unexpected(id.error());
  }
  environment_format format{
    .created_by = program, .folder_id = *id, .node = settings.node, .shard_count = settings.shard_count};
  for (environment_options options : {log_options(folder, {}), state_options(folder, {})}) {
    options.create = true;
    format.kind = options.no_meta_sync ? environment_kind::state : environment_kind::log;
    const auto env = environment::open(options);
    if (!env) {
      return unexpected(env.error());
    }
    if (auto written = write_format(**env, format); !written) {
      return written;
    }
    if (auto made = make_databases(**env, format.kind); !made) {
      return made;
    }
  }
  return sync_folder(folder);
}

storage_result<std::unique_ptr<storage>> storage::open(const std::filesystem::path& folder, log_sink& log_hears,
                                                       state_sink& state_hears, const storage_options& options) {
  if (auto checked = check_data_folder(folder); !checked) {
    return unexpected(checked.error());
  }
  auto lock = lock_folder(folder);
  if (!lock) {
    return unexpected(lock.error());
  }
  std::unique_ptr<storage> out(new storage(std::move(*lock)));
  environment_format formats[2];
  for (const environment_kind kind : {environment_kind::log, environment_kind::state}) {
    const bool is_log = kind == environment_kind::log;
    auto env = environment::open(is_log ? log_options(folder, options) : state_options(folder, options));
    if (!env) {
      return unexpected(env.error());
    }
    auto format = read_format(**env, kind);
    if (!format) {
      return unexpected(format.error());
    }
    formats[is_log ? 0 : 1] = std::move(*format);
    (is_log ? out->log_environment_ : out->state_environment_) = std::move(*env);
  }
  if (formats[0].folder_id != formats[1].folder_id) {
    return fail(persistence_errc::invalid_argument, "data folder " + folder.string() +
                                                      ": log and state are of different folders. Put back the two that "
                                                      "belong together.");
  }
  out->settings_ = {.node = formats[0].node, .shard_count = formats[0].shard_count};
  out->folder_id_ = formats[0].folder_id;

  auto state = lmdb_state_store::open(*out->state_environment_, state_hears, options.state);
  if (!state) {
    return unexpected(state.error());
  }
  out->state_ = std::move(*state);
  auto log = lmdb_log_store::open(*out->log_environment_, log_hears, options.log);
  if (!log) {
    return unexpected(log.error());
  }
  out->log_ = std::move(*log);
  return out;
}

storage::~storage() = default;

storage_usage storage::usage() const {
  return {.log = log_->usage(),
          .log_used_bytes = log_environment_->used_bytes(),
          .state_used_bytes = state_environment_->used_bytes(),
          .state_disk_bytes = state_environment_->disk_bytes()};
}

storage_result<void> storage::snapshot(const std::filesystem::path& target) {
  if (auto made = make_empty_folder(target); !made) {
    return made;
  }
  const lmdb_log_store::trim_hold hold(*log_);
  for (int attempt = 0; attempt < copy_attempts_max; ++attempt) {
    const std::uint64_t resets = log_->resets();
    // State first: it stands at or before the log that is copied after it, and with trims held every
    // entry in between is in that log.
    if (auto copied = state_environment_->copy_to(target / state_folder); !copied) {
      return copied;
    }
    if (auto copied = log_environment_->copy_to(target / log_folder); !copied) {
      return copied;
    }
    // A reset means that a shard's rows were replaced, too: the older rows do not fit the newer log.
    if (log_->resets() == resets) {
      return sync_folder(target);
    }
    std::error_code code;
    std::filesystem::remove_all(target / state_folder, code);
    std::filesystem::remove_all(target / log_folder, code);
  }
  return fail(persistence_errc::busy, "data folder " + target.string() +
                                        ": the copy was given up, for shards are fetching snapshots from other "
                                        "nodes. Try again when they have caught up.");
}

} // namespace godwit::persistence::lmdb
