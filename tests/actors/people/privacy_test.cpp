#include "config/limits.hpp"
#include "tests/actors/people/people_calls.hpp"

namespace godwit::people::testing {
namespace {

constexpr std::int64_t first_id = 100'000'001;

class PrivacyTest : public ::testing::Test {
protected:
  people_world world{3};
  user_id anna = world.add(first_id, "Anna");
  user_id boris = world.add(first_id + 1, "Boris");

  std::vector<std::uint32_t> kinds_of(const std::vector<tl::box<tl::PrivacyRule>>& rules) {
    std::vector<std::uint32_t> kinds;
    for (const auto& each : rules) {
      kinds.push_back(each->kind());
    }
    return kinds;
  }
  template <class Key>
  tl::box<tl::account_privacyRules> get(layer_t layer = 229) {
    fn::account_getPrivacy call;
    call.key = tl::make<Key>();
    auto result = world.call(boris, call, layer);
    return result ? std::move(*result) : nullptr;
  }
};

/// Every rule against every kind of viewer: a stranger, somebody in the contacts, somebody named.
TEST_F(PrivacyTest, EachRuleDecidesAboutEachKindOfViewer) {
  struct row {
    const char* what;
    std::function<tl::box<tl::InputPrivacyRule>()> rules[2];
    bool stranger, contact, named;
  };
  const auto no_rule = [] { return tl::box<tl::InputPrivacyRule>(); };
  const auto named = [&] { return allow_user(world, boris, anna); };
  const auto not_named = [&] { return not_user(world, boris, anna); };
  const row rows[] = {
    {"all", {allow_all, no_rule}, true, true, true},
    {"contacts", {allow_contacts, no_rule}, false, true, false},
    {"nobody", {allow_nobody, no_rule}, false, false, false},
    {"strangers", {not_contacts, allow_all}, true, false, true},
    {"nobody but one", {named, allow_nobody}, true, true, true},
    {"all but one", {not_named, allow_all}, false, false, false},
    {"contacts but one", {not_named, allow_contacts}, false, false, false},
    {"the first that fits", {allow_all, not_named}, true, true, true},
  };
  for (const row& each : rows) {
    for (const bool contact : {false, true}) {
      if (contact) {
        ASSERT_TRUE(add_contact(world, boris, anna, "A"));
      } else {
        ASSERT_TRUE(delete_contact(world, boris, anna));
      }
      fn::account_setPrivacy call;
      call.key = tl::make<tl::inputPrivacyKeyPhoneNumber>();
      for (const auto& make : each.rules) {
        if (auto rule = make()) {
          call.rules.push_back(std::move(rule));
        }
      }
      ASSERT_TRUE(world.call(boris, call));
      world.run();
      const auto user = see(world, anna, boris);
      EXPECT_EQ(tl::as<tl::user>(user)->phone.has_value(), contact ? each.contact : each.stranger)
        << each.what << contact;
    }
  }
}

/// Without rules: numbers are for contacts, everything else is for everybody.
TEST_F(PrivacyTest, WhatIsNotSetIsAsClientsExpect) {
  EXPECT_EQ(kinds_of(get<tl::inputPrivacyKeyPhoneNumber>()->rules),
            (std::vector{tl::privacyValueAllowContacts::kind_id, tl::privacyValueDisallowAll::kind_id}));
  EXPECT_EQ(kinds_of(get<tl::inputPrivacyKeyStatusTimestamp>()->rules),
            (std::vector{tl::privacyValueAllowAll::kind_id}));
  auto user = see(world, anna, boris);
  EXPECT_FALSE(tl::as<tl::user>(user)->phone.has_value());
  ASSERT_TRUE(add_contact(world, boris, anna, "A"));
  user = see(world, anna, boris);
  EXPECT_EQ(tl::as<tl::user>(user)->phone, std::to_string(boris.value()));
}

/// All keys of the schema are kept, over a restart.
TEST_F(PrivacyTest, EveryKeyIsKept) {
  const auto set_and_get = [&]<class Key>() {
    ASSERT_TRUE((set_privacy<Key>(world, boris, allow_user(world, boris, anna), allow_nobody())));
    world.restart();
    const auto rules = get<Key>();
    ASSERT_NE(rules, nullptr);
    EXPECT_EQ(kinds_of(rules->rules),
              (std::vector{tl::privacyValueAllowUsers::kind_id, tl::privacyValueDisallowAll::kind_id}));
    ASSERT_EQ(rules->users.size(), 1U);
    EXPECT_NE(tl::as<tl::user>(rules->users.front()), nullptr);
  };
  set_and_get.operator()<tl::inputPrivacyKeyStatusTimestamp>();
  set_and_get.operator()<tl::inputPrivacyKeyChatInvite>();
  set_and_get.operator()<tl::inputPrivacyKeyPhoneCall>();
  set_and_get.operator()<tl::inputPrivacyKeyPhoneP2P>();
  set_and_get.operator()<tl::inputPrivacyKeyForwards>();
  set_and_get.operator()<tl::inputPrivacyKeyProfilePhoto>();
  set_and_get.operator()<tl::inputPrivacyKeyPhoneNumber>();
  set_and_get.operator()<tl::inputPrivacyKeyAddedByPhone>();
  set_and_get.operator()<tl::inputPrivacyKeyVoiceMessages>();
  set_and_get.operator()<tl::inputPrivacyKeyAbout>();
  set_and_get.operator()<tl::inputPrivacyKeyBirthday>();
  set_and_get.operator()<tl::inputPrivacyKeyStarGiftsAutoSave>();
  set_and_get.operator()<tl::inputPrivacyKeyNoPaidMessages>();
  set_and_get.operator()<tl::inputPrivacyKeySavedMusic>();
  EXPECT_EQ(world.rows_in(boris, records_table::user_privacy), 14U);
}

/// A layer is told what it has words for.
TEST_F(PrivacyTest, RulesThatALayerDoesNotKnowAreLeftOut) {
  ASSERT_TRUE((set_privacy<tl::inputPrivacyKeyPhoneNumber>(
    world, boris, tl::box<tl::InputPrivacyRule>(tl::make<tl::inputPrivacyValueAllowCloseFriends>()),
    tl::box<tl::InputPrivacyRule>(tl::make<tl::inputPrivacyValueAllowPremium>()),
    tl::box<tl::InputPrivacyRule>(tl::make<tl::inputPrivacyValueAllowBots>()), allow_nobody())));
  EXPECT_EQ(get<tl::inputPrivacyKeyPhoneNumber>(229)->rules.size(), 4U);
  EXPECT_EQ(get<tl::inputPrivacyKeyPhoneNumber>(133)->rules.size(), 1U);
  EXPECT_EQ(get<tl::inputPrivacyKeyPhoneNumber>(170)->rules.size(), 2U);
}

TEST_F(PrivacyTest, WrongRulesAreRefused) {
  fn::account_setPrivacy call;
  call.key = tl::make<tl::inputPrivacyKeyPhoneNumber>();
  EXPECT_EQ(world.error(boris, call).errc, rpc_errc::privacy_value_invalid);
  auto chats = tl::make<tl::inputPrivacyValueAllowChatParticipants>();
  chats->chats.push_back(5);
  call.rules.push_back(std::move(chats));
  EXPECT_EQ(world.error(boris, call).errc, rpc_errc::privacy_value_invalid);
  call.rules.clear();
  auto many = tl::make<tl::inputPrivacyValueAllowUsers>();
  for (std::size_t i = 0; i <= limits::privacy_users_max; ++i) {
    many->users.push_back(world.input(boris, anna));
  }
  call.rules.push_back(std::move(many));
  EXPECT_EQ(world.error(boris, call).errc, rpc_errc::privacy_too_long);
  EXPECT_EQ(world.rows_in(boris, records_table::user_privacy), 0U);
}

/// The other sessions of the account hear of it, each in its layer's words.
TEST_F(PrivacyTest, OtherSessionsHearOfChangedRules) {
  const listener_id asking = world.listen(boris, 1);
  const listener_id other = world.listen(boris, 2, 133);
  ASSERT_TRUE((set_privacy<tl::inputPrivacyKeyPhoneNumber>(world, boris, allow_contacts())));
  EXPECT_TRUE(world.take_heard(asking).empty());
  EXPECT_NE(find_update(world.take_heard(other), tl::updatePrivacy::kind_id), nullptr);
  ASSERT_EQ(world.notes.size(), 1U);
  EXPECT_EQ(world.notes.front().kind, update_kind::privacy);
  EXPECT_EQ(world.notes.front().id, 7);
}

/// What somebody says about itself, and whether its name stands beside forwarded messages, follow their rules.
TEST_F(PrivacyTest, AboutAndForwardsFollowTheirRules) {
  fn::account_updateProfile change;
  change.about = "Likes honey";
  ASSERT_TRUE(world.call(boris, change));
  EXPECT_EQ(see_full(world, anna, boris)->full_user->about, "Likes honey");
  ASSERT_TRUE((set_privacy<tl::inputPrivacyKeyAbout>(world, boris, allow_contacts())));
  ASSERT_TRUE((set_privacy<tl::inputPrivacyKeyForwards>(world, boris, allow_nobody())));
  const auto full = see_full(world, anna, boris);
  EXPECT_FALSE(full->full_user->about.has_value());
  EXPECT_EQ(full->full_user->private_forward_name, "Boris");
  EXPECT_EQ(see_full(world, boris, boris)->full_user->about, "Likes honey");
}

/// Adding somebody with the exception shows it the number that is hidden from all others; so does accepting the offer.
TEST_F(PrivacyTest, AContactCanBeShownTheNumber) {
  const user_id clara = world.add(first_id + 2, "Clara");
  ASSERT_TRUE((set_privacy<tl::inputPrivacyKeyPhoneNumber>(world, boris, allow_nobody())));
  ASSERT_TRUE(add_contact(world, boris, anna, "A"));
  auto user = see(world, anna, boris);
  EXPECT_FALSE(tl::as<tl::user>(user)->phone.has_value());
  EXPECT_TRUE(see_full(world, boris, anna)->full_user->settings->share_contact);
  fn::contacts_acceptContact acceptance;
  acceptance.id = world.input(boris, anna);
  ASSERT_TRUE(world.call(boris, acceptance));
  user = see(world, anna, boris);
  EXPECT_TRUE(tl::as<tl::user>(user)->phone.has_value());
  EXPECT_FALSE(see_full(world, boris, anna)->full_user->settings->share_contact);
  EXPECT_TRUE(see_full(world, boris, clara)->full_user->settings->need_contacts_exception);
  ASSERT_TRUE(add_contact(world, boris, clara, "C", true));
  user = see(world, clara, boris);
  EXPECT_TRUE(tl::as<tl::user>(user)->phone.has_value());
}

} // namespace
} // namespace godwit::people::testing
