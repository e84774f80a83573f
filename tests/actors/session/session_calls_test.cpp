#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <vector>

#include "protocol/mtproto/message/bind_message.hpp"
#include "protocol/tl/api/auth.hpp"
#include "protocol/tl/api/auth_fn.hpp"
#include "protocol/tl/api/config_fn.hpp"
#include "protocol/tl/api/help_fn.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/users_fn.hpp"
#include "protocol/tl/writer.hpp"
#include "tests/actors/support/gateway_node.hpp"

namespace godwit::test {
namespace {

class session_calls : public ::testing::Test {
protected:
  session_calls() {
    EXPECT_TRUE(client.exchange());
    client.open(7);
  }

  static bool is_user_call(const cluster::entity_request& request) {
    return request.type == cluster::request_type::call;
  }

  gateway_node node;
  wire_client client{node};
};

// clients.md rule 1: an unknown method is answered 400 METHOD_INVALID, at once, logged in or not.
TEST_F(session_calls, AnUnknownMethodIsInvalidAtOnce) {
  const auto answer = client.wait(client.send_raw(client.wrapped(std::string("\x11\x22\x33\x44", 4))));
  EXPECT_TRUE(answer.is_error);
  EXPECT_EQ(answer.error_code, 400);
  EXPECT_EQ(answer.error_text, "METHOD_INVALID");
}

// clients.md rule 2: some clients ask for themselves to find out whether they are logged in, and take nothing
// but this error.
TEST_F(session_calls, WithoutALoginACallForTheUserIsUnregistered) {
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}, true).is_error);
  const auto answer = client.call_self();
  EXPECT_EQ(answer.error_code, 401);
  EXPECT_EQ(answer.error_text, "AUTH_KEY_UNREGISTERED");
}

// clients.md rule 4: with this error clients send the query again with the wrapper.
TEST_F(session_calls, BeforeInitConnectionALayerIsAskedFor) {
  const auto before = client.call(tl::fn::help_getConfig{});
  EXPECT_EQ(before.error_text, "CONNECTION_NOT_INITED");
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}, true).is_error);
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}).is_error);
}

// clients.md rule 4: remembered per auth key, for most clients send the wrapper but once in a key's life.
TEST_F(session_calls, TheLayerOfAKeyIsRememberedOverSessionsAndRestarts) {
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}, true).is_error);
  client.open(8);
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}).is_error) << "another session";
  client.hang_up();
  node.restart();
  client.connect();
  client.open(9);
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}).is_error) << "after a restart";
}

TEST_F(session_calls, TheKeysEntityIsToldOfItsClientOnlyWhenItChanged) {
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}, true).is_error);
  const std::size_t requests = node.router.requests;
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(client.call(tl::fn::help_getConfig{}, true).is_error);
  }
  EXPECT_EQ(node.router.requests, requests);
}

bool is_note(const cluster::entity_request& request) {
  command::KeyCommand what;
  return request.to.kind == cluster::entity_kind::auth_key && what.ParseFromString(request.body) &&
         what.has_note_layer();
}

// Each is a row of the log: one packet of a thousand calls, each with another layer, must not write it so often.
TEST_F(session_calls, WhatAClientSaysOfItselfIsWrittenOnceInAWhileAndTheLastWordCounts) {
  std::size_t notes = 0;
  node.router.hold = [&](const auto& request) { return is_note(request) && ++notes == 0; };
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}, true).is_error);
  EXPECT_EQ(notes, 1U);
  std::vector<mtproto::client_call> calls;
  for (int i = 0; i < 200; ++i) {
    client.layer = 200 + i % 2;
    calls.push_back(client.session->call(client.wrapped(client.bytes(tl::fn::help_getConfig{}))));
  }
  client.flush();
  for (const auto each : calls) {
    EXPECT_FALSE(client.wait(each).is_error);
  }
  EXPECT_EQ(notes, 1U);
  node.loop.advance(limits::client_note_ms);
  EXPECT_EQ(notes, 2U);
  command::KeyCommand lookup;
  lookup.mutable_lookup();
  const auto known = account::testing::parse<command::KeyFound>(
    node.router.world.command(account::testing::key_of(client.key->id.value()), lookup.SerializeAsString()).value());
  EXPECT_EQ(known.layer(), 201);
}

