#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "persistence/log/log_store.hpp"

namespace godwit::persistence::lmdb {

/// A folder that is gone after the test.
class temporary_folder {
public:
  temporary_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "godwit_test_XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
  std::filesystem::path path_;
};

/// Keeps what a log store tells.
class recording_log_sink final : public log_sink {
public:
  void log_written(std::span<const log_completion> done) override {
    const std::lock_guard lock(mutex_);
    ++calls_;
    written_.insert(written_.end(), done.begin(), done.end());
    changed_.notify_all();
  }
  void log_failed(const storage_error& why) override {
    const std::lock_guard lock(mutex_);
    failures_.push_back(why);
    changed_.notify_all();
  }
  void log_recovered() override {
    const std::lock_guard lock(mutex_);
    ++recoveries_;
    changed_.notify_all();
  }

  /// Waits for the completion of this write; false after ten seconds.
  bool wait(shard_id shard, write_generation generation) {
    return wait_for([&] {
      for (const log_completion& one : written_) {
        if (one.shard == shard && one.generation == generation) {
          return true;
        }
      }
      return false;
    });
  }
  bool wait_failures(std::size_t count) {
    return wait_for([&] { return failures_.size() >= count; });
  }
  bool wait_recoveries(std::size_t count) {
    return wait_for([&] { return recoveries_ >= count; });
  }

  [[nodiscard]] std::vector<log_completion> written() const { return locked(written_); }
  [[nodiscard]] std::vector<storage_error> failures() const { return locked(failures_); }
  [[nodiscard]] std::size_t calls() const { return locked(calls_); }

private:
  template <class T>
  T locked(const T& what) const {
    const std::lock_guard lock(mutex_);
    return what;
  }

  template <class Condition>
  bool wait_for(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), condition);
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<log_completion> written_;
  std::vector<storage_error> failures_;
  std::size_t calls_ = 0;
  std::size_t recoveries_ = 0;
};

/// The seed of a random test: GODWIT_SEED, or `usual`. Failures print it.
inline std::uint64_t seed_or(std::uint64_t usual) {
  const char* const text = std::getenv("GODWIT_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : usual;
}

inline log_entry command(term_t term, std::string payload) {
  return {term, entry_kind::command, slice::adopt(std::move(payload))};
}

/// Generates the numbers of a test's writes.
inline log_write append(std::uint16_t shard, index_t first, std::vector<log_entry> entries,
                        write_generation generation) {
  log_write write;
  write.shard = shard_id(shard);
  write.first = first;
  write.entries = std::move(entries);
  write.generation = generation;
  return write;
}

inline log_write vote(std::uint16_t shard, hard_state hard, write_generation generation) {
  log_write write;
  write.shard = shard_id(shard);
  write.hard = hard;
  write.generation = generation;
  return write;
}

inline log_write trim(std::uint16_t shard, index_t below, write_generation generation = 0) {
  log_write write;
  write.shard = shard_id(shard);
  write.trim_below = below;
  write.generation = generation;
  return write;
}

} // namespace godwit::persistence::lmdb
