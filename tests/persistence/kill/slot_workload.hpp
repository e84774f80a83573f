#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "tests/persistence/kill/board.hpp"
#include "tests/support/storage_node.hpp"

namespace godwit::test {

/// Each slot counts upwards, one mutation at a time: two rows that hold the count, one row of a
/// history of the last `history` counts, and the erasure of the one that drops out of it. What a
/// restarted node holds must lie between what was acknowledged and what was proposed, whole.
class slot_workload {
public:
  static constexpr std::uint64_t history = 50;

  slot_workload(storage_node& node, board& promises, std::size_t value_bytes);

  /// Checks every slot of the shard against the board; then, in term `term`, starts counting.
  /// Returns what is wrong, if anything.
  std::optional<std::string> ready(shard_id shard, term_t term, bool count);
  void done(shard_id shard, raft::proposal_token token, raft::proposal_outcome outcome);
  /// Slots whose last proposal was refused for want of room are tried again.
  void retry();

private:
  struct slot {
    std::uint64_t count = 0;
    term_t term = 0; ///< 0: not counting
    bool waiting = false;
  };

  std::optional<std::string> check(shard_id shard, std::uint32_t number);
  void propose(std::uint32_t number);
  [[nodiscard]] shard_id shard_of(std::uint32_t number) const;

  storage_node& node_;
  board& board_;
  std::string padding_;
  std::uint16_t shards_;
  std::array<slot, board::slots> slots_;
};

} // namespace godwit::test