// Most clients say it but once in a key's life: when the key's shard was away, it is told again.
TEST_F(session_calls, WhatAClientSaysOfItselfIsToldAgainUntilItsKeyHeardIt) {
  node.router.unavailable = [](const auto& request) { return is_note(request); };
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}, true).is_error);
  node.loop.advance(2 * limits::client_note_ms);
  node.router.unavailable = nullptr;
  std::size_t notes = 0;
  node.router.hold = [&](const auto& request) { return is_note(request) && ++notes == 0; };
  node.loop.advance(3 * limits::client_note_ms);
  EXPECT_EQ(notes, 1U);
  client.hang_up();
  node.restart();
  client.connect();
  client.open(9);
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}).is_error);
}

TEST_F(session_calls, ACallThatIsRefusedForItsLayerWritesNothing) {
  std::size_t notes = 0;
  node.router.hold = [&](const auto& request) { return is_note(request) && ++notes == 0; };
  std::string query = client.wrapped(client.bytes(tl::fn::help_getConfig{}));
  query[4] = 100; // of invokeWithLayer
  EXPECT_TRUE(client.wait(client.send_raw(query)).is_error);
  EXPECT_EQ(notes, 0U);
}

TEST_F(session_calls, ALayerBeforeTheOldestIsRefused) {
  const auto answer = client.wait(client.send_raw([&] {
    std::string query = client.wrapped(client.bytes(tl::fn::help_getConfig{}));
    query[4] = 100; // of invokeWithLayer
    return query;
  }()));
  EXPECT_EQ(answer.error_text, "CONNECTION_LAYER_INVALID");
}

// "Not logged in" from an old memory would log a client out for nothing: another session of the key, on
// whatever node, may have logged in meanwhile.
TEST_F(session_calls, NotLoggedInIsSaidOnlyAfterTheKeyWasAskedAgain) {
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}, true).is_error);
  // The login comes from elsewhere: this loop's memory of the key does not hear of it.
  wire_client other(node);
  ASSERT_TRUE(other.exchange());
  other.open(1);
  const std::int64_t user = other.sign_up(9996612345);
  command::KeyCommand bind;
  bind.mutable_bind_user()->set_user(user);
  bind.mutable_bind_user()->set_authorization(
    static_cast<std::int64_t>(node.router.world.rows(account::testing::user_of(user)).size()));
  ASSERT_TRUE(
    node.router.world.command(account::testing::key_of(client.key->id.value()), bind.SerializeAsString()).has_value());
  std::size_t calls = 0;
  node.router.unavailable = [&](const auto& request) { return is_user_call(request) && ++calls == 0; };
  (void)client.call_self();
  EXPECT_EQ(calls, 1U) << "the call went to the account, which has the last word";
}

// A lookup that began before the call says nothing about the time after it: another one is needed.
TEST_F(session_calls, NotLoggedInIsNotSaidByAnAnswerFromBeforeTheCall) {
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}, true).is_error);
  const auto is_lookup = [](const auto& request) { return request.to.kind == cluster::entity_kind::auth_key; };
  std::size_t lookups = 0;
  node.router.hold = [&](const auto& request) { return is_lookup(request) && ++lookups > 0; };
  const auto first = client.send_self();
  node.loop.run();
  const auto second = client.send_self();
  node.loop.run();
  EXPECT_EQ(lookups, 1U);
  node.router.release();
  node.router.hold = [&](const auto& request) { return is_lookup(request) && ++lookups > 0; };
  node.loop.run();
  client.pump();
  EXPECT_EQ(client.answers[first].error_text, "AUTH_KEY_UNREGISTERED");
  EXPECT_FALSE(client.answers.contains(second));
  EXPECT_EQ(lookups, 2U);
  node.router.release();
  EXPECT_EQ(client.wait(second).error_text, "AUTH_KEY_UNREGISTERED");
}

