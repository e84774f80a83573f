#include "protocol/tl/reader.hpp"

#include <gtest/gtest.h>

#include <string>

#include "protocol/tl/object.hpp"

namespace godwit::tl {
namespace {

using namespace std::string_literals;

// Integers are little-endian, https://core.telegram.org/mtproto/serialize#base-types; a double is an IEEE 754
// number of 64 bits; int128 and int256 keep the order of their bytes.
TEST(tl_reader, BaseTypesAreLittleEndian) {
  const std::string bytes = "\x01\x02\x03\x84"s + "\x01\x00\x00\x00\x00\x00\x00\x80"s +
                            "\x00\x00\x00\x00\x00\x00\xf8\x3f"s + "0123456789abcdef" +
                            "0123456789abcdef0123456789ABCDEF";
  reader in(bytes);
  EXPECT_EQ(in.read_int(), static_cast<std::int32_t>(0x84030201));
  EXPECT_EQ(in.read_long(), static_cast<std::int64_t>(0x8000000000000001));
  EXPECT_EQ(in.read_double(), 1.5);
  EXPECT_EQ(in.read_int128()[15], 'f');
  EXPECT_EQ(in.read_int256()[31], 'F');
  EXPECT_TRUE(in.finish());
}

// Strings up to 253 bytes have one byte of length, longer ones the byte 254 and three; both are padded to a
// multiple of four. https://core.telegram.org/mtproto/serialize#base-types
TEST(tl_reader, StringsHaveShortAndLongLengths) {
  const std::string large(254, 'x');
  const std::string bytes =
    "\0\0\0\0"s + "\x03"s + "abc" + "\x04"s + "abcd\0\0\0"s + "\xfe\xfe\x00\x00"s + large + "\0\0"s;
  reader in(bytes);
  EXPECT_EQ(in.read_bytes(), "");
  EXPECT_EQ(in.read_bytes(), "abc");
  EXPECT_EQ(in.read_bytes(), "abcd");
  EXPECT_EQ(in.read_bytes(), large);
  EXPECT_TRUE(in.finish());
}

// Every prefix of a value ends in `truncated`: the padding belongs to it.
TEST(tl_reader, EveryCutStringIsTruncated) {
  const std::string bytes = "\x05"s + "abcde\0\0"s;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    reader in(std::string_view(bytes).substr(0, size));
    EXPECT_EQ(in.read_bytes(), "");
    EXPECT_EQ(in.error(), tl_errc::truncated) << size;
  }
}

// The first error stays and later reads yield nothing, so that a caller may check once.
TEST(tl_reader, TheFirstErrorStaysAndNothingIsReadAfterIt) {
  const std::string bytes = "\x01\x00\x00\x00\x02\x00\x00\x00"s;
  reader in(bytes);
  EXPECT_FALSE(in.read_bool());
  EXPECT_EQ(in.error(), tl_errc::unknown_constructor);
  EXPECT_EQ(in.read_int(), 0);
  EXPECT_EQ(in.read_bytes(), "");
  EXPECT_EQ(in.remaining(), 0U);
  EXPECT_EQ(in.finish().error(), tl_errc::unknown_constructor);
}

TEST(tl_reader, BytesLeftOverAreTrailing) {
  reader in("\x01\x00\x00\x00\x02\x00\x00\x00"s);
  in.read_int();
  EXPECT_EQ(in.finish().error(), tl_errc::trailing_bytes);
}

// Looking at the next number moves nothing, and fails nothing at the end.
TEST(tl_reader, PeekingDoesNotMove) {
  const std::string bytes = "\x01\x00\x00\x00"s;
  reader in(bytes);
  EXPECT_EQ(in.peek_id(), 1U);
  EXPECT_EQ(in.read_id(), 1U);
  EXPECT_EQ(in.peek_id(), 0U);
  EXPECT_TRUE(in.ok());
}

// A count is bounded by what the remaining bytes can hold.
TEST(tl_reader, ACountAboveTheRemainingBytesIsTooLarge) {
  const std::string bytes = "\x15\xc4\xb5\x1c\x02\x00\x00\x00"s + "\x01\x00\x00\x00\x00\x00\x00\x00"s;
  reader ints(bytes);
  EXPECT_EQ(ints.read_vector(4), 2U);
  reader longs(bytes);
  EXPECT_EQ(longs.read_vector(8), 0U);
  EXPECT_EQ(longs.error(), tl_errc::too_large);
}

// Table 3-7 of the Unicode standard: overlong forms, surrogates and what is above U+10FFFF are not UTF-8.
TEST(tl_reader, Utf8IsCheckedByTheTableOfWellFormedSequences) {
  for (const std::string& good : {""s, "abc"s, "\xc2\x80"s, "\xdf\xbf"s, "\xe0\xa0\x80"s, "\xed\x9f\xbf"s,
                                  "\xee\x80\x80"s, "\xf0\x90\x80\x80"s, "\xf4\x8f\xbf\xbf"s, "a\0b"s}) {
    EXPECT_TRUE(is_utf8(good)) << ::testing::PrintToString(good);
  }
  for (const std::string& bad :
       {"\x80"s, "\xc0\x80"s, "\xc1\xbf"s, "\xc2"s, "\xc2\x41"s, "\xe0\x9f\xbf"s, "\xed\xa0\x80"s, "\xe1\x80"s,
        "\xf0\x8f\xbf\xbf"s, "\xf4\x90\x80\x80"s, "\xf5\x80\x80\x80"s, "\xff"s, "abcdefghijk\xff"s}) {
    EXPECT_FALSE(is_utf8(bad)) << ::testing::PrintToString(bad);
  }
}

TEST(tl_reader, TextThatIsNotUtf8IsRefusedAndBytesAreNot) {
  const std::string bytes = "\x01\xff\0\0"s;
  reader raw(bytes);
  EXPECT_EQ(raw.read_bytes(), "\xff");
  reader text(bytes);
  EXPECT_EQ(text.read_text(), "");
  EXPECT_EQ(text.error(), tl_errc::invalid_utf8);
}

} // namespace
} // namespace godwit::tl
