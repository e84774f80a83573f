#include "tests/faults/lmdb_on_faults.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <new>
#include <numeric>
#include <random>
#include <stdexcept>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace godwit::faults {
namespace {

namespace fs = std::filesystem;

// Enough transactions to use freed pages again.
constexpr std::uint64_t writes_to_kill_max = 80;
constexpr std::uint64_t commits_to_kill_max = 20;

ledger* map_ledger(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const bool sized = fd >= 0 && ::ftruncate(fd, sizeof(ledger)) == 0;
  void* memory = sized ? ::mmap(nullptr, sizeof(ledger), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
  ::close(fd);
  if (memory == MAP_FAILED)
    throw std::runtime_error(path.string() + ": cannot be mapped");
  return new (memory) ledger{};
}

std::string describe(const process_end& end, lmdb_on_faults& lmdb) {
  if (end.signal == 0)
    return "exit code " + std::to_string(end.exit_code) + ", " + lmdb.book().text;
  std::ifstream log(lmdb.session().outside() / "ledger.log");
  std::string line;
  std::getline(log, line);
  return std::string("ended by signal ") + strsignal(end.signal) + " " + line;
}

// One in four at the write that decides a commit; only full sync marks it.
kill_target target_of(std::uint64_t choice, const std::string& mode) {
  if (choice == 0)
    return kill_target::sync;
  return choice == 1 && mode == "full" ? kill_target::synchronous_write : kill_target::write;
}

} // namespace

lmdb_on_faults::lmdb_on_faults(std::string mode, std::uint64_t seed)
    : mode_(std::move(mode)), seed_(seed), book_(map_ledger(session_.outside() / "ledger")) {
  clear();
}

lmdb_on_faults::~lmdb_on_faults() { ::munmap(book_, sizeof(ledger)); }

pid_t lmdb_on_faults::start(const std::string& command, std::optional<std::uint64_t> count) {
  std::vector<std::string> argv{GODWIT_FAULTS_LMDB,
                                (session_.root() / "environment").string(),
                                (session_.outside() / "ledger").string(),
                                command,
                                mode_,
                                std::to_string(seed_)};
  if (count)
    argv.push_back(std::to_string(*count));
  return session_.spawn(argv);
}

process_end lmdb_on_faults::run(const std::string& command, std::optional<std::uint64_t> count) {
  return session_.wait(start(command, count)).value();
}

void lmdb_on_faults::clear() {
  session_.clear();
  fs::create_directory(session_.root() / "environment");
  new (book_) ledger{};
}

kill_result kill_and_check(lmdb_on_faults& lmdb, std::uint64_t seed, drop_policy policy, std::uint64_t losable) {
  std::mt19937_64 random(seed);
  const kill_target target = target_of(random() % 4, lmdb.mode());
  const auto phase = static_cast<kill_phase>(random() % 3);
  const std::uint64_t number_max = target == kill_target::write ? writes_to_kill_max : commits_to_kill_max;
  kill_result result;
  lmdb.session().control().kill_at(target, 1 + random() % number_max, phase);
  const process_end worked = lmdb.run("run");
  lmdb.session().control().never_kill();
  if (!worked.killed()) {
    result.wrong = "the run did not reach its kill point: " + describe(worked, lmdb);
    return result;
  }
  const auto dropped = lmdb.session().drop_unsynced(seed, policy);
  if (!dropped) {
    result.wrong = dropped.error();
    return result;
  }
  result.dropped = *dropped;
  result.acknowledged = lmdb.book().acknowledged;

  const process_end checked = lmdb.run("check");
  if (!checked.good()) {
    result.wrong = "the check: " + describe(checked, lmdb);
    return result;
  }
  result.found = lmdb.book().found;
  const std::uint64_t synced = lmdb.book().synced;
  if (result.found + losable < result.acknowledged || result.found < synced || result.found > result.acknowledged + 1)
    result.wrong = "found transaction " + std::to_string(result.found) + ", acknowledged " +
                   std::to_string(result.acknowledged) + ", synced " + std::to_string(synced);
  lmdb.book().acknowledged = result.found; // durable now, whoever promised it
  return result;
}

std::vector<std::uint64_t> seeds(std::uint64_t count, std::uint64_t long_count) {
  if (const char* one = std::getenv("GODWIT_SEED"); one != nullptr && *one != 0)
    return {std::strtoull(one, nullptr, 10)};
  const char* longer = std::getenv("GODWIT_LONG");
  std::vector<std::uint64_t> all(longer != nullptr && *longer != 0 && *longer != '0' ? long_count : count);
  std::iota(all.begin(), all.end(), 0);
  return all;
}

} // namespace godwit::faults
