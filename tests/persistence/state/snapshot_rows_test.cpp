#include "persistence/state/snapshot_rows.hpp"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "persistence/base/crc32c.hpp"
#include "persistence/records/snapshot.pb.h"
#include "persistence/state/row_key.hpp"

namespace godwit::persistence {
namespace {

std::string key(char last) { return row_key(table_id{1}, entity_id{2}, std::string(1, last)); }

/// The number of rows, or -1 when the bytes are no chunk.
int count_rows(std::string_view chunk, std::string_view after = {}) {
  snapshot_row_reader reader(chunk, after);
  int count = 0;
  for (std::string_view key, value; reader.next(key, value);) {
    ++count;
  }
  return reader.ok() ? count : -1;
}

// The worked example of docs/formats.md.
TEST(snapshot_rows, TheDocumentedExampleHolds) {
  std::string chunk;
  append_snapshot_row(chunk, row_key(table_id{7}, entity_id{0x1234}, "k"), "hi");
  EXPECT_EQ(chunk, std::string("\x0A\x10\x0A\x0A\x07\x00\x00\x00\x00\x00\x00\x12\x34k\x12\x02hi", 18));
  EXPECT_EQ(crc32c(chunk), 0x7B751F30U);
}

TEST(snapshot_rows, ReadsAndWritesWhatProtobufDoes) {
  std::string chunk;
  append_snapshot_row(chunk, key('a'), "");
  append_snapshot_row(chunk, key('b'), std::string(300, 'v'));
  records::SnapshotRows rows;
  ASSERT_TRUE(rows.ParseFromString(chunk));
  ASSERT_EQ(rows.row_size(), 2);
  EXPECT_EQ(rows.row(0).key(), key('a'));
  EXPECT_EQ(rows.row(1).value(), std::string(300, 'v'));

  snapshot_row_reader reader(chunk);
  std::string_view k;
  std::string_view v;
  ASSERT_TRUE(reader.next(k, v));
  EXPECT_EQ(std::pair(std::string(k), std::string(v)), std::pair(key('a'), std::string()));
  ASSERT_TRUE(reader.next(k, v));
  EXPECT_EQ(std::pair(std::string(k), std::string(v)), std::pair(key('b'), std::string(300, 'v')));
  EXPECT_FALSE(reader.next(k, v));
  EXPECT_TRUE(reader.ok());
  // Protobuf leaves an empty value out.
  EXPECT_EQ(count_rows(rows.SerializeAsString()), 2);
}

// Rows out of order would be written over others, or beside their place.
TEST(snapshot_rows, RowsOutOfOrderAreRefused) {
  std::string chunk;
  append_snapshot_row(chunk, key('b'), "1");
  EXPECT_EQ(count_rows(chunk), 1);
  EXPECT_EQ(count_rows(chunk, key('a')), 1);
  EXPECT_EQ(count_rows(chunk, key('b')), -1);
  std::string twice = chunk;
  append_snapshot_row(twice, key('b'), "2");
  EXPECT_EQ(count_rows(twice), -1);
  append_snapshot_row(chunk, key('a'), "2");
  EXPECT_EQ(count_rows(chunk), -1);
}

TEST(snapshot_rows, CutOrForeignBytesAreRefused) {
  std::string chunk;
  append_snapshot_row(chunk, key('a'), "value");
  for (std::size_t size = 1; size < chunk.size(); ++size) {
    EXPECT_EQ(count_rows(std::string_view(chunk).substr(0, size)), -1) << size;
  }
  std::string short_key;
  append_snapshot_row(short_key, "short", "value");
  EXPECT_EQ(count_rows(short_key), -1);
  EXPECT_EQ(count_rows(""), 0);
}

} // namespace
} // namespace godwit::persistence
