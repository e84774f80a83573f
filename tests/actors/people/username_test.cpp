#include "tests/actors/people/people_calls.hpp"

namespace godwit::people::testing {
namespace {

constexpr std::int64_t first_id = 100'000'001;

rpc_result<tl::box<tl::User>> set_username(people_world& world, user_id who, const std::string& username) {
  fn::account_updateUsername call;
  call.username = username;
  return world.call(who, call);
}

rpc_result<tl::box<tl::contacts_resolvedPeer>> resolve(people_world& world, user_id who, const std::string& username) {
  fn::contacts_resolveUsername call;
  call.username = username;
  return world.call(who, call);
}

bool has_change(people_world& world, user_id who) { return world.rows_in(who, records_table::user_username) != 0; }

class UsernameTest : public ::testing::TestWithParam<std::uint64_t> {
protected:
  people_world world{GetParam()};
  user_id anna = world.add(first_id, "Anna");
  user_id boris = world.add(first_id + 1, "Boris");
};

INSTANTIATE_TEST_SUITE_P(Seeds, UsernameTest, ::testing::Range<std::uint64_t>(1, 9));

/// A name belongs to one account, in whatever capitals, and is found at once.
TEST_P(UsernameTest, ANameBelongsToOneAccount) {
  const auto self = set_username(world, anna, "Anna_1");
  ASSERT_TRUE(self);
  EXPECT_EQ(tl::as<tl::user>(*self)->username, "Anna_1");
  EXPECT_EQ(set_username(world, boris, "aNNA_1").error().errc, rpc_errc::username_occupied);
  fn::account_checkUsername check;
  check.username = "ANNA_1";
  EXPECT_EQ(world.error(boris, check).errc, rpc_errc::username_occupied);
  check.username = "boris";
  EXPECT_TRUE(world.call(boris, check).value_or(false));
  const auto found = resolve(world, boris, "anna_1");
  ASSERT_TRUE(found);
  EXPECT_EQ(tl::as<tl::peerUser>((*found)->peer)->user_id, anna.value());
  ASSERT_EQ((*found)->users.size(), 1U);
  EXPECT_EQ(tl::as<tl::user>((*found)->users.front())->username, "Anna_1");
  world.run();
  EXPECT_FALSE(has_change(world, anna));
  EXPECT_FALSE(has_change(world, boris));
}

TEST_P(UsernameTest, AChangedNameReleasesTheOldOne) {
  ASSERT_TRUE(set_username(world, anna, "first_name"));
  world.run();
  ASSERT_TRUE(set_username(world, anna, "second_name"));
  world.run();
  EXPECT_EQ(world.owner_of("first_name"), std::nullopt);
  EXPECT_EQ(world.owner_of("second_name"), anna.value());
  ASSERT_TRUE(set_username(world, boris, "first_name"));
  world.run();
  ASSERT_TRUE(set_username(world, anna, ""));
  world.run();
  EXPECT_EQ(world.owner_of("second_name"), std::nullopt);
  EXPECT_EQ(resolve(world, boris, "second_name").error().errc, rpc_errc::username_not_occupied);
  EXPECT_FALSE(has_change(world, anna));
}

TEST_P(UsernameTest, TheWritingOfANameCanChange) {
  ASSERT_TRUE(set_username(world, anna, "writing"));
  world.run();
  const auto self = set_username(world, anna, "WritinG");
  ASSERT_TRUE(self);
  EXPECT_EQ(tl::as<tl::user>(*self)->username, "WritinG");
  world.run();
  EXPECT_EQ(world.owner_of("writing"), anna.value());
  EXPECT_FALSE(has_change(world, anna));
}

TEST_P(UsernameTest, NamesThatAreNoneAreRefused) {
  for (const char* each :
       {"abcd", "1abcde", "_abcde", "abc de", "имяимя", "a2345678901234567890123456789012_", "a-bcde"}) {
    EXPECT_EQ(set_username(world, anna, each).error().errc, rpc_errc::username_invalid) << each;
    EXPECT_EQ(resolve(world, anna, each).error().errc, rpc_errc::username_invalid) << each;
    fn::account_checkUsername check;
    check.username = each;
    EXPECT_EQ(world.error(anna, check).errc, rpc_errc::username_invalid) << each;
  }
  EXPECT_EQ(set_username(world, anna, "").error().errc, rpc_errc::username_not_modified);
  ASSERT_TRUE(set_username(world, anna, "a2345678901234567890123456789012"));
  world.run();
  EXPECT_EQ(set_username(world, anna, "a2345678901234567890123456789012").error().errc,
            rpc_errc::username_not_modified);
  EXPECT_EQ(resolve(world, anna, "nobody_here").error().errc, rpc_errc::username_not_occupied);
}

/// The name of a contact that is not in anybody's contacts is found exactly, and nothing else.
TEST_P(UsernameTest, ASearchFindsAnExactName) {
  ASSERT_TRUE(set_username(world, boris, "Big_Bear"));
  world.run();
  fn::contacts_search call;
  call.q = "@big_bear";
  call.limit = 5;
  auto found = world.call(anna, call);
  ASSERT_TRUE(found);
  ASSERT_EQ((*found)->results.size(), 1U);
  EXPECT_TRUE((*found)->my_results.empty());
  call.q = "big_bea";
  found = world.call(anna, call);
  ASSERT_TRUE(found);
  EXPECT_TRUE((*found)->results.empty());
  ASSERT_TRUE(add_contact(world, anna, boris, "B"));
  found = world.call(anna, call);
  ASSERT_TRUE(found);
  EXPECT_EQ((*found)->my_results.size(), 1U);
}

/// A change that ends with a crash, around any of its commits: afterwards the profile and the owners of both names
/// agree, no name is lost for good, and nothing of the change is left over.
TEST_P(UsernameTest, ACrashAroundAnyCommitOfAChangeLosesNoName) {
  int crashes = 0;
  for (int commit = 1; commit <= 9; ++commit) {
    for (const bool written : {false, true}) {
      people_world one{GetParam()};
      const user_id left = one.add(first_id, "L");
      const user_id right = one.add(first_id + 1, "R");
      ASSERT_TRUE(set_username(one, left, "old_name"));
      one.run();
      one.crash_at(commit, written);
      try {
        static_cast<void>(set_username(one, left, "new_name"));
        one.run();
      } catch (const crash&) {
        ++crashes;
        one.restart();
      }
      one.crash_at(-1, false);
      static_cast<void>(one.of(left)); // a change goes on when its account is loaded
      one.run();
      const std::string now_is = one.core_of(left).profile->username();
      ASSERT_TRUE(now_is == "old_name" || now_is == "new_name");
      const std::string other = now_is == "old_name" ? "new_name" : "old_name";
      EXPECT_EQ(one.owner_of(now_is), left.value());
      EXPECT_FALSE(has_change(one, left));
      EXPECT_EQ(set_username(one, right, now_is).error().errc, rpc_errc::username_occupied);
      EXPECT_TRUE(set_username(one, right, other)) << commit << written;
    }
  }
  EXPECT_GE(crashes, 10);
}

/// Two accounts that want one name at the same time: one gets it.
TEST_P(UsernameTest, OneOfTwoRivalsGetsTheName) {
  fn::account_updateUsername call;
  call.username = "treasure";
  const auto first = world.begin_call(anna, call);
  const auto second = world.begin_call(boris, call);
  world.run();
  ASSERT_TRUE(first->has_value() && second->has_value());
  EXPECT_NE((*first)->has_value(), (*second)->has_value());
  const user_id winner = (*first)->has_value() ? anna : boris;
  EXPECT_EQ(world.owner_of("treasure"), winner.value());
  EXPECT_FALSE(has_change(world, anna) || has_change(world, boris));
}

/// A reservation whose account went no further holds for its time, and then the account is asked.
TEST_P(UsernameTest, AnExpiredReservationIsSettledByAskingItsHolder) {
  command::UsernameCommand reserve;
  reserve.set_username("held_name");
  reserve.mutable_reserve()->set_user(boris.value());
  ASSERT_TRUE(world.command(username_entity("held_name"), reserve.SerializeAsString()));
  EXPECT_EQ(set_username(world, anna, "held_name").error().errc, rpc_errc::username_occupied);
  EXPECT_EQ(resolve(world, anna, "held_name").error().errc, rpc_errc::username_not_occupied);
  EXPECT_EQ(set_username(world, anna, "held_name").error().errc, rpc_errc::username_occupied);
  world.now += 601;
  EXPECT_TRUE(set_username(world, anna, "held_name"));
  world.run();
  EXPECT_EQ(world.owner_of("held_name"), anna.value());
}

/// Nobody releases or confirms what is another's.
TEST_P(UsernameTest, ANameIsReleasedByItsOwnerAlone) {
  ASSERT_TRUE(set_username(world, boris, "big_bear"));
  world.run();
  command::UsernameCommand command;
  command.set_username("big_bear");
  command.mutable_release()->set_user(anna.value());
  ASSERT_TRUE(world.command(username_entity("big_bear"), command.SerializeAsString()));
  command.mutable_confirm()->set_user(anna.value());
  ASSERT_TRUE(world.command(username_entity("big_bear"), command.SerializeAsString()));
  EXPECT_EQ(world.owner_of("big_bear"), boris.value());
  command.set_username("small_bear"); // a name that another entity holds
  EXPECT_FALSE(world.command(username_entity("big_bear"), command.SerializeAsString()));
}

/// What an account that died had still to say may come when its successor has taken the name again.
TEST_P(UsernameTest, ALateReleaseDoesNotFreeANameThatWasTakenAgain) {
  ASSERT_TRUE(set_username(world, boris, "big_bear"));
  world.run();
  ASSERT_TRUE(set_username(world, boris, ""));
  world.run();
  command::UsernameCommand late;
  late.set_username("big_bear");
  late.mutable_release()->set_user(boris.value());
  late.mutable_release()->set_change(world.core_of(boris).profile->version());
  ASSERT_TRUE(set_username(world, boris, "big_bear"));
  world.run();
  ASSERT_TRUE(world.command(username_entity("big_bear"), late.SerializeAsString()));
  EXPECT_EQ(world.owner_of("big_bear"), boris.value());
  EXPECT_EQ(set_username(world, anna, "big_bear").error().errc, rpc_errc::username_occupied);
  late.mutable_release()->set_change(world.core_of(boris).profile->version());
  ASSERT_TRUE(world.command(username_entity("big_bear"), late.SerializeAsString()));
  EXPECT_EQ(world.owner_of("big_bear"), std::nullopt);
}

/// The same, but the release comes so late that the name was never free in between.
TEST_P(UsernameTest, ALateReleaseDoesNotFreeANameThatWasNeverFree) {
  command::UsernameCommand command;
  command.set_username("big_bear");
  command.mutable_confirm()->set_user(boris.value());
  ASSERT_TRUE(world.command(username_entity("big_bear"), command.SerializeAsString()));
  const std::uint64_t before = world.core_of(boris).profile->version();
  ASSERT_TRUE(set_username(world, boris, "big_bear"));
  world.run();
  command.mutable_release()->set_user(boris.value());
  command.mutable_release()->set_change(before);
  ASSERT_TRUE(world.command(username_entity("big_bear"), command.SerializeAsString()));
  EXPECT_EQ(world.owner_of("big_bear"), boris.value());
}

/// An expired reservation, but its holder has the name: its confirmation was lost.
TEST_P(UsernameTest, AReservationOfAnAccountThatHasTheNameIsItsOwn) {
  command::UsernameCommand reserve;
  reserve.set_username("held_name");
  reserve.mutable_reserve()->set_user(boris.value());
  ASSERT_TRUE(world.command(username_entity("held_name"), reserve.SerializeAsString()));
  world.core_of(boris).profile->set_username("Held_Name");
  EXPECT_TRUE(resolve(world, anna, "held_name"));
  world.now += 601;
  EXPECT_EQ(set_username(world, anna, "held_name").error().errc, rpc_errc::username_occupied);
}

/// However it came to it: two accounts never show one name. The one whose name turns out to be another's loses it.
TEST_P(UsernameTest, ANameThatTurnsOutToBeAnothersIsGivenUp) {
  command::UsernameCommand taken;
  taken.set_username("big_bear");
  taken.mutable_confirm()->set_user(boris.value());
  ASSERT_TRUE(world.command(username_entity("big_bear"), taken.SerializeAsString()));
  world.core_of(anna).profile->set_username("big_bear");
  world.rows(user_ref(anna))[{records_table::user_profile, {}}] = world.core_of(anna).profile->SerializeAsString();
  persistence::records::UsernameChange change;
  change.set_wanted("big_bear");
  world.rows(user_ref(anna))[{records_table::user_username, {}}] = change.SerializeAsString();
  world.restart();
  static_cast<void>(world.of(anna));
  world.run();
  EXPECT_EQ(world.core_of(anna).profile->username(), "");
  EXPECT_FALSE(has_change(world, anna));
  EXPECT_EQ(world.owner_of("big_bear"), boris.value());
}

/// Contacts of the account hear of its new name when they are online.
TEST_P(UsernameTest, ThoseOnlineHearOfANewName) {
  const listener_id session = world.listen(anna, 1);
  ASSERT_TRUE(add_contact(world, anna, boris, "Bear"));
  ASSERT_TRUE(set_online(world, anna, true));
  static_cast<void>(world.take_heard(session));
  ASSERT_TRUE(set_username(world, boris, "big_bear"));
  world.run();
  const auto update = find_update(world.take_heard(session), tl::updateUserName::kind_id);
  const auto* name = tl::as<tl::updateUserName>(update.get());
  ASSERT_NE(name, nullptr);
  EXPECT_EQ(name->first_name, "Bear");
  ASSERT_EQ(name->usernames.size(), 1U);
  EXPECT_EQ(name->usernames.front()->username_, "big_bear");
}

} // namespace
} // namespace godwit::people::testing
