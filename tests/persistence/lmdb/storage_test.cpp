#include "persistence/lmdb/storage.hpp"

#include <atomic>
#include <chrono>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "persistence/lmdb/storage_format.hpp"
#include "persistence/state/mutation.hpp"
#include "persistence/state/overlay_segment.hpp"
#include "tests/persistence/lmdb/log_fixture.hpp"

namespace godwit::persistence::lmdb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr storage_settings settings{.node = node_id(3), .shard_count = 16};

class recording_state_sink final : public state_sink {
public:
  void state_flushed(std::span<const flush_completion> done) override {
    for (const flush_completion& one : done) {
      durable = one.durable;
    }
  }
  void state_failed(const storage_error& why) override { ADD_FAILURE() << why.message; }
  void state_recovered() override {}

  std::atomic<index_t> durable{0};
};

class storage_test : public ::testing::Test {
protected:
  [[nodiscard]] std::filesystem::path folder() const { return folder_.path() / "data"; }

  storage_result<std::unique_ptr<storage>> open(const std::filesystem::path& where) {
    storage_options options;
    options.map_bytes = 8 << 20;
    return storage::open(where, log_sink_, state_sink_, options);
  }
  storage_result<std::unique_ptr<storage>> open() { return open(folder()); }

  void create() {
    const auto created = storage::create(folder(), settings);
    ASSERT_TRUE(created) << created.error().message;
  }

  void expect_refused(persistence_errc code, const char* remedy) {
    const auto opened = open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, code) << opened.error().message;
    EXPECT_THAT(opened.error().message, AllOf(HasSubstr(folder().string()), HasSubstr(remedy)));
  }

  void change_format(const char* part, void (*change)(environment_format&)) {
    environment_options options;
    options.folder = folder() / part;
    options.map_bytes = 1 << 20;
    const auto env = environment::open(options);
    ASSERT_TRUE(env) << env.error().message;
    auto format = read_format(**env, std::string(part) == "log" ? environment_kind::log : environment_kind::state);
    ASSERT_TRUE(format) << format.error().message;
    change(*format);
    ASSERT_TRUE(write_format(**env, *format));
  }

  temporary_folder folder_;
  recording_log_sink log_sink_;
  recording_state_sink state_sink_;
};

TEST_F(storage_test, ACreatedFolderOpensWithItsSettings) {
  create();
  const auto opened = open();
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ((*opened)->settings(), settings);
}

TEST_F(storage_test, AFolderThatHoldsSomethingIsNotCreatedOver) {
  create();
  const auto created = storage::create(folder(), settings);
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, persistence_errc::invalid_argument);
  EXPECT_TRUE(open());
}

TEST_F(storage_test, SettingsOutOfBoundsAreRefused) {
  EXPECT_FALSE(storage::create(folder(), {no_node, 16}));
  EXPECT_FALSE(storage::create(folder(), {node_id(1), 0}));
  EXPECT_FALSE(storage::create(folder(), {node_id(1), 5000}));
  EXPECT_FALSE(std::filesystem::exists(folder()));
}

TEST_F(storage_test, AMissingFolderIsRefused) { expect_refused(persistence_errc::not_found, "is the disk mounted?"); }

TEST_F(storage_test, AnEmptyFolderIsRefused) {
  std::filesystem::create_directory(folder());
  expect_refused(persistence_errc::not_found, "Is the disk mounted?");
}

// And nothing is left in it.
TEST_F(storage_test, AForeignFolderIsRefused) {
  std::filesystem::create_directory(folder());
  std::ofstream(folder() / "letter.txt") << "text";
  expect_refused(persistence_errc::invalid_argument, "not a data folder");
  EXPECT_FALSE(std::filesystem::exists(folder() / "lock"));
}

TEST_F(storage_test, AnInterruptedCreationIsRefused) {
  create();
  std::filesystem::remove_all(folder() / "state");
  std::filesystem::create_directory(folder() / "state");
  expect_refused(persistence_errc::not_found, "there is no data file");
  std::filesystem::remove_all(folder() / "state");
  expect_refused(persistence_errc::invalid_argument, "create it again");
}

