// Calls that are right messages and wrong requests.

#include <algorithm>
#include <string>
#include <vector>

#include "protocol/mtproto/message/constructors.hpp"
#include "protocol/tl/api/auth.hpp"
#include "protocol/tl/api/auth_fn.hpp"
#include "protocol/tl/api/config.hpp"
#include "protocol/tl/api/config_fn.hpp"
#include "protocol/tl/api/dialog_fn.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/updates_fn.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/users.hpp"
#include "protocol/tl/api/users_fn.hpp"
#include "tests/e2e/wire/bad_input.hpp"

namespace godwit::test {
namespace {

namespace fn = tl::fn;
namespace constructor = mtproto::constructor;

constexpr std::uint64_t first_number = 99'966'830'000;

/// The API's own error, which a client can act on.
void expect_refused(const mtproto::client_answer& answer, const std::string& what) {
  EXPECT_TRUE(answer.is_error) << what;
  const bool sensible = answer.error_code == 400 || answer.error_code == 401 || answer.error_code == 420;
  EXPECT_TRUE(sensible) << what << ": " << answer.error_code << " " << answer.error_text;
}

std::string text_query(std::uint32_t id, const std::vector<std::string>& texts) {
  std::string query;
  tl::writer out(query);
  out.write_id(id);
  for (const std::string& each : texts) {
    out.write_bytes(each);
  }
  return query;
}

// Goal: what is asked before its time is refused, and opens nothing: a sign-up without a proven number, a code
// without a request, another number's hash, anything of an account without a login.
TEST_F(bad_input, CallsOutOfOrderAreRefused) {
  auto client = stranger();
  const std::string phone = std::to_string(first_number);
  fn::auth_signIn sign_in;
  sign_in.phone_number = phone;
  sign_in.phone_code_hash = "0123456789abcdef";
  sign_in.phone_code = "33333";
  expect_refused(client->call(sign_in), "a code that was never sent");
  fn::auth_signUp sign_up;
  sign_up.phone_number = phone;
  sign_up.phone_code_hash = "0123456789abcdef";
  sign_up.first_name = canary::first_name;
  expect_refused(client->call(sign_up), "a number that nobody proved");

  fn::auth_sendCode code;
  code.phone_number = phone;
  code.api_id = 17;
  code.api_hash = "hash";
  code.settings = tl::make<tl::codeSettings>();
  const mtproto::client_answer sent = client->call(code);
  ASSERT_FALSE(sent.is_error) << sent.error_text;
  tl::reader in(sent.result.bytes());
  const auto details = tl::auth_SentCode::fetch(in);
  sign_up.phone_code_hash = sign_in.phone_code_hash = tl::as<tl::auth_sentCode>(details)->phone_code_hash;
  expect_refused(client->call(sign_up), "a sign-up before the code");
  sign_in.phone_number = std::to_string(first_number + 1);
  expect_refused(client->call(sign_in), "another number's hash");
  sign_in.phone_number = phone;
  sign_in.phone_code = "12121";
  expect_refused(client->call(sign_in), "a wrong code");
  expect_refused(client->call(sign_up), "a sign-up after a wrong code");

  for (const std::string& each :
       {client->bytes(fn::updates_getState()), client->bytes(fn::messages_getDialogFilters())}) {
    const mtproto::client_answer answer = client->call(each);
    EXPECT_EQ(answer.error_code, 401);
    EXPECT_EQ(answer.error_text, "AUTH_KEY_UNREGISTERED");
  }
  fn::auth_bindTempAuthKey bind;
  bind.perm_auth_key_id = 1;
  bind.encrypted_message = noise(104);
  expect_refused(client->call(bind), "a binding of a permanent key");
  did(10);
}

// Goal: a constructor of no schema is METHOD_INVALID, whatever follows it, and nobody's session ends with it.
TEST_F(bad_input, UnknownConstructorsAreInvalidMethods) {
  auto client = member(first_number + 10);
  std::vector<mtproto::client_call> calls;
  for (int i = 0; i < 300; ++i) {
    calls.push_back(client->session->call(noise(4 * (1 + dice(30)))));
    did(1);
  }
  int invalid = 0;
  for (const mtproto::client_call each : calls) {
    const mtproto::client_answer answer = client->wait(each);
    expect_refused(answer, "noise");
    invalid += answer.error_text == "METHOD_INVALID" ? 1 : 0;
  }
  EXPECT_GE(invalid, 200);
  EXPECT_EQ(client->new_sessions, 1);
}

// Goal: text that is no UTF-8, text that is longer than anything, counts beyond the bytes, wrappers without end,
// and bytes behind the query are refused, each by an error.
TEST_F(bad_input, BadTextsAndLengthsAreRefused) {
  auto client = member(first_number + 11);
  const std::vector<std::string> not_utf8 = {"\xff\xfe", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80", "abc\xe2\x82"};
  for (const std::string& each : not_utf8) {
    fn::auth_signUp sign_up;
    sign_up.phone_number = std::to_string(first_number + 12);
    sign_up.phone_code_hash = each;
    sign_up.first_name = each;
    expect_refused(client->call(sign_up), "no UTF-8");
    fn::auth_sendCode code;
    code.phone_number = each;
    code.settings = tl::make<tl::codeSettings>();
    expect_refused(client->call(code), "no UTF-8 as a number");
    did(2);
  }
  for (const std::size_t size : {std::size_t{1} << 10, std::size_t{100} << 10, std::size_t{3} << 20}) {
    fn::auth_sendCode code;
    code.phone_number = std::string(size, '9');
    code.settings = tl::make<tl::codeSettings>();
    expect_refused(client->call(code), std::to_string(size) + " digits");
    did(1);
  }
  std::string counted;
  tl::writer out(counted);
  out.write_id(0x0d91a548); // users.getUsers
  out.write_id(constructor::vector);
  out.write_int(0x7fffffff);
  expect_refused(client->call(counted), "a vector beyond its bytes");
  fn::users_getUsers many;
  for (int i = 0; i < 100'000; ++i) {
    many.id.push_back(tl::make<tl::inputUserSelf>());
  }
  expect_refused(client->call(many), "a hundred thousand users");
  std::string deep;
  tl::writer wrapper(deep);
  for (int i = 0; i < 5000; ++i) {
    wrapper.write_id(constructor::invoke_without_updates);
  }
  expect_refused(client->call(deep + client->bytes(fn::updates_getState())), "wrappers without end");
  expect_refused(client->call(client->bytes(fn::updates_getState()) + "tail"), "bytes left over");
  expect_refused(client->call(text_query(0xa677244f, {"1"})), "a query cut off");
  did(5);
  EXPECT_FALSE(client->call(fn::updates_getState()).is_error);
}

// Goal: what a client says of itself is text for people, however wrong or long, and does not stop it.
TEST_F(bad_input, AnOddDeviceIsStillServed) {
  auto options = canary_options(node());
  for (const std::string& odd : {std::string(100'000, 'x'), noise(400), std::string("\xff\xff"), std::string()}) {
    options.device.device_model = odd;
    options.device.app_version = odd;
    options.device.lang_code = odd;
    socket_client client(options);
    const auto key = client.exchange(node().exchange_options());
    ASSERT_TRUE(key);
    client.open(*key);
    const mtproto::client_answer answer = client.call(fn::help_getConfig(), true);
    if (answer.is_error) {
      expect_refused(answer, "initConnection");
    }
    EXPECT_TRUE(client.ping());
    did(1);
  }
}

} // namespace
} // namespace godwit::test