// Its client logged out and in again over another loop or node: this one works for a login that is no more, and
// the account says so. The key has the login to go on with.
TEST_F(session_calls, ACallWithALoginThatIsNoMoreIsRepeatedWithTheOneThatFollowedIt) {
  const std::int64_t user = client.sign_up(9996612345);
  ASSERT_GT(user, 0);
  account::testing::logic_world& world = node.router.world;
  const cluster::entity_ref whose = account::testing::user_of(user);
  const cluster::entity_ref key = account::testing::key_of(client.key->id.value());
  command::KeyCommand lookup;
  lookup.mutable_lookup();
  const auto known = account::testing::parse<command::KeyFound>(world.command(key, lookup.SerializeAsString()).value());
  command::UserCommand out;
  out.mutable_log_out()->set_authorization(known.authorization());
  ASSERT_TRUE(world.command(whose, out.SerializeAsString()).has_value());
  world.messages.clear(); // nobody here was told
  command::UserCommand in;
  in.mutable_authorize()->set_key(client.key->id.value());
  in.mutable_authorize()->set_phone_code_hash("another");
  in.mutable_authorize()->set_code_expires_at(world.now + 300);
  cluster::caller asker;
  asker.layer = client.layer;
  const auto login =
    account::testing::parse<command::Authorized>(world.command(whose, in.SerializeAsString(), asker).value());
  command::KeyCommand bind;
  bind.mutable_bind_user()->set_user(user);
  bind.mutable_bind_user()->set_authorization(login.authorization());
  ASSERT_TRUE(world.command(key, bind.SerializeAsString()).has_value());

  std::vector<std::int64_t> used;
  node.router.hold = [&](const auto& request) {
    if (is_user_call(request)) {
      used.push_back(request.from.authorization.value());
    }
    return false;
  };
  const auto answer = client.call_self();
  EXPECT_FALSE(answer.is_error) << answer.error_text;
  EXPECT_EQ(used, (std::vector<std::int64_t>{known.authorization(), login.authorization()}));
}

// And when there is none, the account has the last word.
TEST_F(session_calls, ACallWithALoginThatIsNoMoreIsUnregisteredWhenTheKeyHasNoOther) {
  const std::int64_t user = client.sign_up(9996612345);
  ASSERT_GT(user, 0);
  account::testing::logic_world& world = node.router.world;
  command::KeyCommand lookup;
  lookup.mutable_lookup();
  const auto known = account::testing::parse<command::KeyFound>(
    world.command(account::testing::key_of(client.key->id.value()), lookup.SerializeAsString()).value());
  command::UserCommand out;
  out.mutable_log_out()->set_authorization(known.authorization());
  ASSERT_TRUE(world.command(account::testing::user_of(user), out.SerializeAsString()).has_value());
  world.messages.clear();
  EXPECT_EQ(client.call_self().error_text, "AUTH_KEY_UNREGISTERED");
}

TEST_F(session_calls, WhileNobodyCanTellOfALoginACallWaitsAndThenFails) {
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}, true).is_error);
  node.router.unavailable = [](const auto&) { return true; };
  const auto call = client.send_self();
  node.loop.advance(limits::call_retry_ms - 1000);
  client.pump();
  EXPECT_FALSE(client.answers.contains(call));
  node.loop.advance(2000);
  EXPECT_EQ(client.wait(call).error_text, "RPC_CALL_FAIL");
}

