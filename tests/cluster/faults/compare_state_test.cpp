#include "tests/cluster/faults/compare_state.hpp"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cluster/base/entity.hpp"
#include "persistence/lmdb/storage.hpp"
#include "persistence/state/mutation.hpp"
#include "persistence/state/shard_state.hpp"

namespace godwit::cluster_faults {
namespace {

namespace fs = std::filesystem;
namespace lmdb = persistence::lmdb;
using persistence::log_entry;
using persistence::shard_id;

class deaf final : public persistence::log_sink, public persistence::state_sink {
public:
  void log_written(std::span<const persistence::log_completion>) override {}
  void log_failed(const persistence::storage_error&) override {}
  void log_recovered() override {}
  void state_flushed(std::span<const persistence::flush_completion>) override {}
  void state_failed(const persistence::storage_error&) override {}
  void state_recovered() override {}
};

/// Puts or removes one row.
log_entry entry(std::uint64_t row, const char* value, persistence::term_t term = 1) {
  std::string mutation;
  persistence::mutation_writer writer(mutation);
  const persistence::table_id table{16};
  if (value != nullptr) {
    writer.put(table, persistence::entity_id{row}, "sub", value);
  } else {
    writer.erase(table, persistence::entity_id{row}, "sub");
  }
  std::string batch;
  persistence::append_mutation(batch, mutation);
  return {term, persistence::entry_kind::command, persistence::slice::copy_of(batch)};
}

class compare_state : public ::testing::Test {
protected:
  compare_state() {
    std::string name = (fs::temp_directory_path() / "godwit-compare-XXXXXX").string();
    folder = ::mkdtemp(name.data());
  }
  ~compare_state() override { fs::remove_all(folder); }

  /// A node whose log holds these entries, or none any more, and whose rows are those of the first so many.
  void make(unsigned node, shard_id shard, const std::vector<log_entry>& held, std::size_t applied,
            bool forget_log = false) {
    const fs::path at = folder / std::to_string(node);
    if (!fs::exists(at)) {
      ASSERT_TRUE(lmdb::storage::create(at, {persistence::node_id{node}, 4}));
      folders.push_back(at);
    }
    deaf sink;
    auto opened = lmdb::storage::open(at, sink, sink);
    ASSERT_TRUE(opened) << opened.error().message;
    persistence::log_write write;
    write.shard = shard;
    write.first = 1;
    write.entries = held;
    (*opened)->log().submit(write);
    (*opened)->log().kick();
    persistence::shard_state state(shard, (*opened)->state(), *(*opened)->state().recover(shard), {});
    for (std::size_t i = 0; i < applied; ++i) {
      ASSERT_TRUE(state.apply(i + 1, held[i]));
    }
    state.flush(1, applied, true);
    (*opened)->state().kick();
    if (forget_log) {
      persistence::log_write reset;
      reset.shard = shard;
      reset.reset = applied + 1;
      reset.first = applied + 1;
      (*opened)->log().submit(reset);
      (*opened)->log().kick();
    }
  }

  [[nodiscard]] state_comparison run() const { return compare_states(folders); }

  fs::path folder;
  std::vector<fs::path> folders;
  const std::vector<log_entry> entries{entry(1, "a"), entry(2, "b"), entry(1, nullptr), entry(2, "c"), entry(3, "d")};
};

// Goal: nodes that applied the same entries are equal, however far each has come. Method: three at different points,
// in a shard of the key space and in the cluster's own.
TEST_F(compare_state, NodesAtDifferentPointsOfOneLogAreEqual) {
  for (const shard_id shard : {shard_id{2}, cluster::meta_shard}) {
    make(1, shard, entries, 5);
    make(2, shard, entries, 2);
    make(3, shard, entries, 0);
  }
  const state_comparison found = run();
  EXPECT_EQ(found.differences, std::vector<std::string>());
  EXPECT_EQ(found.shards, 2U);
  EXPECT_EQ(found.rows, 4U);
  EXPECT_EQ(found.entries, 2U * (3 + 5));
}

// Goal: a node whose own log ends early is brought on by another one's.
TEST_F(compare_state, AnotherLogGivesWhatANodeLacks) {
  make(1, shard_id{0}, entries, 4);
  make(2, shard_id{0}, {entries[0]}, 1);
  EXPECT_EQ(run().differences, std::vector<std::string>());
}

// Goal: rows that differ are named, be it by value, by one too many or one too few. Method: rows of other entries.
TEST_F(compare_state, RowsThatDifferAreNamed) {
  make(1, shard_id{1}, entries, 5);
  make(2, shard_id{1}, {entry(1, "a"), entry(2, "b"), entry(4, "x"), entry(2, "other"), entry(3, "d")}, 5);
  const state_comparison found = run();
  EXPECT_EQ(found.differences.size(), 3U); // 1 and 4 stayed, 2 has another value
}

// Goal: logs that hold different entries at one index are told, though the rows are equal by chance.
TEST_F(compare_state, EntriesOfDifferentTermsAreTold) {
  make(1, shard_id{3}, entries, 5);
  auto other = entries;
  other[3].term = 2;
  make(2, shard_id{3}, other, 5);
  const state_comparison found = run();
  ASSERT_EQ(found.differences.size(), 1U);
  EXPECT_NE(found.differences.front().find("entry 4"), std::string::npos) << found.differences.front();
}

// Goal: a node that nobody can bring on any more is a difference. Method: the other one's log begins too late.
TEST_F(compare_state, ANodeThatNoLogReachesIsTold) {
  make(1, shard_id{0}, entries, 5, true);
  make(2, shard_id{0}, {entries[0]}, 1);
  const state_comparison found = run();
  ASSERT_EQ(found.differences.size(), 1U);
  EXPECT_NE(found.differences.front().find("no log has what follows"), std::string::npos) << found.differences.front();
}

// Goal: a folder that is none is an error, not equality.
TEST_F(compare_state, AFolderThatCannotBeReadIsAnError) {
  make(1, shard_id{0}, entries, 5);
  folders.push_back(folder / "nothing");
  EXPECT_THROW(run(), std::runtime_error);
}

} // namespace
} // namespace godwit::cluster_faults
