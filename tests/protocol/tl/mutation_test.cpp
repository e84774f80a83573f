#include <gtest/gtest.h>

#include <map>
#include <random>

#include "protocol/tl/methods.hpp"
#include "protocol/tl/objects.hpp"
#include "tests/protocol/tl/allocations.hpp"
#include "tests/protocol/tl/sampler.hpp"
#include "tests/protocol/tl/schema_files.hpp"

namespace godwit::tl {
namespace {

using schema::definition;

/// Lines of the API, functions and objects alike.
std::vector<const definition*> all_lines() {
  std::vector<const definition*> lines;
  for (const schema::unit& file : api_model().units) {
    for (const definition& each : file.definitions) {
      lines.push_back(&each);
    }
  }
  return lines;
}

void put(std::string& bytes, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) {
    bytes[at + i] = static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
  }
}

/// One to three changes of the kinds that break parsers: bits, lengths, numbers of other constructors,
/// bytes lost, bytes added, a piece repeated.
void mutate(std::string& bytes, std::mt19937_64& dice, const std::vector<const definition*>& lines) {
  for (std::uint64_t i = 1 + dice() % 3; i > 0 && bytes.size() >= 4; --i) {
    const std::size_t at = dice() % bytes.size();
    const std::size_t word = at / 4 * 4;
    switch (dice() % 6) {
    case 0: bytes[at] = static_cast<char>(bytes[at] ^ (1 << dice() % 8)); break;
    case 1:
      put(bytes, std::min(word, bytes.size() - 4), dice() % 2 == 0 ? 0xffffffff : static_cast<std::uint32_t>(dice()));
      break;
    case 2: put(bytes, std::min(word, bytes.size() - 4), lines[dice() % lines.size()]->id); break;
    case 3: bytes.resize(at); break;
    case 4: bytes.append(dice() % 9, static_cast<char>(dice())); break;
    default: bytes.insert(word, bytes.substr(word, dice() % 64)); break;
    }
  }
}

struct outcome {
  tl_errc error{};
  std::size_t peak = 0; ///< bytes allocated meanwhile
};

outcome parse(const std::string& bytes, bool is_function, const read_limits& limits) {
  reset_allocation_peak();
  const std::size_t before = allocated_now();
  reader in(bytes, limits);
  if (is_function) {
    (void)fetch_function(in);
  } else {
    const auto made = fetch_object(in);
    (void)in.finish();
  }
  return {in.error(), allocation_peak() - before};
}

// 10^5 damaged objects and calls: each is refused or read, and what reading allocates stays within the
// reader's limit plus the content of the strings, which is part of the input.
TEST(tl_mutation, DamagedBytesAreRefusedWithinTheLimits) {
  const auto lines = all_lines();
  sampler samples(api_model(), 11);
  std::mt19937_64 dice(12);
  const read_limits limits{.depth = 16, .memory = 64 << 10};
  std::map<tl_errc, int> seen;
  std::size_t most = 0;
  for (int i = 0; i < 100'000;) {
    const definition& line = *lines[dice() % lines.size()];
    auto bytes = samples.line(line, line.layers.back().second);
    if (!bytes) {
      continue;
    }
    mutate(*bytes, dice, lines);
    const outcome result = parse(*bytes, line.is_function, limits);
    ASSERT_LE(result.peak, 2 * limits.memory + 4 * bytes->size() + 4096) << line.place;
    most = std::max(most, result.peak);
    ++seen[result.error];
    ++i;
  }
  RecordProperty("most_bytes", static_cast<int>(most));
  // The campaign meets every way to fail, and bytes that still are an object.
  for (const tl_errc error : {tl_errc{}, tl_errc::truncated, tl_errc::trailing_bytes, tl_errc::unknown_constructor,
                              tl_errc::too_large, tl_errc::invalid_utf8}) {
    EXPECT_GT(seen[error], 100) << to_string(error);
  }
}

// A vector's count is believed only as far as the bytes that follow could hold it, so four bytes never make
// the reader reserve gigabytes. https://core.telegram.org/mtproto/serialize#builtin-vector-type
TEST(tl_mutation, AHugeCountAllocatesNothing) {
  std::string bytes;
  writer out(bytes);
  out.write_id(0x0d91a548); // users.getUsers
  out.write_vector(0x7fffffff);
  const outcome result = parse(bytes, true, {});
  EXPECT_EQ(result.error, tl_errc::too_large);
  EXPECT_LT(result.peak, 1024U);
}

// Small objects of many bytes each: the reader's limit of memory ends it, not the process's.
TEST(tl_mutation, ManySmallObjectsStopAtTheLimitOfMemory) {
  std::string bytes;
  writer out(bytes);
  out.write_id(0x0d91a548); // users.getUsers
  out.write_vector(200'000);
  for (int i = 0; i < 200'000; ++i) {
    out.write_id(0xf7c1b13f); // inputUserSelf
  }
  const read_limits limits{.depth = 16, .memory = 2 << 20};
  const outcome result = parse(bytes, true, limits);
  EXPECT_EQ(result.error, tl_errc::too_large);
  EXPECT_LE(result.peak, 3 * limits.memory);
}

// Objects inside objects end at the limit of depth, long before the stack does: jsonArray in jsonArray.
TEST(tl_mutation, NestedArraysStopAtTheLimitOfDepth) {
  std::string bytes;
  writer out(bytes);
  for (int i = 0; i < 100'000; ++i) {
    out.write_id(0xf7444763); // jsonArray
    out.write_vector(1);
  }
  const outcome result = parse(bytes, false, {});
  EXPECT_EQ(result.error, tl_errc::too_deep);
}

} // namespace
} // namespace godwit::tl
