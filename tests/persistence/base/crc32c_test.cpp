#include "persistence/base/crc32c.hpp"

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace godwit::persistence {
namespace {

/// Bit by bit, straight from the definition: polynomial 0x1EDC6F41 reflected, inverted at both ends.
std::uint32_t crc32c_by_definition(std::string_view bytes) {
  std::uint32_t state = 0xFFFFFFFF;
  for (const char byte : bytes) {
    state ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) {
      state = (state >> 1) ^ ((state & 1) != 0 ? 0x82F63B78U : 0U);
    }
  }
  return ~state;
}

std::string counting(int first, int step) {
  std::string bytes;
  for (int i = 0; i < 32; ++i) {
    bytes.push_back(static_cast<char>(first + i * step));
  }
  return bytes;
}

// RFC 3720, appendix B.4. The examples there list the bytes of the checksum in the order sent.
TEST(crc32c, TheVectorsOfRfc3720Hold) {
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43U);
  EXPECT_EQ(crc32c(counting(0, 1)), 0x46DD794EU);
  EXPECT_EQ(crc32c(counting(31, -1)), 0x113FDB5CU);
  constexpr char read_command[] = "\x01\xC0\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                                  "\x14\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x14\x00\x00\x00\x18"
                                  "\x28\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00";
  EXPECT_EQ(crc32c(std::string_view(read_command, sizeof(read_command) - 1)), 0xD9963A56U);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
}

TEST(crc32c, NothingLeavesTheChecksumAsItIs) {
  EXPECT_EQ(crc32c(""), 0U);
  EXPECT_EQ(crc32c("", 0x12345678), 0x12345678U);
}

// Cuts random bytes at every position; the lengths cross the library's block sizes, where it changes
// from one way of computing to another.
TEST(crc32c, PiecesAddUpToTheWhole) {
  std::mt19937 random(1);
  for (const std::size_t length : {1, 7, 8, 63, 64, 65, 300, 1025}) {
    std::string bytes;
    for (std::size_t i = 0; i < length; ++i) {
      bytes.push_back(static_cast<char>(random()));
    }
    const std::uint32_t whole = crc32c_by_definition(bytes);
    for (std::size_t cut = 0; cut <= length; ++cut) {
      const std::string_view view = bytes;
      ASSERT_EQ(crc32c(view.substr(cut), crc32c(view.substr(0, cut))), whole) << length << " cut at " << cut;
    }
  }
}

TEST(crc32c, EveryFlippedBitIsNoticed) {
  std::string bytes(300, 'x');
  const std::uint32_t whole = crc32c(bytes);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_NE(crc32c(bytes), whole) << "bit " << bit;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
  }
}

} // namespace
} // namespace godwit::persistence
