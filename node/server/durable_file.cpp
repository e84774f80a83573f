#include "node/server/durable_file.hpp"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/limits.hpp"

namespace godwit::node {
namespace {

std::string reason(const std::filesystem::path& file, const char* doing, int error) {
  std::string text = std::string(doing) + " " + file.string() + ": " + std::generic_category().message(error);
  if (error == ENOSPC || error == EDQUOT) {
    text += ". Make room on the disk of " + file.parent_path().string();
  }
  return text;
}

struct descriptor {
  int number;
  ~descriptor() {
    if (number >= 0) {
      ::close(number);
    }
  }
};

bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t wrote = ::write(file, text.data(), text.size());
    if (wrote > 0) {
      text.remove_prefix(static_cast<std::size_t>(wrote));
    } else if (wrote == 0 || errno != EINTR) {
      return false;
    }
  }
  return true;
}

} // namespace

expected<void, std::string> sync_folder(const std::filesystem::path& folder) {
  const descriptor opened{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (opened.number < 0 || ::fsync(opened.number) != 0) {
    return unexpected(reason(folder, "syncing", errno));
  }
  return {};
}

expected<void, std::string> write_durably(const std::filesystem::path& file, std::string_view text, mode_t mode) {
  const std::filesystem::path beside = file.string() + ".new";
  ::unlink(beside.c_str());
  {
    const descriptor opened{::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)};
    // The mode again, for the umask has taken from it.
    if (opened.number < 0 || ::fchmod(opened.number, mode) != 0 || !write_all(opened.number, text) ||
        ::fsync(opened.number) != 0) {
      const int error = errno;
      ::unlink(beside.c_str());
      return unexpected(reason(file, "writing", error));
    }
  }
  if (::rename(beside.c_str(), file.c_str()) != 0) {
    return unexpected(reason(file, "writing", errno));
  }
  const auto folder = file.parent_path();
  return sync_folder(folder.empty() ? "." : folder);
}

expected<std::string, std::string> read_small_file(const std::filesystem::path& file) {
  const descriptor opened{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (opened.number < 0) {
    return unexpected(reason(file, "reading", errno));
  }
  std::string text(limits::config_file_bytes_max + 1, '\0');
  std::size_t size = 0;
  for (;;) {
    const ssize_t got = ::read(opened.number, text.data() + size, text.size() - size);
    if (got < 0 && errno != EINTR) {
      return unexpected(reason(file, "reading", errno));
    }
    if (got == 0 || size == text.size()) {
      break;
    }
    size += got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  if (size > limits::config_file_bytes_max) {
    return unexpected(file.string() + " is too large");
  }
  text.resize(size);
  return text;
}

} // namespace godwit::node
