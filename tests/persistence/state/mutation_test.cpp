#include "persistence/state/mutation.hpp"

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "persistence/records/mutation.pb.h"

namespace godwit::persistence {
namespace {

using write_list = std::vector<std::pair<std::string, std::optional<std::string>>>;

/// All writes, or nothing when the bytes are no batch.
std::optional<write_list> read_in_place(std::string_view bytes) {
  write_list out;
  batch_reader reader(bytes);
  for (row_write write; reader.next(write);) {
    out.emplace_back(std::string(write.key), write.value ? std::optional<std::string>(*write.value) : std::nullopt);
  }
  return reader.ok() ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<write_list> read_by_protobuf(std::string_view bytes) {
  records::Batch batch;
  if (!batch.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return std::nullopt;
  }
  write_list out;
  for (const records::Mutation& mutation : batch.mutation()) {
    for (const records::Write& write : mutation.write()) {
      out.emplace_back(write.key(), write.has_value() ? std::optional(write.value()) : std::nullopt);
    }
  }
  return out;
}

std::string bytes_of(std::mt19937& random, std::size_t size) {
  std::string out(size, '\0');
  for (char& each : out) {
    each = static_cast<char>(random());
  }
  return out;
}

/// Random mutations: what the writer makes of them, and what they are.
std::pair<std::string, write_list> random_batch(std::mt19937& random) {
  std::string batch;
  write_list writes;
  for (std::uint32_t mutations = random() % 5; mutations > 0; --mutations) {
    std::string mutation;
    mutation_writer writer(mutation);
    for (std::uint32_t count = random() % 5; count > 0; --count) {
      const table_id table{static_cast<std::uint8_t>(random())};
      const entity_id entity{(std::uint64_t{random()} << 32) | random()};
      const std::string sub_key =
        bytes_of(random, random() % 3 == 0 ? random() % (sub_key_bytes_max + 1) : random() % 12);
      // Lengths on both sides of where a length takes another byte.
      static constexpr std::size_t sizes[] = {0, 1, 100, 127, 128, 300, 16383, 16384};
      std::optional<std::string> value;
      if (random() % 3 != 0) {
        value = bytes_of(random, sizes[random() % std::size(sizes)]);
        writer.put(table, entity, sub_key, *value);
      } else {
        writer.erase(table, entity, sub_key);
      }
      writes.emplace_back(row_key(table, entity, sub_key), std::move(value));
    }
    append_mutation(batch, mutation);
  }
  return {batch, writes};
}

TEST(row_key, SortsByTableThenEntityThenSubKey) {
  const std::vector<std::string> ordered{
    row_key(table_id{1}, entity_id{0}),          row_key(table_id{1}, entity_id{1}, "a"),
    row_key(table_id{1}, entity_id{1}, "a\x01"), row_key(table_id{1}, entity_id{1}, "b"),
    row_key(table_id{1}, entity_id{256}),        row_key(table_id{1}, entity_id{0x8000000000000000}),
    row_key(table_id{2}, entity_id{0})};
  for (std::size_t i = 1; i < ordered.size(); ++i) {
    EXPECT_LT(ordered[i - 1], ordered[i]) << i;
  }
}

TEST(row_key, ThePrefixEndIsTheFirstKeyBehindThePrefix) {
  EXPECT_EQ(prefix_end("ab"), "ac");
  EXPECT_EQ(prefix_end(std::string("a\xFF\xFF", 3)), "b");
  EXPECT_EQ(prefix_end(std::string("\x7F", 1)), std::string("\x80", 1));
  EXPECT_EQ(prefix_end(std::string("\xFF\xFF", 2)), "");
  EXPECT_EQ(prefix_end(""), "");
}

// The worked example of docs/formats.md, byte by byte.
TEST(mutation, TheDocumentedExampleHolds) {
  std::string mutation;
  mutation_writer writer(mutation);
  writer.put(table_id{7}, entity_id{0x1234}, "k", "hi");
  writer.erase(table_id{7}, entity_id{0x1234}, "l");
  std::string batch;
  append_mutation(batch, mutation);
  const std::string key_start("\x07\x00\x00\x00\x00\x00\x00\x12\x34", 9);
  const std::string wanted = std::string("\x0A\x20", 2) + std::string("\x0A\x10\x0A\x0A", 4) + key_start + "k" +
                             std::string("\x12\x02hi", 4) + std::string("\x0A\x0C\x0A\x0A", 4) + key_start + "l";
  EXPECT_EQ(batch, wanted);
}

// What one side writes the other reads as the same, byte for byte when Protobuf writes it again.
TEST(mutation, ReadsAndWritesWhatProtobufDoes) {
  std::mt19937 random(1);
  for (int round = 0; round < 500; ++round) {
    const auto [bytes, writes] = random_batch(random);
    ASSERT_EQ(read_in_place(bytes), writes);
    ASSERT_EQ(read_by_protobuf(bytes), writes);
    records::Batch batch;
    ASSERT_TRUE(batch.ParseFromString(bytes));
    ASSERT_EQ(batch.SerializeAsString(), bytes);
  }
}

TEST(mutation, AnEmptyValueIsNotAnErase) {
  std::string mutation;
  mutation_writer(mutation).put(table_id{1}, entity_id{2}, "", "");
  std::string batch;
  append_mutation(batch, mutation);
  const auto writes = read_in_place(batch);
  ASSERT_TRUE(writes && writes->size() == 1);
  EXPECT_EQ(writes->front().second, "");
}

// Damages batches at random. Whatever the in-place reader accepts, Protobuf reads as the same; what
// Protobuf refuses, it refuses. The address sanitizer watches the bounds.
TEST(mutation, DamagedBytesAreReadAsProtobufReadsThemOrRefused) {
  std::mt19937 random(2);
  int accepted = 0;
  int refused = 0;
  for (int round = 0; round < 30000; ++round) {
    std::string bytes = random_batch(random).first;
    if (bytes.size() > 600) {
      bytes.resize(600);
    }
    for (std::uint32_t damages = 1 + random() % 3; damages > 0 && !bytes.empty(); --damages) {
      switch (random() % 4) {
      case 0: bytes.resize(random() % (bytes.size() + 1)); break;
      case 1: bytes[random() % bytes.size()] = static_cast<char>(random()); break;
      case 2: bytes.insert(random() % bytes.size(), bytes_of(random, 1 + random() % 6)); break;
      default: bytes.erase(random() % bytes.size(), 1 + random() % 4); break;
      }
    }
    const auto in_place = read_in_place(bytes);
    in_place ? ++accepted : ++refused;
    if (in_place) {
      ASSERT_EQ(read_by_protobuf(bytes), in_place) << ::testing::PrintToString(bytes);
    }
  }
  EXPECT_GT(accepted, 100);
  EXPECT_GT(refused, 100);
}

// A later version may add fields; this one passes them over wherever they stand.
TEST(mutation, UnknownFieldsArePassedOver) {
  const std::string unknown = std::string("\x18\x96\x01", 3) +
                              std::string("\x21"
                                          "12345678",
                                          9) +
                              std::string("\x2D"
                                          "1234",
                                          5) +
                              std::string("\x32\x02zz", 4);
  const std::string key = row_key(table_id{1}, entity_id{2}, "x");
  const std::string write = unknown + std::string("\x0A\x0A", 2) + key + unknown;
  const std::string mutation = unknown + "\x0A" + static_cast<char>(write.size()) + write;
  const std::string batch = unknown + "\x0A" + static_cast<char>(mutation.size()) + mutation + unknown;
  const write_list wanted{{key, std::nullopt}};
  EXPECT_EQ(read_by_protobuf(batch), wanted);
  EXPECT_EQ(read_in_place(batch), wanted);
}

TEST(mutation, KeysThatNoRowKeyCanBeAreRefused) {
  for (const std::size_t size :
       {std::size_t{0}, row_key_prefix_bytes - 1, row_key_prefix_bytes + sub_key_bytes_max + 1}) {
    records::Batch batch;
    batch.add_mutation()->add_write()->set_key(std::string(size, 'k'));
    EXPECT_FALSE(read_in_place(batch.SerializeAsString())) << size;
  }
  for (const std::size_t size : {row_key_prefix_bytes, row_key_prefix_bytes + sub_key_bytes_max}) {
    records::Batch batch;
    batch.add_mutation()->add_write()->set_key(std::string(size, 'k'));
    EXPECT_TRUE(read_in_place(batch.SerializeAsString())) << size;
  }
}

} // namespace
} // namespace godwit::persistence
