#pragma once

#include <cstdint>
#include <string>

#include "persistence/base/persistence_errc.hpp"
#include "persistence/base/types.hpp"
#include "persistence/lmdb/environment.hpp"

namespace godwit::persistence::lmdb {

/// The layout of keys and values that this program writes; docs/formats.md. Counts up with every change that
/// an older program would misread.
inline constexpr std::uint32_t format_version_now = 1;

/// The oldest layout that this program reads.
inline constexpr std::uint32_t format_version_oldest = 1;

/// Values are on disk: never renumber.
enum class environment_kind : std::uint8_t {
  log = 1,
  state = 2,
};

/// Format of records/format.proto.
struct environment_format {
  std::uint32_t version = format_version_now;
  std::string created_by;
  environment_kind kind = environment_kind::log;
  std::uint64_t folder_id = 0;
  node_id node;
  std::uint16_t shard_count = 0;
};

/// Writes the record into a new environment; synced. Blocks.
storage_result<void> write_format(environment& env, const environment_format& format);

/// Reads it without changing anything. Errors: invalid_argument when there is none or it is the other
/// environment's, corrupt, and format_unknown for a version that this program cannot read.
storage_result<environment_format> read_format(environment& env, environment_kind kind);

} // namespace godwit::persistence::lmdb
