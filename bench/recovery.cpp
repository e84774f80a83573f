// How long a node takes from the start of its process's storage to leading every shard again.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>

#include "bench/bench_folder.hpp"
#include "bench/mutation_load.hpp"
#include "persistence/lmdb/storage.hpp"

namespace {

using namespace godwit;
using namespace godwit::persistence;
using clock_type = std::chrono::steady_clock;

constexpr std::uint16_t shards = 16;

struct one_node {
  explicit one_node(const bench::mutation_load::options& load_options) {
    test::storage_node::options options;
    options.shards = shards;
    test::storage_node::hooks on;
    on.ready = [this](shard_id shard, term_t term) {
      ready += term != 0 ? 1 : 0;
      if (load) {
        load->ready(shard, term);
      }
    };
    on.done = [this](shard_id shard, raft::proposal_token token, raft::proposal_outcome outcome, index_t) {
      load->done(shard, token, outcome);
    };
    on.round = [this] { load->round(); };
    node = std::make_unique<test::storage_node>(options, on);
    load = std::make_unique<bench::mutation_load>(load_options, *node);
  }

  storage_result<void> open(const std::filesystem::path& folder) {
    auto opened = lmdb::storage::open(folder, *node, *node);
    if (!opened) {
      return unexpected(opened.error());
    }
    storage = std::move(*opened);
    return node->start(storage->log(), storage->state());
  }

  std::atomic<int> ready = 0;
  std::unique_ptr<test::storage_node> node;
  std::unique_ptr<bench::mutation_load> load;
  std::unique_ptr<lmdb::storage> storage;
};

/// Drops the page cache of a folder's files, as after a reboot; what is dirty was synced by the stores.
void forget_pages(const std::filesystem::path& folder) {
  for (const auto& each : std::filesystem::recursive_directory_iterator(folder)) {
    if (const int fd = ::open(each.path().c_str(), O_RDONLY | O_CLOEXEC); fd >= 0) {
      fdatasync(fd);
      posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
      ::close(fd);
    }
  }
}

std::uint64_t size_of(const std::filesystem::path& folder) {
  std::uint64_t sum = 0;
  for (const auto& each : std::filesystem::recursive_directory_iterator(folder)) {
    struct stat status {};
    if (each.is_regular_file() && ::stat(each.path().c_str(), &status) == 0) {
      sum += static_cast<std::uint64_t>(status.st_blocks) * 512; // the files are sparse
    }
  }
  return sum;
}

int run(std::uint64_t megabytes, const std::filesystem::path& folder) {
  if (const auto made = lmdb::storage::create(folder, {node_id{1}, shards}); !made) {
    std::fprintf(stderr, "%s\n", made.error().message.c_str());
    return 1;
  }
  {
    bench::mutation_load::options load;
    one_node filling(load);
    if (const auto opened = filling.open(folder); !opened) {
      std::fprintf(stderr, "%s\n", opened.error().message.c_str());
      return 1;
    }
    while (size_of(folder) < megabytes << 20) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
    filling.node->stop(); // in the middle of its work
  }
  forget_pages(folder);
  bench::mutation_load::options idle;
  idle.in_flight = 0;
  one_node again(idle);
  const auto begin = clock_type::now();
  if (const auto opened = again.open(folder); !opened) {
    std::fprintf(stderr, "%s\n", opened.error().message.c_str());
    return 1;
  }
  while (again.ready < shards) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const double took = std::chrono::duration<double>(clock_type::now() - begin).count();
  again.node->stop();
  std::printf("folder_megabytes %llu\n", static_cast<unsigned long long>(size_of(folder) >> 20));
  std::printf("recovery_seconds %.3f\n", took);
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  std::uint64_t megabytes = 1024;
  std::filesystem::path parent = std::filesystem::temp_directory_path();
  CLI::App app{"Fills a data folder, stops the node in the middle of its work, drops the page cache of the folder and\n"
               "measures the time until a new process's storage leads every shard."};
  app.add_option("--megabytes", megabytes, "Size of the folder")->capture_default_str();
  app.add_option("--folder", parent, "Where the data goes: the disk to measure")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const bench::bench_folder folder(parent);
  return run(megabytes, folder.path() / "node");
}
