#include <gtest/gtest.h>

#include "actors/people/audience.hpp"
#include "actors/people/card_book.hpp"
#include "actors/people/listeners.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/user.hpp"

namespace godwit::people {
namespace {

using entity::records_table;

listener_id id_of(std::uint64_t number) { return {auth_key_id{number}, session_id{number}}; }

class ListenersTest : public ::testing::Test {
protected:
  listeners ears;
  entity_effects out;

  ListenersTest() {
    for (const auto& [number, layer] : {std::pair{1U, 229}, {2U, 229}, {3U, 133}}) {
      ears.add(id_of(number))->layer = layer;
    }
  }
};

/// One serialization serves all sessions of a layer; the one that asked hears nothing.
TEST_F(ListenersTest, SessionsOfALayerShareTheirBytes) {
  ears.add(id_of(4))->layer = 229;
  tl::updatesTooLong update;
  ears.tell(update, id_of(1), out, 17, 2);
  ASSERT_EQ(out.messages.size(), 3U);
  EXPECT_EQ(out.messages[0].to, id_of(2));
  EXPECT_EQ(out.messages[0].update, out.messages[2].update);
  EXPECT_NE(out.messages[0].update, out.messages[1].update);
  EXPECT_EQ(out.messages[1].pts, 17);
  EXPECT_EQ(out.messages[1].pts_count, 2);
}

/// What a layer cannot say is said in general when it moves the pts, and not at all when it does not.
TEST_F(ListenersTest, ALayerWithoutWordsHearsThatThereIsSomething) {
  tl::updateShort update;
  update.update = tl::make<tl::updateUser>(); // younger than layer 133
  update.date = 5;
  ears.tell(update, {}, out);
  EXPECT_EQ(out.messages.size(), 2U);
  out.messages.clear();
  ears.tell(update, {}, out, 9, 1);
  ASSERT_EQ(out.messages.size(), 3U);
  EXPECT_EQ(*out.messages[2].update, "\x7e\xaf\x17\xe3");
  EXPECT_EQ(out.messages[2].pts, 9);
}

/// A session that is being told what it missed hears what moves the pts later, and the rest at once.
TEST_F(ListenersTest, WhoCatchesUpHearsOnlyWhatIsBesideThePts) {
  ears.find(id_of(2))->catching_up = true;
  tl::updatesTooLong update;
  ears.tell(update, {}, out, 9, 1);
  EXPECT_EQ(out.messages.size(), 2U);
  out.messages.clear();
  ears.tell(update, {}, out);
  EXPECT_EQ(out.messages.size(), 3U);
  out.messages.clear();
  listeners::tell_one(*ears.find(id_of(2)), update, out, 9, 1);
  EXPECT_TRUE(out.messages.empty());
  listeners::tell_one(*ears.find(id_of(2)), update, out);
  EXPECT_EQ(out.messages.size(), 1U);
}

TEST_F(ListenersTest, OnlyThoseOnlineHearWhatNobodyNeedsLater) {
  ears.find(id_of(2))->online_until = 100;
  ears.find(id_of(3))->online_until = 50;
  EXPECT_EQ(ears.online_until(60), 100);
  EXPECT_EQ(ears.online_until(100), 0);
  ears.tell_online(tl::updatesTooLong(), 60, out);
  ASSERT_EQ(out.messages.size(), 1U);
  EXPECT_EQ(out.messages[0].to, id_of(2));
}

TEST_F(ListenersTest, TheirNumberIsBounded) {
  for (std::uint64_t i = 100; ears.all().size() < limits::listeners_per_user_max; ++i) {
    ASSERT_NE(ears.add(id_of(i)), nullptr);
  }
  EXPECT_EQ(ears.add(id_of(7777)), nullptr);
  EXPECT_NE(ears.add(id_of(1)), nullptr); // it is there
  ears.remove(id_of(1));
  EXPECT_EQ(ears.find(id_of(1)), nullptr);
  EXPECT_NE(ears.add(id_of(7777)), nullptr);
}

/// What changes while the rows are read counts more than the rows.
TEST(AudienceTest, ChangesDuringTheReadingAreNotLost) {
  class two_fans final : public entity::row_reader {
  public:
    std::optional<std::string> get(records_table, std::string_view) override { return std::nullopt; }
    void scan(records_table, std::string_view, std::string_view, const visitor& visit) override {
      Relation fan;
      fan.set_has_me(true);
      visit(entity::id_sub_key(1), fan.SerializeAsString());
      visit(entity::id_sub_key(2), fan.SerializeAsString());
      visit(entity::id_sub_key(3), Relation().SerializeAsString());
    }
    void scan_back(records_table, std::string_view, std::string_view, const visitor&) override {}
  } rows;
  audience fans;
  entity_effects out;
  int runs = 0;
  const auto count = [&](unix_time, entity_effects&) { ++runs; };
  fans.with(1, out, count);
  fans.with(1, out, count);
  ASSERT_EQ(out.queries.size(), 1U);
  out.queries[0].read(rows);
  fans.note(user_id{1}, Relation());
  Relation fan;
  fan.set_has_me(true);
  fan.mutable_contact();
  fans.note(user_id{4}, fan);
  out.queries[0].then(1, out);
  EXPECT_EQ(runs, 2);
  ASSERT_EQ(fans.members().size(), 2U);
  EXPECT_TRUE(fans.members().contains(2));
  EXPECT_TRUE(fans.members().at(4).contact);
  fans.with(1, out, count);
  EXPECT_EQ(runs, 3);
}

command::Card card_of(std::int64_t user, std::uint32_t version, const std::string& name) {
  command::Card card;
  card.set_exists(true);
  card.set_user(user);
  card.set_version(version);
  card.set_first_name(name);
  return card;
}

/// Cards come in any order: the newest version stays.
TEST(CardBookTest, TheNewestCardStays) {
  card_book book(10);
  book.put(card_of(1, 5, "five"));
  book.put(card_of(1, 4, "four"));
  EXPECT_EQ(book.find(user_id{1})->first_name(), "five");
  book.put(card_of(1, 6, "six"));
  EXPECT_EQ(book.find(user_id{1})->first_name(), "six");
  book.put(command::Card());
  EXPECT_EQ(book.find(user_id{0}), nullptr);
}

TEST(CardBookTest, TheLongestUnusedCardMakesRoom) {
  card_book book(3);
  for (std::int64_t i = 1; i <= 3; ++i) {
    book.put(card_of(i, 1, "x"));
  }
  EXPECT_NE(book.find(user_id{1}), nullptr);
  book.put(card_of(4, 1, "x"));
  EXPECT_NE(book.find(user_id{1}), nullptr);
  EXPECT_EQ(book.find(user_id{2}), nullptr);
  EXPECT_NE(book.find(user_id{4}), nullptr);
}

} // namespace
} // namespace godwit::people
