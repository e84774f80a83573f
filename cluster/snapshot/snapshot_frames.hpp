#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cluster/wire/snapshot_wire.pb.h"
#include "persistence/base/slice.hpp"
#include "persistence/log/log_entry.hpp"
#include "persistence/state/state_store.hpp"

namespace godwit::cluster {

inline constexpr std::uint32_t snapshot_exchange_version = 1;

/// Rows, bytes and checksum of the chunks of a stream up to one of them.
struct stream_sums {
  stream_sums() = default;
  /// At the beginning of a stream of that shard's rows as of that point.
  stream_sums(persistence::shard_id shard, const persistence::snapshot_point& point);

  std::uint64_t chunks = 0;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::uint32_t checksum = 0; ///< CRC-32C of shard, point and the chunks' bytes, one behind the other

  void add(std::string_view chunk, std::uint64_t row_count);
  friend bool operator==(const stream_sums&, const stream_sums&) = default;
};

/// Rows in a chunk's bytes; nothing when they are no chunk, or its rows are not in order behind `after`.
std::optional<std::uint64_t> count_snapshot_rows(std::string_view chunk, std::string_view after);

/// The whole frame.
std::string pack(const wire::SnapshotFrame& frame);
/// A chunk's frame, its rows copied once. `totals`: of the stream up to and with it; sent when it is the last.
std::string pack_chunk(const persistence::state_chunk& chunk, std::uint64_t row_count, const stream_sums& totals);

void write_point(const persistence::snapshot_point& point, wire::SnapshotPoint& out);
/// Nothing when it cannot be one: no index, no members or too many, a role that does not exist.
std::optional<persistence::snapshot_point> read_point(const wire::SnapshotPoint& in);

} // namespace godwit::cluster
