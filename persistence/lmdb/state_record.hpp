#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "persistence/base/types.hpp"
#include "persistence/state/state_store.hpp"

namespace godwit::persistence::lmdb {

// Keys and values of the state environment. docs/formats.md has a worked example.

/// Named databases. On disk: never rename.
inline constexpr const char* state_rows_name = "state_rows";
inline constexpr const char* state_points_name = "state_points";

/// What stands before a row's key: shard in two bytes, generation in four, most significant first.
inline constexpr std::size_t state_prefix_bytes = 6;

using state_prefix = std::array<char, state_prefix_bytes>;

state_prefix make_state_prefix(shard_id shard, state_generation generation);

struct state_key {
  shard_id shard;
  state_generation generation = 0;
  std::string_view row; ///< as row_key encodes it
};

/// Nothing when the bytes are shorter than a prefix.
std::optional<state_key> read_state_key(std::string_view stored);

/// Key in the database of points: the shard in two bytes, most significant first.
std::array<char, 2> make_point_key(shard_id shard);

/// A ShardPoint with its checksum.
std::string encode_point(shard_id shard, const flushed_state& state);
/// Nothing when the checksum or the form does not hold.
std::optional<flushed_state> read_point(shard_id shard, std::string_view value);

} // namespace godwit::persistence::lmdb
