#include "actors/box/box_keys.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

namespace godwit::box {
namespace {

constexpr auto lowest = std::numeric_limits<std::int64_t>::min();
constexpr auto highest = std::numeric_limits<std::int64_t>::max();

/// Scans depend on it: keys sort as what they are made of.
TEST(BoxKeys, SortAsTheirNumbersDo) {
  std::vector<std::string> keys;
  for (const std::int64_t peer :
       {lowest, std::int64_t{-256}, std::int64_t{-1}, std::int64_t{1}, std::int64_t{255}, std::int64_t{256}, highest}) {
    for (const message_id id : {1, 255, 256, 65'536, std::numeric_limits<message_id>::max()}) {
      keys.push_back(message_key(user_id{peer}, id));
    }
  }
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
  EXPECT_EQ(std::adjacent_find(keys.begin(), keys.end()), keys.end());
  EXPECT_LT(update_key(7), update_key(7, 1));
  EXPECT_LT(update_key(7, 255), update_key(7, 256));
  EXPECT_LT(update_key(7, 256), update_key(8));
  EXPECT_LT(sent_key(10, -1), sent_key(11, 0));
  EXPECT_LT(order_key(255, user_id{highest}), order_key(256, user_id{1}));
}

TEST(BoxKeys, AreReadBack) {
  for (const std::int64_t peer : {lowest, std::int64_t{-1}, std::int64_t{777'000}, highest}) {
    const auto message = read_message_key(message_key(user_id{peer}, 300));
    ASSERT_TRUE(message);
    EXPECT_EQ(message->peer, user_id{peer});
    EXPECT_EQ(message->id, 300);
    EXPECT_EQ(read_peer_key(peer_key(user_id{peer})), user_id{peer});
    const auto order = read_order_key(order_key(513, user_id{peer}));
    ASSERT_TRUE(order);
    EXPECT_EQ(order->first, 512);
    EXPECT_EQ(order->peer, user_id{peer});
  }
  EXPECT_EQ(read_place_key(place_key(70'000)), 70'000);
  const auto update = read_update_key(update_key(70'001, 3));
  ASSERT_TRUE(update);
  EXPECT_EQ(update->pts, 70'001);
  EXPECT_EQ(update->beside, 3);
  const auto sent = read_sent_key(sent_key(20'000, -5));
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->day, 20'000);
  EXPECT_EQ(sent->random_id, -5);
}

TEST(BoxKeys, OfAnotherLengthAreRefused) {
  for (const std::size_t size : {0, 3, 5, 7, 9, 11, 13}) {
    const std::string key(size, '\1');
    EXPECT_FALSE(read_message_key(key));
    EXPECT_FALSE(read_peer_key(key));
    EXPECT_FALSE(read_place_key(key));
    EXPECT_FALSE(read_update_key(key));
    EXPECT_FALSE(read_sent_key(key));
    EXPECT_FALSE(read_order_key(key));
  }
}

/// The end of a scan over all keys that begin with one.
TEST(BoxKeys, BehindIsTheFirstThatDoesNotBeginSo) {
  const std::string peer = peer_key(user_id{511});
  EXPECT_LT(message_key(user_id{511}, std::numeric_limits<message_id>::max()), behind(peer));
  EXPECT_LE(behind(peer), message_key(user_id{512}, 0));
  EXPECT_EQ(behind(std::string("a\xff\xff")), "b");
  EXPECT_EQ(behind(std::string("\xff")), "");
}

} // namespace
} // namespace godwit::box
