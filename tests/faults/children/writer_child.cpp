// godwit_faults_writer FILE RESULTS OPERATION...
//
// Runs operations on one file and stores the result of each in RESULTS, as a 64-bit number: what the
// call returned, or minus its errno. For tests of the preload library.
//
//   write:OFFSET:LENGTH:BYTE    pwrite of LENGTH times BYTE
//   dwrite:OFFSET:LENGTH:BYTE   the same on a second descriptor, opened O_DSYNC
//   append:LENGTH:BYTE          lseek to the end, write
//   writev:OFFSET:LENGTH:BYTE   pwritev in two buffers
//   dupwrite:OFFSET:LENGTH:BYTE pwrite on a copy of the descriptor
//   fstream:LENGTH:BYTE         the file written anew by std::ofstream
//   truncate:SIZE  reopen_trunc  allocate:SIZE  sync  msync  unlink  rename:SUFFIX  die
//   race:THREADS                without end, each thread: fill its own page with the next number, sync, store the
//                               number in RESULTS as acknowledged
//   bench:COUNT                 COUNT pwrites of a page; the result is nanoseconds for all, without syncs

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

struct operation {
  std::string name;
  std::vector<std::string> arguments;

  [[nodiscard]] off_t number(std::size_t index) const { return std::strtoll(arguments.at(index).c_str(), nullptr, 10); }
  [[nodiscard]] std::string bytes(std::size_t length_index) const {
    return std::string(static_cast<std::size_t>(number(length_index)), arguments.at(length_index + 1).at(0));
  }
};

operation parse(const std::string& text) {
  operation parsed;
  std::istringstream words(text);
  std::getline(words, parsed.name, ':');
  for (std::string word; std::getline(words, word, ':');)
    parsed.arguments.push_back(word);
  return parsed;
}

class writer {
public:
  explicit writer(std::string path) : path_(std::move(path)), fd_(::open(path_.c_str(), O_RDWR | O_CREAT, 0600)) {}

  std::int64_t run(const operation& what) {
    const std::int64_t result = call(what);
    return result < 0 ? -errno : result;
  }

  [[nodiscard]] int descriptor() const { return fd_; }

private:
  std::int64_t call(const operation& what) {
    if (what.name == "write")
      return put(fd_, what);
    if (what.name == "dwrite") {
      if (synchronous_ < 0)
        synchronous_ = ::open(path_.c_str(), O_WRONLY | O_DSYNC);
      return put(synchronous_, what);
    }
    if (what.name == "dupwrite")
      return put(::dup(fd_), what);
    if (what.name == "append") {
      const std::string bytes = what.bytes(0);
      ::lseek(fd_, 0, SEEK_END);
      return ::write(fd_, bytes.data(), bytes.size());
    }
    if (what.name == "writev") {
      std::string bytes = what.bytes(1);
      const std::size_t half = bytes.size() / 2;
      const iovec buffers[2] = {{bytes.data(), half}, {bytes.data() + half, bytes.size() - half}};
      return ::pwritev(fd_, buffers, 2, what.number(0));
    }
    if (what.name == "fstream")
      return static_cast<bool>(std::ofstream(path_) << what.bytes(0) << std::flush) ? 0 : -1;
    if (what.name == "rename")
      return ::rename(path_.c_str(), (path_ + what.arguments.at(0)).c_str());
    if (what.name == "bench")
      return bench(what.number(0));
    return call_without_bytes(what);
  }

  std::int64_t call_without_bytes(const operation& what) {
    if (what.name == "truncate")
      return ::ftruncate(fd_, what.number(0));
    if (what.name == "reopen_trunc") {
      ::close(fd_);
      fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
      return fd_ < 0 ? -1 : 0;
    }
    if (what.name == "allocate")
      return ::fallocate(fd_, 0, 0, what.number(0));
    if (what.name == "sync")
      return ::fdatasync(fd_);
    if (what.name == "msync") {
      void* memory = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd_, 0);
      return ::msync(memory, 4096, MS_SYNC);
    }
    if (what.name == "unlink")
      return ::unlink(path_.c_str());
    if (what.name == "die")
      ::raise(SIGKILL);
    std::abort();
  }

  static std::int64_t put(int fd, const operation& what) {
    const std::string bytes = what.bytes(1);
    return ::pwrite(fd, bytes.data(), bytes.size(), what.number(0));
  }

  // Over 1000 pages that exist, as a store writes that uses its pages again; synced now and then, which is
  // not part of the time.
  std::int64_t bench(std::int64_t count) const {
    const std::string page(4096, 'b');
    for (off_t i = 0; i < 1000; ++i)
      if (::pwrite(fd_, page.data(), page.size(), i * 4096) != 4096)
        return -1;
    std::chrono::nanoseconds spent{};
    for (std::int64_t i = 0; i < count;) {
      const auto begin = std::chrono::steady_clock::now();
      const std::int64_t end = std::min(count, i + 64);
      for (; i < end; ++i)
        if (::pwrite(fd_, page.data(), page.size(), i * 7 % 1000 * 4096) != 4096)
          return -1;
      spent += std::chrono::steady_clock::now() - begin;
      ::fdatasync(fd_);
    }
    return spent.count();
  }

  std::string path_;
  int fd_;
  int synchronous_ = -1;
};

// One thread of the race. The file and the results are shared with the others.
void race(int file, int results, std::size_t thread) {
  std::array<std::uint64_t, 512> page{};
  for (std::uint64_t number = 1;; ++number) {
    page.fill(number);
    const bool good = ::pwrite(file, page.data(), sizeof(page), static_cast<off_t>(thread * sizeof(page))) ==
                        static_cast<ssize_t>(sizeof(page)) &&
                      ::fdatasync(file) == 0 &&
                      ::pwrite(results, &number, sizeof(number), static_cast<off_t>(thread * sizeof(number))) ==
                        static_cast<ssize_t>(sizeof(number));
    if (!good)
      std::abort();
  }
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 3)
    return 2;
  const int results = ::open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0600);
  writer file(argv[1]);
  for (int i = 3; i < argc; ++i) {
    const operation what = parse(argv[i]);
    if (what.name == "race") {
      std::vector<std::thread> threads;
      for (std::size_t thread = 0; thread < static_cast<std::size_t>(what.number(0)); ++thread)
        threads.emplace_back(race, file.descriptor(), results, thread);
      threads.front().join();
    }
    const std::int64_t result = file.run(what);
    if (::write(results, &result, sizeof(result)) != sizeof(result))
      return 3;
  }
  return 0;
}
