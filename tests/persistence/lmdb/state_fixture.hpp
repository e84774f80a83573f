#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "persistence/lmdb/environment.hpp"
#include "persistence/lmdb/lmdb_state_store.hpp"
#include "persistence/state/overlay_segment.hpp"
#include "persistence/state/shard_state.hpp"

namespace godwit::persistence::lmdb::test {

using row_map = std::map<std::string, std::string>;

/// A folder that goes away with the object.
class temporary_folder {
public:
  temporary_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "godwit-state-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~temporary_folder() { std::filesystem::remove_all(path_); }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
  std::filesystem::path path_;
};

/// Brings what the store tells to the test's thread.
class queue_sink final : public state_sink {
public:
  void state_flushed(std::span<const flush_completion> done) override {
    const std::lock_guard lock(mutex_);
    flushed_.insert(flushed_.end(), done.begin(), done.end());
    changed_.notify_all();
  }
  void state_failed(const storage_error& why) override {
    const std::lock_guard lock(mutex_);
    failures_.push_back(why);
    changed_.notify_all();
  }
  void state_recovered() override {
    const std::lock_guard lock(mutex_);
    ++recovered_;
    changed_.notify_all();
  }

  std::vector<flush_completion> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(flushed_, {});
  }
  std::vector<storage_error> failures() {
    const std::lock_guard lock(mutex_);
    return failures_;
  }
  int recovered() {
    const std::lock_guard lock(mutex_);
    return recovered_;
  }
  /// Waits until something is there to take. False after ten seconds.
  bool wait() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [this] { return !flushed_.empty(); });
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<flush_completion> flushed_;
  std::vector<storage_error> failures_;
  int recovered_ = 0;
};

/// An environment and the store in it.
struct open_store {
  queue_sink sink;
  std::unique_ptr<environment> env;
  std::unique_ptr<lmdb_state_store> store;

  explicit open_store(const std::filesystem::path& folder, lmdb_state_store_options options = quick(),
                      std::size_t map_bytes = 64 << 20) {
    environment_options opts;
    opts.folder = folder;
    opts.no_meta_sync = true;
    opts.map_bytes = map_bytes;
    auto opened = environment::open(opts);
    EXPECT_TRUE(opened) << opened.error().message;
    env = *std::move(opened);
    auto started = lmdb_state_store::open(*env, sink, options);
    EXPECT_TRUE(started) << started.error().message;
    store = *std::move(started);
  }

  static lmdb_state_store_options quick() {
    lmdb_state_store_options options;
    options.flush_interval = std::chrono::milliseconds(1);
    options.idle_sync = std::chrono::milliseconds(5);
    return options;
  }
};

/// Waits for the answer of an import.
template <class Call>
storage_result<flushed_state> answer_of(Call&& call) {
  std::promise<storage_result<flushed_state>> promise;
  call([&promise](storage_result<flushed_state> result) { promise.set_value(std::move(result)); });
  return promise.get_future().get();
}

/// Reads a page and waits for it.
inline storage_result<row_page> page_of(shard_state& state, row_range range) {
  auto promise = std::make_shared<std::promise<storage_result<row_page>>>();
  auto started =
    state.read(std::move(range), [promise](storage_result<row_page> page) { promise->set_value(std::move(page)); });
  if (!started) {
    return unexpected<storage_error>(started.error());
  }
  return promise->get_future().get();
}

inline row_map rows_of(const row_page& page) {
  row_map out;
  for (const row& each : page.rows) {
    out.emplace(each.key, std::string(each.value.view()));
  }
  return out;
}

/// What a page of these rows must be, from the definition of row_range.
inline row_page page_from(const row_map& rows, const row_range& range) {
  std::vector<const row_map::value_type*> inside;
  for (const auto& each : rows) {
    if (each.first >= range.from && (range.to.empty() || each.first < range.to)) {
      inside.push_back(&each);
    }
  }
  if (range.reverse) {
    std::reverse(inside.begin(), inside.end());
  }
  row_page page;
  std::size_t bytes = 0;
  for (const auto* each : inside) {
    bytes += each->first.size() + each->second.size();
    if (!page.rows.empty() && (page.rows.size() >= range.rows_max || bytes > range.bytes_max)) {
      page.more = true;
      break;
    }
    page.rows.push_back(row{each->first, slice::copy_of(each->second)});
  }
  return page;
}

inline void expect_page(const row_page& got, const row_page& wanted, std::string_view what) {
  ASSERT_EQ(got.rows.size(), wanted.rows.size()) << what;
  for (std::size_t i = 0; i < got.rows.size(); ++i) {
    ASSERT_EQ(got.rows[i].key, wanted.rows[i].key) << what << " at " << i;
    ASSERT_EQ(got.rows[i].value.view(), wanted.rows[i].value.view()) << what << " at " << i;
  }
  ASSERT_EQ(got.more, wanted.more) << what;
}

/// A log entry of puts and, where there is no value, erases.
inline log_entry entry_of(const std::vector<std::pair<std::string, std::optional<std::string>>>& writes,
                          term_t term = 1) {
  std::string mutation;
  mutation_writer writer(mutation);
  for (const auto& [key, value] : writes) {
    const table_id table{static_cast<std::uint8_t>(key[0])};
    std::uint64_t entity = 0;
    for (std::size_t i = 1; i < row_key_prefix_bytes; ++i) {
      entity = entity << 8 | static_cast<unsigned char>(key[i]);
    }
    const std::string_view sub_key = std::string_view(key).substr(row_key_prefix_bytes);
    value ? writer.put(table, entity_id{entity}, sub_key, *value) : writer.erase(table, entity_id{entity}, sub_key);
  }
  std::string batch;
  append_mutation(batch, mutation);
  return log_entry{term, entry_kind::command, slice::adopt(std::move(batch))};
}

} // namespace godwit::persistence::lmdb::test
