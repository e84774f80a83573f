#include "persistence/base/slice.hpp"

#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace godwit::persistence {
namespace {

// Adopting must not copy: the bytes stay where the string had them.
TEST(slice, AnAdoptedStringKeepsItsBytesInPlace) {
  std::string text(100, 'a');
  const char* const before = text.data();
  const slice whole = slice::adopt(std::move(text));
  EXPECT_EQ(whole.data(), before);
  EXPECT_EQ(whole.size(), 100U);
}

// The address sanitizer would see a read of freed bytes here.
TEST(slice, APartKeepsTheAllocationAlive) {
  slice whole = slice::copy_of("0123456789 and enough to leave the small string buffer");
  const slice part = whole.part(2, 3);
  const std::string_view expected_bytes = "234";
  EXPECT_EQ(part.data(), whole.data() + 2);
  whole = slice();
  EXPECT_EQ(part.view(), expected_bytes);
}

TEST(slice, APartEndsWhereTheWholeEnds) {
  const slice whole = slice::copy_of("0123456789");
  EXPECT_EQ(whole.part(8, 100).view(), "89");
  EXPECT_TRUE(whole.part(10).empty());
}

TEST(slice, TheOwnerLivesAsLongAsTheLastCopy) {
  auto owner = std::make_shared<const std::string>("bytes");
  std::weak_ptr<const std::string> watch = owner;
  slice first(owner, *owner);
  owner.reset();
  slice second = first;
  first = slice();
  EXPECT_FALSE(watch.expired());
  second = slice();
  EXPECT_TRUE(watch.expired());
}

// Equality is about bytes, wherever they are.
TEST(slice, SlicesWithTheSameBytesAreEqual) {
  EXPECT_EQ(slice::copy_of("abc"), slice::copy_of("xabcx").part(1, 3));
  EXPECT_FALSE(slice::copy_of("abc") == slice::copy_of("abd"));
  EXPECT_EQ(slice(), slice::copy_of(""));
}

} // namespace
} // namespace godwit::persistence
