#include <gtest/gtest.h>

#include <algorithm>

#include "config/limits.hpp"
#include "persistence/records/account.pb.h"
#include "protocol/tl/api/account.hpp"
#include "protocol/tl/api/account_fn.hpp"
#include "protocol/tl/api/auth_fn.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates_fn.hpp"
#include "tests/actors/account/account_client.hpp"

namespace godwit::account::testing {
namespace {

constexpr std::uint64_t number = 9996612345;
constexpr layer_t newest = 229;

/// One account on two devices.
class account : public ::testing::Test {
protected:
  account() {
    phone.log_in(number);
    laptop.log_in(number);
  }

  static tl::box<tl::account_authorizations> logins_of(account_client& client) {
    const std::string answer = client.call(tl::fn::account_getAuthorizations()).value();
    tl::reader in(answer);
    auto list = tl::account_authorizations::fetch(in);
    EXPECT_TRUE(in.finish().has_value());
    return list;
  }

  static rpc_result<std::string> end_login(account_client& by, std::int64_t hash) {
    tl::fn::account_resetAuthorization reset;
    reset.hash = hash;
    return by.call(reset);
  }

  [[nodiscard]] std::vector<listener_message> told(const account_client& client) const {
    std::vector<listener_message> to;
    for (const listener_message& each : world.messages) {
      if (each.to.key == client.context.key) {
        to.push_back(each);
      }
    }
    return to;
  }

  /// The logins that a session was told of.
  [[nodiscard]] std::vector<std::int64_t> new_logins(const account_client& client) const {
    std::vector<std::int64_t> logins;
    for (const listener_message& each : told(client)) {
      tl::reader in(*each.update);
      const auto updates = tl::Updates::fetch(in);
      EXPECT_TRUE(in.finish().has_value());
      const auto* lone = tl::as<tl::updateShort>(updates);
      if (lone != nullptr && lone->update->kind() == tl::updateNewAuthorization::kind_id) {
        logins.push_back(tl::as<tl::updateNewAuthorization>(lone->update)->hash);
      }
    }
    return logins;
  }

