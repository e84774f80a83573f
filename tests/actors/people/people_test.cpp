#include "config/limits.hpp"
#include "protocol/tl/api/messages.hpp"
#include "protocol/tl/api/messages_fn.hpp"
#include "tests/actors/people/people_calls.hpp"

namespace godwit::people::testing {
namespace {

constexpr std::int64_t first_id = 100'000'001;

class PeopleTest : public ::testing::TestWithParam<std::uint64_t> {
protected:
  people_world world{GetParam()};
  user_id anna = world.add(first_id, "Anna", "Arendt");
  user_id boris = world.add(first_id + 1, "Boris");
};

INSTANTIATE_TEST_SUITE_P(Seeds, PeopleTest, ::testing::Range<std::uint64_t>(1, 5));

/// What is in memory is used at once, without a question to anybody.
TEST_P(PeopleTest, WhatIsInMemoryIsNotAskedForAgain) {
  const std::vector<user_id> whom{boris, boris, anna, service_user, user_id{-5}, user_id{0}};
  int runs = 0;
  world.within(anna, [&](people& one, entity_effects& out) {
    one.with(whom, world.now, out, [&](unix_time, entity_effects&) { ++runs; });
  });
  EXPECT_EQ(runs, 0);
  EXPECT_EQ(world.of(anna).relation(boris), nullptr);
  world.run();
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(world.queries, 1U);
  EXPECT_EQ(world.commands, 1U);
  world.within(anna, [&](people& one, entity_effects& out) {
    one.with(whom, world.now, out, [&](unix_time, entity_effects&) { ++runs; });
    EXPECT_TRUE(out.queries.empty() && out.commands.empty());
  });
  EXPECT_EQ(runs, 2);
  ASSERT_NE(world.of(anna).relation(boris), nullptr);
  const auto user = world.of(anna).view(boris, world.now);
  EXPECT_EQ(tl::as<tl::user>(user)->first_name, "Boris");
}

/// However many wait for one account, it is asked once.
TEST_P(PeopleTest, OneAccountIsAskedOnceAtATime) {
  int runs = 0;
  const std::vector<user_id> whom{boris};
  for (int i = 0; i < 10; ++i) {
    world.within(anna, [&](people& one, entity_effects& out) {
      one.with(whom, world.now, out, [&](unix_time, entity_effects&) { ++runs; });
    });
  }
  world.run();
  EXPECT_EQ(runs, 10);
  EXPECT_EQ(world.commands, 1U);
}

/// Accounts that do not exist hold nobody up, and look like nobody.
TEST_P(PeopleTest, AnAccountThatIsNotThereIsNobody) {
  const user_id ghost{first_id + 500};
  const std::vector<user_id> whom{ghost, boris};
  int runs = 0;
  world.within(anna, [&](people& one, entity_effects& out) {
    one.with(whom, world.now, out, [&](unix_time, entity_effects&) {
      ++runs;
      const auto user = one.view(ghost, world.now);
      EXPECT_NE(tl::as<tl::userEmpty>(user), nullptr);
    });
  });
  world.run();
  EXPECT_EQ(runs, 1);
  // It may come into being at any time.
  world.add(ghost.value(), "Not a ghost");
  world.restart();
  const auto user = see(world, anna, ghost);
  EXPECT_NE(tl::as<tl::user>(user), nullptr);
}

/// More accounts than memory holds relations or cards of, in one call: all are there when it goes on, and memory
/// shrinks again after it.
TEST_P(PeopleTest, WhatIsWaitedForStaysInMemory) {
  people_world small{GetParam(), 10};
  const user_id self = small.add(first_id, "Anna");
  std::vector<user_id> whom;
  for (std::int64_t i = 0; i < 400; ++i) {
    whom.push_back(small.add(200'000'000 + i, "N" + std::to_string(i)));
  }
  int runs = 0;
  small.within(self, [&](people& one, entity_effects& out) {
    one.with(whom, small.now, out, [&](unix_time now, entity_effects&) {
      ++runs;
      std::vector<tl::box<tl::User>> views;
      one.add_views(views, whom, now);
      ASSERT_EQ(views.size(), whom.size());
      for (const auto& each : views) {
        EXPECT_NE(tl::as<tl::user>(each), nullptr);
      }
    });
    EXPECT_LE(out.commands.size(), limits::card_questions_max);
  });
  small.run();
  EXPECT_EQ(runs, 1);
  std::size_t in_memory = 0;
  for (const user_id each : whom) {
    in_memory += static_cast<std::size_t>(small.of(self).relation(each) != nullptr);
  }
  EXPECT_EQ(in_memory, limits::relations_in_memory_max);
}

/// Rows that another part read while a relation was changed are old by then.
TEST_P(PeopleTest, ARowThatWasReadBeforeAChangeIsNotLearned) {
  ASSERT_TRUE(add_contact(world, anna, boris, "Bear"));
  std::vector<user_id> others;
  for (std::int64_t i = 0; i < 300; ++i) {
    others.push_back(world.add(200'000'000 + i, "N"));
  }
  world.within(anna, [&](people& one, entity_effects& out) {
    one.with(others, world.now, out, [](unix_time, entity_effects&) {});
  });
  world.run();
  ASSERT_EQ(world.of(anna).relation(boris), nullptr); // it left memory
  world.of(anna).learn(boris, std::nullopt);          // as it was before
  ASSERT_NE(world.of(anna).relation(boris), nullptr);
  EXPECT_TRUE(world.of(anna).relation(boris)->has_contact());
  world.restart();
  Relation row;
  row.set_blocked_at(7);
  world.of(anna).learn(boris, row.SerializeAsString());
  EXPECT_EQ(world.of(anna).relation(boris)->blocked_at(), 7);
  world.of(anna).learn(boris, std::nullopt); // in memory already
  EXPECT_EQ(world.of(anna).relation(boris)->blocked_at(), 7);
}

/// Whom a client may address, and with what.
TEST_P(PeopleTest, ClientsAddressAccountsWithTheRightHash) {
  people& one = world.of(anna);
  EXPECT_EQ(one.resolve(world.input(anna, boris).get()).value_or(user_id{}), boris);
  EXPECT_EQ(one.resolve(world.input_peer(anna, boris).get()).value_or(user_id{}), boris);
  EXPECT_EQ(one.resolve(tl::make<tl::inputPeerSelf>().get()).value_or(user_id{}), anna);
  EXPECT_EQ(one.resolve(tl::make<tl::inputUserSelf>().get()).value_or(user_id{}), anna);
  EXPECT_EQ(one.resolve(world.input_peer(anna, service_user).get()).value_or(user_id{}), service_user);

  auto peer = tl::make<tl::inputPeerUser>();
  peer->user_id = anna.value();
  EXPECT_EQ(one.resolve(peer.get()).value_or(user_id{}), anna);
  peer->access_hash = 5;
  EXPECT_EQ(one.resolve(peer.get()).error().errc, rpc_errc::peer_id_invalid);
  EXPECT_EQ(one.resolve(world.input_peer(anna, anna).get()).value_or(user_id{}), anna);
  peer->user_id = boris.value();
  peer->access_hash = 0;
  EXPECT_EQ(one.resolve(peer.get()).error().errc, rpc_errc::peer_id_invalid);
  EXPECT_EQ(one.resolve(world.input_peer(boris, boris).get()).error().errc, rpc_errc::peer_id_invalid);
  EXPECT_EQ(one.resolve(world.input_peer(anna, user_id{-3}).get()).error().errc, rpc_errc::peer_id_invalid);
  EXPECT_EQ(one.resolve(world.input_peer(anna, user_id{std::int64_t{1} << 41}).get()).error().errc,
            rpc_errc::peer_id_invalid);
  for (const tl::InputPeer* each : std::initializer_list<const tl::InputPeer*>{nullptr}) {
    EXPECT_EQ(one.resolve(each).error().errc, rpc_errc::peer_id_invalid);
  }
  EXPECT_EQ(one.resolve(tl::make<tl::inputPeerChat>().get()).error().errc, rpc_errc::peer_id_invalid);
  EXPECT_EQ(one.resolve(tl::make<tl::inputPeerChannel>().get()).error().errc, rpc_errc::peer_id_invalid);
  EXPECT_EQ(one.resolve(tl::make<tl::inputPeerEmpty>().get()).error().errc, rpc_errc::peer_id_invalid);
  EXPECT_EQ(one.resolve(tl::make<tl::inputPeerUserFromMessage>().get()).error().errc, rpc_errc::peer_id_invalid);
  EXPECT_EQ(one.resolve(tl::make<tl::inputUserEmpty>().get()).error().errc, rpc_errc::user_id_invalid);
  EXPECT_EQ(one.resolve(tl::make<tl::inputUserFromMessage>().get()).error().errc, rpc_errc::user_id_invalid);
  EXPECT_EQ(one.resolve(world.input(boris, boris).get()).error().errc, rpc_errc::user_id_invalid);
}

/// Users and full users can be read by clients of every layer.
TEST_P(PeopleTest, EveryLayerCanReadUsers) {
  ASSERT_TRUE(add_contact(world, anna, boris, "Bear", false, std::to_string(boris.value())));
  ASSERT_TRUE(block(world, anna, boris));
  fn::account_updateProfile change;
  change.about = "Likes honey";
  ASSERT_TRUE(world.call(boris, change));
  for (const layer_t layer : {133, 134, 135, 144, 158, 166, 185, 198, 216, 229}) {
    for (const user_id whom : {boris, anna, service_user}) {
      const auto user = see(world, anna, whom, layer);
      const auto* seen = tl::as<tl::user>(user);
      ASSERT_NE(seen, nullptr) << layer;
      EXPECT_EQ(seen->id, whom.value());
      EXPECT_EQ(seen->self, whom == anna);
      EXPECT_EQ(seen->access_hash, access_hash(world.options.access_hash_key, anna, whom));
      const auto full = see_full(world, anna, whom, layer);
      ASSERT_NE(full, nullptr) << layer;
      ASSERT_NE(full->full_user, nullptr);
      EXPECT_EQ(full->full_user->blocked, whom == boris);
      EXPECT_EQ(full->full_user->about.value_or(""), whom == boris ? "Likes honey" : "");
      EXPECT_EQ(full->full_user->id == 0 ? whom.value() : full->full_user->id, whom.value());
      ASSERT_EQ(full->users.size(), 1U);
    }
  }
  const auto user = see(world, anna, service_user);
  const auto* service = tl::as<tl::user>(user);
  EXPECT_TRUE(service->verified && service->support);
  EXPECT_EQ(service->phone, "42777");
  EXPECT_EQ(service->first_name, "Godwit");
}

/// Ids that say nothing are answered with nobody in their places; too many are refused.
TEST_P(PeopleTest, UsersThatCannotBeAddressedAreNobody) {
  fn::users_getUsers call;
  call.id.push_back(tl::make<tl::inputUserSelf>());
  call.id.push_back(world.input(boris, boris));
  call.id.push_back(tl::make<tl::inputUserEmpty>());
  call.id.push_back(world.input(anna, boris));
  const auto users = world.call(anna, call);
  ASSERT_TRUE(users);
  ASSERT_EQ(users->size(), 4U);
  EXPECT_TRUE(tl::as<tl::user>((*users)[0])->self);
  ASSERT_NE(tl::as<tl::userEmpty>((*users)[1]), nullptr);
  EXPECT_EQ(tl::as<tl::userEmpty>((*users)[1])->id, boris.value());
  EXPECT_NE(tl::as<tl::userEmpty>((*users)[2]), nullptr);
  EXPECT_EQ(tl::as<tl::user>((*users)[3])->first_name, "Boris");
  for (std::size_t i = 0; i <= limits::users_per_call_max; ++i) {
    call.id.push_back(tl::make<tl::inputUserSelf>());
  }
  EXPECT_EQ(world.error(anna, call).errc, rpc_errc::input_request_too_long);
  fn::users_getFullUser full;
  full.id = world.input(boris, boris);
  EXPECT_EQ(world.error(anna, full).errc, rpc_errc::user_id_invalid);
  full.id = world.input(anna, user_id{first_id + 99});
  EXPECT_EQ(world.error(anna, full).errc, rpc_errc::user_id_invalid);
}

TEST_P(PeopleTest, AChangedProfileIsSeenByOthersAndBySessions) {
  const listener_id asking = world.listen(anna, 1);
  const listener_id other = world.listen(anna, 2);
  auto before = see(world, boris, anna);
  EXPECT_EQ(tl::as<tl::user>(before)->last_name, "Arendt");
  fn::account_updateProfile change;
  change.first_name = "  Hannah\n";
  change.last_name = "";
  auto self = world.call(anna, change);
  ASSERT_TRUE(self);
  EXPECT_EQ(tl::as<tl::user>(*self)->first_name, "Hannah");
  EXPECT_TRUE(world.take_heard(asking).empty());
  EXPECT_NE(find_update(world.take_heard(other), tl::updateUserName::kind_id), nullptr);
  const auto after = see(world, boris, anna);
  EXPECT_EQ(tl::as<tl::user>(after)->first_name, "Hannah");
  EXPECT_FALSE(tl::as<tl::user>(after)->last_name.has_value());
  const int commits = world.commits();
  ASSERT_TRUE(world.call(anna, change));
  EXPECT_EQ(world.commits(), commits); // nothing to change
}

TEST_P(PeopleTest, ProfilesHaveLimits) {
  fn::account_updateProfile change;
  change.first_name = " \t ";
  EXPECT_EQ(world.error(anna, change).errc, rpc_errc::firstname_invalid);
  change.first_name = std::string(65, 'x');
  EXPECT_EQ(world.error(anna, change).errc, rpc_errc::firstname_invalid);
  change.first_name.reset();
  change.last_name = std::string(65, 'x');
  EXPECT_EQ(world.error(anna, change).errc, rpc_errc::lastname_invalid);
  change.last_name.reset();
  std::string seventy;
  for (int i = 0; i < 70; ++i) {
    seventy += "ж";
  }
  change.about = seventy + "ж";
  EXPECT_EQ(world.error(anna, change).errc, rpc_errc::about_too_long);
  change.about = seventy;
  ASSERT_TRUE(world.call(anna, change));
  EXPECT_EQ(see_full(world, boris, anna)->full_user->about, seventy);
}

/// Blocking is told to the other sessions, listed with the last one first, in pages, and undone.
TEST_P(PeopleTest, TheBlockedAreListedInPages) {
  const listener_id other = world.listen(anna, 2);
  std::vector<user_id> whom;
  for (std::int64_t i = 0; i < 5; ++i) {
    whom.push_back(world.add(200'000'000 + i, "N"));
    ++world.now;
    ASSERT_TRUE(block(world, anna, whom.back()));
    world.run(); // the card for the other sessions is not waited for
    const auto update = find_update(world.take_heard(other), tl::updatePeerBlocked::kind_id);
    ASSERT_NE(update, nullptr);
    EXPECT_TRUE(tl::as<tl::updatePeerBlocked>(update.get())->blocked);
  }
  EXPECT_EQ(world.notes.size(), 5U);
  ASSERT_TRUE(block(world, anna, whom.back())); // again: nothing happens
  EXPECT_EQ(world.notes.size(), 5U);
  fn::contacts_getBlocked call;
  call.offset = 1;
  call.limit = 2;
  auto page = world.call(anna, call);
  ASSERT_TRUE(page);
  const auto* slice = tl::as<tl::contacts_blockedSlice>(*page);
  ASSERT_NE(slice, nullptr);
  EXPECT_EQ(slice->count, 5);
  ASSERT_EQ(slice->blocked.size(), 2U);
  EXPECT_EQ(tl::as<tl::peerUser>(slice->blocked[0]->peer_id)->user_id, whom[3].value());
  EXPECT_EQ(tl::as<tl::peerUser>(slice->blocked[1]->peer_id)->user_id, whom[2].value());
  EXPECT_EQ(slice->users.size(), 2U);
  for (const user_id each : whom) {
    ASSERT_TRUE(unblock(world, anna, each));
  }
  call.offset = -5;
  call.limit = 100;
  page = world.call(anna, call);
  ASSERT_TRUE(page);
  ASSERT_NE(tl::as<tl::contacts_blocked>(*page), nullptr);
  EXPECT_TRUE(tl::as<tl::contacts_blocked>(*page)->blocked.empty());
  EXPECT_EQ(world.rows_in(anna, records_table::user_relation), 0U);
  EXPECT_EQ(world.rows_in(anna, records_table::user_blocked), 0U);
  EXPECT_EQ(block(world, anna, anna).error().errc, rpc_errc::contact_id_invalid);
}

/// A stranger's chat offers to add it to the contacts.
TEST_P(PeopleTest, TheBarAboveAChatOffersWhatIsLeftToDo) {
  EXPECT_TRUE(see_full(world, anna, boris)->full_user->settings->add_contact);
  fn::messages_getPeerSettings call;
  call.peer = world.input_peer(anna, boris);
  for (const layer_t layer : {133, 229}) {
    const auto answer = world.call(anna, call, layer);
    ASSERT_TRUE(answer);
    EXPECT_TRUE((*answer)->settings->add_contact);
  }
  ASSERT_TRUE(add_contact(world, anna, boris, "B"));
  const auto settings = std::move(see_full(world, anna, boris)->full_user->settings);
  EXPECT_FALSE(settings->add_contact || settings->share_contact || settings->need_contacts_exception);
  EXPECT_FALSE(see_full(world, anna, anna)->full_user->settings->add_contact);
  EXPECT_FALSE(see_full(world, anna, service_user)->full_user->settings->add_contact);
}

/// What the box knows of a peer becomes part of the answer, when it has come.
TEST_P(PeopleTest, TheBoxAddsWhatItKnowsToAFullUser) {
  world.core_of(anna).fill_full = [](user_id peer, const std::shared_ptr<tl::userFull>& full, layer_t, unix_time,
                                     entity_effects& out, entity::continuation then) {
    full->pinned_msg_id = static_cast<std::int32_t>(peer.value() % 1000);
    full->notify_settings->mute_until = 77;
    out.queries.push_back({[](entity::row_reader&) {}, std::move(then)});
  };
  const auto full = see_full(world, anna, boris);
  EXPECT_EQ(full->full_user->pinned_msg_id, boris.value() % 1000);
  EXPECT_EQ(full->full_user->notify_settings->mute_until, 77);
}

} // namespace
} // namespace godwit::people::testing
