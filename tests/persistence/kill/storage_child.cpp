// A node's storage under the slot workload until it is killed.
//
//   godwit_storage_child FOLDER BOARD count|grow|check [snapshot TARGET]
//
// `count` checks what the folder holds against the board and counts on for ever; `grow` does so without
// trimming its log; `check` ends after the check. With `snapshot` a copy is made while it counts, and the process ends then. Exits with 0,
// with 3 and the finding on stderr when a promise was broken, with 4 when the storage refused.

#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "persistence/lmdb/storage.hpp"
#include "tests/persistence/kill/board.hpp"
#include "tests/persistence/kill/slot_workload.hpp"
#include "tests/support/storage_node.hpp"

namespace {

using namespace godwit::persistence;
using godwit::test::board;
using godwit::test::slot_workload;
using godwit::test::storage_node;

constexpr std::uint16_t shards = 8;
constexpr std::size_t value_bytes = 300;

[[noreturn]] void end(int code, const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  _exit(code);
}

/// Small bounds, so that segments, trims and the growth of the maps come within a second.
storage_node::options small_options(bool grow) {
  storage_node::options out;
  out.shards = shards;
  out.replica.trailing_entries = grow ? 1'000'000'000 : 64;
  out.replica.trailing_bytes = grow ? std::size_t{1} << 40 : out.replica.trailing_bytes;
  out.state.flush_interval_ms = 10;
  out.state.segment_bytes_max = 256 << 10;
  return out;
}

struct child {
  child(const std::filesystem::path& folder, board& promises, bool count, bool grow)
      : board_(promises), count_(count), node_(small_options(grow), hooks()), workload_(node_, promises, value_bytes) {
    lmdb::storage_options options;
    options.map_bytes = 1 << 20;
    if (!std::filesystem::exists(folder / "lock")) {
      const auto made = lmdb::storage::create(folder, {node_id{1}, shards});
      if (!made && made.error().code != persistence_errc::invalid_argument) {
        end(4, made.error().message);
      }
    }
    auto opened = lmdb::storage::open(folder, node_, node_, options);
    if (!opened) {
      end(4, opened.error().message);
    }
    storage_ = std::move(*opened);
    if (const auto started = node_.start(storage_->log(), storage_->state()); !started) {
      end(3, started.error().message);
    }
  }

  storage_node::hooks hooks() {
    storage_node::hooks on;
    on.ready = [this](shard_id shard, term_t term) {
      if (const auto wrong = workload_.ready(shard, term, count_)) {
        end(3, *wrong);
      }
      if (term != 0 && ++ready_ == shards) {
        ++board_.starts;
      }
    };
    on.done = [this](shard_id shard, raft::proposal_token token, raft::proposal_outcome outcome, index_t) {
      workload_.done(shard, token, outcome);
    };
    on.round = [this] { workload_.retry(); };
    on.failed = [this](const storage_error& why) {
      ++board_.refusals;
      if (why.code != persistence_errc::no_space) {
        end(4, why.message);
      }
      std::fprintf(stderr, "%s\n", why.message.c_str());
    };
    on.recovered = [this] { ++board_.recoveries; };
    if (!count_) {
      on.round = nullptr;
    }
    return on;
  }

  board& board_;
  bool count_;
  std::atomic<int> ready_ = 0;
  storage_node node_;
  slot_workload workload_;
  std::unique_ptr<lmdb::storage> storage_;
};

} // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    end(2, "usage: godwit_storage_child FOLDER BOARD count|grow|check [snapshot TARGET]");
  }
  board& promises = board::map(argv[2]);
  const bool grow = std::strcmp(argv[3], "grow") == 0;
  child work(argv[1], promises, grow || std::strcmp(argv[3], "count") == 0, grow);
  while (work.ready_ < shards) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (argc == 6 && std::strcmp(argv[4], "snapshot") == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    if (const auto copied = work.storage_->snapshot(argv[5]); !copied) {
      end(4, copied.error().message);
    }
    _exit(0);
  }
  while (work.count_) {
    pause();
  }
  _exit(0);
}
