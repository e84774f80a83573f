#include "actors/people/relation_book.hpp"
#include "config/limits.hpp"
#include "tests/actors/people/people_calls.hpp"

namespace godwit::people::testing {
namespace {

constexpr std::int64_t first_id = 100'000'001;

class PeopleBoundsTest : public ::testing::Test {
protected:
  people_world world{7};
  user_id anna = world.add(first_id, "Anna");
  user_id boris = world.add(first_id + 1, "Boris");
  user_id clara = world.add(first_id + 2, "Clara");

  static std::string number(std::size_t which) { return std::to_string(700'000'000 + which); }

  rpc_result<tl::box<tl::contacts_importedContacts>> import_numbers(std::size_t from, std::size_t to) {
    fn::contacts_importContacts call;
    for (std::size_t i = from; i < to; ++i) {
      auto one = tl::make<tl::inputPhoneContact>();
      one->client_id = static_cast<std::int64_t>(i);
      one->phone = number(i);
      one->first_name = "X";
      call.contacts.push_back(std::move(one));
    }
    return world.call(anna, call);
  }
  rpc_result<tl::box<tl::contacts_resolvedPeer>> resolve_phone(const std::string& phone) {
    fn::contacts_resolvePhone call;
    call.phone = phone;
    return world.call(anna, call);
  }
  std::string name_seen(user_id who, user_id whom) {
    const auto user = see(world, who, whom);
    const auto* seen = tl::as<tl::user>(user);
    return seen == nullptr ? std::string() : seen->first_name.value_or("");
  }
  void rename(user_id who, const std::string& to) {
    fn::account_updateProfile change;
    change.first_name = to;
    ASSERT_TRUE(world.call(who, change));
    world.run();
  }
  /// Rows of so many contacts that nobody looks at.
  void fill(user_id who, records_table table, std::size_t rows) {
    for (std::size_t i = 0; i < rows; ++i) {
      const user_id whom{static_cast<std::int64_t>(300'000'000 + i)};
      Relation row;
      row.mutable_contact()->set_first_name("N");
      const bool contact = table == records_table::user_contact;
      world.rows(user_ref(who))[{table, contact ? relation_key(whom) : blocked_key(5, whom)}] =
        contact ? row.SerializeAsString() : std::string();
    }
  }
};

/// Whoever tries numbers learns of so many in a day, by whatever call; an address book is to be sent again then.
TEST_F(PeopleBoundsTest, NumbersAreLookedUpSoOftenInADay) {
  const std::size_t step = limits::contacts_imported_max;
  for (std::size_t from = 0; from + step < limits::phones_looked_up_per_day; from += step) {
    const auto imported = import_numbers(from, from + step);
    ASSERT_TRUE(imported);
    ASSERT_TRUE((*imported)->retry_contacts.empty());
  }
  EXPECT_EQ(resolve_phone(std::to_string(boris.value())).has_value(), true);
  world.phones[700'000'000 + 50'000] = boris.value();
  const auto partly = import_numbers(50'000 - step + 1, 50'001);
  ASSERT_TRUE(partly);
  EXPECT_EQ((*partly)->retry_contacts, std::vector<std::int64_t>{50'000});
  const std::size_t asked = world.commands;
  const auto refused_now = resolve_phone(std::to_string(boris.value()));
  ASSERT_FALSE(refused_now);
  EXPECT_EQ(refused_now.error().errc, rpc_errc::flood_wait);
  EXPECT_GT(refused_now.error().argument, 0);
  EXPECT_EQ(add_contact(world, anna, clara, "C", false, "12345").error().errc, rpc_errc::flood_wait);
  EXPECT_EQ(world.commands, asked + 1); // for the card of the account, and for no number
  EXPECT_TRUE(add_contact(world, anna, clara, "C"));
  world.now += refused_now.error().argument;
  EXPECT_TRUE(resolve_phone(std::to_string(boris.value())));
}

/// A wrong number beside a contact tells something too.
TEST_F(PeopleBoundsTest, WrongNumbersOfAContactAreCounted) {
  for (std::size_t i = 0; i < limits::phones_looked_up_per_day; ++i) {
    ASSERT_TRUE(add_contact(world, anna, boris, "B", false, number(i)));
  }
  EXPECT_EQ(add_contact(world, anna, boris, "B", false, std::to_string(boris.value())).error().errc,
            rpc_errc::flood_wait);
  world.now += 86'400;
  EXPECT_TRUE(add_contact(world, anna, boris, "B", false, std::to_string(boris.value())));
  EXPECT_EQ(world.relation_row(anna, boris).contact().phone(), static_cast<std::uint64_t>(boris.value()));
}

/// What was counted before something was waited for is not what is there afterwards.
TEST_F(PeopleBoundsTest, CallsAtTheSameTimeDoNotPassTheBoundOfContacts) {
  fill(anna, records_table::user_contact, limits::contacts_max - 1);
  std::vector<people_world::answer_ptr> answers;
  for (const user_id each : {boris, clara}) {
    fn::contacts_addContact call;
    call.id = world.input(anna, each);
    call.first_name = "N";
    answers.push_back(world.begin_call(anna, call));
  }
  world.run();
  EXPECT_NE((*answers[0])->has_value(), (*answers[1])->has_value());
  EXPECT_EQ(world.rows_in(anna, records_table::user_contact), limits::contacts_max);
}

TEST_F(PeopleBoundsTest, CallsAtTheSameTimeDoNotPassTheBoundOfTheBlocked) {
  fill(anna, records_table::user_blocked, limits::blocked_max - 1);
  std::vector<people_world::answer_ptr> answers;
  for (const user_id each : {boris, clara}) {
    fn::contacts_block call;
    call.id = world.input_peer(anna, each);
    answers.push_back(world.begin_call(anna, call));
  }
  world.run();
  EXPECT_NE((*answers[0])->has_value(), (*answers[1])->has_value());
  EXPECT_EQ(world.rows_in(anna, records_table::user_blocked), limits::blocked_max);
}

/// Whoever renames itself all the time is heard of now and then, and in the end by its last name.
TEST_F(PeopleBoundsTest, ManyChangesOfAProfileAreToldSeldomAndInTheEnd) {
  const listener_id session = world.listen(anna, 1);
  ASSERT_TRUE(add_contact(world, anna, boris, "Bear"));
  ASSERT_TRUE(add_contact(world, boris, anna, "Annie"));
  ASSERT_TRUE(set_online(world, anna, true));
  world.now += 60 - world.now % 60;
  const std::size_t before = world.whispers;
  for (int i = 0; i < 50; ++i) {
    rename(boris, "Boris " + std::to_string(i));
  }
  EXPECT_EQ(world.whispers, before + limits::card_changes_per_minute);
  static_cast<void>(world.take_heard(session));
  world.now += 60;
  ASSERT_TRUE(set_online(world, boris, true));
  EXPECT_NE(find_update(world.take_heard(session), tl::updateUserName::kind_id), nullptr);
  ASSERT_TRUE(set_online(world, boris, true));
  EXPECT_EQ(find_update(world.take_heard(session), tl::updateUserName::kind_id), nullptr); // once
}

/// Those who merely met the account are not told of it, and neither are the blocked.
TEST_F(PeopleBoundsTest, AChangedProfileIsToldToContacts) {
  static_cast<void>(world.listen(anna, 1));
  static_cast<void>(see(world, boris, anna));
  ASSERT_TRUE(set_online(world, anna, true));
  std::size_t before = world.whispers;
  rename(boris, "First");
  EXPECT_EQ(world.whispers, before);
  ASSERT_TRUE(add_contact(world, boris, anna, "A"));
  before = world.whispers;
  rename(boris, "Second");
  EXPECT_EQ(world.whispers, before + 1);
  ASSERT_TRUE(block(world, boris, anna));
  world.run();
  before = world.whispers;
  rename(boris, "Third");
  EXPECT_EQ(world.whispers, before);
}

/// A card that comes twice is no news, and one of somebody who is blocked is none either.
TEST_F(PeopleBoundsTest, ACardIsToldToSessionsOnce) {
  const listener_id session = world.listen(anna, 1);
  command::Whisper what;
  what.set_from(boris.value());
  const auto whisper = [&] {
    world.within(anna, [&](people& one, entity_effects& out) { one.whispered(what, world.now, out); });
    world.run();
    return find_update(world.take_heard(session), tl::updateUserName::kind_id) != nullptr;
  };
  *what.mutable_card() = world.of(boris).own_card(world.now);
  EXPECT_TRUE(whisper());
  EXPECT_FALSE(whisper());
  what.mutable_card()->set_version(what.card().version() + 1);
  EXPECT_TRUE(whisper());
  ASSERT_TRUE(block(world, anna, boris));
  what.mutable_card()->set_version(what.card().version() + 1);
  EXPECT_FALSE(whisper());
}

/// Whoever missed the word that a card changed asks again after a while; what it knows serves meanwhile.
TEST_F(PeopleBoundsTest, AnOldCardIsAskedForAgain) {
  EXPECT_EQ(name_seen(anna, boris), "Boris");
  auto& profile = *world.core_of(boris).profile; // as if it lived on another node, and nobody had told of it
  profile.set_first_name("Bob");
  profile.set_version(profile.version() + 1);
  world.now += limits::card_fresh_seconds;
  const std::size_t asked = world.commands;
  EXPECT_EQ(name_seen(anna, boris), "Boris");
  EXPECT_EQ(world.commands, asked);
  world.now += 1;
  for (int i = 0; i < 5; ++i) {
    const std::vector<user_id> one{boris};
    bool came = false;
    world.within(anna, [&](people& others, entity_effects& out) {
      others.with(one, world.now, out, [&](unix_time, entity_effects&) { came = true; });
    });
    EXPECT_TRUE(came); // nobody waits for it
  }
  EXPECT_EQ(world.commands, asked + 1);
  world.run();
  EXPECT_EQ(name_seen(anna, boris), "Bob");
  EXPECT_EQ(world.commands, asked + 1);
}

/// An account that does not answer is as it was.
TEST_F(PeopleBoundsTest, AnOldCardServesAsLongAsNoNewOneComes) {
  EXPECT_EQ(name_seen(anna, boris), "Boris");
  world.silent.insert(boris.value());
  world.now += 1000;
  EXPECT_EQ(name_seen(anna, boris), "Boris");
  world.run();
  EXPECT_EQ(name_seen(anna, boris), "Boris");
}

/// Many old cards are not all asked for at once.
TEST_F(PeopleBoundsTest, OldCardsAreAskedForAFewAtATime) {
  std::vector<user_id> whom;
  for (std::int64_t i = 0; i < 200; ++i) {
    whom.push_back(world.add(200'000'000 + i, "N"));
  }
  const auto with_all = [&] {
    std::size_t asked = 0;
    world.within(anna, [&](people& one, entity_effects& out) {
      one.with(whom, world.now, out, [](unix_time, entity_effects&) {});
      asked = out.commands.size();
    });
    world.run();
    return asked;
  };
  EXPECT_EQ(with_all(), limits::card_questions_max);
  world.now += 1000;
  EXPECT_EQ(with_all(), limits::card_refreshes_max);
  EXPECT_EQ(with_all(), limits::card_refreshes_max); // others than before, until all are fresh
}

/// An account speaks of itself alone.
TEST_F(PeopleBoundsTest, ADeliveryDoesNotBringTheCardOfAThirdAccount) {
  EXPECT_EQ(name_seen(anna, clara), "Clara");
  command::Delivery what;
  what.set_from(boris.value());
  what.set_date(world.now);
  what.mutable_relation()->set_contact(true);
  *what.mutable_relation()->mutable_card() = world.of(clara).own_card(world.now);
  what.mutable_relation()->mutable_card()->set_first_name("Not Clara");
  what.mutable_relation()->mutable_card()->set_version(99);
  world.send(boris, anna, what);
  world.run();
  EXPECT_TRUE(world.relation_row(anna, boris).has_me());
  EXPECT_EQ(name_seen(anna, clara), "Clara");
}

/// The rows of a delivery do not wait for its sender, which may be out of reach for long.
TEST_F(PeopleBoundsTest, ADeliveryIsTakenWhileItsSenderIsOutOfReach) {
  people_world small{3, 1};
  const user_id one = small.add(first_id, "Anna");
  const user_id other = small.add(first_id + 1, "Boris");
  const user_id third = small.add(first_id + 2, "Clara");
  const listener_id session = small.listen(one, 1);
  ASSERT_TRUE(add_contact(small, one, other, "B"));
  ASSERT_TRUE(add_contact(small, other, one, "A"));
  fn::contacts_deleteContacts call;
  call.id.push_back(small.input(other, one));
  small.begin_call(other, call);
  while (small.rows_in(other, records_table::user_contact) != 0 && small.advance()) {
  }
  static_cast<void>(small.take_heard(session));
  small.silent.insert(other.value());
  small.cards.put(small.of(third).own_card(small.now)); // there is room for one card
  small.run();
  EXPECT_FALSE(small.relation_row(one, other).has_me());
  EXPECT_TRUE(small.take_heard(session).empty()); // there is nothing that could be shown
}

/// Whoever is out of reach can be blocked, and the other sessions hear of it once there is a card to show.
TEST_F(PeopleBoundsTest, AnAccountOutOfReachCanBeBlocked) {
  world.silent.insert(boris.value());
  fn::contacts_block call;
  call.id = world.input_peer(anna, boris);
  const listener_id other = world.listen(anna, 2);
  const auto answer = world.begin_call(anna, call);
  world.run();
  ASSERT_TRUE(answer->has_value());
  EXPECT_TRUE((*answer)->has_value());
  EXPECT_NE(world.relation_row(anna, boris).blocked_at(), 0);
  EXPECT_TRUE(world.relation_row(boris, anna).hides());
  EXPECT_TRUE(world.take_heard(other).empty());
}

} // namespace
} // namespace godwit::people::testing
