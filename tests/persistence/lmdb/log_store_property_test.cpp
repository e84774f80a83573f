// Random operations on the log store against a model made of std::map, with reopening and crashes among
// the operations. GODWIT_SEED repeats a run.
#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "persistence/lmdb/lmdb_log_store.hpp"
#include "tests/persistence/lmdb/log_fixture.hpp"

namespace godwit::persistence::lmdb {
namespace {

/// What a shard's log is according to the model.
struct model_log {
  hard_state hard;
  index_t first = 1; ///< the log holds nothing before it …
  index_t kept = 1;  ///< … and certainly everything from here on
  std::map<index_t, log_entry> entries;

  [[nodiscard]] index_t end() const { return entries.empty() ? kept : entries.rbegin()->first + 1; }

  void apply(const log_write& write) {
    if (write.reset) {
      entries.clear();
      first = kept = *write.reset;
    }
    if (write.hard) {
      hard = *write.hard;
    }
    if (write.first != 0) {
      entries.erase(entries.lower_bound(write.first), entries.end());
      index_t index = write.first;
      for (const log_entry& entry : write.entries) {
        entries[index++] = entry;
      }
    }
    kept = std::max(kept, std::min(write.trim_below, end()));
  }
};

using model = std::map<std::uint16_t, model_log>;

class log_store_property : public ::testing::Test {
protected:
  static constexpr std::uint16_t shards = 5;

  void open() {
    environment_options options;
    options.folder = folder_.path();
    options.map_bytes = 1 << 20; // must grow on the way
    auto env = environment::open(options);
    ASSERT_TRUE(env) << env.error().message;
    env_ = std::move(*env);
    auto store = lmdb_log_store::open(*env_, sink_, {.trim_delay = std::chrono::milliseconds(pick(30))});
    ASSERT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
  }

  std::uint64_t pick(std::uint64_t below) { return random_() % below; }

