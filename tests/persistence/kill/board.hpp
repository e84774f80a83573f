#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace godwit::test {

/// What a storage child was promised and what it asked for, in a page that outlives its death: a
/// mapped file that lies outside the folder whose disk fails.
struct board {
  static constexpr std::uint32_t slots = 64;

  /// Highest sequence number of each slot whose proposal was answered `applied`.
  std::atomic<std::uint64_t> acknowledged[slots];
  /// Highest sequence number of each slot that was ever proposed.
  std::atomic<std::uint64_t> proposed[slots];
  std::atomic<std::uint64_t> answers;  ///< all children together
  std::atomic<std::uint64_t> starts;   ///< children that found everything in order
  std::atomic<std::uint32_t> refusals; ///< storage errors that a child was told of
  std::atomic<std::uint32_t> recoveries;

  static board& map(const std::filesystem::path& file) {
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ::ftruncate(fd, sizeof(board)) != 0) {
      std::perror(file.c_str());
      std::abort();
    }
    void* const page = ::mmap(nullptr, sizeof(board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    if (page == MAP_FAILED) {
      std::perror("mmap");
      std::abort();
    }
    return *static_cast<board*>(page);
  }
};

} // namespace godwit::test
