#include <algorithm>
#include <array>
#include <cstdlib>
#include <random>

#include "tests/persistence/lmdb/state_fixture.hpp"

namespace godwit::persistence::lmdb::test {
namespace {

constexpr std::uint16_t shard_count = 3;

/// A shard, what it must hold, and its log since the last install.
struct modelled_shard {
  std::unique_ptr<shard_state> state;
  row_map rows;
  index_t base_index = 0;
  row_map base_rows;
  std::vector<log_entry> log; ///< from base_index + 1
  index_t persisted = 0;

  /// The rows as of an index, from the log.
  [[nodiscard]] row_map rows_at(index_t index) const {
    row_map out = base_rows;
    for (index_t i = base_index; i < index; ++i) {
      batch_reader batch(log[i - base_index].payload.view());
      for (row_write write; batch.next(write);) {
        if (write.value) {
          out[std::string(write.key)] = *write.value;
        } else {
          out.erase(std::string(write.key));
        }
      }
    }
    return out;
  }
};

struct held_view {
  std::unique_ptr<shard_state::view> view;
  row_map rows;
};

struct read_under_way {
  std::shared_ptr<std::promise<storage_result<row_page>>> promise;
  row_page wanted;
};

/// Random operations on shards over one store, each answer compared with maps.
class workload {
public:
  explicit workload(std::uint32_t seed) : random_(seed) { open(); }

  void step() {
    now_ += roll(20);
    modelled_shard& shard = shards_[roll(shard_count)];
    const std::uint32_t what = roll(100);
    if (what < 40) {
      write(shard);
    } else if (what < 55) {
      flush(shard);
    } else if (what < 62) {
      find(shard);
    } else if (what < 75) {
      start_read(shard);
    } else if (what < 79) {
      finish_reads();
    } else if (what < 84) {
      open_view(shard);
    } else if (what < 91) {
      use_view();
    } else if (what < 95) {
      deliver();
    } else if (what < 96) {
      drop_views();
    } else if (what < 97) {
      store().sync();
    } else if (what < 98) {
      copy_shard();
    } else if (what < 99) {
      reopen();
    } else {
      crash();
    }
  }

  void check_all() {
    finish_reads();
    for (modelled_shard& shard : shards_) {
      row_range all;
      all.rows_max = 1'000'000;
      all.bytes_max = std::size_t{1} << 40;
      auto page = page_of(*shard.state, all);
      ASSERT_TRUE(page) << page.error().message;
      expect_page(*page, page_from(shard.rows, all), "everything");
    }
  }

private:
  std::uint32_t roll(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }
  lmdb_state_store& store() { return *open_->store; }

  std::string some_key() {
    // Few enough to meet again, with neighbours that differ in length and in the highest bytes.
    static constexpr std::array<std::string_view, 6> endings{"", "a", "ab", "\xFF", "\xFF\xFF", "b"};
    std::string sub(endings[roll(endings.size())]);
    sub.append(std::string(endings[roll(endings.size())]));
    return row_key(table_id{static_cast<std::uint8_t>(roll(2) == 0 ? 1 : 255)}, entity_id{roll(4) * 0x55555555ULL},
                   sub);
  }

  row_range some_range() {
    row_range range;
    range.from = roll(4) == 0 ? "" : some_key();
    range.to = roll(4) == 0 ? "" : some_key();
    if (roll(8) != 0 && !range.to.empty() && range.to < range.from) {
      std::swap(range.from, range.to);
    }
    range.rows_max = roll(3) == 0 ? 1 + roll(4) : 100;
    range.bytes_max = roll(3) == 0 ? roll(600) : 1 << 20;
    range.reverse = roll(2) == 0;
    return range;
  }

