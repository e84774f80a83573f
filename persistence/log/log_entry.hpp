#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "persistence/base/slice.hpp"
#include "persistence/base/types.hpp"

namespace godwit::persistence {

/// What a log entry holds. Values are on disk and on the wire: never renumber.
enum class entry_kind : std::uint8_t {
  command = 1, ///< a batch of mutations, see state/mutation.hpp
  barrier = 2, ///< nothing; makes what precedes it committed in its leader's own term
  change = 3,  ///< a configuration, encoded by encode_configuration
};

struct log_entry {
  term_t term = 0;
  entry_kind kind = entry_kind::command;
  slice payload;

  friend bool operator==(const log_entry&, const log_entry&) = default;
};

/// Sum over the entries' payloads.
inline std::size_t payload_bytes(const std::vector<log_entry>& entries) {
  std::size_t sum = 0;
  for (const log_entry& entry : entries) {
    sum += entry.payload.size();
  }
  return sum;
}

/// What a replica must not forget about elections (Raft, figure 2): written in one piece.
struct hard_state {
  term_t term = 0;
  node_id vote = no_node;

  friend bool operator==(const hard_state&, const hard_state&) = default;
};

/// Values are on disk and on the wire: never renumber.
enum class member_role : std::uint8_t {
  voter = 1,   ///< has the log and counts in majorities
  standby = 2, ///< has the log, does not count
  spare = 3,   ///< known, has nothing
};

struct member {
  node_id id;
  member_role role = member_role::voter;

  friend bool operator==(const member&, const member&) = default;
};

/// The members of one shard. Their order is part of the value and is kept over changes: the
/// consensus core finds members by position.
struct configuration {
  std::vector<member> members;

  friend bool operator==(const configuration&, const configuration&) = default;
};

/// Where a snapshot of a shard stands: everything up to `index` is in it.
struct snapshot_point {
  index_t index = 0;
  term_t term = 0;
  configuration members;           ///< the last one committed at or below `index`
  index_t configuration_index = 0; ///< the entry `members` came with

  friend bool operator==(const snapshot_point&, const snapshot_point&) = default;
};

} // namespace godwit::persistence
