#pragma once

#include <filesystem>
#include <utility>

#include <unistd.h>

#include "persistence/base/persistence_errc.hpp"

namespace godwit::persistence::lmdb {

/// Closes its file when it dies.
class file_descriptor {
public:
  explicit file_descriptor(int number) : number_(number) {}
  file_descriptor(file_descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  file_descriptor& operator=(file_descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~file_descriptor() {
    if (number_ >= 0) {
      ::close(number_);
    }
  }

  explicit operator bool() const { return number_ >= 0; }
  [[nodiscard]] int get() const { return number_; }

private:
  int number_;
};

/// Makes new names in the folder survive a crash. An empty path is the current folder.
storage_result<void> sync_folder(const std::filesystem::path& folder);

/// Makes the folder, whose parent exists, or accepts an empty one. invalid_argument: it holds
/// something.
storage_result<void> make_empty_folder(const std::filesystem::path& folder);

} // namespace godwit::persistence::lmdb
