// godwit_faults_lmdb FOLDER LEDGER COMMAND MODE SEED [COUNT]
//
// Works on an LMDB environment for the tests of the crash model. MODE: full, nometasync or nosync.
//
//   create  makes the environment with transaction 0
//   run     commits transactions, COUNT of them or without end, each reported in the ledger once its commit
//           has returned. Transaction t is a function of (SEED, t), so the whole content after it is known.
//   try     one transaction with other changes than `run` would make: what a retry does not repeat
//   sync    mdb_env_sync, forced
//   check   compares the whole content with what the last transaction found must have left, and counts pages:
//           each is in one tree or free, none is both or neither
//
// What LMDB says on standard error goes to LEDGER.log. Exit code 0: good. 1: the check failed. 3: LMDB
// returned an error, see the ledger.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <lmdb.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/faults/children/ledger.hpp"

namespace {

using godwit::faults::ledger;

constexpr std::size_t map_bytes = std::size_t{64} << 20;

ledger* book = nullptr;

[[noreturn]] void end(int code, const char* where, int error) {
  book->error = error;
  std::snprintf(book->text, ledger::text_bytes, "%s: %s", where, error == 0 ? "wrong" : mdb_strerror(error));
  std::fflush(nullptr);
  ::_exit(code);
}

void need(int error, const char* where) {
  if (error != 0)
    end(3, where, error);
}

/// What transaction `t` does: a value of length 0 stands for a removal.
struct change {
  std::string key;
  std::string value;
};

// Small values, values of several pages, removals; every 16th transaction is a large one.
std::vector<change> changes_of(std::uint64_t seed, std::uint64_t t) {
  std::mt19937_64 random(seed * 1'000'003 + t);
  std::vector<change> changes(t % 16 == 15 ? 150 : 1 + random() % 12);
  for (change& next : changes) {
    next.key = "key " + std::to_string(random() % 300);
    const std::uint64_t kind = random() % 8;
    const std::size_t length = kind < 2 ? 0 : kind == 2 ? 3000 + random() % 9000 : 10 + random() % 400;
    next.value.resize(length);
    for (std::size_t i = 0; i < length; ++i)
      next.value[i] = static_cast<char>('a' + (t + i * (kind + 1)) % 26);
    if (length > 0)
      next.value.replace(0, 8, std::to_string(10'000'000 + t));
  }
  return changes;
}

MDB_val view(std::string_view bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }

class store {
public:
  store(const char* folder, std::string_view mode) {
    need(mdb_env_create(&environment_), "env_create");
    need(mdb_env_set_mapsize(environment_, map_bytes), "set_mapsize");
    need(mdb_env_set_maxdbs(environment_, 2), "set_maxdbs");
    const unsigned flags = mode == "nosync" ? MDB_NOSYNC : mode == "nometasync" ? MDB_NOMETASYNC : 0U;
    need(mdb_env_open(environment_, folder, flags, 0600), "env_open");
  }

  ~store() { mdb_env_close(environment_); }
  store(const store&) = delete;
  store& operator=(const store&) = delete;

  void create() {
    MDB_txn* txn = begin(0);
    need(mdb_dbi_open(txn, "rows", MDB_CREATE, &rows_), "dbi_open");
    need(mdb_dbi_open(txn, "position", MDB_CREATE, &position_), "dbi_open");
    put_position(txn, 0);
    need(mdb_txn_commit(txn), "commit");
    book->acknowledged = 0;
  }

  void run(std::uint64_t seed, std::uint64_t count) {
    open_tables();
    std::mt19937_64 random(seed);
    std::uint64_t t = position() + 1;
    for (std::uint64_t i = 0; i < count; ++i, ++t) {
      commit(t, changes_of(seed, t));
      if (random() % 8 == 0) {
        need(mdb_env_sync(environment_, 1), "env_sync");
        book->synced = t;
      }
    }
  }

  void try_other(std::uint64_t seed) {
    open_tables();
    const std::uint64_t t = position() + 1;
    commit(t, changes_of(other(seed), t));
  }

  void sync() { need(mdb_env_sync(environment_, 1), "env_sync"); }

  void check(std::uint64_t seed) {
    open_tables();
    const std::uint64_t last = position();
    book->found = last;
    std::map<std::string, std::string> wanted;
    for (std::uint64_t t = 1; t < last; ++t)
      apply(changes_of(seed, t), wanted);
    auto wanted_other = wanted;
    if (last > 0) {
      apply(changes_of(seed, last), wanted);
      apply(changes_of(other(seed), last), wanted_other);
    }
    const auto found = content();
    if (found != wanted && found != wanted_other)
      end(1, "the content is not that of the last transaction", 0);
    count_pages();
  }

private:
  static std::uint64_t other(std::uint64_t seed) { return ~seed; }

