#include <gtest/gtest.h>

#include <optional>
#include <set>

#include "persistence/records/account.pb.h"
#include "tests/actors/account/account_client.hpp"

namespace godwit::account::testing {
namespace {

constexpr std::uint64_t number = 9996612345;
constexpr char code[] = "11111";
constexpr layer_t layer = 227;

/// A client that repeats each call until it is answered, whatever happens to the server meanwhile.
template <class Call>
rpc_result<std::string> insist(Call&& call) {
  for (;;) {
    try {
      return call();
    } catch (const crash&) {
      continue;
    }
  }
}

std::int64_t insist_on_login(account_client& client) {
  const std::string hash = hash_in(insist([&] { return client.send_code(number); }).value());
  const std::int64_t user = user_in(insist([&] { return client.sign_in(number, hash, code); }).value());
  return user != 0 ? user : user_in(insist([&] { return client.sign_up(number, hash, "Ada"); }).value());
}

int active_logins(logic_world& world, cluster::entity_id user) {
  int count = 0;
  for (const auto& [key, value] : world.rows({cluster::entity_kind::user, user})) {
    if (key.first == records_table::user_authorization) {
      persistence::records::UserAuthorization login;
      EXPECT_TRUE(login.ParseFromString(value));
      count += login.state() == 1 ? 1 : 0;
    }
  }
  return count;
}

// Goal: whatever step the server dies after, a client that asks again ends in exactly one account with exactly one
// login, and its key is bound to that login. Method: the world ends around each commit of a sign-up in turn,
// before it is written and after; the client repeats the call that was not answered.
TEST(sign_up, EndsInOneAccountAndOneLoginWhereverTheServerDies) {
  int moments = 0;
  for (int at = 1;; ++at) {
    bool died = false;
    for (const bool written : {false, true}) {
      logic_world world(static_cast<std::uint64_t>(at));
      account_client client(world, 1, layer);
      const int before = world.commits();
      world.crash_at(at, written);
      const std::int64_t user = insist_on_login(client);
      SCOPED_TRACE("commit " + std::to_string(at) + (written ? " written" : " lost"));
      EXPECT_EQ(client.context.user.value(), user);
      world.restart();
      const auto accounts = world.with_rows(cluster::entity_kind::user, records_table::user_profile);
      ASSERT_EQ(accounts.size(), 1U);
      EXPECT_EQ(accounts.front().value(), static_cast<std::uint64_t>(user));
      EXPECT_EQ(active_logins(world, accounts.front()), 1);
      EXPECT_TRUE(client.subscribe().has_value());
      command::KeyCommand lookup;
      lookup.mutable_lookup();
      const auto key = parse<command::KeyFound>(world.command(key_of(1), lookup.SerializeAsString()).value());
      EXPECT_EQ(key.user(), user);
      EXPECT_EQ(key.authorization(), client.context.authorization.value());
      died = died || world.commits() - before > at;
    }
    if (!died) {
      break;
    }
    ++moments;
  }
  EXPECT_GE(moments, 7) << "code, proof, reservation, account, confirmation, login, binding";
}

// Goal: the same for two devices of one person who sign up at once. Method: their calls take turns, with a crash
// around each commit.
TEST(sign_up, OfTwoDevicesAtOnceEndsInOneAccountWithTwoLogins) {
  for (int at = 1; at < 16; ++at) {
    logic_world world(static_cast<std::uint64_t>(at) * 7);
    account_client one(world, 1, layer);
    account_client two(world, 2, 144);
    world.crash_at(at, at % 2 == 0);
    SCOPED_TRACE("commit " + std::to_string(at));
    const std::string first = hash_in(insist([&] { return one.send_code(number); }).value());
    const std::string second = hash_in(insist([&] { return two.send_code(number); }).value());
    insist([&] { return one.sign_in(number, first, code); }).value();
    insist([&] { return two.sign_in(number, second, code); }).value();
    const std::int64_t user = user_in(insist([&] { return two.sign_up(number, second, "Ada"); }).value());
    EXPECT_EQ(user_in(insist([&] { return one.sign_up(number, first, "Bea"); }).value()), user);
    const auto accounts = world.with_rows(cluster::entity_kind::user, records_table::user_profile);
    ASSERT_EQ(accounts.size(), 1U);
    EXPECT_EQ(active_logins(world, accounts.front()), 2);
  }
}

// Goal: a termination that was answered holds, and the key is told in the end, wherever the server dies. Method:
// as above, around each commit of a termination; then everything that is loaded is made anew.
TEST(termination, HoldsWhereverTheServerDies) {
  for (const bool written : {false, true}) {
    for (int at = 1; at <= 3; ++at) {
      SCOPED_TRACE("commit " + std::to_string(at) + (written ? " written" : " lost"));
      logic_world world;
      account_client stays(world, 1, layer);
      account_client goes(world, 2, layer);
      stays.log_in(number);
      goes.log_in(number);
      world.crash_at(at, written);
      command::UserCommand end;
      end.mutable_log_out()->set_authorization(goes.context.authorization.value());
      insist([&] { return stays.command(end); }).value();
      try {
        world.run();
      } catch (const crash&) {
        world.restart();
      }
      EXPECT_EQ(error_of(goes.subscribe()), rpc_errc::auth_key_unregistered);
      EXPECT_TRUE(stays.subscribe().has_value());
      world.run();
      command::KeyCommand lookup;
      lookup.mutable_lookup();
      const auto key = parse<command::KeyFound>(world.command(key_of(2), lookup.SerializeAsString()).value());
      EXPECT_TRUE(key.found());
      EXPECT_EQ(key.authorization(), 0);
    }
  }
}

} // namespace
} // namespace godwit::account::testing