// design: the one 5xx there is, after retries inside under the same token.
TEST_F(session_calls, ACallOfAnUnavailableShardIsRepeatedAndFailsAfterItsTime) {
  ASSERT_GT(client.sign_up(9996612345), 0);
  std::vector<std::uint64_t> tokens;
  node.router.unavailable = [&](const auto& request) {
    if (is_user_call(request)) {
      tokens.push_back(request.token);
    }
    return true;
  };
  const auto call = client.send_self();
  node.loop.advance(limits::call_retry_ms - 100);
  client.pump();
  EXPECT_FALSE(client.answers.contains(call));
  node.loop.advance(2 * limits::ask_again_ms_max);
  const auto answer = client.wait(call);
  EXPECT_EQ(answer.error_code, 500);
  EXPECT_EQ(answer.error_text, "RPC_CALL_FAIL");
  EXPECT_GE(tokens.size(), 8U);
  EXPECT_EQ(std::set<std::uint64_t>(tokens.begin(), tokens.end()).size(), 1U);
  // And one that is there again is found by the repeats.
  const auto second = client.send_self();
  node.loop.advance(5000);
  node.router.unavailable = nullptr;
  node.loop.advance(limits::ask_again_ms_max);
  EXPECT_FALSE(client.wait(second).is_error);
}

// Two messages that a client sent one after the other must not change places when their shard comes back.
TEST_F(session_calls, CallsAreAskedAgainInTheOrderOfTheirMaking) {
  ASSERT_GT(client.sign_up(9996612345), 0);
  bool away = true;
  std::vector<std::uint64_t> taken;
  node.router.unavailable = [&](const auto& request) {
    if (!away && is_user_call(request)) {
      taken.push_back(request.token);
    }
    return away;
  };
  std::vector<mtproto::client_call> calls;
  for (int i = 0; i < 8; ++i) {
    calls.push_back(client.send_self());
    node.loop.run();
  }
  away = false;
  calls.push_back(client.send_self());
  node.loop.run();
  EXPECT_TRUE(taken.empty()) << "a new call goes behind those that wait";
  for (const auto call : calls) {
    EXPECT_FALSE(client.wait(call).is_error);
  }
  EXPECT_EQ(taken.size(), calls.size());
  EXPECT_TRUE(std::is_sorted(taken.begin(), taken.end()));
}

// The pause of a call grows with each time: a younger one, whose pause is short, waits for it all the same.
TEST_F(session_calls, ACallThatHasWaitedForLongIsNotOvertaken) {
  ASSERT_GT(client.sign_up(9996612345), 0);
  bool away = true;
  std::vector<std::uint64_t> taken;
  node.router.unavailable = [&](const auto& request) {
    if (!away && is_user_call(request)) {
      taken.push_back(request.token);
    }
    return away;
  };
  const auto first = client.send_self();
  node.loop.advance(10 * limits::ask_again_ms);
  std::size_t held = 0;
  node.router.hold = [&](const auto& request) {
    held += is_user_call(request) ? 1 : 0;
    return true;
  };
  while (held == 0) {
    node.loop.advance(10);
  }
  const auto second = client.send_self(); // both are under way, and neither is taken
  node.loop.run();
  EXPECT_EQ(held, 2U);
  node.router.release();
  node.loop.run();
  away = false;
  EXPECT_FALSE(client.wait(second).is_error);
  EXPECT_FALSE(client.wait(first).is_error);
  EXPECT_EQ(taken.size(), 2U);
  EXPECT_TRUE(std::is_sorted(taken.begin(), taken.end()));
}

