#include <gtest/gtest.h>

#include "tests/protocol/mtproto/message/message_fixture.hpp"

namespace godwit::mtproto {
namespace {

using namespace testing;

/// A client and a server that hand each other packets at once.
class client_and_server : public ::testing::Test {
protected:
  void client_sends() {
    packet_list sent;
    client.flush(now + client_clock, sent);
    for (const auto& packet : sent.packets) {
      server.session.receive(first_connection, opened(packet), now, server.out);
    }
  }
  void server_sends() {
    packet_list sent;
    server.session.flush(first_connection, now, sent);
    for (const auto& packet : sent.packets) {
      client.receive(opened(packet), now + client_clock, out);
    }
  }
  /// Answers every call by its own body.
  void server_answers() {
    for (const call& one : std::exchange(server.out.calls, {})) {
      server.session.answer(one.id, payload(one.body), now, server.out);
    }
  }
  void exchange_all() {
    for (int i = 0; i < 6; ++i) {
      client_sends();
      server_answers();
      server_sends();
    }
  }

  unix_ms now = test_now;
  std::int64_t client_clock = 0;
  seeded_random random{3};
  server_end server;
  client_session client{{.id = session_id(77), .key = test_key(), .salt = 0, .random = &random}};
  client_output out;
};

TEST_F(client_and_server, ACallComesBackWithItsAnswer) {
  const client_call first = client.call(query("a"));
  const client_call second = client.call(query("b"));
  client.ping(now);
  exchange_all();
  ASSERT_EQ(out.answers.size(), 2U);
  EXPECT_EQ(out.answers[0].call, first);
  EXPECT_EQ(out.answers[0].result.text(), query("a"));
  EXPECT_EQ(out.answers[1].call, second);
  EXPECT_EQ(client.calls_in_flight(), 0U);
  EXPECT_TRUE(out.new_session);
  EXPECT_FALSE(out.broken);
  EXPECT_EQ(server.session.kept_messages(), 0U);
  EXPECT_EQ(client.salt(), derive_salt(*server.key, now / 1'800'000));
}

// Notices 16 and 17: the client takes the server's clock.
TEST_F(client_and_server, AWrongClockIsSetRight) {
  for (const std::int64_t off : {std::int64_t{-3'600'000}, std::int64_t{3'600'000}}) {
    now += 5000;
    server.now = now;
    client_clock = off;
    client.set_clock_offset(0);
    out.clear();
    client.call(query());
    exchange_all();
    EXPECT_EQ(out.answers.size(), 1U) << off;
    EXPECT_NEAR(static_cast<double>(client.clock_offset_ms()), static_cast<double>(-off), 2000.0);
  }
}

// Notice 32: the client counts on.
TEST_F(client_and_server, ACounterThatFellBehindIsMovedOn) {
  for (int i = 0; i < 3; ++i) {
    client.call(query());
    exchange_all();
  }
  out.clear();
  client.set_content_sent(0);
  client.call(query());
  exchange_all();
  EXPECT_EQ(out.answers.size(), 1U);
}

TEST_F(client_and_server, LargeQueriesAndAnswersTravelPacked) {
  client_session packing{
    {.id = session_id(77), .key = test_key(), .salt = 0, .random = &random, .pack_above_bytes = 128}};
  client = std::move(packing);
  const std::string large = query(std::string(50'000, 'l'));
  client.call(large);
  packet_list sent;
  client.flush(now, sent);
  EXPECT_LT(sent.packets.at(0).size(), 1000U);
  client.reconnected();
  exchange_all();
  ASSERT_EQ(out.answers.size(), 1U);
  EXPECT_EQ(out.answers[0].result.text(), large);
}

TEST_F(client_and_server, PushesComeOnce) {
  client.call(query());
  exchange_all();
  server.session.push(query("news"), now);
  client.set_silent(true);
  exchange_all();
  server.session.detach(first_connection);
  client.ping(now);
  client.set_silent(false);
  exchange_all();
  ASSERT_EQ(out.pushes.size(), 1U);
  EXPECT_EQ(out.pushes[0].text(), query("news"));
}

// new_session_created: what was sent before its first_msg_id is asked again (service_messages,
// "New Session Creation Notification").
TEST_F(client_and_server, ALostServerSessionIsAskedAgain) {
  client.set_salt(derive_salt(*server.key, now / 1'800'000));
  client.call(query("before"));
  client_sends();
  ASSERT_EQ(server.out.calls.size(), 1U);
  server.out.clear();
  server.session =
    server_session({.id = session_id(77), .key = server.key, .first = {}, .layer = 0, .random = &server.random});
  now += 1000;
  client.ping(now);
  exchange_all();
  ASSERT_EQ(out.answers.size(), 1U);
  EXPECT_EQ(out.answers[0].result.text(), query("before"));
}

} // namespace
} // namespace godwit::mtproto
