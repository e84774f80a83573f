#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/strong_id.hpp"

namespace godwit::persistence {

/// A family of rows. Numbers are on disk: never renumber.
using table_id = strong_id<struct table_id_tag, std::uint8_t>;

/// Whom a row belongs to: a user, a chat, a channel, a phone number's hash …
using entity_id = strong_id<struct entity_id_tag, std::uint64_t>;

/// Rows sort by table, then entity, then sub-key, all as bytes. Encoded: table in one byte, entity
/// in eight, most significant first, then the sub-key as it is.
inline constexpr std::size_t row_key_prefix_bytes = 9;

/// The longest sub-key. LMDB bounds a key to 511 bytes; shard, generation and prefix take their part.
inline constexpr std::size_t sub_key_bytes_max = 480;

/// Appends the encoded key to `out`.
void append_row_key(std::string& out, table_id table, entity_id entity, std::string_view sub_key);

inline std::string row_key(table_id table, entity_id entity, std::string_view sub_key = {}) {
  std::string out;
  append_row_key(out, table, entity, sub_key);
  return out;
}

/// Whether row_key can have made these bytes.
constexpr bool valid_row_key(std::string_view key) {
  return key.size() >= row_key_prefix_bytes && key.size() <= row_key_prefix_bytes + sub_key_bytes_max;
}

/// The first key behind every key that begins with `prefix`; empty when there is none.
std::string prefix_end(std::string_view prefix);

} // namespace godwit::persistence
