#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "protocol/tl/api/config_fn.hpp"
#include "protocol/tl/api/help_fn.hpp"
#include "tests/actors/support/gateway_node.hpp"

namespace godwit::test {
namespace {

using actors::transport_error;

TEST(admission, BeyondTheSessionsOfANodeAClientIsRefused) {
  gateway_node node([](actors::gateway_options& options) { options.sessions_max = 1; });
  wire_client first(node);
  wire_client second(node);
  ASSERT_TRUE(first.exchange());
  ASSERT_TRUE(second.exchange());
  first.open(1);
  EXPECT_FALSE(first.call(tl::fn::help_getConfig{}, true).is_error);
  second.open(2);
  second.send(tl::fn::help_getConfig{}, true);
  node.loop.run();
  EXPECT_TRUE(second.connection->is_closed());
  EXPECT_EQ(second.connection->error, transport_error::flood);
  EXPECT_EQ(node.part().probe().sessions_refused.value(), 1U);
  EXPECT_FALSE(first.call(tl::fn::help_getNearestDc{}).is_error);
}

// Some clients take a new session for each connection: those they left make room, those in use do not.
TEST(admission, ASessionWithoutAConnectionMakesRoomForANewOneOfItsKey) {
  gateway_node node([](actors::gateway_options& options) { options.sessions_per_key_max = 2; });
  wire_client client(node);
  ASSERT_TRUE(client.exchange());
  for (std::uint64_t session = 1; session <= 5; ++session) {
    client.open(session);
    EXPECT_FALSE(client.call(tl::fn::help_getConfig{}, true).is_error) << session;
    client.connect();
  }
  EXPECT_EQ(node.gate->sessions(), 2U);
  EXPECT_EQ(node.part().probe().sessions_evicted.value(), 3U);
  // Two in use at once, and a third one.
  std::vector<std::unique_ptr<wire_client>> more;
  for (std::uint64_t session = 11; session <= 13; ++session) {
    auto& each = more.emplace_back(std::make_unique<wire_client>(node));
    each->key = client.key;
    each->open(session);
    each->send(tl::fn::help_getConfig{}, true);
    node.loop.run();
  }
  EXPECT_FALSE(more[0]->connection->is_closed());
  EXPECT_FALSE(more[1]->connection->is_closed());
  EXPECT_EQ(more[2]->connection->error, transport_error::flood);
}

TEST(admission, TooManySessionsWithoutAConnectionEndOldestFirst) {
  gateway_node node([](actors::gateway_options& options) { options.lingering_sessions_max = 2; });
  wire_client client(node);
  ASSERT_TRUE(client.exchange());
  for (std::uint64_t session = 1; session <= 4; ++session) {
    client.open(session);
    EXPECT_FALSE(client.call(tl::fn::help_getConfig{}, true).is_error);
    client.connect();
  }
  EXPECT_EQ(node.gate->sessions(), 2U);
  EXPECT_FALSE(client.call(tl::fn::help_getNearestDc{}).is_error);
  EXPECT_EQ(client.new_sessions, 4) << "the last one was still there";
}

TEST(admission, OneConnectionCarriesABoundedNumberOfSessions) {
  gateway_node node;
  wire_client client(node);
  ASSERT_TRUE(client.exchange());
  for (std::uint64_t session = 1; session <= limits::sessions_per_connection_max; ++session) {
    client.open(session);
    ASSERT_FALSE(client.call(tl::fn::help_getConfig{}, true).is_error);
  }
  client.open(1000);
  client.send(tl::fn::help_getConfig{}, true);
  node.loop.run();
  EXPECT_TRUE(client.connection->is_closed());
  EXPECT_EQ(client.connection->error, transport_error::flood);
}

TEST(admission, AStoppingGatewayEndsItsSessionsAndTakesNoConnections) {
  gateway_node node;
  wire_client client(node);
  ASSERT_TRUE(client.exchange());
  client.open(1);
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}, true).is_error);
  node.gate->begin_stop();
  node.loop.run();
  EXPECT_TRUE(node.gate->stopped());
  EXPECT_TRUE(client.connection->is_closed());
  auto late = caf::make_counted<fake_connection>(node.loop);
  node.gate->accepted(late);
  node.loop.run();
  EXPECT_TRUE(late->is_closed());
}

} // namespace
} // namespace godwit::test
