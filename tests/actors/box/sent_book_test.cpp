#include "actors/box/sent_book.hpp"

#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "actors/box/box_keys.hpp"
#include "config/limits.hpp"

namespace godwit::box {
namespace {

using entity::records_table;

constexpr unix_time day = 86'400;
constexpr unix_time morning = 20'000 * day;

/// Rows of one table, and the book over them.
class sent_rows final : public entity::row_reader {
public:
  /// What became of a random_id, as a sender asks before each message.
  std::optional<Sent> find(std::int64_t random_id, unix_time now) {
    sent_book::search what = book->ask({&random_id, 1}, now);
    if (what.needed()) {
      ++readings;
      what.read(*this);
      entity_effects out;
      book->learn(what, out);
      apply(out);
    }
    for (const auto& [found, sent] : what.found) {
      if (found == random_id) {
        return sent;
      }
    }
    return std::nullopt;
  }
  void remember(std::int64_t random_id, message_id id, unix_time now) {
    Sent sent;
    sent.set_id(id);
    entity_effects out;
    book->remember(random_id, sent, now, out);
    apply(out);
  }
  void restart() { book.emplace(box); }

  std::optional<std::string> get(records_table, std::string_view key) override {
    ++gets;
    const auto found = rows.find(std::string(key));
    return found == rows.end() ? std::nullopt : std::optional(found->second);
  }
  void scan(records_table, std::string_view from, std::string_view to, const visitor& visit) override {
    for (auto each = rows.lower_bound(std::string(from));
         each != rows.end() && (to.empty() || each->first < to) && visit(each->first, each->second); ++each) {
    }
  }
  void scan_back(records_table, std::string_view, std::string_view, const visitor&) override {}

  persistence::records::UserBox box;
  std::map<std::string, std::string> rows;
  int readings = 0;
  int gets = 0;

private:
  void apply(const entity_effects& out) {
    for (const auto& each : out.rows) {
      EXPECT_EQ(each.table, records_table::message_sent);
      if (each.value) {
        rows[each.sub_key] = *each.value;
      } else {
        rows.erase(each.sub_key);
      }
    }
  }

  std::optional<sent_book> book{std::in_place, box};
};

TEST(SentFilter, HasAllThatWasAddedAndLittleElse) {
  sent_filter filter;
  for (std::int64_t each = 0; each < 100'000; ++each) {
    filter.add(each * 7919);
  }
  int errors = 0;
  for (std::int64_t each = 0; each < 100'000; ++each) {
    ASSERT_TRUE(filter.may_have(each * 7919));
    errors += filter.may_have(-1 - each) ? 1 : 0;
  }
  EXPECT_LT(errors, 500); // all of its layers err, a little each
  EXPECT_LE(filter.bytes(), 2 * 4 * 100'000U);
}

/// One account cannot take more memory than the bound, whatever it sends; it errs more instead.
TEST(SentFilter, StopsGrowing) {
  sent_filter filter;
  const auto twice = static_cast<std::int64_t>(2 * limits::sent_filter_numbers_max);
  for (std::int64_t each = 0; each < twice; ++each) {
    filter.add(each);
  }
  EXPECT_LE(filter.bytes(), 3 * limits::sent_filter_numbers_max);
  EXPECT_TRUE(filter.may_have(0));
  EXPECT_TRUE(filter.may_have(twice - 1));
}

TEST(SentBook, ReadsOnceForManyNewOnes) {
  sent_rows world;
  for (int i = 1; i <= 200; ++i) {
    EXPECT_FALSE(world.find(i * 1001, morning));
    world.remember(i * 1001, i, morning);
  }
  EXPECT_LE(world.readings, 3); // the first, and hardly an error of the filter
}

TEST(SentBook, FindsRepeatsAlsoAfterARestart) {
  sent_rows world;
  EXPECT_FALSE(world.find(5, morning));
  world.remember(5, 1, morning);
  EXPECT_EQ(world.find(5, morning + 10).value_or(Sent()).id(), 1);
  world.restart();
  EXPECT_EQ(world.find(5, morning + 20).value_or(Sent()).id(), 1);
  EXPECT_FALSE(world.find(6, morning + 30));
}

/// The promise is thirty days; rows go a day at a time.
TEST(SentBook, FindsRepeatsForThirtyDaysAndNotForever) {
  for (const bool restarted : {false, true}) {
    sent_rows world;
    const unix_time evening = morning + day - 1;
    EXPECT_FALSE(world.find(5, evening));
    world.remember(5, 1, evening);
    if (restarted) {
      world.restart();
    }
    EXPECT_TRUE(world.find(5, evening + 30 * day));
    EXPECT_FALSE(world.find(5, evening + 31 * day));
  }
}

TEST(SentBook, FindsRepeatsWhenTheClockWasSetBack) {
  sent_rows world;
  EXPECT_FALSE(world.find(5, morning));
  world.remember(5, 1, morning);
  EXPECT_TRUE(world.find(5, morning - 1));
  world.restart();
  EXPECT_TRUE(world.find(5, morning - 1));
}

/// Beyond what a filter may hold each random_id is looked up: dearer, and as right.
TEST(SentBook, FindsRepeatsAmongTooManyToKeepInMemory) {
  sent_rows world;
  Sent sent;
  sent.set_id(7);
  const auto many = static_cast<std::int64_t>(limits::sent_filter_numbers_max) + 10;
  for (std::int64_t each = 1; each <= many; ++each) {
    world.rows[sent_key(20'000, each)] = sent.SerializeAsString();
  }
  EXPECT_EQ(world.find(many, morning).value_or(Sent()).id(), 7);
  EXPECT_EQ(world.find(many - 1, morning).value_or(Sent()).id(), 7);
  EXPECT_EQ(world.find(1, morning).value_or(Sent()).id(), 7);
  EXPECT_FALSE(world.find(many + 1, morning));
}

/// Rows of days that are over go, so many at a time, and what is younger stays.
TEST(SentBook, RemovesOldRowsInTurn) {
  sent_rows world;
  const auto many = static_cast<std::int64_t>(2 * limits::sent_rows_removed_max + 1);
  EXPECT_FALSE(world.find(1, morning));
  for (std::int64_t each = 1; each <= many; ++each) {
    world.remember(each, 1, morning);
  }
  world.remember(many + 1, 1, morning + day);
  const unix_time later = morning + limits::sent_days * day;
  world.find(-1, later);
  EXPECT_EQ(world.rows.size(), static_cast<std::size_t>(many) + 1 - limits::sent_rows_removed_max);
  world.find(-2, later);
  world.find(-3, later);
  EXPECT_EQ(world.rows.size(), 1U);
  EXPECT_TRUE(world.find(many + 1, later));
  const int readings = world.readings;
  world.find(-4, later);
  world.find(-5, later);
  EXPECT_LE(world.readings, readings + 1); // removing has ended for that day
}

} // namespace
} // namespace godwit::box