  static void apply(const std::vector<change>& changes, std::map<std::string, std::string>& content) {
    for (const change& next : changes) {
      if (next.value.empty())
        content.erase(next.key);
      else
        content[next.key] = next.value;
    }
  }

  void commit(std::uint64_t t, const std::vector<change>& changes) {
    MDB_txn* txn = begin(0);
    for (const change& next : changes) {
      MDB_val key = view(next.key);
      MDB_val value = view(next.value);
      const int error = next.value.empty() ? mdb_del(txn, rows_, &key, nullptr) : mdb_put(txn, rows_, &key, &value, 0);
      need(next.value.empty() && error == MDB_NOTFOUND ? 0 : error, "put");
    }
    put_position(txn, t);
    need(mdb_txn_commit(txn), "commit");
    book->acknowledged = t;
  }

  MDB_txn* begin(unsigned flags) {
    MDB_txn* txn = nullptr;
    need(mdb_txn_begin(environment_, nullptr, flags, &txn), "begin");
    return txn;
  }

  void open_tables() {
    MDB_txn* txn = begin(MDB_RDONLY);
    need(mdb_dbi_open(txn, "rows", 0, &rows_), "dbi_open");
    need(mdb_dbi_open(txn, "position", 0, &position_), "dbi_open");
    need(mdb_txn_commit(txn), "commit");
  }

  void put_position(MDB_txn* txn, std::uint64_t t) {
    MDB_val key = view("t");
    MDB_val value{sizeof(t), &t};
    need(mdb_put(txn, position_, &key, &value, 0), "put");
  }

  std::uint64_t position() {
    MDB_txn* txn = begin(MDB_RDONLY);
    MDB_val key = view("t");
    MDB_val value{};
    need(mdb_get(txn, position_, &key, &value), "get");
    std::uint64_t t = 0;
    std::memcpy(&t, value.mv_data, sizeof(t));
    mdb_txn_abort(txn);
    return t;
  }

  std::map<std::string, std::string> content() {
    MDB_txn* txn = begin(MDB_RDONLY);
    MDB_cursor* cursor = nullptr;
    need(mdb_cursor_open(txn, rows_, &cursor), "cursor_open");
    std::map<std::string, std::string> all;
    MDB_val key{};
    MDB_val value{};
    int error = 0;
    while ((error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
      all.emplace(std::string(static_cast<char*>(key.mv_data), key.mv_size),
                  std::string(static_cast<char*>(value.mv_data), value.mv_size));
    need(error == MDB_NOTFOUND ? 0 : error, "cursor_get");
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    return all;
  }

  // Tables 0 and 1 are LMDB's own: the free pages and the names of tables.
  void count_pages() {
    MDB_txn* txn = begin(MDB_RDONLY);
    std::size_t pages = 2;
    for (const MDB_dbi table : {MDB_dbi{0}, MDB_dbi{1}, rows_, position_}) {
      MDB_stat stat{};
      need(mdb_stat(txn, table, &stat), "stat");
      pages += stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
    }
    MDB_cursor* cursor = nullptr;
    need(mdb_cursor_open(txn, 0, &cursor), "cursor_open");
    MDB_val key{};
    MDB_val value{};
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
      std::size_t free_pages = 0;
      std::memcpy(&free_pages, value.mv_data, sizeof(free_pages));
      pages += free_pages;
    }
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    MDB_envinfo info{};
    need(mdb_env_info(environment_, &info), "env_info");
    if (pages != info.me_last_pgno + 1)
      end(1, "a page is used twice or not at all", 0);
  }

  MDB_env* environment_ = nullptr;
  MDB_dbi rows_ = 0;
  MDB_dbi position_ = 0;
};

} // namespace

int main(int argc, char** argv) {
  if (argc < 6)
    return 2;
  const int fd = ::open(argv[2], O_RDWR);
  void* memory = ::mmap(nullptr, sizeof(ledger), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED)
    return 2;
  book = static_cast<ledger*>(memory);
  book->error = 0;
  if (std::freopen((std::string(argv[2]) + ".log").c_str(), "w", stderr) == nullptr)
    return 2;
  const std::string_view command = argv[3];
  const std::uint64_t seed = std::strtoull(argv[5], nullptr, 10);
  store environment(argv[1], argv[4]);
  if (command == "create")
    environment.create();
  else if (command == "run")
    environment.run(seed, argc > 6 ? std::strtoull(argv[6], nullptr, 10) : ~std::uint64_t{0});
  else if (command == "try")
    environment.try_other(seed);
  else if (command == "sync")
    environment.sync();
  else if (command == "check")
    environment.check(seed);
  else
    return 2;
  return 0;
}
