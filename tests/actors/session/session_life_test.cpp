#include <caf/send.hpp>
#include <gtest/gtest.h>

#include "protocol/tl/api/config_fn.hpp"
#include "protocol/tl/api/help_fn.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/users_fn.hpp"
#include "protocol/tl/writer.hpp"
#include "tests/actors/support/gateway_node.hpp"

namespace godwit::test {
namespace {

class session_life : public ::testing::Test {
protected:
  session_life() {
    EXPECT_TRUE(client.exchange());
    client.open(7);
  }
  static bool is_user_call(const cluster::entity_request& request) {
    return request.type == cluster::request_type::call;
  }
  static std::string service(std::uint32_t constructor, std::uint64_t argument) {
    std::string body;
    tl::writer out(body);
    out.write_id(constructor);
    out.write_long(static_cast<std::int64_t>(argument));
    return body;
  }

  gateway_node node;
  wire_client client{node};
};

// The answer came while the client was away: the same session finds it, and the account is not asked twice.
TEST_F(session_life, AReconnectOfTheSameSessionGetsTheKeptAnswer) {
  ASSERT_GT(client.sign_up(9996612345), 0);
  std::size_t asked = 0;
  node.router.hold = [&](const auto& request) { return is_user_call(request) && ++asked > 0; };
  const auto call = client.send_self();
  node.loop.run();
  client.hang_up();
  node.router.release();
  node.loop.run();
  const int sessions = client.new_sessions;
  client.connect();
  EXPECT_FALSE(client.wait(call).is_error);
  EXPECT_EQ(asked, 1U);
  EXPECT_EQ(client.new_sessions, sessions) << "new_session_created says that state was lost, and none was";
}

TEST_F(session_life, WithoutAConnectionASessionEndsAfterItsTime) {
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}, true).is_error);
  EXPECT_EQ(client.new_sessions, 1);
  client.hang_up();
  node.loop.advance(limits::session_linger_ms - 1000);
  EXPECT_EQ(node.gate->sessions(), 1U);
  client.connect();
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}).is_error);
  EXPECT_EQ(client.new_sessions, 1);
  client.hang_up();
  node.loop.advance(limits::session_linger_ms + 1000);
  EXPECT_EQ(node.gate->sessions(), 0U);
  EXPECT_EQ(node.part().session_counters().sessions.value(), 0);
  client.connect();
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}).is_error);
  EXPECT_EQ(client.new_sessions, 2);
}

TEST_F(session_life, TwoConnectionsShareOneSession) {
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}, true).is_error);
  auto second = caf::make_counted<fake_connection>(node.loop);
  node.gate->accepted(second);
  const fake_connection_ptr first = std::exchange(client.connection, second);
  EXPECT_FALSE(client.call(tl::fn::help_getNearestDc{}).is_error);
  EXPECT_EQ(client.new_sessions, 1);
  EXPECT_EQ(node.gate->sessions(), 1U);
  EXPECT_FALSE(first->is_closed());
  // The end of one leaves the session to the other.
  first->hang_up();
  EXPECT_FALSE(client.call(tl::fn::help_getNearestDc{}).is_error);
  EXPECT_EQ(client.new_sessions, 1);
}

// A packet that somebody saw on the wire can be sent again from anywhere: it is authentic, and brings nothing new.
// The connection that the client speaks on must not make room for such.
TEST_F(session_life, PacketsSentAgainByOthersDoNotTakeItsConnectionFromAClient) {
  (void)client.session->call(client.wrapped(client.bytes(tl::fn::help_getConfig{})));
  const std::vector<std::string> seen = client.take_packets();
  for (const std::string& each : seen) {
    client.connection->deliver(each);
  }
  node.loop.run();
  std::vector<fake_connection_ptr> others;
  for (std::size_t i = 0; i < limits::connections_per_session_max + 4; ++i) {
    auto& other = others.emplace_back(caf::make_counted<fake_connection>(node.loop));
    node.gate->accepted(other);
    for (const std::string& each : seen) {
      other->deliver(each);
    }
    node.loop.run();
  }
  EXPECT_FALSE(client.connection->is_closed());
  EXPECT_TRUE(others.front()->is_closed()) << "the oldest of the others made room";
  EXPECT_FALSE(client.call(tl::fn::help_getNearestDc{}).is_error);
  for (const auto& each : others) {
    each->hang_up();
  }
  node.loop.run();
}

