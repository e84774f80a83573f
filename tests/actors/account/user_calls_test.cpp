#include <gtest/gtest.h>

#include <algorithm>

#include "actors/people/access_hash.hpp"
#include "protocol/tl/api/account_fn.hpp"
#include "protocol/tl/api/auth.hpp"
#include "protocol/tl/api/auth_fn.hpp"
#include "protocol/tl/api/contacts_fn.hpp"
#include "protocol/tl/api/dialog.hpp"
#include "protocol/tl/api/dialog_fn.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/message_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/text.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/updates_fn.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/user_full.hpp"
#include "protocol/tl/api/users.hpp"
#include "protocol/tl/api/users_fn.hpp"
#include "tests/actors/account/account_client.hpp"

namespace godwit::account::testing {
namespace {

constexpr std::uint64_t number = 9996612345;

class account_calls : public ::testing::TestWithParam<layer_t> {
protected:
  account_calls() { client.log_in(number); }

  std::vector<tl::box<tl::User>> users(std::vector<tl::box<tl::InputUser>> ids) {
    tl::fn::users_getUsers what;
    what.id = std::move(ids);
    const std::string answer = client.call(what).value();
    tl::reader in(answer);
    auto list = tl::fetch_vector<tl::User>(in);
    EXPECT_TRUE(in.finish().has_value());
    return list;
  }

  static std::vector<tl::box<tl::InputUser>> only(tl::box<tl::InputUser> one) {
    std::vector<tl::box<tl::InputUser>> list;
    list.push_back(std::move(one));
    return list;
  }

  static tl::box<tl::inputUser> other_user(std::int64_t id, std::int64_t hash) {
    auto user = tl::make<tl::inputUser>();
    user->user_id = id;
    user->access_hash = hash;
    return user;
  }

