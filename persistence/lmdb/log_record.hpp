#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "persistence/base/types.hpp"
#include "persistence/log/log_entry.hpp"

namespace godwit::persistence::lmdb {

// Values of the log environment: a Protobuf message of records/log.proto, and behind it the CRC-32C of
// key and message in four bytes, least significant first. docs/formats.md has a worked example.

/// Where an entry stands in the log environment: counts up over all shards and is never used twice.
using log_sequence = std::uint64_t;

inline constexpr std::size_t crc_bytes = 4;

/// A LogEntry. `payload` points into the value it was read from.
struct log_record {
  shard_id shard;
  index_t index = 0;
  term_t term = 0;
  entry_kind kind = entry_kind::command;
  std::string_view payload;

  friend bool operator==(const log_record&, const log_record&) = default;
};

/// A LogShard.
struct shard_record {
  hard_state hard;
  index_t first_index = 1;
  log_sequence live_from = 0;

  friend bool operator==(const shard_record&, const shard_record&) = default;
};

/// A LogAnchor.
struct anchor_record {
  std::uint64_t transaction = 0;
  std::uint64_t entries = 0;
  log_sequence last_sequence = 0;
  std::uint32_t shards_checksum = 0;
  log_sequence next_sequence = 1;

  friend bool operator==(const anchor_record&, const anchor_record&) = default;
};

/// Its key in the database of the shards, whose own keys have two bytes.
inline constexpr std::string_view anchor_key = "anchor";

/// Bytes of the value that write_log_record makes.
std::size_t log_record_bytes(const log_record& record);

/// Writes log_record_bytes(record) bytes to `out`.
void write_log_record(log_sequence key, const log_record& record, char* out);

/// Nothing when the checksum or the form does not hold.
std::optional<log_record> read_log_record(log_sequence key, std::string_view value);

/// Reads without looking at the checksum: for a record that is about to be removed.
std::optional<log_record> read_log_record_unchecked(std::string_view value);

std::string encode_shard_record(shard_id shard, const shard_record& record);
std::optional<shard_record> read_shard_record(shard_id shard, std::string_view value);

std::string encode_anchor_record(const anchor_record& record);
std::optional<anchor_record> read_anchor_record(std::string_view value);

/// The checksum at the end of a value.
std::uint32_t crc_of(std::string_view value);

/// Appends the CRC-32C of key and value to the value.
void append_crc(std::string_view key, std::string& value);

/// The value without its checksum; nothing when that does not hold.
std::optional<std::string_view> check_crc(std::string_view key, std::string_view value);

} // namespace godwit::persistence::lmdb
