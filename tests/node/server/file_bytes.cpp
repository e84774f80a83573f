#include "tests/node/server/file_bytes.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace godwit::test {

std::string bytes_on_disk(const std::filesystem::path& file) {
  const int opened = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  EXPECT_GE(opened, 0) << file;
  std::string out;
  off_t end = 0;
  for (off_t from = ::lseek(opened, 0, SEEK_DATA); from >= 0; from = ::lseek(opened, end, SEEK_DATA)) {
    end = ::lseek(opened, from, SEEK_HOLE);
    if (end <= from) {
      break;
    }
    const std::size_t before = out.size();
    out.resize(before + static_cast<std::size_t>(end - from));
    EXPECT_EQ(::pread(opened, out.data() + before, out.size() - before, from), end - from) << file;
  }
  ::close(opened);
  return out;
}

} // namespace godwit::test
