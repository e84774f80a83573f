#include <caf/send.hpp>
#include <gtest/gtest.h>

#include <string>

#include "protocol/crypto/hash.hpp"
#include "protocol/tl/api/config.hpp"
#include "protocol/tl/api/config_fn.hpp"
#include "protocol/tl/api/help_fn.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/users_fn.hpp"
#include "tests/actors/support/gateway_node.hpp"

namespace godwit::test {
namespace {

using actors::transport_error;

// The way of every new client: key exchange, help.getConfig, sendCode, signIn, signUp, users.getUsers.
TEST(gateway, ANewClientMakesAKeySignsUpAndSeesItself) {
  gateway_node node;
  wire_client client(node);
  ASSERT_TRUE(client.exchange());
  client.open(7);
  const std::int64_t user = client.sign_up(9996612345);
  ASSERT_GT(user, 0);
  const auto answer = client.call_self();
  ASSERT_FALSE(answer.is_error) << answer.error_text;
  tl::reader in(answer.result.text());
  const auto users = tl::fn::users_getUsers::fetch_result(in, client.layer);
  ASSERT_EQ(users.size(), 1U);
  const auto* const self = tl::as<tl::user>(users[0].get());
  ASSERT_NE(self, nullptr);
  EXPECT_TRUE(self->self);
  EXPECT_EQ(self->id, user);
  EXPECT_TRUE(client.connection->is_authenticated);
  EXPECT_EQ(node.gate->sessions(), 1U);
}

// A key that is not cached is asked for; after a restart of the node the client goes on where it was.
TEST(gateway, AfterARestartAKeyIsKnownAgainAndItsLoginWithIt) {
  gateway_node node;
  wire_client client(node);
  ASSERT_TRUE(client.exchange());
  client.open(7);
  ASSERT_GT(client.sign_up(9996612345), 0);
  client.hang_up();
  node.restart();
  client.connect();
  const auto answer = client.call_self();
  EXPECT_FALSE(answer.is_error) << answer.error_text;
  EXPECT_EQ(node.part().auth().lookups.value(), 1U);
}

// https://core.telegram.org/mtproto/mtproto-transports#transport-errors: -404 makes clients throw their login
// away, so that it follows nothing but the answer of the key's own entity.
TEST(gateway, AnUnknownKeyIsAnsweredMinus404OnlyAfterItsEntitySaidSo) {
  gateway_node node;
  wire_client client(node);
  client.key.emplace();
  client.key->key.bytes.fill(7);
  client.key->id = client.key->key.id();
  client.open(7);
  client.send(tl::fn::help_getConfig{}, true);
  node.loop.run();
  EXPECT_TRUE(client.connection->is_closed());
  EXPECT_EQ(client.connection->error, transport_error::auth_key_not_found);
  EXPECT_EQ(node.part().probe().keys_unknown.value(), 1U);
}

TEST(gateway, WhileAKeysShardIsUnavailableItsConnectionIsClosedWithoutAWord) {
  gateway_node node;
  wire_client client(node);
  ASSERT_TRUE(client.exchange());
  client.hang_up();
  node.restart();
  client.connect();
  node.router.unavailable = [](const auto&) { return true; };
  client.open(7);
  client.send(tl::fn::help_getConfig{}, true);
  node.loop.advance(limits::key_lookup_ms_max / 2);
  EXPECT_FALSE(client.connection->is_closed()) << "it may have a leader again in a moment";
  node.loop.advance(limits::key_lookup_ms_max);
  EXPECT_TRUE(client.connection->is_closed());
  EXPECT_EQ(client.connection->error, transport_error::none);
  EXPECT_TRUE(client.connection->sent.empty());
  // And when it is there again, so is the key.
  node.router.unavailable = nullptr;
  client.connect();
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}, true).is_error);
}

// A change of leader: who comes with a key that is not cached waits for a moment, and goes on.
TEST(gateway, AKeyIsFoundAsSoonAsItsShardHasALeader) {
  gateway_node node;
  wire_client client(node);
  ASSERT_TRUE(client.exchange());
  client.hang_up();
  node.restart();
  client.connect();
  int asked = 0;
  node.router.unavailable = [&](const auto&) { return ++asked <= 4; };
  client.open(7);
  const auto before = node.loop.time();
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}, true).is_error);
  EXPECT_GE(asked, 5);
  EXPECT_LE(node.loop.time() - before, 1000U);
}