// What is due for a client that does not read cannot be done, however much room its other connections have.
TEST_F(session_life, TheTimerRestsWhileTheConnectionInUseTakesNothing) {
  (void)client.session->call(client.wrapped(client.bytes(tl::fn::help_getConfig{})));
  const std::vector<std::string> seen = client.take_packets();
  for (const std::string& each : seen) {
    client.connection->deliver(each);
  }
  node.loop.run();
  auto other = caf::make_counted<fake_connection>(node.loop);
  node.gate->accepted(other);
  for (const std::string& each : seen) {
    other->deliver(each);
  }
  node.loop.run();
  client.connection->stop_reading(limits::connection_unsent_bytes_max);
  client.send(tl::fn::help_getNearestDc{});
  node.loop.run();
  node.loop.advance(2 * limits::ack_delay_ms); // the acknowledgement is overdue from here on
  const std::uint64_t before = node.loop.counters().rounds.load();
  node.loop.advance(2000);
  EXPECT_LT(node.loop.counters().rounds.load() - before, 100U);
  other->hang_up();
  node.loop.run();
}

// An error of ours in one session: its connections are closed, it is counted, and the client begins another.
TEST_F(session_life, ASessionThatFailsTakesItsConnectionsWithItAndNothingElse) {
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}, true).is_error);
  wire_client other(node);
  ASSERT_TRUE(other.exchange());
  other.open(7);
  EXPECT_FALSE(other.call(tl::fn::help_getConfig{}, true).is_error);
  // A router that throws is as good an error as any.
  bool throws = true;
  node.router.fault = [&] {
    if (std::exchange(throws, false)) {
      throw std::runtime_error("a fault made by the test");
    }
  };
  node.loop.advance(1000);  // the ids of messages are made from the time, and a new session begins anew
  (void)client.send_self(); // asks for the key
  node.loop.run();
  EXPECT_TRUE(client.connection->is_closed());
  EXPECT_EQ(node.part().session_counters().sessions_failed.value(), 1U);
  EXPECT_EQ(node.gate->sessions(), 1U);
  EXPECT_FALSE(other.call(tl::fn::help_getNearestDc{}).is_error);
  client.connect();
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}, true).is_error);
  EXPECT_EQ(client.new_sessions, 2);
}

// https://core.telegram.org/mtproto/service_messages#deferred-connection-closure--ping
TEST_F(session_life, PingDelayDisconnectEndsAConnectionWithoutFurtherPings) {
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}, true).is_error);
  client.session->ping(node.loop.wall_time(), 60);
  client.flush();
  node.loop.run();
  client.pump();
  EXPECT_EQ(client.seen.pongs.size(), 1U);
  node.loop.advance(59'000);
  EXPECT_FALSE(client.connection->is_closed());
  node.loop.advance(2000);
  EXPECT_TRUE(client.connection->is_closed());
  EXPECT_EQ(node.part().session_counters().connections_timed_out.value(), 1U);
}

TEST_F(session_life, DestroySessionEndsAnotherSessionOfTheKeyAlone) {
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}, true).is_error);
  const auto connection = client.connection;
  client.open(8);
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}).is_error);
  EXPECT_EQ(node.gate->sessions(), 2U);
  client.seen.service.clear();
  client.session->send_service(service(0xe7512126, 7), node.loop.wall_time(), true);
  client.session->send_service(service(0xe7512126, 99), node.loop.wall_time(), true);
  client.flush();
  node.loop.run();
  client.pump();
  EXPECT_EQ(node.gate->sessions(), 1U);
  EXPECT_FALSE(connection->is_closed());
  std::vector<std::uint32_t> answers;
  for (const auto& each : client.seen.service) {
    answers.push_back(tl::reader(each.text()).peek_id());
  }
  EXPECT_EQ(answers, (std::vector<std::uint32_t>{0xe22045fc, 0x62d350c9})) << "destroy_session_ok, then _none";
}

