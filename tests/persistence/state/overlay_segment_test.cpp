#include "persistence/state/overlay_segment.hpp"

#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "persistence/state/merged_scan.hpp"

namespace godwit::persistence {
namespace {

using model = std::map<std::string, std::optional<std::string>>;

/// One write of a random key out of a few hundred, in the segment and in the model.
void write_one(std::mt19937& random, overlay_segment& segment, model& rows) {
  const std::string key = row_key(table_id{1}, entity_id{random() % 20}, std::to_string(random() % 20));
  std::optional<std::string> value;
  if (random() % 4 != 0) {
    value = std::to_string(random());
  }
  const slice payload = slice::copy_of(key + value.value_or(""));
  row_write write{payload.view().substr(0, key.size()), std::nullopt};
  if (value) {
    write.value = payload.view().substr(key.size());
  }
  segment.add(payload, std::span(&write, 1));
  rows[key] = value;
}

/// Rows that say what a pick within these bounds must hold at least: see overlay_segment::pick.
std::vector<std::string> keys_of(const std::vector<overlay_row>& rows) {
  std::vector<std::string> out;
  for (const overlay_row& each : rows) {
    out.emplace_back(each.key);
  }
  return out;
}

// Writes one by one, and asks for a key and for a range after each, in both directions.
TEST(overlay_segment, HoldsWhatAMapHoldsWhileItIsOpen) {
  std::mt19937 random(1);
  for (int round = 0; round < 20; ++round) {
    overlay_segment segment;
    model rows;
    for (int i = 0; i < 400; ++i) {
      write_one(random, segment, rows);
      const std::string key = row_key(table_id{1}, entity_id{random() % 21}, std::to_string(random() % 20));
      const overlay_row* const found = segment.find(key, overlay_segment::hash(key));
      const auto wanted = rows.find(key);
      ASSERT_EQ(found != nullptr, wanted != rows.end());
      if (found != nullptr) {
        ASSERT_EQ(found->erased, !wanted->second.has_value());
        ASSERT_EQ(segment.value_of(*found).view(), wanted->second.value_or(""));
      }
      if (random() % 3 == 0) {
        row_range range;
        range.from = random() % 3 == 0 ? "" : row_key(table_id{1}, entity_id{random() % 20}, "5");
        range.to = random() % 3 == 0 ? "" : row_key(table_id{1}, entity_id{random() % 20}, "5");
        range.reverse = random() % 2 == 0;
        range.rows_max = 1'000'000;
        std::vector<std::string> keys;
        for (const auto& each : rows) {
          if (each.first >= range.from && (range.to.empty() || each.first < range.to)) {
            keys.push_back(each.first);
          }
        }
        ASSERT_EQ(keys_of(segment.pick(range)), keys);
      }
    }
    ASSERT_EQ(segment.row_count(), rows.size());
    std::vector<std::string> keys;
    for (const auto& each : rows) {
      keys.push_back(each.first);
    }
    const std::span<const overlay_row> sorted = segment.rows();
    ASSERT_EQ(keys_of({sorted.begin(), sorted.end()}), keys);
  }
}

// A bounded pick ends only behind a row that cannot be on the page any more, from either end.
TEST(overlay_segment, ABoundedPickHoldsOneLiveRowMoreThanThePage) {
  overlay_segment segment;
  std::vector<slice> payloads;
  for (char i = 'a'; i < 'j'; ++i) {
    const std::string key = row_key(table_id{1}, entity_id{1}, std::string(1, i));
    const slice payload = slice::copy_of(key + "12345");
    row_write write{payload.view().substr(0, key.size()), payload.view().substr(key.size())};
    if (i % 2 == 0) {
      write.value.reset();
    }
    segment.add(payload, std::span(&write, 1)); // live: a c e g i
  }
  row_range range;
  range.rows_max = 2;
  EXPECT_EQ(segment.pick(range).size(), 5U); // a b c d e
  range.reverse = true;
  EXPECT_EQ(segment.pick(range).size(), 5U); // e f g h i
  range.rows_max = 100;
  range.bytes_max = 1;
  EXPECT_EQ(segment.pick(range).size(), 3U); // g h i: the first comes whatever its size
}

TEST(overlay_segment, TheNewerWinsWhenTwoBecomeOne) {
  std::mt19937 random(3);
  overlay_segment older;
  overlay_segment newer;
  model rows;
  for (int i = 0; i < 300; ++i) {
    write_one(random, older, rows);
  }
  for (int i = 0; i < 100; ++i) {
    write_one(random, newer, rows);
  }
  const auto both = overlay_segment::merge(older, newer);
  ASSERT_EQ(both->row_count(), rows.size());
  for (const auto& [key, value] : rows) {
    const overlay_row* const found = both->find(key, overlay_segment::hash(key));
    ASSERT_NE(found, nullptr);
    ASSERT_EQ(found->erased, !value.has_value());
    ASSERT_EQ(both->value_of(*found).view(), value.value_or(""));
  }
  EXPECT_EQ(both->bytes() +
              (older.row_count() + newer.row_count() - both->row_count()) * overlay_segment::row_overhead_bytes,
            older.bytes() + newer.bytes());
}

// A value handed out must not hold the segment: sessions keep it longer than a flush takes.
TEST(overlay_segment, AValueOutlivesItsSegment) {
  slice value;
  {
    overlay_segment segment;
    std::mt19937 random(1);
    model rows;
    for (int i = 0; i < 50; ++i) {
      write_one(random, segment, rows);
    }
    for (const overlay_row& row : segment.rows()) {
      if (!row.erased) {
        value = segment.value_of(row);
      }
    }
  }
  EXPECT_FALSE(value.empty());
  EXPECT_EQ(std::string(value.view()).find_first_not_of("0123456789"), std::string::npos);
}

} // namespace
} // namespace godwit::persistence
