// godwit_vote_child FOLDER LEDGER COUNT [vote_unsynced | split_hard_state]
//
// Writes COUNT votes, one after the other, each for a node that follows from its term, and puts the term of the
// last one that was reported durable into LEDGER. With `found` for COUNT it writes nothing but what it found into
// LEDGER, as a node does that acts on it. Exits with 0, or with 4 when the store refused.

#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "persistence/base/mutant.hpp"
#include "persistence/lmdb/lmdb_log_store.hpp"

namespace {

using namespace godwit::persistence;
using namespace godwit::persistence::lmdb;

class waiting_sink final : public log_sink {
public:
  void log_written(std::span<const log_completion> done) override {
    const std::lock_guard lock(mutex_);
    last_ = done.back().generation;
    changed_.notify_one();
  }
  void log_failed(const storage_error& why) override {
    if (why.code != persistence_errc::no_space) {
      end(why);
    }
  }
  void log_recovered() override {}

  void wait(write_generation generation) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return last_ >= generation; });
  }

  [[noreturn]] static void end(const storage_error& why) {
    std::fprintf(stderr, "%s\n", why.message.c_str());
    ::_exit(4);
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  write_generation last_ = 0;
};

} // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    return 2;
  }
  const std::string mutant_name = argc > 4 ? argv[4] : "";
  mutants_on.set(static_cast<std::size_t>(mutant::vote_unsynced), mutant_name == "vote_unsynced");
  mutants_on.set(static_cast<std::size_t>(mutant::split_hard_state), mutant_name == "split_hard_state");
  const int ledger = ::open(argv[2], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  waiting_sink sink;
  environment_options options;
  options.folder = argv[1];
  options.map_bytes = 1 << 20;
  const auto env = environment::open(options);
  if (!env) {
    waiting_sink::end(env.error());
  }
  const auto store = lmdb_log_store::open(**env, sink);
  if (!store) {
    waiting_sink::end(store.error());
  }
  if (std::strcmp(argv[3], "found") == 0) {
    const auto log = (*store)->recover(shard_id(1), 0);
    if (!log) {
      waiting_sink::end(log.error());
    }
    return ::pwrite(ledger, &log->hard.term, sizeof(term_t), 0) == sizeof(term_t) ? 0 : 3;
  }
  for (std::uint64_t term = 1; term <= std::strtoull(argv[3], nullptr, 10); ++term) {
    log_write write;
    write.shard = shard_id(1);
    write.hard = {term, node_id(term % 5 + 1)};
    write.generation = term;
    (*store)->submit(std::move(write));
    (*store)->kick();
    sink.wait(term);
    if (::pwrite(ledger, &term, sizeof(term), 0) != sizeof(term)) {
      return 3;
    }
  }
  return 0;
}
