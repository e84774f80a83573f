#pragma once

#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "persistence/log/log_store.hpp"
#include "persistence/state/overlay_segment.hpp"
#include "persistence/state/state_store.hpp"

namespace godwit::test {

using namespace godwit::persistence; // NOLINT: test support speaks of little else

/// A log store whose writes become durable when the test says so.
class manual_log_store final : public log_store {
public:
  void submit(log_write write) override { queued.push_back(std::move(write)); }
  void kick() override {}

  storage_result<recovered_log> recover(shard_id, index_t) override {
    recovered_log out;
    out.hard = hard;
    out.first = first;
    out.entries = entries;
    return out;
  }

  storage_result<std::vector<log_entry>> read(shard_id, index_t from, std::uint32_t count, std::size_t) override {
    if (from < first || from >= first + entries.size()) {
      return fail(persistence_errc::not_found, "no such entry");
    }
    std::vector<log_entry> out;
    for (index_t i = from; i < first + entries.size() && out.size() < count; ++i) {
      out.push_back(entries[i - first]);
    }
    return out;
  }

  [[nodiscard]] log_usage usage() const override { return {}; }

  /// Makes the oldest queued write durable. Gives its generation.
  write_generation persist_one() {
    const log_write write = std::move(queued.front());
    queued.pop_front();
    if (write.reset) {
      entries.clear();
      first = *write.reset;
    }
    hard = write.hard.value_or(hard);
    if (!write.entries.empty()) {
      entries.resize(write.first - first);
      entries.insert(entries.end(), write.entries.begin(), write.entries.end());
    }
    if (write.trim_below > first) {
      entries.erase(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(write.trim_below - first));
      first = write.trim_below;
    }
    return write.generation;
  }

  std::deque<log_write> queued;
  hard_state hard;
  index_t first = 1;
  std::vector<log_entry> entries;
};

/// A state store that keeps points and counts flushes, and no rows: for tests of who flushes when.
class manual_state_store : public state_store {
public:
  storage_result<flushed_state> recover(shard_id) override { return point; }
  void flush(state_flush what) override { queued.push_back(std::move(what)); }
  void kick() override {}
  void sync() override {}
  storage_result<std::unique_ptr<state_snapshot>> snapshot() override {
    return none<std::unique_ptr<state_snapshot>>();
  }
  storage_result<void> run_on_reader(std::function<void()>) override { return none<void>(); }
  storage_result<std::unique_ptr<state_export>> begin_export(shard_id) override {
    return none<std::unique_ptr<state_export>>();
  }
  void import_begin(shard_id, import_done done) override { done(none<flushed_state>()); }
  void import_chunk(shard_id, state_chunk, import_done done) override { done(none<flushed_state>()); }
  void import_finish(shard_id, snapshot_point, import_done done) override { done(none<flushed_state>()); }

  /// Writes the oldest queued flush and makes it durable.
  flush_completion write_one() {
    const state_flush what = std::move(queued.front());
    queued.pop_front();
    point = what.to;
    return {what.shard, what.to, what.to.point.index};
  }

  std::deque<state_flush> queued;
  flushed_state point;

private:
  template <class T>
  static storage_result<T> none() {
    return fail(persistence_errc::not_found, "this store has no rows");
  }
};

} // namespace godwit::test