TEST_F(session_calls, TooManyCallsOfASessionGetFloodWait) {
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}, true).is_error);
  std::uint32_t flooded = 0;
  std::vector<mtproto::client_call> calls;
  for (std::uint32_t i = 0; i < account::rates::session_calls.burst + 10; ++i) {
    calls.push_back(client.send(tl::fn::help_getNearestDc{}));
    node.loop.run();
  }
  for (const auto call : calls) {
    const auto answer = client.wait(call);
    if (answer.is_error) {
      EXPECT_EQ(answer.error_code, 420);
      EXPECT_TRUE(answer.error_text.starts_with("FLOOD_WAIT_")) << answer.error_text;
      ++flooded;
    }
  }
  EXPECT_GE(flooded, 5U);
  EXPECT_LE(flooded, 15U);
  const auto& probe = node.part().session_counters();
  std::uint64_t counted = 0;
  for (std::size_t i = 0; i <= probe.methods(); ++i) {
    counted += probe.method(i).ended[static_cast<std::size_t>(actors::call_result::flood)].value();
  }
  EXPECT_EQ(counted, flooded);
}

// --- temporary keys: https://core.telegram.org/api/pfs ---------------------------------------------

class temporary_keys : public session_calls {
protected:
  /// A client with a temporary key; `client` holds the permanent one.
  std::unique_ptr<wire_client> make(std::int32_t seconds = 86'400) {
    auto made = std::make_unique<wire_client>(node);
    mtproto::client_handshake_options options = gateway_node::exchange_options();
    options.expires_in_seconds = seconds;
    EXPECT_TRUE(made->exchange(options));
    made->open(70);
    return made;
  }
  mtproto::client_call bind(wire_client& temporary, std::int32_t expires_in = 86'400) {
    tl::fn::auth_bindTempAuthKey call;
    const unix_time expires_at = static_cast<unix_time>(node.loop.wall_time() / 1000) + expires_in;
    call.perm_auth_key_id = static_cast<std::int64_t>(client.key->id.value());
    call.nonce = 5;
    call.expires_at = expires_at;
    // The msg_id inside is that of the query: the call is made by hand.
    const msg_id id = temporary.session->next_id(node.loop.wall_time());
    call.encrypted_message = mtproto::make_bind_message(client.key->key,
                                                        {.temp_key = temporary.key->id,
                                                         .perm_key = client.key->id,
                                                         .temp_session = session_id(70),
                                                         .nonce = 5,
                                                         .expires_at = expires_at,
                                                         .query = id},
                                                        crypto::system_random());
    bound_id = id;
    body = temporary.bytes(call);
    return 0;
  }
  msg_id bound_id;
  std::string body;

  /// Sends the query that bind() made, and yields the answer's body behind rpc_result.
  std::string send_bound(wire_client& temporary) {
    struct sink_t final : mtproto::packet_sink {
      std::span<std::uint8_t> open(std::size_t size) override {
        bytes.assign(size, '\0');
        return {reinterpret_cast<std::uint8_t*>(bytes.data()), size};
      }
      std::string bytes;
    } sink;
    temporary.session->raw_packet(bound_id, temporary.session->next_seqno(true), body, sink);
    const std::span bytes(reinterpret_cast<std::uint8_t*>(sink.bytes.data()), sink.bytes.size());
    crypto::cipher_job job = mtproto::seal_job(bytes, temporary.key->id, temporary.key->key, crypto::sender::client);
    crypto::encrypt({&job, 1});
    mtproto::finish_seal(job);
    temporary.connection->deliver(sink.bytes);
    node.loop.run();
    std::string found;
    for (const auto& packet : temporary.connection->take_sent()) {
      const std::string id(reinterpret_cast<const char*>(&bound_id), sizeof(bound_id));
      const auto at = packet.bytes.find(id);
      if (at != std::string::npos && at >= 4) {
        found = packet.bytes.substr(at + 8, 4);
      }
    }
    return found;
  }
};

TEST_F(temporary_keys, UnboundMayDoNothingButBind) {
  const auto temporary = make();
  const auto answer = temporary->call(tl::fn::help_getConfig{}, true);
  EXPECT_EQ(answer.error_code, 401);
  EXPECT_EQ(answer.error_text, "AUTH_KEY_PERM_EMPTY");
}

