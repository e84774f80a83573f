#include "persistence/log/configuration_codec.hpp"

#include <string>

#include <gtest/gtest.h>

namespace godwit::persistence {
namespace {

TEST(configuration_codec, ReadsWhatItWrites) {
  const configuration members{{{node_id{7}, member_role::voter},
                               {node_id{0xFFFFFFFFFFFFFFFF}, member_role::standby},
                               {node_id{1}, member_role::spare}}};
  const auto read = decode_configuration(encode_configuration(members));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, members) << "the order is part of the value";
  EXPECT_EQ(decode_configuration("").value(), configuration{});
}

// The worked example of docs/formats.md.
TEST(configuration_codec, TheDocumentedExampleHolds) {
  const configuration members{{{node_id{1}, member_role::voter}, {node_id{300}, member_role::standby}}};
  EXPECT_EQ(encode_configuration(members), std::string("\x0A\x04\x08\x01\x10\x01\x0A\x05\x08\xAC\x02\x10\x02", 13));
}

TEST(configuration_codec, MembersThatCannotBeAreRefused) {
  const auto refused = [](std::string_view bytes) {
    const auto read = decode_configuration(bytes);
    return !read && read.error().code == persistence_errc::corrupt;
  };
  EXPECT_TRUE(refused(std::string_view("\x0A\x02\x10\x01", 4))) << "no id";
  EXPECT_TRUE(refused(std::string_view("\x0A\x02\x08\x01", 4))) << "no role";
  EXPECT_TRUE(refused(std::string_view("\x0A\x04\x08\x01\x10\x04", 6))) << "unknown role";
  EXPECT_TRUE(refused(std::string_view("\x0A\x04\x08\x01\x10\x01\x0A\x04\x08\x01\x10\x01", 12))) << "twice";
  EXPECT_TRUE(refused(std::string_view("\x0A\x04\x08\x01", 4))) << "cut";
}

} // namespace
} // namespace godwit::persistence
