#include "node/server/folder_lock.hpp"

#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace godwit::node {
namespace {

using namespace std::chrono_literals;

/// Whoever has it asks a node for a number at most, and syncs a few files.
constexpr auto wait_max = 15s;
constexpr auto look_every = 50ms;

} // namespace

expected<std::unique_ptr<folder_lock>, std::string> folder_lock::take(const std::filesystem::path& folder) {
  const auto failed = [&](int error) {
    return unexpected("data folder " + folder.string() +
                      " cannot be locked: " + std::generic_category().message(error) +
                      ". Run as the user that owns it, on a file system that has locks.");
  };
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) {
    return failed(errno);
  }
  std::unique_ptr<folder_lock> made(new folder_lock(descriptor));
  const auto end = std::chrono::steady_clock::now() + wait_max;
  while (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) {
      return failed(errno);
    }
    if (std::chrono::steady_clock::now() >= end) {
      return unexpected("another process changes keys or numbers of the data folder " + folder.string() +
                        ". Wait for the end of the other godwit init, invite or serve, or end it.");
    }
    std::this_thread::sleep_for(look_every);
  }
  return made;
}

folder_lock::~folder_lock() { ::close(descriptor_); }

} // namespace godwit::node
