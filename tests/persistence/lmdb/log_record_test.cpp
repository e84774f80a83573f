#include "persistence/lmdb/log_record.hpp"

#include <cstdint>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "persistence/records/log.pb.h"

namespace godwit::persistence::lmdb {
namespace {

std::string value_of(log_sequence key, const log_record& record) {
  std::string value(log_record_bytes(record), '\0');
  write_log_record(key, record, value.data());
  return value;
}

const std::string long_payload(70'000, 'p');

const log_record examples[] = {
  {shard_id(0), 1, 1, entry_kind::command, ""},
  {shard_id(3), 17, 2, entry_kind::command, "payload"},
  {shard_id(4095), 300, 128, entry_kind::change, long_payload},
  {shard_id(65535), std::numeric_limits<index_t>::max(), std::numeric_limits<term_t>::max(), entry_kind::barrier, ""},
};

// docs/formats.md shows these bytes.
TEST(log_record, TheWorkedExamplesOfTheDocumentationHold) {
  EXPECT_EQ(value_of(9, {shard_id(3), 17, 2, entry_kind::command, "hi"}),
            "\x08\x03\x10\x11\x18\x02\x20\x01\x2A\x02\x68\x69\xFC\xC5\xD2\x74");
  const std::string row = encode_shard_record(shard_id(3), {{2, node_id(1)}, 17, 0});
  EXPECT_EQ(row, "\x08\x02\x10\x01\x18\x11\x83\x55\xC8\x28");
  EXPECT_EQ(encode_anchor_record({5, 1, 9, crc_of(row), 10}),
            "\x08\x05\x10\x01\x18\x09\x25\x83\x55\xC8\x28\x28\x0A\x81\x13\x41\x3A");
}

TEST(log_record, AnAnchorIsReadAsItWasWritten) {
  const anchor_record anchor{700, 80, 9000, 0xFEDCBA98, 10'000};
  const std::string value = encode_anchor_record(anchor);
  EXPECT_EQ(read_anchor_record(value), anchor);
  EXPECT_FALSE(read_anchor_record(std::string_view(value).substr(1)));
}

TEST(log_record, WhatIsWrittenIsRead) {
  for (const log_record& record : examples) {
    const std::string value = value_of(5, record);
    const auto found = read_log_record(5, value);
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, record);
  }
}

// The bytes are written and read by hand: both ways they must be what the generated classes mean.
TEST(log_record, TheBytesAreTheProtobufMessage) {
  for (const log_record& record : examples) {
    const std::string value = value_of(5, record);
    records::LogEntry message;
    ASSERT_TRUE(message.ParseFromArray(value.data(), static_cast<int>(value.size() - crc_bytes)));
    EXPECT_EQ(message.shard(), record.shard.value());
    EXPECT_EQ(message.index(), record.index);
    EXPECT_EQ(message.term(), record.term);
    EXPECT_EQ(message.kind(), static_cast<std::uint32_t>(record.kind));
    EXPECT_EQ(message.payload(), record.payload);
    EXPECT_EQ(message.SerializeAsString(), value.substr(0, value.size() - crc_bytes));
  }
}

// A later version may add fields; an older program passes over them.
TEST(log_record, UnknownFieldsArePassedOver) {
  records::LogEntry message;
  message.set_index(7);
  message.set_kind(1);
  std::string bytes = message.SerializeAsString();
  bytes += std::string("\x78\x05", 2); // field 15, varint
  bytes += std::string("\x7A\x03"
                       "abc",
                       5);                                         // field 15, bytes
  bytes += std::string("\x79\x01\x02\x03\x04\x05\x06\x07\x08", 9); // field 15, fixed64
  bytes += std::string("\x7D\x01\x02\x03\x04", 5);                 // field 15, fixed32
  const auto found = read_log_record_unchecked(bytes + "crc.");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->index, 7U);
}

TEST(log_record, EveryFlippedBitIsNoticed) {
  std::string value = value_of(5, examples[1]);
  for (std::size_t bit = 0; bit < value.size() * 8; ++bit) {
    value[bit / 8] = static_cast<char>(value[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(read_log_record(5, value)) << "bit " << bit;
    value[bit / 8] = static_cast<char>(value[bit / 8] ^ (1 << (bit % 8)));
  }
}

// A value that stands under another's key is as wrong as a flipped bit.
TEST(log_record, AValueUnderAnotherKeyIsNoticed) { EXPECT_FALSE(read_log_record(6, value_of(5, examples[1]))); }

TEST(log_record, EveryShorterValueIsRefused) {
  const std::string value = value_of(5, examples[1]);
  for (std::size_t length = 0; length < value.size(); ++length) {
    EXPECT_FALSE(read_log_record(5, std::string_view(value).substr(0, length)));
  }
}

TEST(log_record, AShardsRowIsReadAsItWasWritten) {
  const shard_record row{{7, node_id(3)}, 500, 1234};
  const std::string value = encode_shard_record(shard_id(2), row);
  EXPECT_EQ(read_shard_record(shard_id(2), value), row);
  EXPECT_FALSE(read_shard_record(shard_id(3), value));
  EXPECT_FALSE(read_shard_record(shard_id(2), std::string_view(value).substr(1)));
}

} // namespace
} // namespace godwit::persistence::lmdb
