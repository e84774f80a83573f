#include "protocol/tl/writer.hpp"

#include <gtest/gtest.h>

#include <string>

namespace godwit::tl {
namespace {

using namespace std::string_literals;

// What is written is read back, strings at every length around the change of form.
TEST(tl_writer, WhatIsWrittenIsReadBack) {
  for (const std::size_t size : {0, 1, 2, 3, 4, 252, 253, 254, 255, 256, 70'000}) {
    std::string bytes;
    writer out(bytes);
    const std::string value(size, 'v');
    out.write_int(-2);
    out.write_bytes(value);
    out.write_long(-3);
    out.write_double(2.5);
    out.write_bool(true);
    EXPECT_EQ(bytes.size() % 4, 0U);
    reader in(bytes);
    EXPECT_EQ(in.read_int(), -2);
    EXPECT_EQ(in.read_bytes(), value);
    EXPECT_EQ(in.read_long(), -3);
    EXPECT_EQ(in.read_double(), 2.5);
    EXPECT_TRUE(in.read_bool());
    EXPECT_TRUE(in.finish()) << size;
  }
}

// The bytes of https://core.telegram.org/mtproto/serialize: vector#1cb5c415, boolTrue#997275b5,
// boolFalse#bc799737, and a string of 254 bytes with the long form of the length.
TEST(tl_writer, TheBytesAreThoseOfTheDocumentation) {
  std::string bytes;
  writer out(bytes);
  out.write_vector(2);
  out.write_bool(true);
  out.write_bool(false);
  EXPECT_EQ(bytes, "\x15\xc4\xb5\x1c\x02\0\0\0\xb5\x75\x72\x99\x37\x97\x79\xbc"s);
  bytes.clear();
  out.write_bytes(std::string(254, 'x'));
  EXPECT_EQ(bytes.substr(0, 5), "\xfe\xfe\0\0x"s);
  EXPECT_EQ(bytes.size(), 260U);
}

TEST(tl_writer, AReservedPlaceIsPatched) {
  std::string bytes = "before";
  writer out(bytes);
  const std::size_t place = out.reserve(12);
  out.write_int(5);
  out.patch_int(place, 0x01020304);
  out.patch_long(place + 4, -1);
  EXPECT_EQ(bytes, "before\x04\x03\x02\x01\xff\xff\xff\xff\xff\xff\xff\xff\x05\0\0\0"s);
}

// The length of a string has three bytes.
TEST(tl_writer, AStringThatNoLengthCanTellIsAnError) {
  std::string bytes;
  writer out(bytes);
  out.write_bytes(std::string((std::size_t{1} << 24) - 1, 'x'));
  EXPECT_TRUE(out.ok());
  out.write_bytes(std::string(std::size_t{1} << 24, 'x'));
  EXPECT_EQ(out.error(), tl_errc::too_large);
}

} // namespace
} // namespace godwit::tl