  logic_world world;
  account_client phone{world, 1, newest};
  account_client laptop{world, 2, 144};
};

TEST_F(account, ListsItsLoginsWithTheCallersOwnFirst) {
  const auto list = logins_of(phone);
  ASSERT_EQ(list->authorizations.size(), 2U);
  EXPECT_TRUE(list->authorizations[0]->current);
  EXPECT_EQ(list->authorizations[0]->hash, 0);
  EXPECT_FALSE(list->authorizations[1]->current);
  EXPECT_EQ(list->authorizations[1]->hash, laptop.context.authorization.value());
  EXPECT_EQ(list->authorizations[1]->device_model, "Test");
  EXPECT_EQ(list->authorizations[1]->platform, "Linux");
  EXPECT_EQ(list->authorizations[1]->app_version, "1.0");
  EXPECT_EQ(list->authorizations[1]->ip, "127.0.0.1");
}

TEST_F(account, EndsOneLoginAndThatOneCanDoNothingMore) {
  ASSERT_TRUE(laptop.subscribe().has_value());
  EXPECT_TRUE(laptop.call(tl::fn::updates_getState()).has_value());
  ASSERT_TRUE(end_login(phone, laptop.context.authorization.value()).has_value());
  EXPECT_EQ(error_of(laptop.call(tl::fn::updates_getState())), rpc_errc::auth_key_unregistered);
  EXPECT_EQ(error_of(laptop.subscribe()), rpc_errc::auth_key_unregistered);
  const auto messages = told(laptop);
  ASSERT_EQ(messages.size(), 1U) << "its session was told at once";
  EXPECT_EQ(messages.front().terminated, laptop.context.authorization);
  EXPECT_TRUE(phone.call(tl::fn::updates_getState()).has_value());
  EXPECT_EQ(logins_of(phone)->authorizations.size(), 1U);
  EXPECT_EQ(error_of(end_login(phone, laptop.context.authorization.value())), rpc_errc::hash_invalid);
  EXPECT_EQ(error_of(end_login(phone, 0)), rpc_errc::hash_invalid);
}

TEST_F(account, EndsAllLoginsButTheCallers) {
  account_client third(world, 3, newest);
  third.log_in(number);
  ASSERT_TRUE(phone.subscribe().has_value());
  ASSERT_TRUE(third.subscribe().has_value());
  ASSERT_TRUE(phone.call(tl::fn::auth_resetAuthorizations()).has_value());
  EXPECT_EQ(error_of(laptop.subscribe()), rpc_errc::auth_key_unregistered);
  EXPECT_EQ(error_of(third.subscribe()), rpc_errc::auth_key_unregistered);
  EXPECT_EQ(logins_of(phone)->authorizations.size(), 1U);
  EXPECT_TRUE(told(phone).empty());
  EXPECT_EQ(told(third).size(), 1U);
}

// Goal: no login of somebody else's device or account opens this one.
TEST_F(account, RefusesLoginsThatAreNotItsKeys) {
  account_client thief(world, 3, newest);
  thief.context.user = phone.context.user;
  thief.context.authorization = phone.context.authorization;
  EXPECT_EQ(error_of(thief.call(tl::fn::updates_getState())), rpc_errc::auth_key_unregistered);
  thief.context.key = phone.context.key;
  thief.context.authorization = {};
  EXPECT_EQ(error_of(thief.call(tl::fn::updates_getState())), rpc_errc::auth_key_unregistered);
  thief.context.authorization = phone.context.authorization;
  thief.context.user = user_id{phone.context.user.value() + 1};
  EXPECT_EQ(error_of(thief.call(tl::fn::updates_getState())), rpc_errc::auth_key_unregistered);
}

// Goal: the key of an ended login is told until it acknowledges. Method: it cannot be reached; the account is made
// anew from its rows; it can be reached again.
TEST_F(account, TellsTheKeyOfAnEndedLoginAfterARestart) {
  world.unreachable = cluster::entity_kind::auth_key;
  const std::int64_t hash = laptop.context.authorization.value();
  ASSERT_TRUE(end_login(phone, hash).has_value());
  world.restart();
  world.unreachable.reset();
  ASSERT_TRUE(phone.call(tl::fn::updates_getState()).has_value());
  EXPECT_TRUE(world.logic(user_of(phone.context.user.value())).busy()) << "it waits for the key";
  world.run();
  EXPECT_FALSE(world.logic(user_of(phone.context.user.value())).busy());
  command::KeyCommand lookup;
  lookup.mutable_lookup();
  EXPECT_EQ(parse<command::KeyFound>(world.command(key_of(2), lookup.SerializeAsString()).value()).user(), 0);
}

// Goal: whoever ends a login from outside hears whether there was one: a number that is none has ended nothing.
TEST_F(account, SaysWhetherThereWasALoginToEnd) {
  const cluster::entity_ref self = user_of(phone.context.user.value());
  const auto end = [&](std::int64_t authorization) {
    command::UserCommand what;
    what.mutable_log_out()->set_authorization(authorization);
    return parse<command::LoggedOut>(world.command(self, what.SerializeAsString()).value()).ended();
  };
  const std::int64_t there = laptop.context.authorization.value();
  EXPECT_FALSE(end(there ^ 1));
  EXPECT_TRUE(end(there));
  EXPECT_FALSE(end(there)) << "it has ended";
  EXPECT_EQ(error_of(laptop.call(tl::fn::updates_getState())), rpc_errc::auth_key_unregistered);
  EXPECT_TRUE(phone.call(tl::fn::updates_getState()).has_value());
}

// Goal: the row of an ended login stays as long as its code, and no longer.
TEST_F(account, ForgetsAnEndedLoginWhenItsCodeHasExpired) {
  const cluster::entity_ref self = user_of(phone.context.user.value());
  const auto login_rows = [&] {
    return std::count_if(world.rows(self).begin(), world.rows(self).end(),
                         [](const auto& row) { return row.first.first == records_table::user_authorization; });
  };
  ASSERT_TRUE(end_login(phone, laptop.context.authorization.value()).has_value());
  world.run();
  EXPECT_EQ(login_rows(), 2);
  world.now += 900;
  world.restart();
  ASSERT_TRUE(phone.call(tl::fn::updates_getState()).has_value());
  EXPECT_EQ(login_rows(), 1);
}

// Goal: a binding that a late sign-in wrote after its login was ended goes when it is used.
TEST_F(account, FreesAKeyThatIsBoundToAnEndedLogin) {
  const auto late = laptop.context;
  ASSERT_TRUE(end_login(phone, late.authorization.value()).has_value());
  world.run();
  command::KeyCommand bind;
  bind.mutable_bind_user()->set_user(late.user.value());
  bind.mutable_bind_user()->set_authorization(late.authorization.value());
  ASSERT_TRUE(world.command(key_of(2), bind.SerializeAsString()).has_value());
  EXPECT_EQ(error_of(laptop.subscribe()), rpc_errc::auth_key_unregistered);
  world.run();
  command::KeyCommand lookup;
  lookup.mutable_lookup();
  EXPECT_EQ(parse<command::KeyFound>(world.command(key_of(2), lookup.SerializeAsString()).value()).user(), 0);
}

// Goal: the other sessions hear of a new login, each at its layer, where the layer has the update.
TEST_F(account, TellsItsOtherSessionsOfANewLogin) {
  ASSERT_TRUE(phone.subscribe().has_value());
  ASSERT_TRUE(laptop.subscribe().has_value());
  account_client third(world, 3, newest);
  third.log_in(number);
  const auto updates = new_logins(phone);
  ASSERT_EQ(updates.size(), 1U);
  EXPECT_EQ(updates.front(), third.context.authorization.value());
  EXPECT_TRUE(new_logins(laptop).empty()) << "layer 144 has no such update";
}

// Goal: who looks at the chats later finds a notice of the login, and of the code that it was made with.
TEST_F(account, FindsNoticesOfCodesAndOfNewLoginsInItsBox) {
  const auto notices = [&] {
    std::size_t found = 0;
    for (const auto& [key, value] : world.rows(user_of(phone.context.user.value()))) {
      if (key.first == records_table::message) {
        ++found;
        EXPECT_NE(value.find("og"), std::string::npos);
      }
    }
    return found;
  };
  world.run();
  const std::size_t before = notices();
  account_client third(world, 3, newest);
  third.log_in(number);
  world.run();
  EXPECT_EQ(notices(), before + 2) << "the code, and the login";
}

TEST_F(account, DoesNotListenToWhoCannotHear) {
  command::UserCommand what;
  what.mutable_subscribe()->set_layer(newest);
  EXPECT_EQ(error_of(phone.command(what, false)), rpc_errc::method_invalid);
}

TEST_F(account, HasNoMoreToTellASessionThatIsGone) {
  ASSERT_TRUE(laptop.subscribe().has_value());
  entity_logic& logic = world.logic(user_of(phone.context.user.value()));
  EXPECT_TRUE(logic.busy());
  entity_effects effects;
  logic.gone({laptop.context.key, laptop.context.session}, world.now, effects);
  EXPECT_FALSE(logic.busy());
  ASSERT_TRUE(end_login(phone, laptop.context.authorization.value()).has_value());
  EXPECT_TRUE(told(laptop).empty());
}

// What tells that a code was used is kept until the code expires: beyond, it must not let anybody in.
TEST_F(account, LetsNobodyInByACodeThatExpired) {
  command::UserCommand authorize;
  authorize.mutable_authorize()->set_key(3);
  authorize.mutable_authorize()->set_phone_code_hash("hash");
  authorize.mutable_authorize()->set_code_expires_at(world.now + 1);
  world.now += 1;
  EXPECT_EQ(error_of(phone.command(authorize)), rpc_errc::phone_code_expired);
  authorize.mutable_authorize()->set_code_expires_at(world.now + 1);
  const auto first = phone.command(authorize);
  ASSERT_TRUE(first.has_value());
  world.now += 1;
  EXPECT_EQ(parse<command::Authorized>(phone.command(authorize).value()).authorization(),
            parse<command::Authorized>(*first).authorization())
    << "the repeat after a lost answer is the same login";
}

TEST_F(account, EndsTheLoginThatRestedLongestWhenThereAreTooMany) {
  for (std::uint64_t key = 3; key <= limits::authorizations_per_user_max; ++key) {
    command::UserCommand authorize;
    authorize.mutable_authorize()->set_key(key);
    authorize.mutable_authorize()->set_phone_code_hash(std::to_string(key));
    authorize.mutable_authorize()->set_code_expires_at(world.now + 300);
    world.now += 1;
    ASSERT_TRUE(phone.command(authorize).has_value());
  }
  EXPECT_EQ(logins_of(laptop)->authorizations.size(), limits::authorizations_per_user_max);
  world.now += 4000;
  ASSERT_TRUE(phone.call(tl::fn::updates_getState()).has_value()) << "the phone was used just now";
  account_client last(world, 200, newest);
  last.log_in(number);
  EXPECT_EQ(logins_of(phone)->authorizations.size(), limits::authorizations_per_user_max);
  EXPECT_EQ(error_of(laptop.subscribe()), rpc_errc::auth_key_unregistered);
}

// Goal: the list tells about when a login was used, and a call does not cost a row each time.
TEST_F(account, NotesOnceInAnHourThatALoginIsUsed) {
  const int commits = world.commits();
  for (int i = 0; i < 10; ++i) {
    world.now += 60;
    ASSERT_TRUE(laptop.call(tl::fn::updates_getState()).has_value());
  }
  EXPECT_EQ(world.commits(), commits);
  world.now += 3600;
  ASSERT_TRUE(laptop.call(tl::fn::updates_getState()).has_value());
  EXPECT_EQ(world.commits(), commits + 1);
  EXPECT_EQ(logins_of(laptop)->authorizations[0]->date_active, world.now);
}

TEST_F(account, IsDescribedToTheOperator) {
  ASSERT_TRUE(phone.subscribe().has_value());
  command::UserCommand what;
  what.mutable_describe();
  const auto description = parse<command::Description>(phone.command(what).value());
  EXPECT_TRUE(description.exists());
  EXPECT_EQ(description.authorizations(), 2U);
  EXPECT_EQ(description.listening(), 1U);
  const auto nobody = world.command(user_of(12345), what.SerializeAsString());
  EXPECT_FALSE(parse<command::Description>(nobody.value()).exists());
}

} // namespace
} // namespace godwit::account::testing
