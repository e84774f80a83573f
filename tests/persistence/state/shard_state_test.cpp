#include "persistence/state/shard_state.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "persistence/log/configuration_codec.hpp"
#include "persistence/state/overlay_segment.hpp"
#include "tests/support/manual_stores.hpp"
#include "tests/support/mutant_on.hpp"

namespace godwit::persistence {
namespace {

using found = shard_state::found;

constexpr shard_id shard{3};

std::string key_of(std::string_view sub_key) { return row_key(table_id{1}, entity_id{1}, sub_key); }

log_entry put(std::string_view sub_key, std::string_view value, term_t term = 1) {
  std::string mutation;
  mutation_writer(mutation).put(table_id{1}, entity_id{1}, sub_key, value);
  std::string batch;
  append_mutation(batch, mutation);
  return {term, entry_kind::command, slice::adopt(std::move(batch))};
}

log_entry erase(std::string_view sub_key) {
  std::string mutation;
  mutation_writer(mutation).erase(table_id{1}, entity_id{1}, sub_key);
  std::string batch;
  append_mutation(batch, mutation);
  return {1, entry_kind::command, slice::adopt(std::move(batch))};
}

class shard_state_test : public ::testing::Test {
protected:
  static shard_state::options options() {
    shard_state::options out;
    out.flush_interval_ms = 50;
    out.segment_bytes_max = 10'000;
    out.overlay_bytes_max = 30'000;
    return out;
  }

  void apply(const log_entry& entry) {
    auto done = state.apply(state.applied().index + 1, entry);
    ASSERT_TRUE(done) << done.error().message;
  }

  found find(std::string_view sub_key, std::string& into) const {
    slice out;
    const found answer = state.find(key_of(sub_key), out);
    into = out.view();
    return answer;
  }

  test::manual_state_store store;
  shard_state state{shard, store, {}, options()};
  std::string value;
};

TEST_F(shard_state_test, AppliedRowsAreFoundInMemory) {
  EXPECT_EQ(find("a", value), found::nothing);
  apply(put("a", "1"));
  EXPECT_EQ(find("a", value), found::value);
  EXPECT_EQ(value, "1");
  apply(put("a", "2"));
  EXPECT_EQ(find("a", value), found::value);
  EXPECT_EQ(value, "2");
  apply(erase("a"));
  EXPECT_EQ(find("a", value), found::nothing);
}

// After a restart the log comes again from below the stored point.
TEST_F(shard_state_test, EntriesThatWereAppliedArePassedOver) {
  apply(put("a", "1"));
  apply(put("a", "2"));
  ASSERT_TRUE(state.apply(1, put("a", "other")));
  EXPECT_EQ(find("a", value), found::value);
  EXPECT_EQ(value, "2");
  EXPECT_EQ(state.applied().index, 2U);
}

TEST_F(shard_state_test, AGapInTheLogIsRefused) {
  const auto done = state.apply(2, put("a", "1"));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, persistence_errc::corrupt);
  EXPECT_EQ(state.applied().index, 0U);
}

// The first mutation is whole, the second is cut: neither takes effect.
TEST_F(shard_state_test, NothingOfADamagedEntryIsApplied) {
  std::string batch(put("a", "1").payload.view());
  batch += put("b", "2").payload.view();
  batch.pop_back();
  const auto done = state.apply(1, {1, entry_kind::command, slice::adopt(std::move(batch))});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, persistence_errc::corrupt);
  EXPECT_EQ(find("a", value), found::nothing);
  EXPECT_EQ(state.applied().index, 0U);
  EXPECT_EQ(state.overlay_bytes(), 0U);
}

TEST_F(shard_state_test, AChangeOfMembersAdvancesThePoint) {
  const configuration members{{{node_id{1}, member_role::voter}, {node_id{2}, member_role::standby}}};
  apply(put("a", "1"));
  apply({2, entry_kind::change, slice::adopt(encode_configuration(members))});
  apply({2, entry_kind::barrier, {}});
  EXPECT_EQ(state.applied(), (snapshot_point{3, 2, members, 2}));
  const auto bad = state.apply(4, {2, entry_kind::change, slice::copy_of("\xFF")});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, persistence_errc::corrupt);
  EXPECT_EQ(state.applied().index, 3U);
}

