#include <gtest/gtest.h>

#include "actors/account/rate_limits.hpp"
#include "protocol/tl/api/auth.hpp"
#include "protocol/tl/api/auth_fn.hpp"
#include "protocol/tl/api/user.hpp"
#include "tests/actors/account/account_client.hpp"

namespace godwit::account::testing {
namespace {

constexpr std::uint64_t number = 9996612345;
constexpr char code[] = "11111";
constexpr layer_t newest = 229;

/// Layers that real clients speak, and the oldest that is served.
class account_flow_at : public ::testing::TestWithParam<layer_t> {};
INSTANTIATE_TEST_SUITE_P(layers, account_flow_at, ::testing::Values(133, 135, 144, 145, 152, 198, 221, 227, 228, 229));

// Goal: a person signs up, and signs in on a second device, at every layer; auth.authorization has a full `user`
// with self, id, access_hash, first_name and phone, without which TDLib logs out.
TEST_P(account_flow_at, ANewNumberSignsUpAndThenSignsIn) {
  logic_world world;
  account_client first(world, 1, GetParam());
  const std::string hash = hash_in(first.send_code(number).value());
  EXPECT_EQ(user_in(first.sign_in(number, hash, code).value()), 0) << "no account yet";
  const std::string answer = first.sign_up(number, hash, "  Ada ").value();
  tl::reader in(answer);
  const auto result = tl::auth_Authorization::fetch(in);
  ASSERT_TRUE(in.finish().has_value());
  const auto* user = tl::as<tl::user>(tl::as<tl::auth_authorization>(result)->user);
  ASSERT_NE(user, nullptr);
  EXPECT_TRUE(user->self);
  EXPECT_FALSE(user->min);
  EXPECT_EQ(user->first_name, "Ada");
  EXPECT_EQ(user->phone, std::to_string(number));
  EXPECT_TRUE(user->access_hash.has_value());
  EXPECT_EQ(first.context.user.value(), user->id);

  account_client second(world, 2, GetParam());
  EXPECT_EQ(second.log_in(number), user->id);
  EXPECT_NE(second.context.authorization, first.context.authorization);
}

// Goal: auth.logOut answers Bool or auth.loggedOut, as the layer has it, and the key is free again.
TEST_P(account_flow_at, LoggingOutFreesTheKey) {
  logic_world world;
  account_client client(world, 1, GetParam());
  const std::int64_t user = client.log_in(number);
  const auto answer = client.flow(tl::fn::auth_logOut());
  ASSERT_TRUE(answer.has_value());
  tl::reader in(*answer);
  if (GetParam() < 135) {
    EXPECT_TRUE(in.read_bool());
  } else {
    EXPECT_EQ(in.read_id(), 0xc3a2835f);
  }
  EXPECT_EQ(client.context.user.value(), 0);
  world.run();
  command::KeyCommand lookup;
  lookup.mutable_lookup();
  const auto key = parse<command::KeyFound>(world.command(key_of(1), lookup.SerializeAsString()).value());
  EXPECT_TRUE(key.found());
  EXPECT_EQ(key.user(), 0);
  EXPECT_EQ(error_of(client.flow(tl::fn::auth_logOut())), rpc_errc::auth_key_unregistered);
  world.now += world.options.code_expiry_seconds;
  EXPECT_EQ(client.log_in(number), user);
}

class account_flow_test : public ::testing::Test {
protected:
  logic_world world;
  account_client client{world, 1, newest};
};

TEST_F(account_flow_test, WrongInputIsAnsweredWithTheApisOwnErrors) {
  tl::fn::auth_sendCode send;
  send.settings = tl::make<tl::codeSettings>();
  send.phone_number = "12";
  send.api_id = 0;
  EXPECT_EQ(error_of(client.flow(send)), rpc_errc::api_id_invalid);
  send.api_id = 1;
  EXPECT_EQ(error_of(client.flow(send)), rpc_errc::phone_number_invalid);

  const std::string hash = hash_in(client.send_code(number).value());
  EXPECT_EQ(error_of(client.sign_in(12, hash, code)), rpc_errc::phone_number_invalid);
  EXPECT_EQ(error_of(client.sign_in(number, "", code)), rpc_errc::phone_code_hash_empty);
  EXPECT_EQ(error_of(client.sign_in(number, hash, "")), rpc_errc::phone_code_empty);
  EXPECT_EQ(error_of(client.sign_in(number, hash, "22222")), rpc_errc::phone_code_invalid);
  EXPECT_EQ(error_of(client.sign_in(number, "other", code)), rpc_errc::phone_code_expired);
  EXPECT_EQ(error_of(client.sign_up(number, hash, "Ada")), rpc_errc::phone_code_invalid) << "not proved yet";
  ASSERT_TRUE(client.sign_in(number, hash, code).has_value());
  EXPECT_EQ(error_of(client.sign_up(number, hash, "")), rpc_errc::firstname_invalid);
  EXPECT_EQ(error_of(client.sign_up(number, hash, " \n\t ")), rpc_errc::firstname_invalid);
  EXPECT_EQ(error_of(client.sign_up(number, hash, std::string(65, 'a'))), rpc_errc::firstname_invalid);
  tl::fn::auth_signUp long_name;
  long_name.phone_number = std::to_string(number);
  long_name.phone_code_hash = hash;
  long_name.first_name = "Ada";
  long_name.last_name = std::string(65, 'a');
  EXPECT_EQ(error_of(client.flow(long_name)), rpc_errc::lastname_invalid);
  EXPECT_TRUE(client.sign_up(number, hash, std::string(64, 'a')).has_value());
}

TEST_F(account_flow_test, BytesThatAreNoCallOfTheFlowAreRefused) {
  for (const std::string& bytes : {std::string(), std::string("abc"), std::string(40, '\xff')}) {
    account_flow flow(world.options, client.context, bytes);
    EXPECT_EQ(error_of(client.run(flow)), rpc_errc::method_invalid);
  }
  std::string cut = call_bytes(tl::fn::auth_resendCode(), newest);
  cut.pop_back();
  account_flow flow(world.options, client.context, cut);
  EXPECT_EQ(error_of(client.run(flow)), rpc_errc::input_request_invalid);
}

TEST_F(account_flow_test, ATemporaryKeyThatIsNotBoundSignsNobodyIn) {
  client.context.temporary = true;
  client.context.key = {};
  EXPECT_EQ(error_of(client.send_code(number)), rpc_errc::auth_key_perm_empty);
}

TEST_F(account_flow_test, CodesAreSentAgainAndCancelled) {
  const std::string hash = hash_in(client.send_code(number).value());
  tl::fn::auth_resendCode resend;
  resend.phone_number = std::to_string(number);
  resend.phone_code_hash = hash;
  EXPECT_EQ(hash_in(client.flow(resend).value()), hash);
  tl::fn::auth_cancelCode cancel;
  cancel.phone_number = std::to_string(number);
  cancel.phone_code_hash = hash;
  const std::string cancelled = client.flow(cancel).value();
  tl::reader in(cancelled);
  EXPECT_TRUE(in.read_bool());
  EXPECT_EQ(error_of(client.flow(resend)), rpc_errc::phone_code_expired);
  EXPECT_EQ(error_of(client.sign_in(number, hash, code)), rpc_errc::phone_code_expired);
}

// Goal: one address cannot have codes sent all over the world; test numbers send none and are exempt.
TEST_F(account_flow_test, AnAddressAsksForSoManyCodes) {
  world.options.codes_by_address =
    std::make_shared<shared_rate_limiter>(rate{.burst = 2, .per_period = 2, .period_seconds = 3600}, 10);
  for (std::uint64_t i = 0; i < 5; ++i) {
    EXPECT_TRUE(client.send_code(number + i).has_value());
  }
  EXPECT_TRUE(client.send_code(4930901820).has_value());
  EXPECT_TRUE(client.send_code(4930901821).has_value());
  EXPECT_EQ(error_of(client.send_code(4930901822)), rpc_error(rpc_errc::flood_wait, 1800));
  client.context.address = "2001:db8:0:1::1";
  EXPECT_TRUE(client.send_code(4930901822).has_value());
  client.context.address = "2001:db8:0:1::2";
  EXPECT_TRUE(client.send_code(4930901823).has_value());
  client.context.address = "2001:db8:0:1::3";
  EXPECT_EQ(error_of(client.send_code(4930901824)), rpc_error(rpc_errc::flood_wait, 1800)) << "one network";
}

// Goal: TDLib asks for a resend only when sentCode says how it would come.
TEST_F(account_flow_test, ASentCodeTellsHowTheNextOneComes) {
  const std::string answer = client.send_code(number).value();
  tl::reader in(answer);
  const auto result = tl::auth_SentCode::fetch(in);
  const auto* sent = tl::as<tl::auth_sentCode>(result);
  ASSERT_NE(sent, nullptr);
  ASSERT_NE(tl::as<tl::auth_sentCodeTypeSms>(sent->type), nullptr);
  EXPECT_EQ(tl::as<tl::auth_sentCodeTypeSms>(sent->type)->length, 5);
  EXPECT_NE(tl::as<tl::auth_codeTypeSms>(sent->next_type), nullptr);
  EXPECT_EQ(sent->timeout, world.options.code_resend_seconds);
}

TEST_F(account_flow_test, RegistrationThatIsClosedLetsAccountsInAndNobodyElse) {
  client.log_in(number);
  world.options.registration = config::registration_mode::closed;
  account_client again(world, 2, newest);
  EXPECT_EQ(again.log_in(number), client.context.user.value());
  EXPECT_EQ(error_of(again.send_code(number + 1)), rpc_errc::phone_number_banned);
  world.options.registration = config::registration_mode::invitation;
  world.options.invited = {number + 1};
  EXPECT_NE(again.log_in(number + 1), 0);
}

// Goal: whoever was invited when he got the code and is not any more signs up nowhere.
TEST_F(account_flow_test, RegistrationIsLookedAtAgainWhenTheAccountIsMade) {
  const std::string hash = hash_in(client.send_code(number).value());
  ASSERT_TRUE(client.sign_in(number, hash, code).has_value());
  world.options.registration = config::registration_mode::closed;
  EXPECT_EQ(error_of(client.sign_up(number, hash, "Ada")), rpc_errc::phone_number_banned);
  EXPECT_TRUE(world.with_rows(cluster::entity_kind::user, records_table::user_profile).empty());
}

// Goal: one key is one login. Method: a key that is logged in signs in to another account.
TEST_F(account_flow_test, AKeyThatGoesToAnotherAccountLeavesTheFirst) {
  const std::int64_t first = client.log_in(number);
  account_client other(world, 2, newest);
  const std::int64_t second = other.log_in(9996622222);
  const auto old_login = client.context;
  EXPECT_EQ(client.log_in(9996622222), second);
  account_client ghost(world, 3, newest);
  ghost.context = old_login;
  EXPECT_EQ(ghost.context.user.value(), first);
  EXPECT_EQ(error_of(ghost.subscribe()), rpc_errc::auth_key_unregistered);
  EXPECT_TRUE(client.subscribe().has_value());
}

// Goal: the device of a thrown-out thief does not come back with the code it still has.
TEST_F(account_flow_test, TheCodeOfAnEndedLoginDoesNotMakeItAnew) {
  client.log_in(number);
  account_client thief(world, 2, newest);
  const std::string hash = hash_in(thief.send_code(number).value());
  ASSERT_NE(user_in(thief.sign_in(number, hash, code).value()), 0);
  ASSERT_TRUE(client.call(tl::fn::auth_resetAuthorizations()).has_value());
  world.run();
  thief.context.user = {};
  EXPECT_EQ(error_of(thief.sign_in(number, hash, code)), rpc_errc::phone_code_expired);
  world.restart();
  EXPECT_EQ(error_of(thief.sign_in(number, hash, code)), rpc_errc::phone_code_expired);
}

// Goal: a random id that is taken costs nothing but another one. Method: the reserved id is given to an account
// of another number before the sign-up gets there.
TEST_F(account_flow_test, AReservedIdThatIsTakenIsReplaced) {
  const std::string hash = hash_in(client.send_code(number).value());
  ASSERT_TRUE(client.sign_in(number, hash, code).has_value());
  command::PhoneCommand reserve;
  reserve.set_number(number);
  reserve.mutable_reserve_claim()->set_key(1);
  reserve.mutable_reserve_claim()->set_phone_code_hash(hash);
  const auto claim = parse<command::Claim>(world.command(phone_of(number), reserve.SerializeAsString()).value());
  command::UserCommand create;
  create.mutable_create()->set_phone(number + 1);
  create.mutable_create()->set_first_name("Taken");
  ASSERT_TRUE(world.command(user_of(claim.user()), create.SerializeAsString()).has_value());
  const std::int64_t user = user_in(client.sign_up(number, hash, "Ada").value());
  EXPECT_NE(user, claim.user());
  EXPECT_NE(user, 0);
}

TEST_F(account_flow_test, AStepThatWasUnavailableIsAskedForAgain) {
  tl::fn::auth_sendCode send;
  send.settings = tl::make<tl::codeSettings>();
  send.phone_number = std::to_string(number);
  send.api_id = 1;
  account_flow flow(world.options, client.context, call_bytes(send, newest));
  const auto first = std::get<flow_request>(flow.start());
  EXPECT_FALSE(first.again);
  cluster::entity_reply reply;
  reply.token = first.token;
  reply.status = cluster::reply_status::unavailable;
  const auto second = std::get<flow_request>(flow.reply(reply).value());
  EXPECT_TRUE(second.again);
  EXPECT_EQ(second.body, first.body);
  EXPECT_NE(second.token, first.token);
  EXPECT_FALSE(flow.reply(reply).has_value()) << "an answer to the first one comes too late";
}

// Goal: destroy_auth_key ends the login of the key before it destroys it (TDLib sends it at log-out).
TEST_F(account_flow_test, DestroyingAKeyEndsItsLogin) {
  client.log_in(number);
  ASSERT_TRUE(client.subscribe().has_value());
  const auto login = client.context;
  account_flow destroy = account_flow::destroy_key(world.options, client.context);
  EXPECT_EQ(client.run(destroy).value().size(), 1U);
  account_client other(world, 2, newest);
  other.context = login;
  EXPECT_EQ(error_of(other.subscribe()), rpc_errc::auth_key_unregistered);
  EXPECT_TRUE(world.rows(key_of(1)).empty());
  account_flow again = account_flow::destroy_key(world.options, client.context);
  EXPECT_TRUE(client.run(again).value().empty()) << "there was none";
}

} // namespace
} // namespace godwit::account::testing