  void open() {
    open_.emplace(folder_->path());
    for (std::uint16_t i = 0; i < shard_count; ++i) {
      modelled_shard& shard = shards_[i];
      auto from = store().recover(shard_id{i});
      ASSERT_TRUE(from) << from.error().message;
      ASSERT_GE(from->point.index, shard.base_index);
      ASSERT_LE(from->point.index, shard.base_index + shard.log.size());
      shard_state::options options;
      options.segment_bytes_max = 2000 + roll(20000);
      shard.state = std::make_unique<shard_state>(shard_id{i}, store(), *from, options);
      // The log comes again from its start: what the state has is passed over.
      for (std::size_t k = 0; k < shard.log.size(); ++k) {
        auto applied = shard.state->apply(shard.base_index + 1 + k, shard.log[k]);
        ASSERT_TRUE(applied) << applied.error().message;
      }
      shard.persisted = shard.state->applied().index;
    }
  }

  void write(modelled_shard& shard) {
    std::vector<std::pair<std::string, std::optional<std::string>>> writes;
    for (std::uint32_t count = roll(8); count > 0; --count) {
      std::optional<std::string> value;
      if (roll(3) != 0) {
        const std::size_t size = roll(20) == 0 ? 6000 : roll(200);
        value.emplace(size, static_cast<char>('a' + roll(26)));
      }
      writes.emplace_back(some_key(), std::move(value));
    }
    const index_t index = shard.state->applied().index + 1;
    shard.log.push_back(entry_of(writes));
    auto applied = shard.state->apply(index, shard.log.back());
    ASSERT_TRUE(applied) << applied.error().message;
    for (auto& [key, value] : writes) {
      if (value) {
        shard.rows[key] = *std::move(value);
      } else {
        shard.rows.erase(key);
      }
    }
    if (roll(2) == 0) {
      shard.persisted = std::max(shard.persisted, index - std::min<index_t>(index, roll(3)));
    }
  }

  void flush(modelled_shard& shard) {
    if (shard.state->flush(now_, shard.persisted, roll(4) == 0)) {
      store().kick();
    }
  }

  void find(const modelled_shard& shard) {
    const std::string key = some_key();
    slice value;
    const auto wanted = shard.rows.find(key);
    switch (shard.state->find(key, value)) {
    case shard_state::found::value:
      ASSERT_NE(wanted, shard.rows.end());
      ASSERT_EQ(value.view(), wanted->second);
      break;
    case shard_state::found::nothing: ASSERT_EQ(wanted, shard.rows.end()); break;
    case shard_state::found::unknown: break;
    }
  }

  void start_read(modelled_shard& shard) {
    row_range range = some_range();
    read_under_way read{std::make_shared<std::promise<storage_result<row_page>>>(), page_from(shard.rows, range)};
    auto started = shard.state->read(std::move(range), [promise = read.promise](storage_result<row_page> page) {
      promise->set_value(std::move(page));
    });
    ASSERT_TRUE(started) << started.error().message;
    reads_.push_back(std::move(read));
  }

  void finish_reads() {
    for (read_under_way& each : reads_) {
      auto page = each.promise->get_future().get();
      ASSERT_TRUE(page) << page.error().message;
      expect_page(*page, each.wanted, "a page");
    }
    reads_.clear();
  }

  void open_view(modelled_shard& shard) {
    auto view = shard.state->open_view();
    ASSERT_TRUE(view) << view.error().message;
    ASSERT_EQ((*view)->index(), shard.state->applied().index);
    views_.push_back(held_view{*std::move(view), shard.rows});
    if (views_.size() > 8) {
      views_.erase(views_.begin() + roll(8));
    }
  }

  void use_view() {
    if (views_.empty()) {
      return;
    }
    held_view& held = views_[roll(static_cast<std::uint32_t>(views_.size()))];
    const std::string key = some_key();
    auto value = held.view->get(key);
    ASSERT_TRUE(value) << value.error().message;
    const auto wanted = held.rows.find(key);
    ASSERT_EQ(value->has_value(), wanted != held.rows.end());
    if (value->has_value()) {
      ASSERT_EQ((*value)->view(), wanted->second);
    }
    const row_range range = some_range();
    auto page = held.view->read(range);
    ASSERT_TRUE(page) << page.error().message;
    expect_page(*page, page_from(held.rows, range), "a page of a view");
  }

