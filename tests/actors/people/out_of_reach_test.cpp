#include "actors/people/username_logic.hpp"
#include "protocol/tl/api/contacts.hpp"
#include "protocol/tl/api/contacts_fn.hpp"
#include "tests/actors/people/people_calls.hpp"

namespace godwit::people::testing {
namespace {

constexpr std::int64_t first_id = 100'000'001;

/// Anna's shard lives, and those of others do not: she goes on with what is known of them.
class OutOfReachTest : public ::testing::TestWithParam<std::uint64_t> {
protected:
  people_world world{GetParam(), 1}; // one card: nobody's is known for long
  user_id anna = world.add(first_id, "Anna");
  user_id boris = world.add(first_id + 1, "Boris");
  user_id clara = world.add(first_id + 2, "Clara");

  void SetUp() override {
    ASSERT_TRUE(add_contact(world, anna, boris, "B"));
    ASSERT_TRUE(add_contact(world, anna, clara, "C"));
    world.out_of_reach = {boris.value()};
    world.restart();
  }
};

INSTANTIATE_TEST_SUITE_P(Seeds, OutOfReachTest, ::testing::Range<std::uint64_t>(1, 5));

/// A list without one of them would have the client delete a contact.
TEST_P(OutOfReachTest, ContactsStayInTheList) {
  const auto answer = world.call(anna, fn::contacts_getContacts{});
  ASSERT_TRUE(answer.has_value());
  const auto* all = tl::as<tl::contacts_contacts>(answer->get());
  ASSERT_NE(all, nullptr);
  EXPECT_EQ(all->contacts.size(), 2U);
  ASSERT_EQ(all->users.size(), 2U);
  for (const auto& each : all->users) {
    const auto* user = tl::as<tl::user>(each.get());
    ASSERT_NE(user, nullptr);
    EXPECT_EQ(user->first_name, user->id == boris.value() ? "B" : "C");
  }
}

/// Of somebody who is no contact nothing is said, and clients keep what they know.
TEST_P(OutOfReachTest, OthersAreEmpty) {
  const user_id dora = world.add(first_id + 3, "Dora");
  world.out_of_reach.insert(dora.value());
  world.restart();
  EXPECT_NE(tl::as<tl::userEmpty>(see(world, anna, dora).get()), nullptr);
  world.out_of_reach.clear();
  EXPECT_NE(tl::as<tl::user>(see(world, anna, dora).get()), nullptr);
}

/// A change that has to be judged by the other's rules is asked for longer, and fails so that it can be tried again.
TEST_P(OutOfReachTest, ChangesFailForNow) {
  const user_id dora = world.add(first_id + 3, "Dora");
  world.out_of_reach.insert(dora.value());
  world.restart();
  fn::contacts_addContact call;
  call.id = world.input(anna, dora);
  call.first_name = "D";
  const std::size_t before = world.commands;
  EXPECT_EQ(world.error(anna, call), rpc_error(rpc_errc::rpc_call_fail));
  EXPECT_EQ(world.commands - before, 10U);
  EXPECT_FALSE(world.relation_row(anna, dora).has_contact());
}

/// Where a name or number is known is away: nobody is told that it is free, and nobody waits for ever.
TEST_P(OutOfReachTest, WhoseANameOrNumberIsFailsForNow) {
  fn::contacts_resolveUsername name;
  name.username = "clara_c";
  fn::contacts_resolvePhone number;
  number.phone = std::to_string(clara.value());
  fn::contacts_importContacts import_call;
  import_call.contacts.push_back(tl::make<tl::inputPhoneContact>());
  import_call.contacts.back()->client_id = 7;
  import_call.contacts.back()->phone = number.phone;
  EXPECT_EQ(world.error(anna, name), rpc_error(rpc_errc::username_not_occupied));
  ASSERT_TRUE(world.call(anna, number).has_value());

  world.out_of_reach.insert(static_cast<std::int64_t>(username_entity(name.username).id.value()));
  const auto place = cluster::scattered(static_cast<std::uint64_t>(clara.value()));
  world.out_of_reach.insert(static_cast<std::int64_t>(place.value()));
  EXPECT_EQ(world.error(anna, name), rpc_error(rpc_errc::rpc_call_fail));
  EXPECT_EQ(world.error(anna, number), rpc_error(rpc_errc::rpc_call_fail));
  const auto imported = world.call(anna, import_call);
  ASSERT_TRUE(imported.has_value());
  const auto* all = tl::as<tl::contacts_importedContacts>(imported->get());
  ASSERT_NE(all, nullptr);
  EXPECT_EQ(all->retry_contacts, std::vector<std::int64_t>{7});
  fn::contacts_search search;
  search.q = name.username;
  search.limit = 10;
  EXPECT_TRUE(world.call(anna, search).has_value()) << "a list comes without what is out of reach";
}

} // namespace
} // namespace godwit::people::testing
