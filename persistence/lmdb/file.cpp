#include "persistence/lmdb/file.hpp"

#include <cerrno>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>

#include "persistence/lmdb/environment_error.hpp"

namespace godwit::persistence::lmdb {

storage_result<void> sync_folder(const std::filesystem::path& folder) {
  const std::filesystem::path named = folder.empty() ? "." : folder;
  const file_descriptor file(::open(named.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!file || ::fsync(file.get()) != 0) {
    return unexpected(environment_error(named, errno, "syncing the folder"));
  }
  return {};
}

storage_result<void> make_empty_folder(const std::filesystem::path& folder) {
  if (::mkdir(folder.c_str(), 0700) == 0) {
    return sync_folder(folder.parent_path());
  }
  if (errno != EEXIST) {
    return unexpected(environment_error(folder, errno, "making the folder"));
  }
  std::error_code code;
  const bool empty = std::filesystem::is_empty(folder, code);
  if (code) {
    return unexpected(environment_error(folder, code.value(), "opening the folder"));
  }
  if (!std::filesystem::is_directory(folder, code) || !empty) {
    return fail(persistence_errc::invalid_argument,
                "folder " + folder.string() + " is not an empty folder. Name one that is empty or does not exist yet.");
  }
  return {};
}

} // namespace godwit::persistence::lmdb
