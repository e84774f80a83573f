#include <string>

#include <gtest/gtest.h>

#include "protocol/mtproto/message/constructors.hpp"
#include "protocol/tl/api/account.hpp"
#include "protocol/tl/api/account_fn.hpp"
#include "protocol/tl/api/config.hpp"
#include "protocol/tl/api/config_fn.hpp"
#include "protocol/tl/api/dialog.hpp"
#include "protocol/tl/api/dialog_fn.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/updates_fn.hpp"
#include "protocol/tl/api/users.hpp"
#include "tests/e2e/wire/client_replay.hpp"
#include "tests/e2e/wire/tdlib_calls.hpp"

namespace godwit::test {
namespace {

namespace fn = tl::fn;

enum class secrecy : std::uint8_t { permanent_key, temporary_keys };

client_profile tdlib(layer_t layer, std::uint64_t number) {
  client_profile made =
    profile_of("TDLib at layer " + std::to_string(layer), layer, {mtproto::framing::intermediate, true});
  made.dc = 1;
  made.wraps = wrapping::until_answered;
  made.device.tz_offset = true;
  made.number = number;
  return made;
}

/// A temporary key on the connection there is. auth.bindTempAuthKey comes wrapped, packed into a zlib stream, and
/// in a container behind a ping, all of which TDLib does at times.
void use_temporary_key(replayed_client& client) {
  const auto temporary = client.wire.exchange(client.exchange_options(true));
  ASSERT_TRUE(temporary) << "no temporary key";
  client.wire.open(*temporary);
  client.refused(fn::updates_getState(), 401, "AUTH_KEY_PERM_EMPTY");

  auto& session = *client.wire.session;
  std::string ping;
  tl::writer out(ping);
  out.write_id(mtproto::constructor::ping_delay_disconnect);
  out.write_long(4711);
  out.write_int(135);
  const unix_ms now = socket_client::now();
  const contained_message first{session.next_id(now), session.next_seqno(false), ping};
  contained_message second{session.next_id(now), session.next_seqno(true), {}};
  second.body = zlib_packed(client.wire.wrapped(
    client.wire.bind_query(client.permanent, second.id, seconds_now() + temporary->expires_in_seconds)));
  // The result is named by the inner message, which the client's own bookkeeping does not know.
  client.wire.expect_result(second.id);
  client.wire.send_message(session.next_id(now), session.next_seqno(false), container_of({first, second}));
  const auto bound = client.wire.wait_result(second.id);
  ASSERT_TRUE(bound) << "auth.bindTempAuthKey was not answered";
  EXPECT_EQ(*bound, std::string("\xb5\x75\x72\x99", 4)) << "not boolTrue";
  EXPECT_EQ(client.wire.seen.pongs.back(), 4711U);
}

void load_all_chats(replayed_client& client) {
  client.load_chats(0, 100);
  client.load_chats(1, 100);
  client.ask<fn::messages_getAllDrafts>(need::tolerated);
  client.settle();
}

/// destroy_auth_key is answered bare, and the key is gone.
/// Source: https://core.telegram.org/api/auth, TDLib at log-out.
void destroy_key(replayed_client& client) {
  client.wire.seen.service.clear();
  std::string body;
  tl::writer(body).write_id(mtproto::constructor::destroy_auth_key);
  client.wire.session->send_service(std::move(body), socket_client::now(), true);
  const bool gone = client.wire.wait_until([&client] {
    for (const mtproto::buffer_slice& each : client.wire.seen.service) {
      if (tl::reader(each.bytes()).peek_id() == mtproto::constructor::destroy_auth_key_ok) {
        EXPECT_EQ(each.size(), 4U);
        return true;
      }
    }
    return false;
  });
  EXPECT_TRUE(gone) << "no bare destroy_auth_key_ok";
  client.resume();
  EXPECT_EQ(client.wire.call(fn::help_getConfig(), true).error_text, "SILENCE");
  EXPECT_EQ(client.wire.connection->error(), -404);
}

void start_unauthorised(replayed_client& client) {
  client.queue_future_salts(10);
  client.wire.session->ping(socket_client::now(), 135);
  client.get_config();
  client.check_future_salts();
  EXPECT_EQ(client.wire.new_sessions, 1);
  ask_before_login(client);
  client.settle();
}

void from_connect_to_idle(replayed_client& client, secrecy keys) {
  if (keys == secrecy::temporary_keys) {
    use_temporary_key(client);
  }
  start_unauthorised(client);
  client.sign_in();
  ask_at_start(client);
  client.get_state();
  client.get_config();
  load_all_chats(client);
  ask_when_online(client);
  client.settle();
  EXPECT_TRUE(client.wire.ping(135));
  client.ask<fn::account_updateStatus>(need::tolerated);
  client.settle();
}

void second_start(replayed_client& client, secrecy keys) {
  client.resume();
  if (keys == secrecy::temporary_keys) {
    use_temporary_key(client);
  }
  client.queue_future_salts(10);
  client.wire.session->ping(socket_client::now(), 135);
  client.get_difference();
  client.check_future_salts();
  ask_at_start(client);
  client.get_config();
  load_all_chats(client);
  client.get_self();
}

} // namespace

// Goal: everything TDLib sends from connect to idle, at a second start, and at log-out; it dials DC 1 and asks for
// its configuration without end when that names another one. An answer with an unknown constructor or bytes left
// over fails as a whole in TDLib. Layers: tdweb 1.8.0, and three releases of these years.
class tdlib_replay : public client_replay, public ::testing::WithParamInterface<layer_t> {
protected:
  static void live_a_life(secrecy keys) {
    const layer_t layer = GetParam();
    const std::uint64_t number = (keys == secrecy::permanent_key ? 99'966'500'000U : 99'966'600'000U);
    replayed_client client(node(), tdlib(layer, number + static_cast<std::uint64_t>(layer)));
    client.make_key();
    from_connect_to_idle(client, keys);
    expect_unknown_is_invalid(client);
    second_start(client, keys);
    log_out(client);
    if (keys == secrecy::permanent_key) {
      destroy_key(client);
    }
  }
};

TEST_P(tdlib_replay, WithItsPermanentKey) { live_a_life(secrecy::permanent_key); }

// https://core.telegram.org/api/pfs
TEST_P(tdlib_replay, WithTemporaryKeys) { live_a_life(secrecy::temporary_keys); }

INSTANTIATE_TEST_SUITE_P(layers, tdlib_replay, ::testing::Values(135, 227, 228, 229),
                         [](const auto& tested) { return "Layer" + std::to_string(tested.param); });

// Goal: TDLib has a temporary key for each of its session proxies, so that several stand for one permanent key at
// once; a new bind does not end the others.
TEST_F(client_replay, TdlibBindsSeveralTemporaryKeysAtOnce) {
  replayed_client first(node(), tdlib(229, 99'966'700'229U));
  first.make_key();
  use_temporary_key(first);
  first.get_config();
  first.sign_in();
  replayed_client second(node(), first.profile);
  second.permanent = first.permanent;
  second.user = first.user;
  use_temporary_key(second);
  second.get_config();
  second.get_self();
  first.get_self();
}

} // namespace godwit::test
