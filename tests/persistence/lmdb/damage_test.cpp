// Damaged data files, as a failing disk or a stray write leaves them.
#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "persistence/lmdb/environment_error.hpp"
#include "persistence/lmdb/lmdb_log_store.hpp"
#include "tests/persistence/lmdb/log_fixture.hpp"

namespace godwit::persistence::lmdb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::uint16_t shards = 3;
constexpr index_t entries = 60;

log_entry entry_of(std::uint16_t shard, index_t index) {
  const std::size_t bytes = index % 10 == 0 ? 6000 : index * 7 % 300;
  return command(index, std::string(bytes, static_cast<char>('a' + (shard + index) % 26)));
}

constexpr hard_state vote_of(std::uint16_t shard) { return {entries + shard, node_id(shard)}; }

/// What a child process tells by its exit code.
enum verdict : int { whole = 10, refused, wrong_data, refused_without_name };

/// Opens the folder and reads everything.
verdict read_all(const std::filesystem::path& folder) {
  const auto judge = [&](const storage_error& why) {
    std::fprintf(stderr, "%s\n", why.message.c_str());
    return why.message.find(folder.string()) != std::string::npos ? refused : refused_without_name;
  };
  recording_log_sink sink;
  environment_options options;
  options.folder = folder;
  options.map_bytes = 4 << 20;
  options.create = false;
  const auto env = environment::open(options);
  if (!env) {
    return judge(env.error());
  }
  const auto store = lmdb_log_store::open(**env, sink);
  if (!store) {
    return judge(store.error());
  }
  for (std::uint16_t shard = 0; shard < shards; ++shard) {
    const auto log = (*store)->recover(shard_id(shard), 0);
    if (!log) {
      return judge(log.error());
    }
    if (log->hard != vote_of(shard) || log->first != 1 || log->entries.size() != entries) {
      return wrong_data;
    }
    for (index_t index = 1; index <= entries; ++index) {
      if (log->entries[index - 1] != entry_of(shard, index)) {
        return wrong_data;
      }
    }
  }
  return whole;
}

/// Runs read_all in a process of its own. Its standard error goes to `said`.
int run_child(const std::filesystem::path& folder, std::string& said) {
  int pipe[2];
  EXPECT_EQ(::pipe(pipe), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(pipe[1], STDERR_FILENO);
    ::close(pipe[0]);
    ::alarm(60);
    ::_exit(read_all(folder));
  }
  ::close(pipe[1]);
  std::array<char, 4096> piece;
  for (ssize_t got = 0; (got = ::read(pipe[0], piece.data(), piece.size())) > 0;) {
    said.append(piece.data(), static_cast<std::size_t>(got));
  }
  ::close(pipe[0]);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

void fill(const std::filesystem::path& folder) {
  recording_log_sink sink;
  environment_options options;
  options.folder = folder;
  options.map_bytes = 4 << 20;
  const auto env = environment::open(options);
  ASSERT_TRUE(env) << env.error().message;
  const auto store = lmdb_log_store::open(**env, sink);
  ASSERT_TRUE(store) << store.error().message;
  write_generation generation = 0;
  for (index_t index = 1; index <= entries; ++index) {
    for (std::uint16_t shard = 0; shard < shards; ++shard) {
      log_write write = append(shard, index, {entry_of(shard, index)}, ++generation);
      write.hard = vote_of(shard);
      (*store)->submit(std::move(write));
    }
    (*store)->kick();
    ASSERT_TRUE(sink.wait(shard_id(shards - 1), generation));
  }
}

// Goal: wrong data is never served, and whatever ends the node names the folder. Method: a few bytes or a
// whole sector of a good file are overwritten at random places; a process of its own opens it and reads
// everything. It must find all of it, refuse by name, or die with a message that names the file.
TEST(damage, WrongDataIsNeverServed) {
  const std::uint64_t seed = seed_or(4);
  SCOPED_TRACE("GODWIT_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const temporary_folder folder;
  ASSERT_NO_FATAL_FAILURE(fill(folder.path()));
  const auto path = folder.path() / "data.mdb";
  std::string good(4 << 20, '\0');
  std::ifstream(path, std::ios::binary).read(good.data(), static_cast<std::streamsize>(good.size()));
  good.erase(good.find_last_not_of('\0') + 1);
  int counts[4] = {};
  int deaths = 0;
  for (int round = 0; round < 200; ++round) {
    std::string bad = good;
    if (round % 3 == 0) {
      for (std::size_t at = random() % (bad.size() / 512) * 512, end = at + 512; at < end; ++at) {
        bad[at] = static_cast<char>(random());
      }
    } else {
      for (int i = round % 3 == 1 ? 1 : 40; i > 0; --i) {
        bad[random() % bad.size()] ^= static_cast<char>(1 << (random() % 8));
      }
    }
    std::fstream(path, std::ios::in | std::ios::out | std::ios::binary)
      .write(bad.data(), static_cast<std::streamsize>(bad.size()));
    std::string said;
    const int status = run_child(folder.path(), said);
    // Under a sanitizer a fatal signal becomes an exit code of its own.
    const int verdict = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    if (verdict < whole || verdict > refused_without_name) {
      ++deaths;
      EXPECT_THAT(said, HasSubstr(folder.path().string())) << "round " << round << ", status " << status;
      continue;
    }
    ++counts[verdict - whole];
    EXPECT_NE(verdict, wrong_data) << "round " << round;
    EXPECT_NE(verdict, refused_without_name) << "round " << round << ": " << said;
  }
  // The damage must hit something that is read, and must sometimes hit what is not.
  EXPECT_GT(counts[refused - whole], 20);
  EXPECT_GT(counts[0], 20);
  RecordProperty("whole", counts[0]);
  RecordProperty("refused", counts[1]);
  RecordProperty("died", deaths);
}

// --- folders that cannot be written ---------------------------------------------------------------

// Permissions do not bind root: the child gives that up first.
TEST(damage, AFolderWithoutPermissionIsRefusedByName) {
  const temporary_folder folder;
  ASSERT_NO_FATAL_FAILURE(fill(folder.path()));
  std::filesystem::permissions(folder.path() / "data.mdb", std::filesystem::perms::owner_read);
  std::filesystem::permissions(folder.path() / "lock.mdb", std::filesystem::perms::owner_read);
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0555));
  const auto child = [&] {
    if (::geteuid() == 0 && ::setuid(65'534) != 0) {
      ::_exit(1);
    }
    ::_exit(read_all(folder.path()));
  };
  EXPECT_EXIT(child(), ::testing::ExitedWithCode(refused), "Permission denied.*correct owner or permissions");
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0755));
}

TEST(damage, AReadOnlyFileSystemIsToldFromAFullOneAndAFailingOne) {
  const auto read_only = environment_error("/data/log", EROFS, "opening the environment");
  EXPECT_EQ(read_only.code, persistence_errc::read_only);
  EXPECT_THAT(read_only.message, AllOf(HasSubstr("/data/log"), HasSubstr("remount")));
  for (const int code : {ENOSPC, EDQUOT, EFBIG}) {
    EXPECT_EQ(environment_error("/data/log", code, "writing").code, persistence_errc::no_space);
  }
  const auto failing = environment_error("/data/log", EIO, "writing");
  EXPECT_EQ(failing.code, persistence_errc::io_error);
  EXPECT_THAT(failing.message, AllOf(HasSubstr("/data/log"), HasSubstr("check it")));
}

} // namespace
} // namespace godwit::persistence::lmdb
