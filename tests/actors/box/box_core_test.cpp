#include "actors/box/box_core.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "config/limits.hpp"
#include "tests/actors/box/box_world.hpp"

namespace godwit::box {
namespace {

constexpr unix_time now = 1'700'000'000;

// --- operations --------------------------------------------------------------------------------------

/// Whatever an operation does at once, later or inside another, they end in the order in which they came.
TEST(OperationQueue, RunsOneAtATimeInOrder) {
  operation_queue queue;
  entity_effects out;
  std::vector<int> ran;
  EXPECT_TRUE(queue.run(now, out, [&](unix_time, entity_effects&) { ran.push_back(1); })); // it waits for something
  EXPECT_FALSE(queue.idle());
  for (const int each : {2, 3}) {
    EXPECT_TRUE(queue.run(now, out, [&ran, &queue, each](unix_time at, entity_effects& more) {
      ran.push_back(each);
      if (each == 2) {
        queue.run(at, more, [&](unix_time then, entity_effects& on) {
          ran.push_back(4);
          queue.done(then, on);
        });
      }
      queue.done(at, more);
    }));
  }
  EXPECT_EQ(ran, (std::vector{1}));
  queue.done(now, out);
  EXPECT_EQ(ran, (std::vector{1, 2, 3, 4}));
  EXPECT_TRUE(queue.idle());
  EXPECT_EQ(queue.number(), 4U);
}

TEST(OperationQueue, RefusesWhatItsBoundDoesNotHoldButNoDelivery) {
  operation_queue queue;
  entity_effects out;
  const continuation nothing = [](unix_time, entity_effects&) {};
  EXPECT_TRUE(queue.run(now, out, nothing));
  for (std::size_t i = 0; i < limits::box_operations_max; ++i) {
    EXPECT_TRUE(queue.run(now, out, nothing));
  }
  EXPECT_FALSE(queue.run(now, out, nothing));
  int ran = 0;
  queue.run_always(now, out, [&](unix_time, entity_effects&) { ++ran; });
  for (std::size_t i = 0; i <= limits::box_operations_max; ++i) {
    queue.done(now, out);
  }
  EXPECT_EQ(ran, 1);
}

/// A lane does not wait for all that the sessions of an account asked for, nor these for all that arrives.
TEST(OperationQueue, DeliveriesGoBeforeChangesOfClients) {
  operation_queue queue;
  entity_effects out;
  std::vector<int> ran;
  const auto number = [&](int which) {
    return [&ran, &queue, which](unix_time at, entity_effects& more) {
      ran.push_back(which);
      queue.done(at, more);
    };
  };
  EXPECT_TRUE(queue.run(now, out, [](unix_time, entity_effects&) {})); // it waits for something
  for (const int each : {1, 2, 3}) {
    EXPECT_TRUE(queue.run(now, out, number(each)));
  }
  queue.run_always(now, out, number(11));
  queue.run_always(now, out, number(12));
  queue.done(now, out);
  EXPECT_EQ(ran, (std::vector{11, 12, 1, 2, 3}));
  EXPECT_TRUE(queue.idle());

  ran.clear();
  EXPECT_TRUE(queue.run(now, out, [](unix_time, entity_effects&) {}));
  EXPECT_TRUE(queue.run(now, out, number(1)));
  for (std::size_t i = 0; i < 2 * limits::box_arrivals_in_a_row_max; ++i) {
    queue.run_always(now, out, number(11));
  }
  EXPECT_FALSE(queue.idle());
  queue.done(now, out);
  ASSERT_EQ(ran.size(), 2 * limits::box_arrivals_in_a_row_max + 1);
  EXPECT_EQ(ran[limits::box_arrivals_in_a_row_max], 1);
}

/// A thousand that end at once are a loop, not a stack as deep; and not one mutation beyond its bound.
TEST(OperationQueue, SplitsMutationsThatBecomeTooLarge) {
  operation_queue queue;
  entity_effects first;
  queue.run(now, first, [](unix_time, entity_effects&) {});
  std::vector<std::size_t> sizes(1);
  for (int i = 0; i < 1000; ++i) {
    queue.run_always(now, first, [&](unix_time at, entity_effects& more) {
      more.rows.push_back({records_table::message, "key", std::string(10'000, 'x')});
      sizes.back() += 10'000;
      queue.done(at, more);
    });
  }
  queue.done(now, first);
  std::vector<entity::row_query> next = std::move(first.queries);
  while (!next.empty()) {
    ASSERT_EQ(next.size(), 1U);
    entity_effects out;
    sizes.push_back(0);
    next.front().then(now, out);
    next = std::move(out.queries);
  }
  EXPECT_TRUE(queue.idle());
  EXPECT_GT(sizes.size(), 5U);
  std::size_t all = 0;
  for (const std::size_t each : sizes) {
    EXPECT_LE(each, limits::box_mutation_bytes + 10'000);
    all += each;
  }
  EXPECT_EQ(all, 10'000'000U);
}

// --- dialogs -----------------------------------------------------------------------------------------

class dialogs_in_memory : public ::testing::Test {
protected:
  static Dialog with_top(message_id top, std::int32_t unread = 0) {
    Dialog dialog;
    dialog.set_top_message(top);
    dialog.set_messages(top == 0 ? 0 : 1);
    dialog.set_unread(unread);
    return dialog;
  }
  /// Changes a dialog that is in memory; the sub-keys that were put and erased in the order of dialogs.
  std::pair<std::vector<std::string>, std::vector<std::string>> change(user_id whose, const Dialog& to) {
    out = {};
    book.change(whose, to, out);
    std::pair<std::vector<std::string>, std::vector<std::string>> found;
    for (const auto& each : out.rows) {
      if (each.table == records_table::dialog_order) {
        (each.value ? found.first : found.second).push_back(each.sub_key);
      }
    }
    return found;
  }

  people::people_options options;
  people::account_core account{
    .self = user_id{1}, .options = options, .profile = {}, .box = {}, .ears = {}, .note_beside = {}};
  dialog_book book{account};
  entity_effects out;
  const user_id peer{2};
};

TEST_F(dialogs_in_memory, MoveInTheOrderOnlyEvery256Messages) {
  using keys = std::vector<std::string>;
  book.learn(peer, std::nullopt);
  EXPECT_FALSE(book.find(peer)->exists);
  EXPECT_EQ(change(peer, with_top(3)), (std::pair{keys{order_key(3, peer)}, keys{}}));
  EXPECT_TRUE(book.find(peer)->exists);
  EXPECT_EQ(account.box.dialogs(), 1);
  EXPECT_EQ(change(peer, with_top(255)), (std::pair{keys{}, keys{}}));
  EXPECT_EQ(change(peer, with_top(256)), (std::pair{keys{order_key(256, peer)}, keys{order_key(3, peer)}}));
  EXPECT_EQ(account.box.dialogs(), 1);
  EXPECT_EQ(change(peer, with_top(0)), (std::pair{keys{}, keys{order_key(256, peer)}}));
  EXPECT_EQ(account.box.dialogs(), 0);
}

/// Nothing is kept of a dialog that is as one that never was; a reading or a mark is kept.
TEST_F(dialogs_in_memory, AreErasedWhenNothingIsLeftOfThem) {
  book.learn(peer, std::nullopt);
  change(peer, with_top(0));
  EXPECT_TRUE(out.rows.empty());
  change(peer, with_top(1));
  change(peer, with_top(0));
  EXPECT_FALSE(book.find(peer)->exists);
  ASSERT_EQ(out.rows.size(), 2U);
  EXPECT_FALSE(out.rows.back().value);
  Dialog read = with_top(0);
  read.set_read_inbox_max_id(1);
  change(peer, read);
  EXPECT_TRUE(book.find(peer)->exists);
  EXPECT_TRUE(out.rows.back().value);
  EXPECT_EQ(account.box.dialogs(), 0);
}

TEST_F(dialogs_in_memory, CountUnreadMessagesOfAll) {
  for (const std::int64_t each : {2, 3}) {
    book.learn(user_id{each}, std::nullopt);
    change(user_id{each}, with_top(1, 5));
  }
  EXPECT_EQ(account.box.unread(), 10);
  change(peer, with_top(1, 2));
  EXPECT_EQ(account.box.unread(), 7);
}

TEST_F(dialogs_in_memory, AreBoundedAndKeepWhatIsInUse) {
  const auto learn = [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t each = first; each <= last; ++each) {
      book.learn(user_id{each}, with_top(1).SerializeAsString());
    }
  };
  const auto max = static_cast<std::int64_t>(limits::dialogs_in_memory_max);
  learn(1, max);
  book.hold(user_id{1}, 7);
  EXPECT_NE(book.find(user_id{2}), nullptr); // now 3 is the one that rested longest
  learn(max + 1, max + 1);
  EXPECT_EQ(book.find(user_id{3}), nullptr);
  EXPECT_NE(book.find(user_id{2}), nullptr);
  learn(1000, 1000 + 2 * max);
  EXPECT_EQ(book.find(user_id{2}), nullptr);
  EXPECT_NE(book.find(user_id{1}), nullptr);
  book.hold(user_id{1000 + 2 * max}, 8);
  learn(2000, 2000 + 2 * max);
  EXPECT_EQ(book.find(user_id{1}), nullptr);
}

/// What a query read is older than what is in memory.
TEST_F(dialogs_in_memory, AreNotOverwrittenByRowsReadBefore) {
  book.learn(peer, with_top(5).SerializeAsString());
  change(peer, with_top(6));
  book.learn(peer, with_top(5).SerializeAsString());
  EXPECT_EQ(book.find(peer)->dialog.top_message(), 6);
}

// --- updates -----------------------------------------------------------------------------------------

TEST(BoxUpdates, MoveThePtsByTheirCountAndCountWhatHappensBeside) {
  testing::box_world world;
  auto& member = world.add(1);
  box_core core{*member.core, *member.people, {}};
  entity_effects out;
  persistence::records::Update update;
  EXPECT_EQ(core.append_update(update, update_kind::new_message, now, out), 2);
  core.append_beside(update, update_kind::draft, now, out);
  core.append_beside(update, update_kind::draft, now, out);
  EXPECT_EQ(member.core->box.updates_beside(), 2);
  update.set_count(3);
  EXPECT_EQ(core.append_update(update, update_kind::delete_messages, now, out), 5);
  EXPECT_EQ(member.core->box.updates_beside(), 0);
  std::vector<std::string> keys;
  for (const auto& each : out.rows) {
    if (each.table == records_table::update) {
      keys.push_back(each.sub_key);
    }
  }
  EXPECT_EQ(keys, (std::vector{update_key(2), update_key(2, 1), update_key(2, 2), update_key(5)}));
  persistence::records::UserBox row;
  EXPECT_EQ(out.rows.back().table, records_table::user_box);
  EXPECT_TRUE(row.ParseFromString(*out.rows.back().value));
  EXPECT_EQ(row.pts(), 5);
  EXPECT_EQ(row.date(), now);
}

} // namespace
} // namespace godwit::box