// The connection outlives the session that had enough to do: whoever uses it next must be heard.
TEST_F(session_life, ADestroyedSessionLeavesNoConnectionPaused) {
  ASSERT_GT(client.sign_up(9996612345), 0);
  node.router.hold = is_user_call;
  for (std::size_t i = 0; i < limits::session_calls_max && client.connection->pauses == 0; ++i) {
    (void)client.send_self();
    node.loop.run();
  }
  ASSERT_EQ(client.connection->pauses, 1);
  wire_client second(node);
  second.key = client.key;
  second.open(8);
  EXPECT_FALSE(second.call(tl::fn::help_getConfig{}).is_error);
  second.session->send_service(service(0xe7512126, 7), node.loop.wall_time(), true);
  second.flush();
  node.loop.run();
  EXPECT_EQ(node.gate->sessions(), 1U);
  EXPECT_FALSE(client.connection->is_closed());
  EXPECT_EQ(client.connection->pauses, 0);
  node.router.release();
  node.loop.run();
}

// clients.md section 6.5: a client that logs out wants a bare destroy_auth_key_ok. The key is gone then.
TEST_F(session_life, DestroyAuthKeyEndsEverySessionOfTheKeyAfterItsAnswer) {
  ASSERT_GT(client.sign_up(9996612345), 0);
  wire_client second(node);
  second.key = client.key;
  second.open(8);
  EXPECT_FALSE(second.call(tl::fn::help_getConfig{}).is_error);
  client.seen.service.clear();
  std::string body;
  tl::writer(body).write_id(0xd1435160);
  client.session->send_service(body, node.loop.wall_time(), true);
  client.flush();
  node.loop.run();
  const auto connection = client.connection;
  client.pump();
  ASSERT_EQ(client.seen.service.size(), 1U);
  EXPECT_EQ(tl::reader(client.seen.service[0].text()).peek_id(), 0xf660e1d4U) << "destroy_auth_key_ok";
  EXPECT_TRUE(connection->is_closed());
  EXPECT_TRUE(second.connection->is_closed());
  EXPECT_EQ(node.gate->sessions(), 0U);
  client.connect();
  client.open(9);
  client.send(tl::fn::help_getConfig{}, true);
  node.loop.run();
  EXPECT_EQ(client.connection->error, actors::transport_error::auth_key_not_found);
}

// A client that does not read: its output stays in the session and is bounded, and goes out when it reads.
TEST_F(session_life, ASlowReadersAnswersWaitInItsSession) {
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}, true).is_error);
  client.connection->stuck = true;
  std::vector<mtproto::client_call> calls;
  std::size_t written = 0;
  for (int i = 0; i < 300; ++i) {
    calls.push_back(client.send(tl::fn::help_getConfig{}));
    node.loop.run();
  }
  for (const auto& each : client.connection->sent) {
    written += each.bytes.size();
  }
  EXPECT_LE(written, limits::connection_unsent_bytes_max + (64 << 10));
  client.connection->read_all();
  std::size_t answered = 0;
  for (const auto call : calls) {
    answered += client.wait(call).is_error ? 0 : 1;
  }
  EXPECT_EQ(answered, calls.size());
}

// Enough calls of one session run: nothing more is read from its connections until some were answered.
TEST_F(session_life, ASessionWithManyCallsRunningPausesItsConnections) {
  ASSERT_GT(client.sign_up(9996612345), 0);
  node.router.hold = [](const auto& request) { return is_user_call(request); };
  std::vector<mtproto::client_call> calls;
  for (std::size_t i = 0; i < limits::session_calls_max + 20; ++i) {
    calls.push_back(client.send_self());
    node.loop.run();
  }
  EXPECT_EQ(client.connection->pauses, 1);
  node.router.release();
  for (const auto call : calls) {
    EXPECT_FALSE(client.wait(call).is_error);
  }
  EXPECT_EQ(client.connection->pauses, 0);
}

} // namespace
} // namespace godwit::test
