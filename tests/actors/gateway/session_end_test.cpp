#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "protocol/tl/api/config_fn.hpp"
#include "protocol/tl/api/help_fn.hpp"
#include "tests/actors/support/gateway_node.hpp"

namespace godwit::test {
namespace {

using actors::transport_error;

/// Whatever its client does, a session ends some time after its last connection: else a few packets from each of
/// many keys would fill the node for good.
class session_end : public ::testing::Test {
protected:
  session_end() {
    EXPECT_TRUE(client.exchange());
    client.open(7);
    client.connection->take_sent();
  }

  static bool is_user_call(const cluster::entity_request& request) {
    return request.type == cluster::request_type::call;
  }

  /// The first packet of the session, and what the client sends right behind it.
  void deliver_first_packet_and(const std::string& next) {
    (void)client.session->call(client.wrapped(client.bytes(tl::fn::help_getConfig{})));
    for (const std::string& each : client.take_packets()) {
      client.connection->deliver(each);
    }
    client.connection->deliver(next);
    node.loop.run();
  }

  [[nodiscard]] std::string with_key_id(std::string packet) const {
    for (std::size_t i = 0; i < 8; ++i) {
      packet[i] = static_cast<char>(client.key->id.value() >> (8 * i));
    }
    return packet;
  }

  void expect_no_session_after_its_time() {
    node.loop.advance(limits::session_linger_ms + 1000);
    EXPECT_EQ(node.gate->sessions(), 0U);
    EXPECT_EQ(node.part().session_counters().sessions.value(), 0);
  }

  gateway_node node;
  wire_client client{node};
};

// Both packets are decrypted together. The session has to hear of the connection's end behind its packet.
TEST_F(session_end, ComesWhenAForgedPacketFollowsTheFirstOneAtOnce) {
  deliver_first_packet_and(with_key_id(std::string(24 + 64, 'x')));
  EXPECT_TRUE(client.connection->is_closed());
  EXPECT_EQ(node.part().probe().packets_wrong_key.value(), 1U);
  EXPECT_EQ(node.part().session_counters().sessions_begun.value(), 1U);
  expect_no_session_after_its_time();
}

TEST_F(session_end, ComesWhenAPacketBrokenInsideFollowsTheFirstOneAtOnce) {
  std::string packet(24 + 64, '\0');
  packet[24 + 28] = 100; // longer than the packet
  const std::span bytes(reinterpret_cast<std::uint8_t*>(packet.data()), packet.size());
  crypto::cipher_job job = mtproto::seal_job(bytes, client.key->id, client.key->key, crypto::sender::client);
  crypto::encrypt({&job, 1});
  mtproto::finish_seal(job);
  deliver_first_packet_and(packet);
  EXPECT_TRUE(client.connection->is_closed());
  EXPECT_EQ(node.part().probe().packets_broken.value(), 1U);
  expect_no_session_after_its_time();
}

// The one that its connection has no room for would get no packet, and hear of nothing ever.
TEST_F(session_end, IsNotNeededForTheSessionBeyondAConnectionsBound) {
  for (std::uint64_t session = 1; session <= limits::sessions_per_connection_max; ++session) {
    client.open(session);
    ASSERT_FALSE(client.call(tl::fn::help_getConfig{}, true).is_error);
  }
  client.open(1000);
  client.send(tl::fn::help_getConfig{}, true);
  node.loop.run();
  EXPECT_EQ(client.connection->error, transport_error::flood);
  EXPECT_EQ(node.part().session_counters().sessions_begun.value(), limits::sessions_per_connection_max);
  expect_no_session_after_its_time();
}

// --- the node stops -------------------------------------------------------------------------------

// node.drain_seconds: calls under way are answered, and nothing new is begun.
TEST_F(session_end, OfAStoppingNodeComesWhenItsCallsAreAnswered) {
  ASSERT_GT(client.sign_up(9996612345), 0);
  node.router.hold = is_user_call;
  const auto running = client.send_self();
  node.loop.run();
  node.gate->begin_stop();
  node.loop.run();
  EXPECT_FALSE(node.gate->stopped());
  EXPECT_FALSE(client.connection->is_closed());
  const auto late = client.send(tl::fn::help_getNearestDc{});
  node.loop.run();
  node.router.release();
  node.loop.run();
  client.pump();
  ASSERT_TRUE(client.answers.contains(running));
  EXPECT_FALSE(client.answers[running].is_error);
  EXPECT_FALSE(client.answers.contains(late));
  EXPECT_TRUE(client.connection->is_closed());
  EXPECT_TRUE(node.gate->stopped());
}

TEST_F(session_end, OfAStoppingNodeComesAtOnceWhenItIsForced) {
  ASSERT_GT(client.sign_up(9996612345), 0);
  node.router.hold = is_user_call;
  (void)client.send_self();
  node.loop.run();
  node.gate->begin_stop();
  node.loop.run();
  EXPECT_FALSE(node.gate->stopped());
  node.gate->end_now();
  node.loop.run();
  EXPECT_TRUE(node.gate->stopped());
  EXPECT_TRUE(client.connection->is_closed());
}

// A session that begins behind the order to end would keep the node from stopping.
TEST_F(session_end, OfAStoppingNodeLeavesNoRoomForNewSessions) {
  wire_client idle(node);
  idle.key = client.key;
  idle.open(8);
  (void)client.send(tl::fn::help_getConfig{}, true); // read, and not yet decrypted
  node.gate->begin_stop();
  idle.send(tl::fn::help_getConfig{}, true);
  EXPECT_TRUE(idle.connection->is_closed());
  node.loop.run();
  EXPECT_TRUE(client.connection->is_closed());
  EXPECT_EQ(node.part().session_counters().sessions_begun.value(), 0U);
  EXPECT_TRUE(node.gate->stopped());
}

TEST_F(session_end, OfAStoppingNodeTakesConnectionsWithoutASessionWithIt) {
  wire_client silent(node);
  node.gate->begin_stop();
  EXPECT_FALSE(node.gate->stopped()) << "its loop has not heard of it yet";
  node.loop.run();
  EXPECT_TRUE(silent.connection->is_closed());
  EXPECT_TRUE(node.gate->stopped());
}

} // namespace
} // namespace godwit::test
