#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace godwit::bench {

/// A new folder below `parent`, removed with everything in it at the end. Throws when it cannot be
/// made.
class bench_folder {
public:
  explicit bench_folder(const std::filesystem::path& parent) {
    std::string name = (parent / "godwit-bench-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
      throw std::runtime_error("cannot make a folder in " + parent.string() + "; name another one with --folder");
    }
    path_ = name;
  }
  ~bench_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  bench_folder(const bench_folder&) = delete;
  bench_folder& operator=(const bench_folder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
  std::filesystem::path path_;
};

} // namespace godwit::bench
