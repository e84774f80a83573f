#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "protocol/expected.hpp"

namespace godwit::node {

/// Keeps other processes from changing keys and numbers of a data folder at the same time, for as long as it lives.
/// Another lock than the storage's, which a running node holds.
class folder_lock {
public:
  /// Blocks until it has the folder, for some seconds at most. Error: one line with the remedy.
  static expected<std::unique_ptr<folder_lock>, std::string> take(const std::filesystem::path& folder);
  ~folder_lock();
  folder_lock(const folder_lock&) = delete;
  folder_lock& operator=(const folder_lock&) = delete;

private:
  explicit folder_lock(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
};

} // namespace godwit::node