  log_entry random_entry(term_t term) {
    static constexpr std::size_t sizes[] = {0, 1, 40, 500, 1990, 2100, 9000, 70'000};
    std::string payload(sizes[pick(pick(4) == 0 ? 8 : 5)], '\0');
    for (char& byte : payload) {
      byte = static_cast<char>(random_());
    }
    return {term, static_cast<entry_kind>(1 + pick(3)), slice::adopt(std::move(payload))};
  }

  log_write random_write(std::uint16_t shard, const model_log& log) {
    log_write write;
    write.shard = shard_id(shard);
    if (pick(40) == 0) {
      write.reset = log.end() + pick(100) + 1;
    }
    if (pick(5) == 0) {
      write.hard = {log.hard.term + 1 + pick(3), node_id(pick(4))};
    }
    const index_t begin = write.reset ? *write.reset : log.kept;
    const index_t end = write.reset ? *write.reset : log.end();
    if (pick(10) != 0) {
      // Mostly at the end, now and then over what is there.
      const index_t back = pick(6) == 0 ? pick(std::min<index_t>(end - begin, 20) + 1) : 0;
      write.first = end - back;
      for (std::uint64_t i = pick(6); i > 0; --i) {
        write.entries.push_back(random_entry(log.hard.term));
      }
    }
    if (pick(8) == 0) {
      const index_t last = write.first != 0 ? write.first + write.entries.size() : end;
      write.trim_below = begin + pick(last - begin + 2);
    }
    write.generation = ++generation_;
    return write;
  }

  void check_shard(std::uint16_t shard, const model_log& log, const recovered_log& found) {
    SCOPED_TRACE("shard " + std::to_string(shard));
    ASSERT_EQ(found.hard, log.hard);
    // Trimmed entries may still be there, others may not be missing.
    ASSERT_GE(found.first, log.first);
    ASSERT_LE(found.first, log.kept);
    ASSERT_EQ(found.first + found.entries.size(), log.end());
    for (const auto& [index, entry] : log.entries) {
      if (index >= found.first) {
        ASSERT_EQ(found.entries[index - found.first], entry) << "index " << index;
      }
    }
  }

  /// Recovers all shards and compares; takes over where the logs really begin.
  void check_all() {
    for (std::uint16_t shard = 0; shard < shards; ++shard) {
      const auto found = store_->recover(shard_id(shard), 0);
      ASSERT_TRUE(found) << found.error().message;
      check_shard(shard, model_[shard], *found);
      model_[shard].first = found->first;
    }
  }

  void submit_some() {
    for (std::uint64_t round = 1 + pick(4); round > 0; --round) {
      const auto shard = static_cast<std::uint16_t>(pick(shards));
      log_write write = random_write(shard, model_[shard]);
      model_[shard].apply(write);
      last_ = {write.shard, write.generation};
      since_.push_back(model_);
      store_->submit(std::move(write));
    }
    store_->kick();
  }

  /// What is completed from here on is compared with what is submitted from here on.
  void start_over() {
    completed_before_ = sink_.written().size();
    since_ = {model_};
  }

  void wait_for_last() {
    if (last_.generation != 0) {
      ASSERT_TRUE(sink_.wait(last_.shard, last_.generation));
      last_ = {};
    }
    start_over();
  }

  /// The destructor writes everything.
  void reopen() {
    store_.reset();
    env_.reset();
    last_ = {};
    open();
    check_all();
    start_over();
  }

  /// Everything completed is there, and of the writes behind it a beginning.
  void crash() {
    store_->abandon();
    store_.reset();
    env_.reset();
    last_ = {};
    open();
    if (HasFatalFailure()) {
      return;
    }
    std::vector<recovered_log> found;
    for (std::uint16_t shard = 0; shard < shards; ++shard) {
      auto one = store_->recover(shard_id(shard), 0);
      ASSERT_TRUE(one) << one.error().message;
      found.push_back(std::move(*one));
    }
    const std::size_t completed = sink_.written().size() - completed_before_;
    std::size_t writes = completed;
    while (writes < since_.size() && !matches(found, since_[writes])) {
      ++writes;
    }
    ASSERT_LT(writes, since_.size()) << "no beginning of the writes explains the log; completed: " << completed;
    model_ = since_[writes];
    for (std::uint16_t shard = 0; shard < shards; ++shard) {
      model_[shard].first = found[shard].first;
    }
    start_over();
  }

  void check_read() {
    const auto shard = static_cast<std::uint16_t>(pick(shards));
    const model_log& log = model_[shard];
    const index_t from = log.kept + pick(log.end() - log.kept + 2);
    const auto count = static_cast<std::uint32_t>(1 + pick(20));
    const std::size_t bytes_max = pick(20'000);
    const auto found = store_->read(shard_id(shard), from, count, bytes_max);
    if (from >= log.end()) {
      ASSERT_FALSE(found);
      ASSERT_EQ(found.error().code, persistence_errc::not_found);
      return;
    }
    ASSERT_TRUE(found) << found.error().message;
    ASSERT_LE(found->size(), count);
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < found->size(); ++i) {
      ASSERT_EQ((*found)[i], log.entries.at(from + i));
      bytes += (*found)[i].payload.size();
    }
    ASSERT_TRUE(found->size() == 1 || bytes <= bytes_max);
    const index_t next = from + found->size();
    const bool cut =
      found->size() == count || next == log.end() || bytes + log.entries.at(next).payload.size() > bytes_max;
    ASSERT_TRUE(cut) << "fewer entries than asked for";
  }

  void run(std::uint64_t seed, int steps) {
    SCOPED_TRACE("GODWIT_SEED=" + std::to_string(seed));
    random_.seed(seed);
    for (std::uint16_t shard = 0; shard < shards; ++shard) {
      model_[shard]; // as recover() answers for a shard it has never seen
    }
    open();
    start_over();
    for (int step = 0; step < steps && !HasFatalFailure(); ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      const std::uint64_t what = pick(100);
      if (what < 80) {
        submit_some();
      } else if (what < 94) {
        wait_for_last();
        check_read();
      } else if (what < 97) {
        reopen();
      } else {
        crash();
      }
    }
    if (!HasFatalFailure()) {
      reopen();
    }
    EXPECT_TRUE(sink_.failures().empty());
  }

  static bool matches(const std::vector<recovered_log>& found, model& then) {
    for (std::uint16_t shard = 0; shard < shards; ++shard) {
      const model_log& log = then[shard];
      const recovered_log& there = found[shard];
      if (there.hard != log.hard || there.first > log.kept || there.first + there.entries.size() != log.end()) {
        return false;
      }
      for (const auto& [index, entry] : log.entries) {
        if (index >= there.first && there.entries[index - there.first] != entry) {
          return false;
        }
      }
    }
    return true;
  }

  temporary_folder folder_;
  recording_log_sink sink_;
  std::mt19937_64 random_;
  std::unique_ptr<environment> env_;
  std::unique_ptr<lmdb_log_store> store_;
  model model_;
  std::vector<model> since_; ///< after each write since completed_before_, and before the first
  std::size_t completed_before_ = 0;
  log_completion last_;
  write_generation generation_ = 0;
};

// Appends, replacements, votes, resets and trims of five shards in random order and sizes; in between
// reads, clean reopens and drops of the object without writing what was queued.
TEST_F(log_store_property, TheLogHoldsWhatTheModelHolds) { run(seed_or(1), 1500); }

TEST_F(log_store_property, TheLogHoldsWhatTheModelHoldsWithAnotherSeed) { run(seed_or(20'260'101), 1500); }

} // namespace
} // namespace godwit::persistence::lmdb
