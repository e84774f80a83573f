#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "cluster/base/loop_timer.hpp"
#include "persistence/base/crc32c.hpp"
#include "persistence/state/snapshot_rows.hpp"
#include "persistence/state/state_store.hpp"
#include "tests/support/test_loop.hpp"

namespace godwit::test {

using namespace godwit::persistence; // NOLINT: test support speaks of little else

using memory_rows = std::map<std::string, std::string>;

/// Rows of shards in memory, read and imported in jobs of a test loop, each `import_ms` after the one before it.
class memory_state_store final : public state_store {
public:
  struct shard_rows {
    flushed_state at;
    memory_rows rows;
  };
  struct import {
    memory_rows rows;
    std::uint64_t next = 0;
    bool complete = false;
    state_generation generation = 0;
  };

  explicit memory_state_store(test_loop& loop) : loop_(loop), timer_([this] { turn(); }) {}

  storage_result<flushed_state> recover(shard_id shard) override { return shards[shard].at; }
  void flush(state_flush) override {}
  void kick() override {}
  void sync() override {}
  storage_result<std::unique_ptr<state_snapshot>> snapshot() override {
    return refused<std::unique_ptr<state_snapshot>>();
  }
  storage_result<void> run_on_reader(std::function<void()> job) override {
    if (busy) {
      return refused<void>();
    }
    loop_.post(std::move(job));
    return {};
  }

  storage_result<std::unique_ptr<state_export>> begin_export(shard_id shard) override {
    ++exports;
    return std::make_unique<memory_export>(*this, shards[shard]);
  }
  [[nodiscard]] bool wants_readers_gone() const override { return pressed; }

  void import_begin(shard_id shard, import_done done) override {
    add(
      [this, shard]() -> storage_result<flushed_state> {
        imports[shard] = import{{}, 0, false, shards[shard].at.generation + 1};
        return flushed_state{{}, imports[shard]->generation};
      },
      std::move(done));
  }
  void import_chunk(shard_id shard, state_chunk chunk, import_done done) override {
    add([this, shard, chunk = std::move(chunk)] { return take(imports[shard], chunk); }, std::move(done));
  }
  void import_finish(shard_id shard, snapshot_point point, import_done done) override {
    add(
      [this, shard, point = std::move(point)]() -> storage_result<flushed_state> {
        std::optional<import>& pending = imports[shard];
        if (!pending || !pending->complete) {
          return fail(persistence_errc::invalid_argument, "the last chunk has not come");
        }
        shards[shard] = {{point, pending->generation}, std::move(pending->rows)};
        pending.reset();
        return shards[shard].at;
      },
      std::move(done));
  }

  /// A crash: imports under way are dropped, and nobody is answered.
  void crash() {
    imports.clear();
    queue_.clear();
    loop_.disarm(timer_);
  }

  std::map<shard_id, shard_rows> shards;
  std::map<shard_id, std::optional<import>> imports;
  monotonic_ms import_ms = 0;
  bool busy = false;
  bool pressed = false;
  bool full = false;
  int exports = 0;
  int exports_open = 0;
  int chunks_imported = 0;

private:
  class memory_export final : public state_export {
  public:
    memory_export(memory_state_store& of, shard_rows picture) : of_(of), picture_(std::move(picture)) {
      ++of_.exports_open;
    }
    ~memory_export() override { --of_.exports_open; }
    [[nodiscard]] const snapshot_point& point() const override { return picture_.at.point; }
    storage_result<state_chunk> next(std::string_view after, std::uint64_t number, std::size_t bytes_max) override {
      state_chunk chunk;
      chunk.number = number;
      chunk.last = true;
      std::string bytes;
      for (auto row = after.empty() ? picture_.rows.begin() : picture_.rows.upper_bound(std::string(after));
           row != picture_.rows.end(); ++row) {
        if (!bytes.empty() && bytes.size() + row->first.size() + row->second.size() > bytes_max) {
          chunk.last = false;
          break;
        }
        append_snapshot_row(bytes, row->first, row->second);
        chunk.last_key = row->first;
      }
      chunk.crc = crc32c(bytes);
      chunk.rows = slice::adopt(std::move(bytes));
      return chunk;
    }

  private:
    memory_state_store& of_;
    shard_rows picture_;
  };

  template <class T>
  static storage_result<T> refused() {
    return fail(persistence_errc::busy, "too much is being read");
  }

  storage_result<flushed_state> take(std::optional<import>& pending, const state_chunk& chunk) {
    if (full) {
      return fail(persistence_errc::no_space, "the disk is full");
    }
    if (!pending || chunk.number != pending->next || pending->complete) {
      return fail(persistence_errc::invalid_argument, "a chunk is out of order");
    }
    snapshot_row_reader reader(chunk.rows.view(),
                               pending->rows.empty() ? std::string_view() : pending->rows.rbegin()->first);
    memory_rows fresh;
    for (std::pair<std::string_view, std::string_view> row; reader.next(row.first, row.second);) {
      fresh.emplace(row.first, row.second);
    }
    if (crc32c(chunk.rows.view()) != chunk.crc || !reader.ok()) {
      return fail(persistence_errc::corrupt, "a chunk was damaged");
    }
    pending->rows.merge(fresh);
    ++pending->next;
    pending->complete = chunk.last;
    ++chunks_imported;
    return flushed_state{{}, pending->generation};
  }

  void add(std::function<storage_result<flushed_state>()> work, import_done done) {
    queue_.emplace_back(std::move(work), std::move(done));
    if (!timer_.armed()) {
      loop_.arm(timer_, loop_.time() + import_ms);
    }
  }
  void turn() {
    const auto [work, done] = std::move(queue_.front());
    queue_.pop_front();
    if (!queue_.empty()) {
      loop_.arm(timer_, loop_.time() + import_ms);
    }
    done(work());
  }

  test_loop& loop_;
  cluster::loop_timer timer_;
  std::deque<std::pair<std::function<storage_result<flushed_state>()>, import_done>> queue_;
};

} // namespace godwit::test