  logic_world world;
  account_client client{world, 1, GetParam()};
};
INSTANTIATE_TEST_SUITE_P(layers, account_calls, ::testing::Values(133, 135, 144, 152, 198, 221, 227, 228, 229));

// Telethon takes users[0] of the answer for its own account and fails on an empty vector.
TEST_P(account_calls, UsersGetUsersOfSelfIsTheOwnerHimself) {
  const auto list = users(only(tl::make<tl::inputUserSelf>()));
  ASSERT_EQ(list.size(), 1U);
  const auto* self = tl::as<tl::user>(list[0]);
  ASSERT_NE(self, nullptr);
  EXPECT_TRUE(self->self);
  EXPECT_EQ(self->id, client.context.user.value());
  EXPECT_EQ(self->phone, std::to_string(number));
}

// Goal: an account is shown to who knows its access hash, without its number, and to nobody else.
TEST_P(account_calls, UsersGetUsersShowsOthersToWhoKnowsTheirAccessHash) {
  account_client other(world, 2, GetParam());
  const user_id whom{other.log_in(9996622222)};
  const std::int64_t hash = people::access_hash(world.options.people.access_hash_key, client.context.user, whom);
  auto ids = only(other_user(whom.value(), hash));
  ids.push_back(other_user(whom.value(), hash + 1));
  ids.push_back(tl::make<tl::inputUserSelf>());
  ids.push_back(tl::make<tl::inputUserEmpty>());
  const auto list = users(std::move(ids));
  ASSERT_EQ(list.size(), 4U);
  const auto* shown = tl::as<tl::user>(list[0]);
  ASSERT_NE(shown, nullptr);
  EXPECT_EQ(shown->first_name, "Ada");
  EXPECT_FALSE(shown->self);
  EXPECT_FALSE(shown->phone.has_value());
  EXPECT_EQ(shown->access_hash, hash);
  EXPECT_NE(tl::as<tl::userEmpty>(list[1]), nullptr) << "wrong hash";
  EXPECT_NE(tl::as<tl::user>(list[2]), nullptr);
  EXPECT_NE(tl::as<tl::userEmpty>(list[3]), nullptr);
}

TEST_P(account_calls, UsersGetUsersBoundsItsList) {
  tl::fn::users_getUsers what;
  for (int i = 0; i < 300; ++i) {
    what.id.push_back(tl::make<tl::inputUserSelf>());
  }
  EXPECT_EQ(error_of(client.call(what)), rpc_errc::input_request_too_long);
}

TEST_P(account_calls, UsersGetFullUserIsTheProfile) {
  tl::fn::users_getFullUser what;
  what.id = tl::make<tl::inputUserSelf>();
  const std::string answer = client.call(what).value();
  tl::reader in(answer);
  if (GetParam() < 135) {
    const auto full = tl::userFull::fetch(in);
    ASSERT_TRUE(in.finish().has_value());
    EXPECT_NE(tl::as<tl::user>(full->user), nullptr);
    return;
  }
  const auto full = tl::users_userFull::fetch(in);
  ASSERT_TRUE(in.finish().has_value());
  EXPECT_EQ(full->full_user->id, client.context.user.value());
  ASSERT_EQ(full->users.size(), 1U);
  what.id = other_user(1 << 30, 5);
  EXPECT_EQ(error_of(client.call(what)), rpc_errc::user_id_invalid);
}

// https://core.telegram.org/api/updates: pts begins at 1.
TEST_P(account_calls, TheStateOfANewAccountBeginsAtOne) {
  const std::string answer = client.call(tl::fn::updates_getState()).value();
  tl::reader in(answer);
  const auto state = tl::updates_state::fetch(in);
  ASSERT_TRUE(in.finish().has_value());
  EXPECT_EQ(state->pts, 1);
  EXPECT_EQ(state->qts, 0);
  EXPECT_EQ(state->seq, 0);
  EXPECT_EQ(state->date, world.now);
}

TEST_P(account_calls, ADifferenceIsEmptyWhenNothingHappened) {
  tl::fn::updates_getDifference what;
  what.pts = 1;
  const auto kind_of = [&] {
    const std::string answer = client.call(what).value();
    tl::reader in(answer);
    const auto difference = tl::updates_Difference::fetch(in);
    EXPECT_TRUE(in.finish().has_value());
    return difference->kind();
  };
  EXPECT_EQ(kind_of(), tl::updates_differenceEmpty::kind_id);
  what.pts = 0;
  EXPECT_EQ(error_of(client.call(what)), rpc_errc::persistent_timestamp_empty);
}

TEST_P(account_calls, PresenceIsShownToTheOwner) {
  ASSERT_TRUE(client.subscribe().has_value());
  tl::fn::account_updateStatus status;
  status.offline = false;
  ASSERT_TRUE(client.call(status).has_value());
  auto list = users(only(tl::make<tl::inputUserSelf>()));
  const auto* online = tl::as<tl::userStatusOnline>(tl::as<tl::user>(list[0])->status);
  ASSERT_NE(online, nullptr);
  EXPECT_GT(online->expires, world.now);
  world.now += 10;
  status.offline = true;
  ASSERT_TRUE(client.call(status).has_value());
  list = users(only(tl::make<tl::inputUserSelf>()));
  const auto* offline = tl::as<tl::userStatusOffline>(tl::as<tl::user>(list[0])->status);
  ASSERT_NE(offline, nullptr);
  EXPECT_EQ(offline->was_online, world.now);
}

TEST_P(account_calls, MessagesGetPeerDialogsHasADialogForThePeerAsked) {
  const auto ask = [&](tl::box<tl::InputPeer> whom) {
    auto peer = tl::make<tl::inputDialogPeer>();
    peer->peer = std::move(whom);
    tl::fn::messages_getPeerDialogs what;
    what.peers.push_back(std::move(peer));
    return client.call(what);
  };
  const std::string answer = ask(tl::make<tl::inputPeerSelf>()).value();
  tl::reader in(answer);
  const auto dialogs = tl::messages_peerDialogs::fetch(in);
  ASSERT_TRUE(in.finish().has_value());
  ASSERT_EQ(dialogs->dialogs.size(), 1U);
  const auto* dialog = tl::as<tl::dialog>(dialogs->dialogs[0]);
  ASSERT_NE(dialog, nullptr);
  EXPECT_EQ(tl::as<tl::peerUser>(dialog->peer)->user_id, client.context.user.value());
  EXPECT_EQ(dialogs->users.size(), 1U);
  EXPECT_EQ(dialogs->state->pts, 1);
  EXPECT_EQ(error_of(ask(tl::make<tl::inputPeerChat>())), rpc_errc::peer_id_invalid);
}

// A client whose session was lost repeats what was not answered: it must not undo what another session wrote since.
TEST_P(account_calls, AnEditThatANewSessionRepeatsIsNotMadeAgain) {
  tl::fn::messages_sendMessage send;
  send.peer = tl::make<tl::inputPeerSelf>();
  send.message = "first";
  send.random_id = 1;
  ASSERT_TRUE(client.call(send).has_value());
  const auto edit = [&](std::uint64_t session, const std::string& text) {
    client.context.session = session_id{session};
    tl::fn::messages_editMessage what;
    what.peer = tl::make<tl::inputPeerSelf>();
    what.id = 1;
    what.message = text;
    const std::string answer = client.call(what).value();
    tl::reader in(answer);
    const auto updates = tl::Updates::fetch(in);
    EXPECT_TRUE(in.finish().has_value());
    const auto* update = tl::as<tl::updateEditMessage>(tl::as<tl::updates>(updates)->updates_.at(0));
    return tl::as<tl::message>(update->message)->message_;
  };
  EXPECT_EQ(edit(1, "older"), "older");
  EXPECT_EQ(edit(2, "newer"), "newer");
  EXPECT_EQ(edit(3, "older"), "newer");
  EXPECT_EQ(edit(1, "older"), "older"); // on purpose
}

// Goal: the copy of a call that lay on another way, and comes when its client has gone on, undoes nothing; one whose
// answer is known is answered so again. Method: two changes of a session, and the first one again under its own number;
// the one sort is answered at once, the other one when rows were read.
TEST_P(account_calls, TheSameCallByAnotherWayIsNotMadeAgain) {
  const auto ask = [&](const tl::fn::function& what, std::uint64_t message) {
    cluster::caller by = client.caller();
    by.message = msg_id{message};
    return world.ask(user_of(client.context.user.value()), cluster::request_type::call, by,
                     call_bytes(what, GetParam()));
  };
  const auto rename = [&](const char* name, std::uint64_t message) {
    tl::fn::account_updateProfile what;
    what.first_name = name;
    return ask(what, message);
  };
  const auto draft = [&](const char* text, std::uint64_t message) {
    tl::fn::messages_saveDraft what;
    what.peer = tl::make<tl::inputPeerSelf>();
    what.message = text;
    return ask(what, message);
  };
  const auto told = rename("One", 100);
  EXPECT_TRUE(told.has_value());
  EXPECT_TRUE(rename("Two", 200).has_value());
  EXPECT_EQ(rename("One", 100).value(), told.value());
  EXPECT_EQ(tl::as<tl::user>(users(only(tl::make<tl::inputUserSelf>())).at(0))->first_name, "Two");
  EXPECT_TRUE(rename("One", 300).has_value()) << "on purpose";
  EXPECT_EQ(tl::as<tl::user>(users(only(tl::make<tl::inputUserSelf>())).at(0))->first_name, "One");

  EXPECT_TRUE(draft("older", 400).has_value());
  EXPECT_TRUE(draft("newer", 500).has_value());
  EXPECT_TRUE(draft("older", 400).has_value());
  tl::fn::messages_getPeerDialogs what;
  auto peer = tl::make<tl::inputDialogPeer>();
  peer->peer = tl::make<tl::inputPeerSelf>();
  what.peers.push_back(std::move(peer));
  const std::string answer = client.call(what).value();
  EXPECT_NE(answer.find("newer"), std::string::npos);
  EXPECT_EQ(answer.find("older"), std::string::npos);
}

// Goal: a copy of a call that is under way, behind a later call of its session, is answered as that one is, not before
// it. Method: two drafts, of which the first reads rows while the second and the copy of the first come.
TEST_P(account_calls, ACopyOfACallThatIsUnderWayWaitsForItsAnswer) {
  const auto draft = [&](const char* text, std::uint64_t message) {
    cluster::caller by = client.caller();
    by.message = msg_id{message};
    tl::fn::messages_saveDraft what;
    what.peer = tl::make<tl::inputPeerSelf>();
    what.message = text;
    return world.start(user_of(client.context.user.value()), cluster::request_type::call, by,
                       call_bytes(what, GetParam()));
  };
  world.read_later(true);
  const std::uint64_t older = draft("older", 400);
  const std::uint64_t newer = draft("newer", 500);
  const std::uint64_t copy = draft("older", 400);
  EXPECT_FALSE(world.answers.contains(older)) << "it reads";
  EXPECT_FALSE(world.answers.contains(copy));
  world.read_later(false);
  ASSERT_TRUE(world.answers.contains(older) && world.answers.contains(newer) && world.answers.contains(copy));
  ASSERT_TRUE(world.answers.at(older).has_value());
  EXPECT_TRUE(world.answers.at(newer).has_value());
  ASSERT_TRUE(world.answers.at(copy).has_value());
  EXPECT_EQ(*world.answers.at(copy), *world.answers.at(older));
  const auto& rows = world.rows(user_of(client.context.user.value()));
  const auto drafts = std::count_if(rows.begin(), rows.end(), [](const auto& each) {
    return each.first.first == records_table::draft && each.second.find("newer") != std::string::npos;
  });
  EXPECT_EQ(drafts, 1);
}

// Goal: an edit is made once under its number, whoever brings it. Method: its session asks again, as for an answer that was
// lost, after another device edited the message.
TEST_P(account_calls, AnEditIsMadeOnceUnderItsNumber) {
  tl::fn::messages_sendMessage send;
  send.peer = tl::make<tl::inputPeerSelf>();
  send.message = "first";
  send.random_id = 1;
  ASSERT_TRUE(client.call(send).has_value());
  const auto edit = [&](std::uint64_t session, std::uint64_t number_of_call, const char* text) {
    cluster::caller by = client.caller();
    by.session = session_id{session};
    by.message = msg_id{number_of_call};
    tl::fn::messages_editMessage what;
    what.peer = tl::make<tl::inputPeerSelf>();
    what.id = 1;
    what.message = text;
    const auto answer =
      world.ask(user_of(client.context.user.value()), cluster::request_type::call, by, call_bytes(what, GetParam()));
    return answer ? *answer : std::string("an error");
  };
  EXPECT_NE(edit(1, 100, "older").find("older"), std::string::npos);
  EXPECT_NE(edit(2, 200, "newer").find("newer"), std::string::npos);
  EXPECT_NE(edit(1, 100, "older").find("newer"), std::string::npos);
  EXPECT_NE(edit(1, 300, "older").find("older"), std::string::npos) << "on purpose";
}

TEST_P(account_calls, NobodyHasAUsernameYet) {
  tl::fn::contacts_resolveUsername what;
  what.username = "somebody";
  EXPECT_EQ(error_of(client.call(what)), rpc_errc::username_not_occupied);
}

// Goal: nothing that was asked to change is said to have changed when it is not kept.
TEST_P(account_calls, WhatCanBeSetButIsNotKeptIsNoMethod) {
  if (GetParam() >= 135) {
    EXPECT_EQ(error_of(client.call(tl::fn::account_setAuthorizationTTL())), rpc_errc::method_invalid);
  }
}

TEST_P(account_calls, BytesThatAreNoCallAreRefused) {
  const cluster::entity_ref self = user_of(client.context.user.value());
  const auto send = [&](std::string bytes) {
    return error_of(world.ask(self, cluster::request_type::call, client.caller(), std::move(bytes)));
  };
  EXPECT_EQ(send(""), rpc_errc::method_invalid);
  EXPECT_EQ(send(std::string(8, '\x5a')), rpc_errc::method_invalid);
  EXPECT_EQ(send(call_bytes(tl::fn::updates_getState(), GetParam()) + "tail"), rpc_errc::input_request_invalid);
}

TEST(access_hash, DiffersByViewerTargetAndKeyAndIsNeverNegative) {
  const std::array<std::uint8_t, 32> key{1};
  const std::array<std::uint8_t, 32> other{2};
  const user_id a{1'000'000'007};
  const user_id b{1'000'000'009};
  const std::int64_t hash = people::access_hash(key, a, b);
  EXPECT_GT(hash, 0);
  EXPECT_EQ(hash, people::access_hash(key, a, b));
  EXPECT_NE(hash, people::access_hash(key, b, a));
  EXPECT_NE(hash, people::access_hash(other, a, b));
  EXPECT_TRUE(people::access_hash_fits(key, a, b, hash));
  EXPECT_FALSE(people::access_hash_fits(key, a, b, hash ^ 1));
}

} // namespace
} // namespace godwit::account::testing