// Its owner was on another node meanwhile, and destroyed it there.
TEST(gateway, AKeyThatIsCachedIsCheckedWhenAConnectionBringsIt) {
  gateway_node node;
  wire_client client(node);
  ASSERT_TRUE(client.exchange());
  client.open(7);
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}, true).is_error);
  const auto lookups = node.part().auth().lookups.value();
  client.connect();
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}).is_error);
  EXPECT_EQ(node.part().auth().lookups.value(), lookups) << "it was just there";
  node.loop.advance(limits::key_fresh_ms + 1);
  node.router.unavailable = [](const auto&) { return true; };
  client.connect();
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}).is_error) << "what is known serves while nobody can tell";
  EXPECT_EQ(node.part().auth().lookups.value(), lookups + 1);
  node.router.unavailable = nullptr;
  command::KeyCommand destroy;
  destroy.mutable_destroy();
  (void)node.router.world.ask(account::testing::key_of(client.key->id.value()), cluster::request_type::command, {},
                              destroy.SerializeAsString(), false);
  client.connect();
  client.send(tl::fn::help_getConfig{});
  node.loop.run();
  EXPECT_TRUE(client.connection->is_closed());
  EXPECT_EQ(client.connection->error, transport_error::auth_key_not_found);
  EXPECT_EQ(node.gate->sessions(), 0U);
}

// A node whose clock cannot be trusted serves nobody; sessions wait for their clients as ever.
TEST(gateway, WhileItIsNotOpenNobodyStaysAndNobodyComes) {
  gateway_node node;
  wire_client client(node);
  ASSERT_TRUE(client.exchange());
  client.open(7);
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}, true).is_error);
  node.gate->set_open(false);
  node.loop.run();
  EXPECT_TRUE(client.connection->is_closed());
  EXPECT_EQ(client.connection->error, transport_error::none);
  EXPECT_EQ(node.gate->sessions(), 1U);
  client.connect();
  EXPECT_TRUE(client.connection->is_closed());
  node.gate->set_open(true);
  client.connect();
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}).is_error);
}

// A node that can do nothing for its clients lets them look for another; whoever comes back finds the session.
TEST(gateway, ClientsThatWereSentAwayMayComeBackToTheirSessions) {
  gateway_node node;
  wire_client client(node);
  ASSERT_TRUE(client.exchange());
  client.open(7);
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}, true).is_error);
  node.gate->close_connections();
  node.loop.run();
  EXPECT_TRUE(client.connection->is_closed());
  EXPECT_EQ(client.connection->error, transport_error::none);
  EXPECT_EQ(node.gate->sessions(), 1U);
  client.connect();
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}).is_error);
  EXPECT_FALSE(client.connection->is_closed());
  EXPECT_EQ(node.gate->sessions(), 1U);
}

// The supervisor starts it again; what was being asked meanwhile is nobody's fault but ours, so nothing is said.
TEST(gateway, WhenTheMailboxOfItsKeysFailsClientsAreClosedAndComeBack) {
  gateway_node node;
  wire_client client(node);
  ASSERT_TRUE(client.exchange());
  client.hang_up();
  node.restart();
  client.connect();
  client.open(7);
  node.router.hold = [](const auto&) { return true; };
  client.send(tl::fn::help_getConfig{}, true);
  node.loop.run();
  caf::anon_send_exit(node.auth[0], caf::exit_reason::kill);
  node.loop.run();
  EXPECT_TRUE(client.connection->is_closed());
  EXPECT_EQ(client.connection->error, transport_error::none);
  node.router.release();
  node.auth[0] = node.gate->spawn_auth(0);
  client.connect();
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}, true).is_error);
}

// While its key is looked up a connection is paused; what it had sent already waits and is not lost.
TEST(gateway, PacketsWaitWhileTheirKeyIsLookedUp) {
  gateway_node node;
  wire_client client(node);
  ASSERT_TRUE(client.exchange());
  client.hang_up();
  node.restart();
  client.connect();
  client.open(7);
  node.router.hold = [](const auto&) { return true; };
  const auto first = client.send(tl::fn::help_getConfig{}, true);
  const auto second = client.send(tl::fn::help_getNearestDc{});
  node.loop.run();
  EXPECT_EQ(client.connection->pauses, 1);
  EXPECT_EQ(node.gate->sessions(), 0U);
  node.router.release();
  EXPECT_FALSE(client.wait(first).is_error);
  EXPECT_FALSE(client.wait(second).is_error);
  EXPECT_EQ(client.connection->pauses, 0);
}

