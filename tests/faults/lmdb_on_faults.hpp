#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/faults/children/ledger.hpp"
#include "tests/faults/fault_session.hpp"

namespace godwit::faults {

/// An LMDB environment under the crash model, worked on by godwit_faults_lmdb processes.
class lmdb_on_faults {
public:
  /// `mode`: full, nometasync or nosync. `seed` decides what every transaction does.
  lmdb_on_faults(std::string mode, std::uint64_t seed);
  ~lmdb_on_faults();
  lmdb_on_faults(const lmdb_on_faults&) = delete;
  lmdb_on_faults& operator=(const lmdb_on_faults&) = delete;

  pid_t start(const std::string& command, std::optional<std::uint64_t> count = std::nullopt);
  process_end run(const std::string& command, std::optional<std::uint64_t> count = std::nullopt);

  /// Removes the environment and everything known of it.
  void clear();

  [[nodiscard]] const std::string& mode() const { return mode_; }
  [[nodiscard]] fault_session& session() { return session_; }
  [[nodiscard]] ledger& book() { return *book_; }

private:
  std::string mode_;
  std::uint64_t seed_;
  fault_session session_;
  ledger* book_ = nullptr;
};

/// What a power failure did to an environment.
struct kill_result {
  std::string wrong; ///< empty: nothing, as far as was asked
  std::uint64_t acknowledged = 0;
  std::uint64_t found = 0;
  drop_report dropped;
};

/// Ends a process that runs transactions at a point that `seed` chooses, lets the power fail, and checks
/// what is left. `losable`: how many of the last acknowledged transactions may be missing, unless an
/// mdb_env_sync covered them.
kill_result kill_and_check(lmdb_on_faults& lmdb, std::uint64_t seed, drop_policy policy, std::uint64_t losable);

/// GODWIT_SEED alone where it is set; else 0 to `count` - 1, or to `long_count` - 1 with GODWIT_LONG.
std::vector<std::uint64_t> seeds(std::uint64_t count, std::uint64_t long_count);

} // namespace godwit::faults
