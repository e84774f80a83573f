#include "bench/shard_rows.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "persistence/lmdb/storage.hpp"
#include "persistence/records/tables.hpp"
#include "persistence/state/overlay_segment.hpp"
#include "persistence/state/row_key.hpp"

namespace godwit::bench {
namespace {

using namespace persistence;

constexpr std::size_t flush_bytes = 8 << 20;

/// Hears that writes are done.
class done_count final : public log_sink, public state_sink {
public:
  void log_written(std::span<const log_completion> done) override { add(done.size()); }
  void log_failed(const storage_error& why) override { fail(why); }
  void log_recovered() override {}
  void state_flushed(std::span<const flush_completion> done) override { add(done.size()); }
  void state_failed(const storage_error& why) override { fail(why); }
  void state_recovered() override {}

  /// Until so many were heard of since the last call.
  void wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return count_ >= count || !failure_.empty(); });
    if (!failure_.empty()) {
      throw std::runtime_error(failure_);
    }
    count_ = 0;
  }

private:
  void add(std::size_t count) {
    const std::lock_guard lock(mutex_);
    count_ += count;
    changed_.notify_all();
  }
  void fail(const storage_error& why) {
    const std::lock_guard lock(mutex_);
    failure_ = why.message;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t count_ = 0;
  std::string failure_;
};

template <class T>
T value_of(storage_result<T> result) {
  if (!result) {
    throw std::runtime_error(result.error().message);
  }
  return std::move(*result);
}

/// About flush_bytes of rows; `next` counts them all.
std::shared_ptr<const overlay_segment> some_rows(entity_id whose, std::size_t bytes, std::size_t row_bytes,
                                                 std::uint32_t& next) {
  const table_id table{static_cast<std::uint8_t>(records::table::message)};
  auto segment = std::make_shared<overlay_segment>();
  for (std::size_t made = 0; made < bytes; made += row_bytes) {
    const std::uint32_t number = next++;
    std::string sub_key(8, '\x01');
    for (int shift = 24; shift >= 0; shift -= 8) {
      sub_key.push_back(static_cast<char>(number >> shift));
    }
    const std::string key = row_key(table, whose, sub_key);
    // Not all alike: what is sent and stored is to be neither compressible nor the same page again and again.
    std::string payload = key;
    std::uint64_t dice = number + 1;
    while (payload.size() < key.size() + row_bytes) {
      dice = dice * 6364136223846793005ULL + 1442695040888963407ULL;
      payload.append(reinterpret_cast<const char*>(&dice), sizeof(dice));
    }
    const slice bytes_of_row = slice::adopt(std::move(payload));
    const std::vector<row_write> writes{
      {bytes_of_row.view().substr(0, key.size()), bytes_of_row.view().substr(key.size(), row_bytes)}};
    segment->add(bytes_of_row, writes);
  }
  return segment;
}

} // namespace

void add_rows(const std::filesystem::path& folder, shard_id shard, std::size_t bytes, std::size_t row_bytes) {
  done_count done;
  lmdb::storage_options quick; // each flush is waited for
  quick.state.flush_interval = std::chrono::milliseconds(1);
  const auto storage = value_of(lmdb::storage::open(folder, done, done, quick));
  const flushed_state at = value_of(storage->state().recover(shard));
  recovered_log log = value_of(storage->log().recover(shard, at.point.index));
  if (at.point.index < 3) {
    throw std::runtime_error("nothing was ever written in shard " + std::to_string(shard.value()));
  }
  // The shard of an entity is in its lowest bits; test numbers never get this far.
  const entity_id nobody{(1ULL << 61) + shard.value()};
  std::uint32_t next = 0;
  for (std::size_t written = 0; written < bytes; written += flush_bytes) {
    storage->state().flush({shard, at, {some_rows(nobody, std::min(flush_bytes, bytes - written), row_bytes, next)}});
    storage->state().kick();
    done.wait_for(1);
  }
  log_write trim;
  trim.shard = shard;
  trim.hard = log.hard;
  trim.trim_below = at.point.index;
  trim.generation = 1;
  storage->log().submit(std::move(trim));
  storage->log().kick();
  done.wait_for(1);
}

} // namespace godwit::bench
