#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "actors/box/message_list.hpp"
#include "tests/actors/box/counting_reader.hpp"

namespace godwit::box {
namespace {

using entity::records_table;
using testing::counting_reader;

constexpr user_id peer{77};

struct plain_message {
  message_id id = 0;
  unix_time date = 0;
  bool wanted = true;
};

/// One dialog's messages, the oldest first, and their rows among those of its neighbours.
struct history {
  std::vector<plain_message> messages;
  counting_reader::row_map rows;

  void add(message_id id, unix_time date, bool wanted = true) {
    messages.push_back({id, date, wanted});
    persistence::records::Message row;
    row.set_date(date);
    row.set_silent(wanted);
    rows[{records_table::message, message_key(peer, id)}] = row.SerializeAsString();
  }
  void add_neighbours() {
    for (const user_id other : {user_id{76}, user_id{78}, user_id{-77}}) {
      for (message_id id = 1; id < 5; ++id) {
        rows[{records_table::message, message_key(other, id)}] = {};
      }
    }
  }
};

history random_history(std::mt19937& random, int most) {
  history made;
  made.add_neighbours();
  message_id id = 0;
  unix_time date = 1000;
  for (int left = static_cast<int>(random() % static_cast<unsigned>(most)); left > 0; --left) {
    id += 1 + static_cast<message_id>(random() % 4);
    date += static_cast<unix_time>(random() % 3);
    made.add(id, date, random() % 3 != 0);
  }
  return made;
}

/// What the documentation says, with a whole list in the hand.
std::vector<message_id> naive_window(const history& all, const message_window& window, bool filtered) {
  std::vector<plain_message> list;
  for (auto each = all.messages.rbegin(); each != all.messages.rend(); ++each) {
    if (each->id > window.min_id && (window.max_id <= 0 || each->id < window.max_id) && (!filtered || each->wanted)) {
      list.push_back(*each);
    }
  }
  std::int64_t zero = 0;
  const auto newer = [&](const plain_message& each) {
    return window.offset_id > 0 ? each.id >= window.offset_id
                                : window.offset_date > 0 && each.date >= window.offset_date;
  };
  while (zero < static_cast<std::int64_t>(list.size()) && newer(list[static_cast<std::size_t>(zero)])) {
    ++zero;
  }
  std::vector<message_id> found;
  for (std::int64_t place = zero + window.add_offset; place < zero + window.add_offset + window.limit; ++place) {
    if (place >= 0 && place < static_cast<std::int64_t>(list.size())) {
      found.push_back(list[static_cast<std::size_t>(place)].id);
    }
  }
  return found;
}

std::vector<message_id> ids_of(const found_messages& found) {
  std::vector<message_id> ids;
  for (const found_message& each : found.messages) {
    ids.push_back(each.id);
  }
  return ids;
}

message_filter wanted_ones() {
  return [](const message_row&, const persistence::records::Message& message) { return message.silent(); };
}

message_window random_window(std::mt19937& random, int last_id) {
  const auto below = [&](int bound) { return static_cast<std::int32_t>(random() % static_cast<unsigned>(bound)); };
  message_window window;
  window.limit = below(12);
  window.add_offset = random() % 2 == 0 ? 0 : below(30) - 15;
  window.offset_id = random() % 2 == 0 ? below(last_id + 6) : 0;
  window.offset_date = random() % 3 == 0 ? 995 + below(60) : 0;
  window.max_id = random() % 4 == 0 ? below(last_id + 6) : 0;
  window.min_id = random() % 4 == 0 ? below(last_id + 6) : 0;
  return window;
}

// Every form of offset, over histories with holes, gives what a plain model gives, with a filter and without.
TEST(MessageListTest, AWindowIsWhatTheDocumentationSays) {
  std::mt19937 random(1);
  int with_messages = 0;
  for (int round = 0; round < 300; ++round) {
    const history all = random_history(random, 40);
    const int last = all.messages.empty() ? 0 : all.messages.back().id;
    for (int each = 0; each < 60; ++each) {
      const message_window window = random_window(random, last);
      const bool filtered = random() % 2 == 0;
      counting_reader reader(all.rows);
      dialog_messages list(reader, peer);
      const found_messages found = read_window(list, window, filtered ? wanted_ones() : message_filter(), 1000);
      ASSERT_EQ(ids_of(found), naive_window(all, window, filtered))
        << "offset_id " << window.offset_id << " date " << window.offset_date << " add " << window.add_offset
        << " limit " << window.limit << " max " << window.max_id << " min " << window.min_id;
      ASSERT_FALSE(found.cut);
      with_messages += found.messages.empty() ? 0 : 1;
    }
  }
  EXPECT_GT(with_messages, 3000);
}

// Extreme numbers neither overflow nor read the world.
TEST(MessageListTest, ExtremeOffsetsAreHarmless) {
  history all;
  for (message_id id = 1; id <= 50; ++id) {
    all.add(id, 1000 + id);
  }
  const std::vector<std::int32_t> odd = {std::numeric_limits<std::int32_t>::min(), -1, 0, 1, 50, 51,
                                         std::numeric_limits<std::int32_t>::max()};
  for (const std::int32_t offset : odd) {
    for (const std::int32_t add : odd) {
      for (const std::int32_t id : odd) {
        counting_reader reader(all.rows);
        dialog_messages list(reader, peer);
        const message_window window{offset, id, add, 10, id, offset};
        ASSERT_EQ(ids_of(read_window(list, window, {}, 1000)), naive_window(all, window, false))
          << offset << ' ' << add << ' ' << id;
      }
    }
  }
}

// A page out of a long history costs its length, and a date a few dozen rows more; the last page as much as the first.
TEST(MessageListTest, AWindowCostsItsLength) {
  history all;
  for (message_id id = 1; id <= 200'000; ++id) {
    all.add(id, 1000 + id / 3);
  }
  for (const message_id at : {0, 3, 100'000, 199'999}) {
    counting_reader reader(all.rows);
    dialog_messages list(reader, peer);
    read_window(list, {at, 0, 0, 100, 0, 0}, {}, 1000);
    EXPECT_LE(reader.visited, 101u) << at;
  }
  counting_reader around(all.rows);
  dialog_messages list(around, peer);
  EXPECT_EQ(read_window(list, {100'000, 0, -50, 100, 0, 0}, {}, 1000).messages.size(), 100u);
  EXPECT_LE(around.visited, 102u);
  counting_reader by_date(all.rows);
  dialog_messages dated(by_date, peer);
  EXPECT_EQ(read_window(dated, {0, 1000 + 30'000, 0, 20, 0, 0}, {}, 1000).messages.front().id, 89'999);
  EXPECT_LE(by_date.visited, 60u);
}

// Whoever passes over more than is allowed is told, and has cost no more than that.
TEST(MessageListTest, PassingOverIsBounded) {
  history all;
  for (message_id id = 1; id <= 5000; ++id) {
    all.add(id, 1000, id == 1);
  }
  for (const std::int32_t add : {3000, -4000}) {
    counting_reader reader(all.rows);
    dialog_messages list(reader, peer);
    const found_messages found = read_window(list, {add < 0 ? 1 : 0, 0, add, 10, 0, 0}, {}, 1000);
    EXPECT_TRUE(found.cut);
    EXPECT_LE(reader.visited, 1011u);
  }
  counting_reader reader(all.rows);
  dialog_messages list(reader, peer);
  EXPECT_TRUE(read_window(list, {0, 0, 0, 10, 0, 0}, wanted_ones(), 1000).cut);
  EXPECT_LE(reader.visited, 1001u);
  const message_count counted = count_messages(list, 0, 0, wanted_ones(), 10'000);
  EXPECT_EQ(counted.count, 1);
  EXPECT_FALSE(counted.cut);
}

// Pinned messages and those of the whole box are found over the rows that refer to them, in both directions.
TEST(MessageListTest, ListsOfReferencesLeadToTheirMessages) {
  counting_reader::row_map rows;
  std::vector<message_id> pinned;
  for (message_id id = 1; id <= 300; ++id) {
    const user_id owner = id % 2 == 0 ? peer : user_id{5};
    persistence::records::Message row;
    row.set_date(1000 + id);
    rows[{records_table::message, message_key(owner, id)}] = row.SerializeAsString();
    persistence::records::MessagePlace place;
    place.set_peer(owner.value());
    rows[{records_table::message_place, place_key(id)}] = place.SerializeAsString();
    if (id % 6 == 0) {
      rows[{records_table::message_pinned, message_key(peer, id)}] = {};
      pinned.insert(pinned.begin(), id);
    }
  }
  counting_reader reader(rows);
  pinned_messages pins(reader, peer);
  EXPECT_EQ(ids_of(read_window(pins, {0, 0, 0, 100, 0, 0}, {}, 1000)), pinned);
  EXPECT_EQ(ids_of(read_window(pins, {60, 0, -2, 4, 0, 0}, {}, 1000)), (std::vector<message_id>{66, 60, 54, 48}));
  box_messages all(reader);
  const found_messages page = read_window(all, {0, 1101, -1, 3, 0, 0}, {}, 1000);
  EXPECT_EQ(ids_of(page), (std::vector<message_id>{101, 100, 99}));
  EXPECT_EQ(page.messages[1].peer, peer);
  EXPECT_EQ(page.messages[0].peer, user_id{5});
  EXPECT_EQ(count_messages(all, 0, 0, {}, 1000).count, 300);
}

} // namespace
} // namespace godwit::box