TEST_F(shard_state_test, ASegmentIsHandedOverWhenItIsOldEnough) {
  EXPECT_EQ(state.flush_due(), 0U);
  apply(put("a", "1"));
  EXPECT_LE(state.flush_due(), 1U) << "flush has to see the write";
  EXPECT_FALSE(state.flush(1000, 1));
  EXPECT_EQ(state.flush_due(), 1050U);
  apply(put("b", "1"));
  EXPECT_FALSE(state.flush(1049, 2));
  EXPECT_TRUE(state.flush(1050, 2));
  ASSERT_EQ(store.queued.size(), 1U);
  EXPECT_EQ(store.queued[0].to.point.index, 2U);
  EXPECT_EQ(state.flush_due(), 0U);
  EXPECT_FALSE(state.flush(2000, 2));
}

TEST_F(shard_state_test, ASegmentIsHandedOverWhenItIsLargeEnough) {
  EXPECT_FALSE(state.flush(1000, 0));
  apply(put("a", std::string(6000, 'x')));
  EXPECT_FALSE(state.flush(1000, 1));
  apply(put("b", std::string(6000, 'x')));
  EXPECT_TRUE(state.flush(1001, 2));
  EXPECT_EQ(store.queued.at(0).to.point.index, 2U);
}

TEST_F(shard_state_test, EverythingIsHandedOverOnRequest) {
  apply(put("a", "1"));
  EXPECT_TRUE(state.flush(1000, 1, true));
  EXPECT_EQ(store.queued.at(0).to.point.index, 1U);
}

// A barrier or a change moves the point, so the log behind it can be trimmed.
TEST_F(shard_state_test, AnEntryWithoutRowsIsFlushedToo) {
  apply({1, entry_kind::barrier, {}});
  EXPECT_TRUE(state.flush(1000, 1, true));
  EXPECT_EQ(store.queued.at(0).to.point.index, 1U);
  EXPECT_EQ(find("a", value), found::nothing);
}

// The log stands at 1 while 2 is applied: nothing that holds 2 may go, and it goes as soon as it may,
// whatever has been written behind it.
TEST_F(shard_state_test, StateNeverRunsAheadOfTheDurableLog) {
  apply(put("a", "1"));
  apply(put("a", "2"));
  EXPECT_FALSE(state.flush(1000, 1));
  EXPECT_FALSE(state.flush(1050, 1));
  EXPECT_TRUE(store.queued.empty());
  EXPECT_GT(state.flush_due(), 1050U) << "a due time in the past would keep the loop turning";
  apply(put("a", "3"));
  EXPECT_TRUE(state.flush(1051, 2));
  ASSERT_EQ(store.queued.size(), 1U);
  EXPECT_EQ(store.queued[0].to.point.index, 2U);
  EXPECT_EQ(find("a", value), found::value);
  EXPECT_EQ(value, "3");
}

TEST_F(shard_state_test, WithTheRuleSwitchedOffStateRunsAhead) {
  const tests::mutant_on off(mutant::flush_beyond_log);
  apply(put("a", "1"));
  EXPECT_TRUE(state.flush(1000, 0, true));
}

// Applied keeps ahead of the durable log by one entry for ever; flushes go on all the same.
TEST_F(shard_state_test, ALogThatAlwaysLagsDoesNotStarveTheFlush) {
  for (monotonic_ms now = 1000; now < 2000; now += 10) {
    apply(put("a", std::to_string(now)));
    state.flush(now, state.applied().index - 1);
  }
  EXPECT_GE(store.queued.size(), 15U);
  EXPECT_GE(store.queued.back().to.point.index, 90U);
  EXPECT_LE(store.queued.size(), 20U) << "no more than one per interval";
}

TEST_F(shard_state_test, RowsStayInMemoryUntilTheStoreHasThem) {
  apply(put("a", "1"));
  state.flush(1000, 1, true);
  apply(put("b", "2"));
  EXPECT_EQ(find("a", value), found::value);
  state.flushed(store.write_one());
  EXPECT_EQ(find("a", value), found::unknown);
  EXPECT_EQ(find("b", value), found::value);
  EXPECT_EQ(find("c", value), found::unknown);
}

