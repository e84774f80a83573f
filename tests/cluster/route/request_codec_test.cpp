#include "cluster/route/request_codec.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "cluster/wire/request_wire.pb.h"

namespace godwit::cluster {
namespace {

// Goal: a session on another node knows as exactly as one on the account's what an answer told.
TEST(request_codec, AnAnswerCrossesWithWhatItTells) {
  entity_reply said;
  said.token = 9;
  said.body = "answer";
  said.pts = 44;
  said.pts_count = 2;
  said.term = 5;
  std::string body;
  encode_reply(body, said);
  const auto read = decode_reply(body);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->token, 9U);
  EXPECT_EQ(read->body, "answer");
  EXPECT_EQ(read->pts, 44);
  EXPECT_EQ(read->pts_count, 2);
  EXPECT_EQ(read->term, 5U);
}

// A node of the version before says only where the box is.
TEST(request_codec, AnAnswerOfTheVersionBeforeTellsOfNothing) {
  wire::Reply record;
  record.set_number(1);
  record.set_pts(44);
  const auto read = decode_reply(record.SerializeAsString());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->pts, 44);
  EXPECT_EQ(read->pts_count, 0);
}

// No box has a position below 0, and nothing lies in front of its beginning.
TEST(request_codec, AnAnswerThatTellsOfWhatCannotBeIsGarbage) {
  const auto is_read = [](std::int32_t pts, std::int32_t pts_count) {
    wire::Reply record;
    record.set_number(1);
    record.set_pts(pts);
    record.set_pts_count(pts_count);
    return decode_reply(record.SerializeAsString()).has_value();
  };
  EXPECT_TRUE(is_read(44, 44));
  EXPECT_TRUE(is_read(0, 0));
  EXPECT_FALSE(is_read(44, 45));
  EXPECT_FALSE(is_read(44, -1));
  EXPECT_FALSE(is_read(-1, 0));
  EXPECT_FALSE(is_read(std::numeric_limits<std::int32_t>::min(), 0));
  EXPECT_FALSE(is_read(0, 1));
  wire::Push push;
  push.set_number(1);
  push.set_kind(1);
  push.set_pts(44);
  push.set_pts_count(44);
  EXPECT_TRUE(decode_push(push.SerializeAsString()).has_value());
  push.set_pts_count(45);
  EXPECT_FALSE(decode_push(push.SerializeAsString()).has_value());
  push.set_pts_count(-1);
  EXPECT_FALSE(decode_push(push.SerializeAsString()).has_value());
}

} // namespace
} // namespace godwit::cluster