  void drop_views() { views_.clear(); }

  void deliver() {
    for (const flush_completion& each : open_->sink.take()) {
      ASSERT_LE(each.durable, each.written.point.index);
      modelled_shard& shard = shards_[each.shard.value()];
      shard.state->flushed(each);
      ASSERT_LE(shard.state->durable().index, shard.persisted) << "state ran ahead of the log";
    }
  }

  /// One shard's stored rows become another's.
  void copy_shard() {
    const std::uint16_t from = static_cast<std::uint16_t>(roll(shard_count));
    const shard_id to{static_cast<std::uint16_t>((from + 1 + roll(shard_count - 1)) % shard_count)};
    finish_reads();
    auto rows = store().begin_export(shard_id{from});
    ASSERT_TRUE(rows) << rows.error().message;
    auto answer = answer_of([&](auto done) { store().import_begin(to, done); });
    std::string after;
    bool abandon = roll(4) == 0;
    for (std::uint64_t number = 0;; ++number) {
      auto chunk = (*rows)->next(after, number, 1 + roll(3000));
      ASSERT_TRUE(chunk) << chunk.error().message;
      after = chunk->last_key;
      const bool last = chunk->last;
      answer = answer_of([&](auto done) { store().import_chunk(to, std::move(*chunk), done); });
      ASSERT_TRUE(answer) << answer.error().message;
      if (last || abandon) {
        break;
      }
    }
    if (abandon) {
      return; // its rows are leftovers
    }
    const snapshot_point point = (*rows)->point();
    modelled_shard& source = shards_[from];
    modelled_shard& target = shards_[to.value()];
    answer = answer_of([&](auto done) { store().import_finish(to, point, done); });
    ASSERT_TRUE(answer) << answer.error().message;
    ASSERT_EQ(answer->point, point);
    target.state->installed(*answer);
    target.rows = source.rows_at(point.index);
    target.base_rows = target.rows;
    target.base_index = point.index;
    target.log.clear();
    target.persisted = point.index;
  }

  void close() {
    finish_reads();
    drop_views();
    for (modelled_shard& shard : shards_) {
      shard.state.reset();
    }
    open_.reset();
  }

  void reopen() {
    close();
    open();
  }

  /// Goes on with a copy that holds the last transaction and nothing behind it.
  void crash() {
    auto copy = std::make_unique<temporary_folder>();
    auto copied = open_->env->copy_to(copy->path());
    ASSERT_TRUE(copied) << copied.error().message;
    close();
    folder_ = std::move(copy);
    open();
  }

  std::mt19937 random_;
  std::unique_ptr<temporary_folder> folder_ = std::make_unique<temporary_folder>();
  std::optional<open_store> open_;
  std::array<modelled_shard, shard_count> shards_;
  std::vector<held_view> views_;
  std::vector<read_under_way> reads_;
  monotonic_ms now_ = 1;
};

/// GODWIT_SEED repeats one run.
std::vector<std::uint32_t> seeds() {
  if (const char* const given = std::getenv("GODWIT_SEED"); given != nullptr) {
    return {static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10))};
  }
  return {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
}

// Shards over one store against std::map: writes, flushes, reads in both directions with every bound,
// views held over later writes, completions that come late, reopening, a copy of the environment taken
// between two transactions, and one shard's rows installed as another's.
TEST(state_store_property, ShardsHoldWhatMapsHold) {
  for (const std::uint32_t seed : seeds()) {
    SCOPED_TRACE("GODWIT_SEED=" + std::to_string(seed));
    workload run(seed);
    for (int i = 0; i < 1500 && !HasFatalFailure(); ++i) {
      run.step();
    }
    if (!HasFatalFailure()) {
      run.check_all();
    }
    if (HasFatalFailure()) {
      return;
    }
  }
}

} // namespace
} // namespace godwit::persistence::lmdb::test