// The child holds the folder open until the parent has looked.
TEST_F(storage_test, ASecondProcessIsToldWhichProcessHasTheFolder) {
  create();
  int ready[2];
  int finish[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(finish), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto opened = open();
    char byte = opened ? 'y' : 'n';
    if (::write(ready[1], &byte, 1) != 1 || ::read(finish[0], &byte, 1) != 1) {
      ::_exit(2);
    }
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ASSERT_EQ(byte, 'y');
  expect_refused(persistence_errc::busy, ("process " + std::to_string(child)).c_str());
  ASSERT_EQ(::write(finish[1], &byte, 1), 1);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(open());
  for (const int file : {ready[0], ready[1], finish[0], finish[1]}) {
    ::close(file);
  }
}

TEST_F(storage_test, TheSameProcessCannotOpenTheFolderTwiceEither) {
  create();
  const auto first = open();
  ASSERT_TRUE(first);
  expect_refused(persistence_errc::busy, "is in use by process");
}

TEST_F(storage_test, ANewerFormatIsRefused) {
  create();
  change_format("state", [](environment_format& format) {
    format.version = format_version_now + 1;
    format.created_by = "godwit 9.9";
  });
  expect_refused(persistence_errc::format_unknown, "godwit 9.9");
}

TEST_F(storage_test, AFormatOlderThanAnyKnownIsRefused) {
  create();
  change_format("log", [](environment_format& format) { format.version = format_version_oldest - 1; });
  expect_refused(persistence_errc::format_unknown, "Start a version between the two first");
}

TEST_F(storage_test, SwappedEnvironmentsAreRefused) {
  create();
  std::filesystem::rename(folder() / "log", folder() / "other");
  std::filesystem::rename(folder() / "state", folder() / "log");
  std::filesystem::rename(folder() / "other", folder() / "state");
  expect_refused(persistence_errc::invalid_argument, "swapped");
}

TEST_F(storage_test, AnEnvironmentOfAnotherFolderIsRefused) {
  create();
  change_format("state", [](environment_format& format) { ++format.folder_id; });
  expect_refused(persistence_errc::invalid_argument, "belong together");
}

/// A segment with one row that tells the index it stands for.
std::shared_ptr<const overlay_segment> segment_of(index_t index) {
  std::string mutation;
  mutation_writer(mutation).put(table_id(1), entity_id(7), "index", std::to_string(index));
  std::string batch;
  append_mutation(batch, mutation);
  const slice payload = slice::adopt(std::move(batch));
  std::vector<row_write> writes;
  batch_reader reader(payload.view());
  for (row_write write; reader.next(write);) {
    writes.push_back(write);
  }
  auto segment = std::make_shared<overlay_segment>();
  segment->add(payload, writes);
  return segment;
}

// One shard is written, flushed and trimmed while the folder is copied several times. Each copy must be
// a folder that a node can start from: the log goes on where the state ends, and holds everything that
// was durable before.
TEST_F(storage_test, ASnapshotTakenUnderLoadIsAFolderToStartFrom) {
  create();
  storage_options options;
  options.map_bytes = 8 << 20;
  options.log.trim_delay = std::chrono::milliseconds(1);
  options.state.flush_interval = std::chrono::milliseconds(1);
  auto opened = storage::open(folder(), log_sink_, state_sink_, options);
  ASSERT_TRUE(opened) << opened.error().message;
  storage& original = **opened;
  constexpr shard_id shard{2};
  std::atomic<index_t> durable = 0;
  std::atomic<bool> stop = false;
  std::thread load([&] {
    for (index_t index = 1; !stop; ++index) {
      log_write write = append(shard.value(), index, {command(1, std::to_string(index))}, index);
      const index_t flushed = state_sink_.durable;
      write.trim_below = flushed > 3 ? flushed - 3 : 0;
      original.log().submit(std::move(write));
      original.log().kick();
      ASSERT_TRUE(log_sink_.wait(shard, index));
      durable = index;
      snapshot_point point;
      point.index = index;
      point.term = 1;
      original.state().flush({shard, {point, 0}, {segment_of(index)}});
      original.state().kick();
    }
  });
  for (int copy = 0; copy < 5; ++copy) {
    const auto target = folder_.path() / ("copy" + std::to_string(copy));
    const index_t before = durable;
    const auto copied = original.snapshot(target);
    ASSERT_TRUE(copied) << copied.error().message;
    const auto started = open(target);
    ASSERT_TRUE(started) << started.error().message;
    EXPECT_EQ((*started)->settings(), settings);
    const auto state = (*started)->state().recover(shard);
    ASSERT_TRUE(state) << state.error().message;
    const auto log = (*started)->log().recover(shard, 0);
    ASSERT_TRUE(log) << log.error().message;
    EXPECT_LE(log->first, state->point.index + 1);
    const index_t end = log->first + log->entries.size() - 1;
    EXPECT_GE(end, before);
    EXPECT_GE(end, state->point.index);
    if (state->point.index != 0) {
      const auto picture = (*started)->state().snapshot();
      ASSERT_TRUE(picture);
      const auto row = (*picture)->get(shard, row_key(table_id(1), entity_id(7), "index"));
      ASSERT_TRUE(row && *row);
      EXPECT_EQ((*row)->view(), std::to_string(state->point.index));
    }
    for (index_t index = log->first; const log_entry& entry : log->entries) {
      EXPECT_EQ(entry.payload.view(), std::to_string(index++));
    }
  }
  stop = true;
  load.join();
}

TEST_F(storage_test, ASnapshotIntoAFolderInUseIsRefused) {
  create();
  const auto opened = open();
  ASSERT_TRUE(opened);
  const auto copied = (*opened)->snapshot(folder());
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code, persistence_errc::invalid_argument);
}

TEST_F(storage_test, UsageTellsWhatTheFoldersHold) {
  create();
  const auto opened = open();
  ASSERT_TRUE(opened);
  (*opened)->log().submit(append(1, 1, {command(1, std::string(100'000, 'x'))}, 1));
  (*opened)->log().kick();
  ASSERT_TRUE(log_sink_.wait(shard_id(1), 1));
  const storage_usage usage = (*opened)->usage();
  EXPECT_EQ(usage.log.entries, 1U);
  EXPECT_GE(usage.log_used_bytes, 100'000U);
  EXPECT_GE(usage.log.disk_bytes, 100'000U);
  EXPECT_GT(usage.state_used_bytes, 0U);
}

} // namespace
} // namespace godwit::persistence::lmdb
