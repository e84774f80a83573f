#include "config/limits.hpp"
#include "tests/actors/people/people_calls.hpp"

namespace godwit::people::testing {
namespace {

constexpr std::int64_t first_id = 100'000'001;
constexpr unix_time day = 86'400;

class PresenceTest : public ::testing::TestWithParam<std::uint64_t> {
protected:
  people_world world{GetParam()};
  user_id anna = world.add(first_id, "Anna");
  user_id boris = world.add(first_id + 1, "Boris");
  listener_id at_anna = world.listen(anna, 1);
  listener_id at_boris = world.listen(boris, 1);

  void SetUp() override {
    ASSERT_TRUE(add_contact(world, anna, boris, "B"));
    ASSERT_TRUE(add_contact(world, boris, anna, "A"));
    ASSERT_TRUE(set_online(world, anna, true));
    forget();
  }
  void forget() {
    static_cast<void>(world.take_heard(at_anna));
    static_cast<void>(world.take_heard(at_boris));
  }
  tl::box<tl::UserStatus> status_of(user_id who, user_id whom) {
    auto user = see(world, who, whom);
    auto* seen = tl::as<tl::user>(user.get());
    return seen == nullptr ? nullptr : std::move(seen->status);
  }
};

INSTANTIATE_TEST_SUITE_P(Seeds, PresenceTest, ::testing::Range<std::uint64_t>(1, 9));

/// Who comes online and goes is seen by those online that have it in their contacts.
TEST_P(PresenceTest, ThoseOnlineAreToldWhoComesAndGoes) {
  ASSERT_TRUE(set_online(world, boris, true));
  auto update = find_update(world.take_heard(at_anna), tl::updateUserStatus::kind_id);
  const auto* status = tl::as<tl::updateUserStatus>(update.get());
  ASSERT_NE(status, nullptr);
  EXPECT_EQ(status->user_id, boris.value());
  const auto* online = tl::as<tl::userStatusOnline>(status->status);
  ASSERT_NE(online, nullptr);
  EXPECT_EQ(online->expires, world.now + 300);

  world.now += 10;
  ASSERT_TRUE(set_online(world, boris, false));
  update = find_update(world.take_heard(at_anna), tl::updateUserStatus::kind_id);
  status = tl::as<tl::updateUserStatus>(update.get());
  ASSERT_NE(status, nullptr);
  const auto* offline = tl::as<tl::userStatusOffline>(status->status);
  ASSERT_NE(offline, nullptr);
  EXPECT_EQ(offline->was_online, world.now);
}

TEST_P(PresenceTest, AnOfflineSessionIsNotTold) {
  ASSERT_TRUE(set_online(world, anna, false));
  forget();
  ASSERT_TRUE(set_online(world, boris, true));
  EXPECT_TRUE(world.take_heard(at_anna).empty());
}

/// A client repeats that it is online; others are told again before what they know ends, and not each time.
TEST_P(PresenceTest, RenewalsAreToldSeldom) {
  std::size_t told = 0;
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(set_online(world, boris, true));
    ASSERT_TRUE(set_online(world, anna, true));
    for (const heard& each : world.take_heard(at_anna)) {
      const std::vector<heard> one{each};
      told += static_cast<std::size_t>(find_update(one, tl::updateUserStatus::kind_id) != nullptr);
    }
    const auto status = status_of(anna, boris);
    EXPECT_NE(tl::as<tl::userStatusOnline>(status), nullptr);
    world.now += 50;
  }
  EXPECT_GE(told, 3U);
  EXPECT_LE(told, 8U);
}

/// A client that says nothing any more was there as long as it had promised.
TEST_P(PresenceTest, WhoFallsSilentIsOfflineByItself) {
  ASSERT_TRUE(set_online(world, boris, true));
  const unix_time until = world.now + 300;
  world.now += 1000;
  const auto status = status_of(anna, boris);
  const auto* offline = tl::as<tl::userStatusOffline>(status);
  ASSERT_NE(offline, nullptr);
  EXPECT_EQ(offline->was_online, until);
}

TEST_P(PresenceTest, TheEndOfASessionIsTheEndOfItsPresence) {
  ASSERT_TRUE(set_online(world, boris, true));
  forget();
  world.now += 5;
  world.core_of(boris).was_online = world.now;
  world.hang_up(boris, at_boris);
  world.run();
  const auto update = find_update(world.take_heard(at_anna), tl::updateUserStatus::kind_id);
  ASSERT_NE(update, nullptr);
  EXPECT_NE(tl::as<tl::userStatusOffline>(tl::as<tl::updateUserStatus>(update.get())->status), nullptr);
}

/// Who hides its visits is seen about when; so is everybody to whom it hides them.
TEST_P(PresenceTest, WhoHidesItsStatusDoesNotSeeThatOfOthers) {
  ASSERT_TRUE(set_online(world, boris, true));
  ASSERT_TRUE((set_privacy<tl::inputPrivacyKeyStatusTimestamp>(world, boris, allow_nobody())));
  auto status = status_of(anna, boris);
  const auto* recently = tl::as<tl::userStatusRecently>(status);
  ASSERT_NE(recently, nullptr);
  EXPECT_FALSE(recently->by_me);
  status = status_of(boris, anna);
  recently = tl::as<tl::userStatusRecently>(status);
  ASSERT_NE(recently, nullptr);
  EXPECT_TRUE(recently->by_me);
  forget();
  ASSERT_TRUE(set_online(world, anna, false));
  ASSERT_TRUE(set_online(world, anna, true));
  EXPECT_EQ(find_update(world.take_heard(at_boris), tl::updateUserStatus::kind_id), nullptr);
  const std::size_t whispers = world.whispers;
  ASSERT_TRUE(set_online(world, boris, false));
  EXPECT_EQ(world.whispers, whispers); // who hides does not even whisper
  EXPECT_EQ(find_update(world.take_heard(at_anna), tl::updateUserStatus::kind_id), nullptr);
}

/// What is hidden becomes vaguer with time.
TEST_P(PresenceTest, AHiddenVisitFadesAway) {
  ASSERT_TRUE(set_online(world, boris, true));
  ASSERT_TRUE(set_online(world, boris, false));
  ASSERT_TRUE((set_privacy<tl::inputPrivacyKeyStatusTimestamp>(world, boris, allow_nobody())));
  const unix_time left = world.now;
  const auto kind_after = [&](unix_time age) {
    world.now = left + age;
    const auto status = status_of(anna, boris);
    return status == nullptr ? 0 : status->kind();
  };
  EXPECT_EQ(kind_after(2 * day), tl::userStatusRecently::kind_id);
  EXPECT_EQ(kind_after(5 * day), tl::userStatusLastWeek::kind_id);
  EXPECT_EQ(kind_after(20 * day), tl::userStatusLastMonth::kind_id);
  EXPECT_EQ(kind_after(60 * day), tl::userStatusEmpty::kind_id);
}

/// The blocked are told nothing.
TEST_P(PresenceTest, ABlockedAccountIsNotToldWhoIsOnline) {
  ASSERT_TRUE(block(world, boris, anna));
  forget();
  ASSERT_TRUE(set_online(world, boris, true));
  EXPECT_EQ(find_update(world.take_heard(at_anna), tl::updateUserStatus::kind_id), nullptr);
}

/// Who is blocked sees a name and no more, by asking as by listening, until it is no longer blocked.
TEST_P(PresenceTest, ABlockedAccountSeesNoMoreThanAName) {
  fn::account_updateProfile change;
  change.about = "Likes honey";
  ASSERT_TRUE(world.call(boris, change));
  ASSERT_TRUE(set_online(world, boris, true));
  const auto shown = [&] {
    const auto user = see(world, anna, boris);
    const auto* seen = tl::as<tl::user>(user);
    return std::vector<bool>{seen->status->kind() == tl::userStatusOnline::kind_id, seen->phone.has_value(),
                             see_full(world, anna, boris)->full_user->about.has_value()};
  };
  EXPECT_EQ(shown(), std::vector<bool>(3, true));
  ASSERT_TRUE(block(world, boris, anna));
  world.run();
  EXPECT_EQ(shown(), std::vector<bool>(3, false));
  const auto status = status_of(anna, boris);
  EXPECT_NE(tl::as<tl::userStatusEmpty>(status), nullptr);
  world.restart();
  EXPECT_EQ(shown(), std::vector<bool>(3, false));
  ASSERT_TRUE(delete_contact(world, boris, anna)); // a contact or not: the block stays
  EXPECT_TRUE(world.relation_row(anna, boris).hides());
  ASSERT_TRUE(add_contact(world, boris, anna, "A"));
  ASSERT_TRUE(unblock(world, boris, anna));
  world.run();
  EXPECT_EQ(shown(), std::vector<bool>(3, true));
}

/// A client that flickers does not make others work without an end.
TEST_P(PresenceTest, ChangesInAMinuteAreBounded) {
  world.now += 60 - world.now % 60;
  ASSERT_TRUE(set_online(world, anna, true));
  forget();
  for (std::uint32_t i = 0; i < 4 * limits::presence_changes_per_minute; ++i) {
    ASSERT_TRUE(set_online(world, boris, i % 2 == 0));
  }
  EXPECT_LE(world.take_heard(at_anna).size(), limits::presence_changes_per_minute);
}

/// A whisper that was overtaken by what the node knows changes nothing.
TEST_P(PresenceTest, AnOldWhisperDoesNotBringBackThePast) {
  ASSERT_TRUE(set_online(world, boris, true));
  const unix_time then = world.now;
  world.now += 20;
  ASSERT_TRUE(set_online(world, boris, false));
  world.within(anna, [&](people& one, entity_effects& out) {
    command::Whisper old;
    old.set_from(boris.value());
    old.mutable_presence()->set_online_until(then + 300);
    one.whispered(old, world.now, out);
  });
  world.run();
  const auto status = status_of(anna, boris);
  EXPECT_NE(tl::as<tl::userStatusOffline>(status), nullptr);
}

} // namespace
} // namespace godwit::people::testing
