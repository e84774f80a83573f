#include "tests/actors/people/people_calls.hpp"

namespace godwit::people::testing {
namespace {

constexpr std::int64_t first_id = 100'000'001;
constexpr int accounts = 6;

/// Accounts that change relations, names and rules at the same time, in a world that dies now and then.
class PeopleFaultsTest : public ::testing::TestWithParam<std::uint64_t> {
protected:
  people_world world{GetParam(), 4};
  std::mt19937_64 random{GetParam() * 77};
  std::vector<user_id> all;

  user_id anybody() { return all[random() % all.size()]; }

  void begin_something() {
    const user_id who = anybody();
    const user_id whom = anybody();
    switch (random() % 8) {
    case 0:
    case 1: {
      fn::contacts_addContact call;
      call.id = world.input(who, whom);
      call.first_name = "N" + std::to_string(random() % 10);
      call.add_phone_privacy_exception = random() % 2 == 0;
      world.begin_call(who, call);
      break;
    }
    case 2: {
      fn::contacts_deleteContacts call;
      call.id.push_back(world.input(who, whom));
      world.begin_call(who, call);
      break;
    }
    case 3: {
      fn::contacts_block call;
      call.id = world.input_peer(who, whom);
      world.begin_call(who, call);
      break;
    }
    case 4: {
      fn::contacts_unblock call;
      call.id = world.input_peer(who, whom);
      world.begin_call(who, call);
      break;
    }
    case 5:
    case 6: {
      fn::account_updateUsername call;
      if (random() % 4 != 0) {
        call.username = "name_" + std::to_string(random() % 4);
      }
      world.begin_call(who, call);
      break;
    }
    default: {
      fn::account_updateStatus call;
      call.offline = random() % 2 == 0;
      world.begin_call(who, call);
      break;
    }
    }
  }

  void check_relations() {
    for (const user_id left : all) {
      std::size_t contacts = 0;
      std::size_t blocked = 0;
      for (const user_id right : all) {
        if (left == right) {
          continue;
        }
        const Relation relation = world.relation_row(left, right);
        contacts += static_cast<std::size_t>(relation.has_contact());
        blocked += static_cast<std::size_t>(relation.blocked_at() != 0);
        EXPECT_EQ(relation.has_contact(), world.relation_row(right, left).has_me()) << left.value() << right.value();
        EXPECT_EQ(relation.blocked_at() != 0, world.relation_row(right, left).hides()) << left.value() << right.value();
        const auto seen = see(world, left, right);
        const auto* user = tl::as<tl::user>(seen);
        ASSERT_NE(user, nullptr);
        EXPECT_EQ(user->contact, relation.has_contact());
        EXPECT_EQ(user->mutual_contact, relation.has_contact() && relation.has_me());
      }
      EXPECT_EQ(world.rows_in(left, records_table::user_contact), contacts);
      EXPECT_EQ(world.rows_in(left, records_table::user_blocked), blocked);
    }
  }

  void check_names() {
    for (int i = 0; i < 4; ++i) {
      const std::string name = "name_" + std::to_string(i);
      const auto owner = world.owner_of(name);
      for (const user_id each : all) {
        EXPECT_EQ(world.core_of(each).profile->username() == name, owner == each.value()) << name;
      }
    }
    for (const user_id each : all) {
      EXPECT_EQ(world.rows_in(each, records_table::user_username), 0U);
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Seeds, PeopleFaultsTest, ::testing::Range<std::uint64_t>(1, 41));

/// When everything has come to rest both sides of each relation agree, every name has the owner that shows it, and
/// what memory says is what the rows say.
TEST_P(PeopleFaultsTest, EverythingAgreesInTheEnd) {
  for (std::int64_t i = 0; i < accounts; ++i) {
    all.push_back(world.add(first_id + i, "A" + std::to_string(i)));
  }
  int crashes = 0;
  for (int round = 0; round < 12; ++round) {
    ++world.now;
    world.crash_at(random() % 3 == 0 ? static_cast<int>(random() % 12) + 1 : -1, random() % 2 == 0);
    try {
      for (std::size_t calls = random() % 12 + 1; calls > 0; --calls) {
        begin_something();
      }
      if (random() % 2 == 0) {
        world.run();
      }
    } catch (const crash&) {
      ++crashes;
      world.restart();
    }
  }
  world.crash_at(-1, false);
  for (const user_id each : all) {
    static_cast<void>(world.of(each));
  }
  world.run();
  check_relations();
  check_names();
  world.restart();
  check_relations();
}

} // namespace
} // namespace godwit::people::testing
