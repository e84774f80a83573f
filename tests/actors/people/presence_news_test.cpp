#include "actors/people/presence_news.hpp"

#include <gtest/gtest.h>

#include <random>

#include "config/limits.hpp"

namespace godwit::people {
namespace {

using persistence::node_id;

constexpr unix_time now = 1'700'000'000;

/// Two nodes, and what one says to the other.
class PresenceNewsTest : public ::testing::Test {
protected:
  struct node {
    explicit node(std::uint64_t number) : id(number) { book.tell_changes_to(&news); }
    node_id id;
    int woken = 0;
    presence_book book;
    presence_news news{[this] { ++woken; }};
  };

  static void carry(node& from, node& to) {
    for (const std::string& part : from.news.take()) {
      const auto changes = decode_presence(part, now).value();
      for (const presence_change& each : changes) {
        to.book.heard(from.id, each);
      }
    }
  }

  node one{1};
  node two{2};
};

TEST_F(PresenceNewsTest, WhoIsOnlineOnOneNodeIsKnownOnTheOther) {
  one.book.set(user_id{7}, {now + 300, 0});
  EXPECT_EQ(two.book.find(user_id{7}).online_until, 0);
  carry(one, two);
  EXPECT_EQ(two.book.find(user_id{7}).online_until, now + 300);
  one.book.set(user_id{7}, {0, now + 5});
  carry(one, two);
  EXPECT_EQ(two.book.find(user_id{7}), (presence_state{0, now + 5}));
}

// What is heard is not said again: two nodes would tell it to each other for ever.
TEST_F(PresenceNewsTest, OnlyWhatHappensHereIsTold) {
  one.book.set(user_id{7}, {now + 300, 0});
  carry(one, two);
  two.book.learn(user_id{8}, {now + 300, 0});
  EXPECT_TRUE(two.news.take().empty());
  EXPECT_EQ(two.woken, 0);
  EXPECT_TRUE(two.book.online_here(now).empty());
  EXPECT_EQ(one.book.online_here(now), (std::vector<presence_change>{{user_id{7}, {now + 300, 0}}}));
  EXPECT_TRUE(one.book.online_here(now + 300).empty());
}

// Goal: many changes cost one envelope. The last state of an account counts.
TEST_F(PresenceNewsTest, ChangesGatherUntilTheyAreTaken) {
  for (unix_time i = 0; i < 100; ++i) {
    one.book.set(user_id{7}, {now + i, 0});
    one.book.set(user_id{8}, {0, now});
  }
  EXPECT_EQ(one.woken, 1);
  const auto parts = one.news.take();
  ASSERT_EQ(parts.size(), 1U);
  EXPECT_EQ(decode_presence(parts[0], now)->size(), 2U);
  EXPECT_TRUE(one.news.take().empty());
  one.book.set(user_id{9}, {0, now});
  EXPECT_EQ(one.woken, 2);
}

TEST_F(PresenceNewsTest, EnvelopesAndWhatWaitsAreBounded) {
  for (std::size_t i = 1; i <= limits::presence_news_max + 10; ++i) {
    one.book.set(user_id{static_cast<std::int64_t>(i)}, {0, now});
  }
  const auto parts = one.news.take();
  EXPECT_EQ(parts.size(), limits::presence_news_max / limits::presence_part_max);
  for (const std::string& each : parts) {
    EXPECT_EQ(decode_presence(each, now)->size(), limits::presence_part_max);
  }
}

// Another node leads the account now: what it says counts, and what the former one said earlier does not.
TEST_F(PresenceNewsTest, AnAccountMovesFromNodeToNode) {
  presence_book here;
  here.heard(node_id{1}, {user_id{7}, {now + 300, 0}});
  here.heard(node_id{2}, {user_id{7}, {0, now + 10}});
  EXPECT_EQ(here.find(user_id{7}).online_until, 0);
  here.heard(node_id{1}, {user_id{7}, {now + 290, 0}});
  EXPECT_EQ(here.find(user_id{7}), (presence_state{0, now + 10})) << "it said so earlier";
  here.heard(node_id{2}, {user_id{7}, {now + 299, now + 10}});
  EXPECT_EQ(here.find(user_id{7}).online_until, now + 299) << "one node's words are in order";
}

// Its clients may be on other nodes and still there; those that were on it come back, or are away.
TEST_F(PresenceNewsTest, WhatANodeSaidThatWentAwayIsBelievedForAWhile) {
  presence_book here;
  here.heard(node_id{1}, {user_id{7}, {now + 300, 0}});
  here.heard(node_id{2}, {user_id{8}, {now + 300, 0}});
  here.forget(node_id{1}, now);
  EXPECT_EQ(here.find(user_id{7}).online_until, now + online_without_node_seconds);
  EXPECT_EQ(here.find(user_id{8}).online_until, now + 300);
  here.heard(node_id{1}, {user_id{7}, {now + 310, 0}});
  EXPECT_EQ(here.find(user_id{7}).online_until, now + 310) << "it is there again";
}

TEST_F(PresenceNewsTest, AnyBytesAreTaken) {
  EXPECT_FALSE(decode_presence("\xff\xff\xff", now).has_value());
  EXPECT_TRUE(decode_presence("", now)->empty());
  const std::vector<presence_change> odd{
    {user_id{0}, {now, 0}},           {user_id{-5}, {now, 0}}, {user_id{std::int64_t{1} << 50}, {now, 0}},
    {user_id{7}, {now + 100'000, 0}}, {user_id{7}, {-1, 0}},   {user_id{7}, {0, now + 100'000}},
    {user_id{8}, {now + 300, 1}}};
  EXPECT_EQ(decode_presence(encode_presence(odd)[0], now), (std::vector<presence_change>{odd.back()}));
  std::mt19937_64 random(5);
  const std::string good = encode_presence(odd)[0];
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = good.substr(0, random() % (good.size() + 1));
    for (std::size_t flips = random() % 4; flips > 0 && !bytes.empty(); --flips) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    for (const presence_change& each : decode_presence(bytes, now).value_or(std::vector<presence_change>{})) {
      ASSERT_GT(each.who.value(), 0);
      ASSERT_LE(each.now_is.online_until, now + 400);
    }
  }
  // More than an envelope holds.
  std::string both = encode_presence(std::vector<presence_change>(limits::presence_part_max, odd.back()))[0];
  both += both;
  EXPECT_FALSE(decode_presence(both, now).has_value());
}

} // namespace
} // namespace godwit::people