// Security guidelines, "Mismatched msg_key": the packet is thrown away, and nothing tells what was wrong.
TEST(gateway, APacketWithAWrongMessageKeyClosesItsConnectionWithoutAWord) {
  gateway_node node;
  wire_client client(node);
  ASSERT_TRUE(client.exchange());
  std::string packet(24 + 64, 'x');
  for (std::size_t i = 0; i < 8; ++i) {
    packet[i] = static_cast<char>(client.key->id.value() >> (8 * i));
  }
  client.connection->take_sent();
  client.connection->deliver(packet);
  node.loop.run();
  EXPECT_TRUE(client.connection->is_closed());
  EXPECT_EQ(client.connection->error, transport_error::none);
  EXPECT_TRUE(client.connection->sent.empty());
  EXPECT_EQ(node.part().probe().packets_wrong_key.value(), 1U);
  EXPECT_EQ(node.gate->sessions(), 0U);
}

TEST(gateway, ConfigNamesTheDcThatTheClientDialled) {
  gateway_node node;
  for (const auto& [dialled, told] : {std::pair{4, 4}, {-3, 3}, {10'001, 1}}) {
    wire_client client(node);
    mtproto::client_handshake_options options = gateway_node::exchange_options();
    options.dc = dialled;
    ASSERT_TRUE(client.exchange(options));
    client.open(7);
    const auto answer = client.call(tl::fn::help_getConfig{}, true);
    tl::reader in(answer.result.text());
    const auto config = tl::config::fetch(in);
    ASSERT_NE(config, nullptr);
    EXPECT_EQ(config->this_dc, told);
    client.hang_up();
    node.restart();
    client.connect();
    const auto again = client.call(tl::fn::help_getConfig{});
    tl::reader more(again.result.text());
    const auto later = tl::config::fetch(more);
    ASSERT_NE(later, nullptr);
    EXPECT_EQ(later->this_dc, told) << "after a restart";
  }
}

// https://core.telegram.org/mtproto/mtproto-transports#quick-ack: the first 32 bits of the SHA-256 of 32 bytes of
// the key and the plaintext with its padding, the highest bit set.
TEST(gateway, AQuickAckIsTheBeginningOfTheMessagesHash) {
  gateway_node node;
  wire_client client(node);
  ASSERT_TRUE(client.exchange());
  std::string packet(24 + 64, '\0');
  for (std::size_t i = 24; i < packet.size(); ++i) {
    packet[i] = static_cast<char>(i < 24 + 28 ? i : 0);
  }
  packet[24 + 28] = 16; // length of the body; padding follows it
  const std::string plain = packet.substr(24);
  const std::span bytes(reinterpret_cast<std::uint8_t*>(packet.data()), packet.size());
  crypto::cipher_job job = mtproto::seal_job(bytes, client.key->id, client.key->key, crypto::sender::client);
  crypto::encrypt({&job, 1});
  mtproto::finish_seal(job);
  client.connection->deliver(packet, true);
  node.loop.run();
  const auto hash = crypto::sha256({std::span(client.key->key.bytes).subspan(88, 32), crypto::as_bytes(plain)});
  const std::uint32_t token = hash[0] | hash[1] << 8 | hash[2] << 16 | static_cast<std::uint32_t>(hash[3] | 0x80) << 24;
  ASSERT_EQ(client.connection->quick_acks.size(), 1U);
  EXPECT_EQ(client.connection->quick_acks[0], token);
}

TEST(gateway, TheOperatorSeesEverySession) {
  gateway_node node;
  wire_client client(node);
  ASSERT_TRUE(client.exchange());
  client.open(7);
  const std::int64_t user = client.sign_up(9996612345);
  std::vector<actors::session_info> listed;
  node.gate->list_sessions([&](std::vector<actors::session_info> found) { listed = std::move(found); });
  node.loop.run();
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].user.value(), user);
  EXPECT_EQ(listed[0].device, "Test");
  EXPECT_EQ(listed[0].layer, client.layer);
  EXPECT_EQ(listed[0].connections, 1U);
  EXPECT_EQ(listed[0].address, "192.0.2.7");
}

} // namespace
} // namespace godwit::test
