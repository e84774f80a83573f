#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "protocol/mtproto/message/constructors.hpp"
#include "protocol/mtproto/message/gzip.hpp"
#include "protocol/tl/api/account.hpp"
#include "protocol/tl/api/account_fn.hpp"
#include "protocol/tl/api/auth.hpp"
#include "protocol/tl/api/auth_fn.hpp"
#include "protocol/tl/api/config.hpp"
#include "protocol/tl/api/config_fn.hpp"
#include "protocol/tl/api/dialog.hpp"
#include "protocol/tl/api/dialog_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/updates_fn.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/users.hpp"
#include "protocol/tl/api/users_fn.hpp"
#include "tests/e2e/wire/client_replay.hpp"

namespace godwit::test {

namespace fn = tl::fn;
using mtproto::framing;

wire_node& client_replay::node() {
  if (!node_) {
    node_ = std::make_unique<wire_node>();
  }
  return *node_;
}

void client_replay::TearDownTestSuite() { node_.reset(); }

std::unique_ptr<wire_node> client_replay::node_;

void client_replay::expect_nobody(replayed_client& client) {
  fn::users_getUsers self;
  self.id.push_back(myself());
  client.refused(self, 401, "AUTH_KEY_UNREGISTERED");
  client.refused(fn::updates_getState(), 401, "AUTH_KEY_UNREGISTERED");
}

void client_replay::expect_unknown_is_invalid(replayed_client& client) {
  const mtproto::client_answer answer = client.wire.call(std::string("\xef\xbe\xad\xde", 4));
  EXPECT_EQ(answer.error_code, 400) << answer.error_text;
  EXPECT_EQ(answer.error_text, "METHOD_INVALID");
}

void client_replay::log_out(replayed_client& client) {
  client.must<fn::auth_logOut>({});
  expect_nobody(client);
}

namespace {

client_profile telethon() {
  client_profile made = profile_of("Telethon 1.25", 144, {framing::full, false});
  made.tells_dc = made.rsa_pad = false;
  made.device.app_version = "1.25.1";
  made.number = 99'966'100'144;
  return made;
}

client_profile gramjs() {
  client_profile made = profile_of("GramJS 2.26", 198, {framing::full, false});
  made.tells_dc = false;
  made.device.app_version = "2.26.22";
  made.number = 99'966'200'198;
  return made;
}

client_profile mtcute() {
  client_profile made = profile_of("mtcute 0.30", 227, {framing::intermediate, false});
  made.wraps = wrapping::until_answered;
  made.device.device_model = std::string(100, 'n');
  made.pack_above_bytes = 128;
  made.number = 99'966'300'227;
  return made;
}

// Goal: everything Telethon 1.25 sends from connect to idle, with the older RSA scheme. Its connect() ends with
// an error in help.getConfig, its sign-in with one in updates.getState, and its update loop with one in
// updates.getDifference; an empty answer of users.getUsers makes it fail.
TEST_F(client_replay, TelethonAtLayer144) {
  replayed_client client(node(), telethon());
  client.make_key();
  client.get_config();
  EXPECT_EQ(client.constructor, 0x330b4067U);
  EXPECT_EQ(client.wire.new_sessions, 1);
  expect_nobody(client);
  client.sign_in();
  client.get_self();
  client.get_state();
  fn::messages_getDialogs dialogs;
  dialogs.offset_peer = tl::make<tl::inputPeerEmpty>();
  dialogs.limit = 100;
  client.ask(need::answer, dialogs);
  client.ask<fn::messages_getAllDrafts>(need::tolerated);
  client.settle();
  EXPECT_TRUE(client.wire.ping());
  client.get_difference();
  expect_unknown_is_invalid(client);

  client.resume();
  client.get_config();
  client.get_self();
  client.get_difference();
  log_out(client);
}

// Goal: the same for GramJS, whose help.getConfig goes over the full transport, and which wants to be
// disconnected after 60000 seconds, meaning milliseconds.
TEST_F(client_replay, GramjsAtLayer198) {
  replayed_client client(node(), gramjs());
  client.make_key();
  client.get_config();
  EXPECT_EQ(client.constructor, 0xcc1a241eU);
  expect_nobody(client);
  client.sign_in();
  client.get_self();
  fn::messages_getDialogs dialogs;
  dialogs.offset_peer = tl::make<tl::inputPeerEmpty>();
  dialogs.limit = 100;
  client.must(dialogs);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(client.wire.ping(60'000));
  }
  client.get_state();
  expect_unknown_is_invalid(client);

  client.resume();
  client.get_config();
  client.get_state();
  EXPECT_TRUE(client.wire.ping(60'000));
  log_out(client);
}

// Goal: mtcute puts get_future_salts and its first query, wrapped and then packed, into one container, and
// aborts on any error of users.getUsers but AUTH_KEY_UNREGISTERED. It cannot sign up.
TEST_F(client_replay, MtcuteAtLayer227) {
  client_profile owner = telethon();
  owner.number = mtcute().number;
  replayed_client first(node(), owner);
  first.make_key();
  first.get_config();
  first.sign_in();

  replayed_client client(node(), mtcute());
  client.make_key();
  const std::string query = client.wire.wrapped(client.wire.bytes(fn::updates_getState()));
  ASSERT_GT(query.size(), client.profile.pack_above_bytes);
  ASSERT_TRUE(mtproto::pack_object(crypto::as_bytes(query))) << "the query must be one that packing makes smaller";
  const mtproto::client_call state = client.wire.session->call(query);
  client.queue_future_salts(64);
  const mtproto::client_answer nobody = client.wire.wait(state);
  EXPECT_EQ(nobody.error_code, 401);
  EXPECT_EQ(nobody.error_text, "AUTH_KEY_UNREGISTERED");
  client.check_future_salts();
  expect_nobody(client);
  client.sign_in();
  EXPECT_EQ(client.user, first.user);
  client.get_state();
  client.get_difference();
  client.load_chats(0, 100);
  client.ask<fn::messages_getDialogFilters>(need::tolerated);
  client.settle();
  client.get_self();
  client.get_config();
  EXPECT_TRUE(client.wire.ping(60));
  expect_unknown_is_invalid(client);

  client.resume();
  client.queue_future_salts(64);
  client.get_state();
  client.check_future_salts();
  client.get_self();
  client.get_difference();
  log_out(client);
  first.get_self();
}

} // namespace
} // namespace godwit::test
