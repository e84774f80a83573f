#include <cstdio>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/tl/compiler/merge.hpp"

namespace godwit::tl::schema {
namespace {

using ::testing::HasSubstr;

std::string with_id(const std::string& name, const std::string& rest) {
  const std::uint32_t id = canonical_id(name + " " + rest + ";");
  char digits[16];
  std::snprintf(digits, sizeof(digits), "%08x", id);
  return name + "#" + digits + " " + rest + ";";
}

model compiled(const std::string& text) {
  std::vector<unit> units;
  units.push_back(parse_unit("x", text));
  return merge(std::move(units), true);
}

std::string error_of(const std::string& text) {
  try {
    compiled(text);
  } catch (const schema_error& error) {
    return error.what();
  }
  return "";
}

// Each mistake that a line of the schema can have is refused with its place, before any code is made.
TEST(tl_compiler, AMistakeIsNamedWithItsPlace) {
  EXPECT_THAT(error_of("a#00000001 = A; // 133"), HasSubstr("x.tl:1: the number of a is not"));
  EXPECT_THAT(error_of("\na = A; // 133"), HasSubstr("x.tl:2: no number"));
  EXPECT_THAT(error_of(with_id("a", "b = A") + " // 133"), HasSubstr("a field is"));
  EXPECT_THAT(error_of(with_id("a", "= A")), HasSubstr("no layers"));
  EXPECT_THAT(error_of(with_id("a", "= A") + " // 100"), HasSubstr("outside of what is served"));
  EXPECT_THAT(error_of(with_id("a", "= A") + " // 133 maybe"), HasSubstr("after the layers"));
  EXPECT_THAT(error_of(with_id("a", "b:B = A") + " // 133"), HasSubstr("neither defined nor @absent"));
  EXPECT_THAT(error_of("@absent B\n" + with_id("a", "b:B = A") + " // 133"), HasSubstr("mandatory and of an absent"));
  EXPECT_THAT(error_of("@absent A\n" + with_id("a", "= A") + " // 133"), HasSubstr("is @absent"));
  EXPECT_THAT(error_of(with_id("a", "= A") + " // 133-140\n" + with_id("a", "b:int = A") + " // 140"),
              HasSubstr("several variants at layer 140"));
  EXPECT_THAT(error_of(with_id("a", "= A") + " // 133\n" + with_id("a", "b:int = B") + " // 134"),
              HasSubstr("belongs to two types"));
}

// What differs between variants comes together in one member where the values allow it.
TEST(tl_compiler, VariantsShareTheMembersOfOneStruct) {
  const model made =
    compiled(with_id("a", "flags:# n:int c:string d:flags.0?Bool e:int = A") + " // 133-139\n" +
             with_id("a", "flags:# n:long c:flags.1?string d:flags.2?true e:string = A") + " // 140-229");
  ASSERT_EQ(made.records.size(), 1U);
  std::map<std::string, member> members;
  for (const member& each : made.records[0].members) {
    members[each.name] = each;
  }
  EXPECT_EQ(members.size(), 5U);
  EXPECT_EQ(members["n"].type.base, base_type::long_integer);
  EXPECT_TRUE(members["c"].optional);
  EXPECT_TRUE(members["d"].optional);
  EXPECT_EQ(members["d"].type.base, base_type::boolean);
  EXPECT_EQ(members["e"].type.base, base_type::string);
  EXPECT_EQ(members["e_as_int"].type.base, base_type::integer);
}

// Of a few layers no schema was published: their clients get what the layer before has.
TEST(tl_compiler, AnUnpublishedLayerGetsWhatTheLayerBeforeHas) {
  const model made = compiled(with_id("a", "b:int = A") + " // 133-152\n" + with_id("a", "= A") + " // 154-229");
  ASSERT_EQ(made.records[0].variants.size(), 2U);
  EXPECT_EQ(made.records[0].variants[1].source->layers, (std::vector<layer_range>{{133, 153}}));
}

// Names that C++ has taken, and the struct's own, get an underscore.
TEST(tl_compiler, TakenNamesGetAnUnderscore) {
  const model made = compiled(with_id("short", "short:int delete:int store:int = A") + " // 133");
  EXPECT_EQ(made.records[0].cpp_name, "short_");
  std::vector<std::string> names;
  for (const member& each : made.records[0].members) {
    names.push_back(each.name);
  }
  EXPECT_THAT(names, ::testing::ElementsAre("short_", "delete_", "store_"));
}

} // namespace
} // namespace godwit::tl::schema