// The store's last transaction can be undone until the next: `durable` follows what the completion
// says, and the point there is that of the flush.
TEST_F(shard_state_test, DurableFollowsTheStore) {
  const configuration members{{{node_id{1}, member_role::voter}}};
  apply({4, entry_kind::change, slice::adopt(encode_configuration(members))});
  state.flush(1000, 9, true);
  apply(put("a", "1", 5));
  state.flush(1000, 9, true);
  state.flushed({shard, store.queued[0].to, 0});
  EXPECT_EQ(state.durable().index, 0U);
  state.flushed({shard, store.queued[1].to, 1});
  EXPECT_EQ(state.durable(), (snapshot_point{1, 4, members, 1}));
  state.flushed({shard, store.queued[1].to, 2});
  EXPECT_EQ(state.durable(), (snapshot_point{2, 5, members, 1}));
}

TEST_F(shard_state_test, TheOverlayIsCountedExactly) {
  const log_entry first = put("a", std::string(100, 'x'));
  const log_entry second = put("a", std::string(200, 'x'));
  apply(first);
  const std::size_t fixed = overlay_segment::payload_overhead_bytes + overlay_segment::row_overhead_bytes;
  EXPECT_EQ(state.overlay_bytes(), first.payload.size() + fixed);
  apply(second); // the same row; the older payload is held until the flush
  const std::size_t both =
    first.payload.size() + second.payload.size() + fixed + overlay_segment::payload_overhead_bytes;
  EXPECT_EQ(state.overlay_bytes(), both);
  state.flush(1000, 2, true);
  EXPECT_EQ(state.overlay_bytes(), both);
  apply(second);
  state.flushed(store.write_one());
  EXPECT_EQ(state.overlay_bytes(), second.payload.size() + fixed);
}

TEST_F(shard_state_test, AnOverlayThatTheStoreDoesNotDrainIsFull) {
  for (int i = 0; i < 4; ++i) {
    EXPECT_FALSE(state.full());
    apply(put(std::to_string(i), std::string(9000, 'x')));
    state.flush(1000, state.applied().index, true);
  }
  EXPECT_TRUE(state.full());
  state.flushed(store.write_one());
  EXPECT_FALSE(state.full());
}

// Completions of flushes from before an install say nothing about what came after it.
TEST_F(shard_state_test, AnInstallForgetsTheOverlay) {
  apply(put("a", "1"));
  state.flush(1000, 1, true);
  apply(put("a", "2"));
  const flushed_state installed{snapshot_point{10, 3, {}, 0}, 1};
  state.installed(installed);
  EXPECT_EQ(state.applied().index, 10U);
  EXPECT_EQ(state.durable().index, 10U);
  EXPECT_EQ(state.overlay_bytes(), 0U);
  EXPECT_EQ(find("a", value), found::unknown);
  apply(put("b", "3"));
  state.flushed(store.write_one());
  EXPECT_EQ(find("b", value), found::value);
  EXPECT_EQ(state.applied().index, 11U);
  state.flush(2000, 11, true);
  EXPECT_EQ(store.queued.at(0).to.generation, 1U);
}

// Before the first flush the overlay is all there is, and a page needs nobody else.
TEST_F(shard_state_test, APageOfAnEmptyStoreComesAtOnce) {
  apply(put("a", "1"));
  apply(put("b", "2"));
  apply(erase("a"));
  state.flush(1000, 3, true);
  apply(put("c", "3"));
  row_range range;
  range.rows_max = 1;
  bool called = false;
  ASSERT_TRUE(state.read(range, [&](storage_result<row_page> page) {
    called = true;
    ASSERT_TRUE(page);
    ASSERT_EQ(page->rows.size(), 1U);
    EXPECT_EQ(page->rows[0].key, key_of("b"));
    EXPECT_EQ(page->rows[0].value.view(), "2");
    EXPECT_TRUE(page->more);
  }));
  EXPECT_TRUE(called);
}

TEST_F(shard_state_test, ARefusedReadIsNotAnswered) {
  apply(put("a", "1"));
  state.flush(1000, 1, true);
  state.flushed(store.write_one());
  bool called = false;
  const auto started = state.read({}, [&](storage_result<row_page>) { called = true; });
  EXPECT_FALSE(started) << "this store gives no snapshots";
  EXPECT_FALSE(called);
}

} // namespace
} // namespace godwit::persistence
