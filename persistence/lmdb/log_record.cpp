#include "persistence/lmdb/log_record.hpp"

#include <array>
#include <cstring>

#include <google/protobuf/io/coded_stream.h>

#include "persistence/base/crc32c.hpp"
#include "persistence/records/log.pb.h"

namespace godwit::persistence::lmdb {
namespace {

using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;

enum wire_type : std::uint32_t { wire_varint = 0, wire_fixed64 = 1, wire_bytes = 2, wire_fixed32 = 5 };

// Field numbers of LogEntry are below 16, so that a tag takes one byte.
constexpr std::uint8_t tag(int field, wire_type type) {
  return static_cast<std::uint8_t>(static_cast<std::uint32_t>(field) << 3 | type);
}

constexpr int shard_field = records::LogEntry::kShardFieldNumber;
constexpr int index_field = records::LogEntry::kIndexFieldNumber;
constexpr int term_field = records::LogEntry::kTermFieldNumber;
constexpr int kind_field = records::LogEntry::kKindFieldNumber;
constexpr int payload_field = records::LogEntry::kPayloadFieldNumber;

std::string_view key_bytes(const log_sequence& key) { return {reinterpret_cast<const char*>(&key), sizeof(key)}; }

std::array<char, 2> shard_key(shard_id shard) {
  return {static_cast<char>(shard.value() >> 8), static_cast<char>(shard.value() & 0xFF)};
}

std::size_t varint_field_bytes(std::uint64_t value) {
  return value == 0 ? 0 : 1 + CodedOutputStream::VarintSize64(value);
}

std::uint8_t* write_varint_field(int field, std::uint64_t value, std::uint8_t* out) {
  if (value == 0) { // proto3 leaves zeros out
    return out;
  }
  *out++ = tag(field, wire_varint);
  return CodedOutputStream::WriteVarint64ToArray(value, out);
}

void write_crc(std::uint32_t crc, std::uint8_t* out) { CodedOutputStream::WriteLittleEndian32ToArray(crc, out); }

bool skip_field(CodedInputStream& in, std::uint32_t type) {
  std::uint64_t number = 0;
  std::uint32_t length = 0;
  switch (type) {
  case wire_varint: return in.ReadVarint64(&number);
  case wire_fixed64: return in.Skip(8);
  case wire_fixed32: return in.Skip(4);
  case wire_bytes: return in.ReadVarint32(&length) && in.Skip(static_cast<int>(length));
  default: return false;
  }
}

bool read_payload(CodedInputStream& in, std::string_view& out) {
  std::uint32_t length = 0;
  const void* data = nullptr;
  int rest = 0;
  if (!in.ReadVarint32(&length)) {
    return false;
  }
  if (length == 0) {
    out = {};
    return true;
  }
  if (!in.GetDirectBufferPointer(&data, &rest) || static_cast<std::uint32_t>(rest) < length) {
    return false;
  }
  out = {static_cast<const char*>(data), length};
  return in.Skip(static_cast<int>(length));
}

std::optional<log_record> parse_message(std::string_view message) {
  CodedInputStream in(reinterpret_cast<const std::uint8_t*>(message.data()), static_cast<int>(message.size()));
  log_record record;
  std::uint64_t shard = 0;
  std::uint64_t kind = 0;
  while (const std::uint32_t next = in.ReadTag()) {
    bool ok = false;
    switch (next) {
    case tag(shard_field, wire_varint): ok = in.ReadVarint64(&shard); break;
    case tag(index_field, wire_varint): ok = in.ReadVarint64(&record.index); break;
    case tag(term_field, wire_varint): ok = in.ReadVarint64(&record.term); break;
    case tag(kind_field, wire_varint): ok = in.ReadVarint64(&kind); break;
    case tag(payload_field, wire_bytes): ok = read_payload(in, record.payload); break;
    default: ok = skip_field(in, next & 7);
    }
    if (!ok) {
      return std::nullopt;
    }
  }
  if (in.CurrentPosition() != static_cast<int>(message.size()) || shard > UINT16_MAX || kind == 0 || kind > UINT8_MAX) {
    return std::nullopt;
  }
  record.shard = shard_id(static_cast<std::uint16_t>(shard));
  record.kind = static_cast<entry_kind>(kind);
  return record;
}

std::size_t message_bytes(const log_record& record) {
  std::size_t bytes = varint_field_bytes(record.shard.value()) + varint_field_bytes(record.index) +
                      varint_field_bytes(record.term) + varint_field_bytes(static_cast<std::uint64_t>(record.kind));
  if (!record.payload.empty()) {
    bytes += 1 + CodedOutputStream::VarintSize64(record.payload.size()) + record.payload.size();
  }
  return bytes;
}

} // namespace

std::size_t log_record_bytes(const log_record& record) { return message_bytes(record) + crc_bytes; }

void write_log_record(log_sequence key, const log_record& record, char* out) {
  auto* const begin = reinterpret_cast<std::uint8_t*>(out);
  std::uint8_t* at = write_varint_field(shard_field, record.shard.value(), begin);
  at = write_varint_field(index_field, record.index, at);
  at = write_varint_field(term_field, record.term, at);
  at = write_varint_field(kind_field, static_cast<std::uint64_t>(record.kind), at);
  if (!record.payload.empty()) {
    *at++ = tag(payload_field, wire_bytes);
    at = CodedOutputStream::WriteVarint64ToArray(record.payload.size(), at);
    std::memcpy(at, record.payload.data(), record.payload.size());
    at += record.payload.size();
  }
  const std::string_view message(out, static_cast<std::size_t>(at - begin));
  write_crc(crc32c(message, crc32c(key_bytes(key))), at);
}

std::optional<log_record> read_log_record(log_sequence key, std::string_view value) {
  const auto message = check_crc(key_bytes(key), value);
  return message ? parse_message(*message) : std::nullopt;
}

std::optional<log_record> read_log_record_unchecked(std::string_view value) {
  return value.size() < crc_bytes ? std::nullopt : parse_message(value.substr(0, value.size() - crc_bytes));
}

std::string encode_shard_record(shard_id shard, const shard_record& record) {
  records::LogShard message;
  message.set_term(record.hard.term);
  message.set_vote(record.hard.vote.value());
  message.set_first_index(record.first_index);
  message.set_live_from(record.live_from);
  std::string value = message.SerializeAsString();
  const auto key = shard_key(shard);
  append_crc({key.data(), key.size()}, value);
  return value;
}

std::optional<shard_record> read_shard_record(shard_id shard, std::string_view value) {
  const auto key = shard_key(shard);
  const auto bytes = check_crc({key.data(), key.size()}, value);
  records::LogShard message;
  if (!bytes || !message.ParseFromArray(bytes->data(), static_cast<int>(bytes->size()))) {
    return std::nullopt;
  }
  return shard_record{.hard = {.term = message.term(), .vote = node_id(message.vote())},
                      .first_index = message.first_index(),
                      .live_from = message.live_from()};
}

std::string encode_anchor_record(const anchor_record& record) {
  records::LogAnchor message;
  message.set_transaction(record.transaction);
  message.set_entries(record.entries);
  message.set_last_sequence(record.last_sequence);
  message.set_shards_checksum(record.shards_checksum);
  message.set_next_sequence(record.next_sequence);
  std::string value = message.SerializeAsString();
  append_crc(anchor_key, value);
  return value;
}

std::optional<anchor_record> read_anchor_record(std::string_view value) {
  const auto bytes = check_crc(anchor_key, value);
  records::LogAnchor message;
  if (!bytes || !message.ParseFromArray(bytes->data(), static_cast<int>(bytes->size()))) {
    return std::nullopt;
  }
  return anchor_record{.transaction = message.transaction(),
                       .entries = message.entries(),
                       .last_sequence = message.last_sequence(),
                       .shards_checksum = message.shards_checksum(),
                       .next_sequence = message.next_sequence()};
}

std::uint32_t crc_of(std::string_view value) {
  std::uint32_t crc = 0;
  CodedInputStream::ReadLittleEndian32FromArray(
    reinterpret_cast<const std::uint8_t*>(value.data() + value.size() - crc_bytes), &crc);
  return crc;
}

void append_crc(std::string_view key, std::string& value) {
  std::array<std::uint8_t, crc_bytes> bytes{};
  write_crc(crc32c(value, crc32c(key)), bytes.data());
  value.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

std::optional<std::string_view> check_crc(std::string_view key, std::string_view value) {
  if (value.size() < crc_bytes) {
    return std::nullopt;
  }
  const std::string_view bytes = value.substr(0, value.size() - crc_bytes);
  std::array<std::uint8_t, crc_bytes> expected_crc{};
  write_crc(crc32c(bytes, crc32c(key)), expected_crc.data());
  if (std::memcmp(expected_crc.data(), value.data() + bytes.size(), crc_bytes) != 0) {
    return std::nullopt;
  }
  return bytes;
}

} // namespace godwit::persistence::lmdb