TEST_F(temporary_keys, BoundOnesActForThePermanentKey) {
  ASSERT_GT(client.sign_up(9996612345), 0);
  const auto first = make();
  bind(*first);
  EXPECT_EQ(send_bound(*first), std::string("\xb5\x75\x72\x99", 4)) << "boolTrue";
  EXPECT_FALSE(first->call_self().is_error) << "layer and login are those of the permanent key";
  // A second one at the same time; the first goes on.
  const auto second = make();
  bind(*second);
  EXPECT_EQ(send_bound(*second), std::string("\xb5\x75\x72\x99", 4));
  EXPECT_FALSE(second->call_self().is_error);
  EXPECT_FALSE(first->call_self().is_error);
  EXPECT_FALSE(client.call_self().is_error);
}

// destroy_auth_key of a temporary key: the login is the permanent one's, and stays.
TEST_F(temporary_keys, DestroyedOnesLeaveTheLoginToTheOthers) {
  ASSERT_GT(client.sign_up(9996612345), 0);
  const auto temporary = make();
  bind(*temporary);
  ASSERT_EQ(send_bound(*temporary), std::string("\xb5\x75\x72\x99", 4));
  std::string destroy;
  tl::writer(destroy).write_id(0xd1435160);
  temporary->session->send_service(destroy, node.loop.wall_time(), true);
  temporary->flush();
  node.loop.run();
  EXPECT_TRUE(temporary->connection->is_closed());
  const std::size_t requests = node.router.requests;
  EXPECT_FALSE(client.call_self().is_error);
  EXPECT_EQ(node.router.requests, requests + 1) << "nothing of it was in doubt";
}

// The client's next call needs the permanent key, so that the answer comes when it is known here.
TEST_F(temporary_keys, AreSaidToBeBoundOnlyWhenThatIsKnownHere) {
  ASSERT_GT(client.sign_up(9996612345), 0);
  const auto temporary = make();
  bind(*temporary);
  const auto is_lookup = [](const cluster::entity_request& request) {
    command::KeyCommand what;
    return request.to.kind == cluster::entity_kind::auth_key && what.ParseFromString(request.body) && what.has_lookup();
  };
  std::size_t lookups = 0; // the first is the flow's own
  node.router.unavailable = [&](const auto& request) { return is_lookup(request) && ++lookups > 1; };
  EXPECT_NE(send_bound(*temporary), std::string("\xb5\x75\x72\x99", 4));
  EXPECT_GE(lookups, 2U);
  node.router.unavailable = nullptr;
  node.loop.advance(limits::ask_again_ms_max);
  const std::string result =
    std::string("\x01\x6d\x5c\xf3", 4) + std::string(reinterpret_cast<const char*>(&bound_id), sizeof(bound_id));
  const auto& sent = temporary->connection->sent;
  EXPECT_TRUE(std::any_of(sent.begin(), sent.end(),
                          [&](const auto& each) { return each.bytes.find(result) != std::string::npos; }));
  EXPECT_FALSE(temporary->call_self().is_error);
}

TEST_F(temporary_keys, ExpiredOnesAreUnknown) {
  const auto temporary = make(100);
  bind(*temporary, 100);
  EXPECT_EQ(send_bound(*temporary), std::string("\xb5\x75\x72\x99", 4));
  node.loop.advance(101'000);
  temporary->send(tl::fn::help_getConfig{}, true);
  node.loop.run();
  EXPECT_EQ(temporary->connection->error, actors::transport_error::auth_key_not_found);
}

TEST_F(temporary_keys, AfterARestartABoundKeyStillIs) {
  ASSERT_GT(client.sign_up(9996612345), 0);
  const auto temporary = make();
  bind(*temporary);
  EXPECT_EQ(send_bound(*temporary), std::string("\xb5\x75\x72\x99", 4));
  client.hang_up();
  temporary->hang_up();
  node.restart();
  temporary->connect();
  EXPECT_FALSE(temporary->call_self().is_error);
}

} // namespace
} // namespace godwit::test
