#include "config/limits.hpp"
#include "tests/actors/people/people_calls.hpp"

namespace godwit::people::testing {
namespace {

constexpr std::int64_t first_id = 100'000'001;

class ContactsTest : public ::testing::TestWithParam<std::uint64_t> {
protected:
  people_world world{GetParam()};
  user_id anna = world.add(first_id, "Anna", "Arendt");
  user_id boris = world.add(first_id + 1, "Boris");
  user_id clara = world.add(first_id + 2, "Clara");

  rpc_result<tl::box<tl::contacts_Contacts>> contacts_of(user_id who, std::int64_t hash = 0) {
    fn::contacts_getContacts call;
    call.hash = hash;
    return world.call(who, call);
  }
};

INSTANTIATE_TEST_SUITE_P(Seeds, ContactsTest, ::testing::Range<std::uint64_t>(1, 9));

/// A contact is there for the one who added it, under the name it was given, and the other side learns that it has
/// become somebody's contact: exactly what mutual contacts need.
TEST_P(ContactsTest, AContactCarriesTheGivenNameAndBecomesMutual) {
  auto updates = add_contact(world, anna, boris, "Bear");
  ASSERT_TRUE(updates);
  const auto* all = tl::as<tl::updates>(*updates);
  ASSERT_NE(all, nullptr);
  ASSERT_EQ(all->updates_.size(), 1U);
  const auto* settings = tl::as<tl::updatePeerSettings>(all->updates_.front());
  ASSERT_NE(settings, nullptr);
  EXPECT_FALSE(settings->settings->add_contact);
  ASSERT_EQ(all->users.size(), 1U);

  auto user = see(world, anna, boris);
  const auto* seen = tl::as<tl::user>(user);
  ASSERT_NE(seen, nullptr);
  EXPECT_EQ(seen->first_name, "Bear");
  EXPECT_TRUE(seen->contact);
  EXPECT_FALSE(seen->mutual_contact);

  EXPECT_TRUE(world.relation_row(boris, anna).has_me());
  EXPECT_FALSE(world.relation_row(boris, anna).has_contact());
  ASSERT_TRUE(add_contact(world, boris, anna, "Annie"));
  user = see(world, anna, boris);
  EXPECT_TRUE(tl::as<tl::user>(user)->mutual_contact);
  EXPECT_EQ(world.rows_in(anna, records_table::user_contact), 1U);
}

/// Other sessions are told, the asking one is not, and what was away finds a note.
TEST_P(ContactsTest, TheOtherSessionsHearOfANewContact) {
  const listener_id asking = world.listen(anna, 1);
  const listener_id other = world.listen(anna, 2);
  ASSERT_TRUE(add_contact(world, anna, boris, "Bear"));
  EXPECT_TRUE(world.take_heard(asking).empty());
  const auto heard = world.take_heard(other);
  EXPECT_NE(find_update(heard, tl::updatePeerSettings::kind_id), nullptr);
  ASSERT_EQ(world.notes.size(), 1U);
  EXPECT_EQ(world.notes.front().kind, update_kind::user_changed);
  EXPECT_EQ(world.notes.front().peer, boris.value());
}

/// The list comes whole, and not again to a client whose hash tells that it has it.
TEST_P(ContactsTest, TheListIsSentOnceForEachOfItsHashes) {
  ASSERT_TRUE(add_contact(world, anna, boris, "B"));
  ASSERT_TRUE(add_contact(world, anna, clara, "C"));
  auto list = contacts_of(anna);
  ASSERT_TRUE(list);
  const auto* all = tl::as<tl::contacts_contacts>(*list);
  ASSERT_NE(all, nullptr);
  ASSERT_EQ(all->contacts.size(), 2U);
  EXPECT_EQ(all->users.size(), 2U);
  EXPECT_EQ(all->saved_count, 0);

  std::uint64_t hash = 0;
  for (const user_id each : {boris, clara}) {
    hash ^= hash >> 21;
    hash ^= hash << 35;
    hash ^= hash >> 4;
    hash += static_cast<std::uint64_t>(each.value());
  }
  const auto same = contacts_of(anna, static_cast<std::int64_t>(hash));
  ASSERT_TRUE(same);
  EXPECT_NE(tl::as<tl::contacts_contactsNotModified>(*same), nullptr);
  ASSERT_TRUE(delete_contact(world, anna, clara));
  const auto fewer = contacts_of(anna, static_cast<std::int64_t>(hash));
  ASSERT_TRUE(fewer);
  EXPECT_NE(tl::as<tl::contacts_contacts>(*fewer), nullptr);
}

TEST_P(ContactsTest, IdsAndStatusesNameTheContacts) {
  ASSERT_TRUE(add_contact(world, anna, boris, "B"));
  const auto ids = world.call(anna, fn::contacts_getContactIDs());
  ASSERT_TRUE(ids);
  ASSERT_EQ(ids->size(), 1U);
  EXPECT_EQ(ids->front(), boris.value());
  const auto statuses = world.call(anna, fn::contacts_getStatuses());
  ASSERT_TRUE(statuses);
  ASSERT_EQ(statuses->size(), 1U);
  EXPECT_EQ(statuses->front()->user_id, boris.value());
}

/// What was deleted is no contact any more, on both sides, and leaves no row.
TEST_P(ContactsTest, ADeletedContactLeavesNothingBehind) {
  ASSERT_TRUE(add_contact(world, anna, boris, "B"));
  ASSERT_TRUE(delete_contact(world, anna, boris));
  EXPECT_EQ(world.rows_in(anna, records_table::user_contact), 0U);
  EXPECT_EQ(world.rows_in(anna, records_table::user_relation), 0U);
  EXPECT_EQ(world.rows_in(boris, records_table::user_relation), 0U);
  const auto user = see(world, anna, boris);
  EXPECT_EQ(tl::as<tl::user>(user)->first_name, "Boris");
  EXPECT_FALSE(tl::as<tl::user>(user)->contact);
}

TEST_P(ContactsTest, ContactsAreDeletedByTheirNumbers) {
  ASSERT_TRUE(add_contact(world, anna, boris, "B", false, "+" + std::to_string(boris.value())));
  ASSERT_TRUE(add_contact(world, anna, clara, "C"));
  fn::contacts_deleteByPhones call;
  call.phones.push_back("+100 000-002");
  ASSERT_TRUE(world.call(anna, call));
  world.run();
  EXPECT_FALSE(world.relation_row(anna, boris).has_contact());
  EXPECT_TRUE(world.relation_row(anna, clara).has_contact());
}

TEST_P(ContactsTest, WhatCannotBeAContactIsRefused) {
  EXPECT_EQ(add_contact(world, anna, anna, "Me").error().errc, rpc_errc::contact_id_invalid);
  EXPECT_EQ(add_contact(world, anna, boris, " \n ").error().errc, rpc_errc::contact_name_empty);
  EXPECT_EQ(add_contact(world, anna, user_id{first_id + 77}, "Ghost").error().errc, rpc_errc::contact_id_invalid);
  EXPECT_EQ(add_contact(world, anna, service_user, "S").error().errc, rpc_errc::contact_id_invalid);
  fn::contacts_addContact wrong;
  wrong.id = world.input(boris, clara); // the hash that another viewer has
  wrong.first_name = "C";
  EXPECT_EQ(world.error(anna, wrong).errc, rpc_errc::user_id_invalid);
  fn::contacts_acceptContact acceptance;
  acceptance.id = world.input(anna, boris);
  EXPECT_EQ(world.error(anna, acceptance).errc, rpc_errc::contact_req_missing);
  EXPECT_EQ(world.rows_in(anna, records_table::user_relation), 0U);
}

/// An address book: those with an account become contacts, the rest is passed over, more than one call takes is to be
/// sent again.
TEST_P(ContactsTest, AnAddressBookIsImported) {
  fn::contacts_importContacts call;
  const auto add = [&](std::int64_t client, const std::string& phone, const std::string& name) {
    auto one = tl::make<tl::inputPhoneContact>();
    one->client_id = client;
    one->phone = phone;
    one->first_name = name;
    call.contacts.push_back(std::move(one));
  };
  add(1, "+100000002", "Bear");
  add(2, "+49 30 999", "Nobody");
  add(3, "100000003", "");
  add(4, "no number", "Broken");
  add(5, std::to_string(anna.value()), "Myself");
  add(6, "+100-000-002", "Bear again");
  for (std::int64_t i = 7; i < 210; ++i) {
    add(i, "+" + std::to_string(500'000'000 + i), "X");
  }
  auto result = world.call(anna, call);
  ASSERT_TRUE(result);
  const auto& answer = **result;
  ASSERT_EQ(answer.imported.size(), 3U);
  EXPECT_EQ(answer.imported[0]->client_id, 1);
  EXPECT_EQ(answer.imported[1]->client_id, 3);
  EXPECT_EQ(answer.imported[2]->client_id, 6);
  EXPECT_EQ(answer.users.size(), 2U);
  EXPECT_FALSE(answer.retry_contacts.empty());
  world.run();
  EXPECT_EQ(world.relation_row(anna, boris).contact().first_name(), "Bear again");
  EXPECT_EQ(world.relation_row(anna, clara).contact().first_name(), "Clara");
  EXPECT_TRUE(world.relation_row(boris, anna).has_me());
  EXPECT_EQ(world.rows_in(anna, records_table::user_contact), 2U);
  const auto user = see(world, anna, boris);
  EXPECT_EQ(tl::as<tl::user>(user)->phone, "100000002");
}

/// Who is not to be found by number is not found by it, however it is asked.
TEST_P(ContactsTest, TheRuleAboutNumbersHidesAnAccountFromAddressBooks) {
  ASSERT_TRUE((set_privacy<tl::inputPrivacyKeyAddedByPhone>(world, boris, allow_contacts())));
  fn::contacts_importContacts import_call;
  auto one = tl::make<tl::inputPhoneContact>();
  one->phone = "+100000002";
  one->first_name = "Bear";
  import_call.contacts.push_back(std::move(one));
  auto imported = world.call(anna, import_call);
  ASSERT_TRUE(imported);
  EXPECT_TRUE((*imported)->imported.empty());
  fn::contacts_resolvePhone resolve;
  resolve.phone = "100000002";
  EXPECT_EQ(world.error(anna, resolve).errc, rpc_errc::phone_not_occupied);
  // A number that was guessed is not confirmed by its being kept.
  ASSERT_TRUE(add_contact(world, anna, boris, "Bear", false, "100000002"));
  EXPECT_EQ(world.relation_row(anna, boris).contact().phone(), 0U);

  ASSERT_TRUE(add_contact(world, boris, anna, "Annie"));
  const auto found = world.call(anna, resolve);
  ASSERT_TRUE(found);
  EXPECT_EQ((*found)->users.size(), 1U);
}

/// A number may have had another owner before: what its account says counts.
TEST_P(ContactsTest, ANumberThatAnAccountDoesNotHaveMakesNoContact) {
  world.phones[777'000'111] = boris.value();
  fn::contacts_importContacts call;
  auto one = tl::make<tl::inputPhoneContact>();
  one->phone = "+777000111";
  one->first_name = "Bear";
  call.contacts.push_back(std::move(one));
  const auto imported = world.call(anna, call);
  ASSERT_TRUE(imported);
  EXPECT_TRUE((*imported)->imported.empty());
  EXPECT_EQ(world.rows_in(anna, records_table::user_contact), 0U);
}

/// Whoever knew the number of a contact knows no other one.
TEST_P(ContactsTest, ANumberThatWasKnownTellsNoNewOne) {
  ASSERT_TRUE(add_contact(world, anna, boris, "Bear", false, std::to_string(boris.value())));
  auto user = see(world, anna, boris);
  EXPECT_TRUE(tl::as<tl::user>(user)->phone.has_value());
  command::Card card = world.of(boris).own_card(world.now);
  card.set_phone(999);
  card.set_version(card.version() + 1);
  world.of(anna).learn(card);
  user = see(world, anna, boris);
  EXPECT_FALSE(tl::as<tl::user>(user)->phone.has_value());
}

TEST_P(ContactsTest, NumbersWithoutAccountsAreNotResolved) {
  fn::contacts_resolvePhone resolve;
  resolve.phone = "+49 30 12345";
  EXPECT_EQ(world.error(anna, resolve).errc, rpc_errc::phone_not_occupied);
  resolve.phone = "abc";
  EXPECT_EQ(world.error(anna, resolve).errc, rpc_errc::phone_not_occupied);
}

TEST_P(ContactsTest, ContactsAreFoundByTheBeginningsOfTheirNames) {
  ASSERT_TRUE(add_contact(world, anna, boris, "Борис Медведь"));
  ASSERT_TRUE(add_contact(world, anna, clara, "Clara"));
  fn::contacts_search call;
  call.limit = 10;
  call.q = "мЕД";
  auto found = world.call(anna, call);
  ASSERT_TRUE(found);
  ASSERT_EQ((*found)->my_results.size(), 1U);
  EXPECT_EQ(tl::as<tl::peerUser>((*found)->my_results.front())->user_id, boris.value());
  call.q = "lara";
  found = world.call(anna, call);
  ASSERT_TRUE(found);
  EXPECT_TRUE((*found)->my_results.empty());
  call.q = " @ ";
  EXPECT_EQ(world.error(anna, call).errc, rpc_errc::search_query_empty);
}

/// Nothing of a delivery comes twice: a crash around any commit leaves both sides as one that went well.
TEST_P(ContactsTest, ACrashAroundAnyCommitLeavesBothSidesInAgreement) {
  for (int commit = 1; commit <= 6; ++commit) {
    for (const bool written : {false, true}) {
      people_world one{GetParam()};
      const user_id left = one.add(first_id, "L");
      const user_id right = one.add(first_id + 1, "R");
      one.crash_at(commit, written);
      for (int round = 0; round < 2; ++round) {
        try {
          static_cast<void>(add_contact(one, left, right, "Other"));
          static_cast<void>(add_contact(one, right, left, "Other"));
          static_cast<void>(delete_contact(one, left, right));
        } catch (const crash&) {
          one.restart();
          one.run();
        }
      }
      one.run();
      EXPECT_EQ(one.relation_row(left, right).has_contact(), one.relation_row(right, left).has_me());
      EXPECT_EQ(one.relation_row(right, left).has_contact(), one.relation_row(left, right).has_me());
      EXPECT_FALSE(one.relation_row(left, right).has_contact());
      EXPECT_TRUE(one.relation_row(right, left).has_contact());
    }
  }
}

/// More relations than memory holds, changed and read in any order: what is seen is what was written.
TEST_P(ContactsTest, RelationsThatLeaveMemoryKeepWhatTheyWere) {
  std::vector<user_id> others;
  for (std::int64_t i = 0; i < 300; ++i) {
    others.push_back(world.add(200'000'000 + i, "N" + std::to_string(i)));
  }
  std::mt19937_64 random(GetParam());
  std::vector<bool> contact(others.size(), false);
  for (int round = 0; round < 600; ++round) {
    const std::size_t which = random() % others.size();
    if (contact[which]) {
      ASSERT_TRUE(delete_contact(world, anna, others[which]));
    } else {
      ASSERT_TRUE(add_contact(world, anna, others[which], "C" + std::to_string(which)));
    }
    contact[which] = !contact[which];
  }
  std::size_t in_memory = 0;
  for (std::size_t i = 0; i < others.size(); ++i) {
    in_memory += static_cast<std::size_t>(world.of(anna).relation(others[i]) != nullptr);
  }
  EXPECT_LE(in_memory, limits::relations_in_memory_max);
  for (std::size_t i = 0; i < others.size(); ++i) {
    const auto user = see(world, anna, others[i]);
    EXPECT_EQ(tl::as<tl::user>(user)->contact, contact[i]);
    EXPECT_EQ(world.relation_row(anna, others[i]).has_contact(), contact[i]);
  }
}

} // namespace
} // namespace godwit::people::testing
