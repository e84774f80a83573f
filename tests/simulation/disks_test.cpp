#include <string>

#include <gtest/gtest.h>

#include "tests/simulation/log_disk.hpp"
#include "tests/simulation/state_disk.hpp"

namespace godwit::simulation {
namespace {

using persistence::entry_kind;
using persistence::log_write;
using persistence::slice;

std::string text(const state_disk& disk, const std::string& key) {
  const auto found = disk.rows()->find(key);
  return found == disk.rows()->end() ? "none" : std::string(found->second.view());
}

void commit(state_disk& disk, persistence::index_t index, const std::string& key, const char* value) {
  disk.begin_commit();
  disk.write(key, value == nullptr ? std::nullopt : std::optional(slice::copy_of(value)));
  disk.end_commit({{index, 1, {}, 0}, 0});
}

// Goal: the crash model of an environment whose meta page is not synced. Method: two commits, then
// crashes: the last one goes as a whole, the one before stays.
TEST(state_disk, ACrashUndoesTheLastCommitAsAWholeAndNoOther) {
  state_disk disk;
  commit(disk, 1, "a", "one");
  EXPECT_EQ(disk.durable(), 0U);
  commit(disk, 2, "a", "two");
  EXPECT_EQ(disk.durable(), 1U);
  disk.write("b", slice::copy_of("new"));
  disk.lose_last_commit();
  EXPECT_EQ(disk.state().point.index, 1U);
  EXPECT_EQ(text(disk, "a"), "one");
  EXPECT_EQ(text(disk, "b"), "none");
  disk.lose_last_commit();
  EXPECT_EQ(disk.state().point.index, 1U);
}

// Goal: what was synced stays. Method: an erase, synced, then a crash.
TEST(state_disk, ASyncedCommitSurvives) {
  state_disk disk;
  commit(disk, 1, "a", "one");
  commit(disk, 2, "a", nullptr);
  disk.sync();
  EXPECT_FALSE(disk.can_lose());
  disk.lose_last_commit();
  EXPECT_EQ(text(disk, "a"), "none");
  EXPECT_EQ(disk.durable(), 2U);
}

// Goal: a picture taken before a commit or its loss does not change.
TEST(state_disk, ASnapshotKeepsItsRows) {
  state_disk disk;
  commit(disk, 1, "a", "one");
  const auto before = disk.rows();
  commit(disk, 2, "a", "two");
  disk.lose_last_commit();
  commit(disk, 2, "a", "three");
  EXPECT_EQ(before->at("a").view(), "one");
}

log_write append(persistence::index_t first, persistence::term_t term, unsigned count) {
  log_write write;
  write.first = first;
  write.entries.assign(count, {term, entry_kind::barrier, {}});
  return write;
}

// Goal: a torn write leaves a prefix of its parts, in the order of the fields of log_write.
TEST(log_disk, ATornWriteLeavesAPrefixOfItsParts) {
  log_disk disk;
  carry_out(disk, append(1, 1, 5), 100);
  log_write next = append(4, 2, 3);
  next.hard = {2, persistence::node_id{1}};
  next.trim_below = 2;
  log_disk torn = disk;
  EXPECT_EQ(carry_out(torn, next, 0), "");
  EXPECT_EQ(torn.last(), 5U);
  EXPECT_EQ(torn.hard.term, 0U);
  torn = disk;
  carry_out(torn, next, 2);
  EXPECT_EQ(torn.hard.term, 2U);
  EXPECT_EQ(torn.last(), 4U);
  EXPECT_EQ(torn.term_of(4), 2U);
  EXPECT_EQ(torn.first, 1U);
  torn = disk;
  carry_out(torn, next, 100);
  EXPECT_EQ(torn.last(), 6U);
  EXPECT_EQ(torn.first, 2U);
}

// Goal: a hole in a log is the caller's mistake and is told.
TEST(log_disk, AWriteThatWouldLeaveAHoleIsRefused) {
  log_disk disk;
  EXPECT_NE(carry_out(disk, append(3, 1, 1), 100), "");
  EXPECT_EQ(disk.last(), 0U);
}

} // namespace
} // namespace godwit::simulation
