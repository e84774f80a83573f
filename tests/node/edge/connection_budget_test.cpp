#include <gtest/gtest.h>

#include "node/edge/connection_budget.hpp"

namespace godwit::node {
namespace {

actors::client_address client(std::string_view text) { return client_address_of(*config::parse_ip(text)); }

// Goal: an IPv6 client is its /64, an IPv4 client its address; loopback is marked.
TEST(connection_budget, AClientsAddressIsWhatLimitsSee) {
  EXPECT_EQ(client("2001:db8:1:2:3:4:5:6"), client("2001:db8:1:2::1"));
  EXPECT_NE(client("2001:db8:1:2::1"), client("2001:db8:1:3::1"));
  EXPECT_NE(client("192.0.2.1"), client("192.0.2.2"));
  EXPECT_TRUE(client("127.0.0.3").loopback);
  EXPECT_TRUE(client("::1").loopback);
  EXPECT_FALSE(client("192.0.2.1").loopback);
}

// Goal: both bounds hold, and what leaves makes room.
TEST(connection_budget, BoundsHoldUntilSomebodyLeaves) {
  connection_budget budget(3, 2);
  const auto one = client("192.0.2.1");
  const auto two = client("192.0.2.2");
  EXPECT_FALSE(budget.enter(&one));
  EXPECT_FALSE(budget.enter(&one));
  EXPECT_EQ(budget.enter(&one), reject_reason::address);
  EXPECT_FALSE(budget.enter(&two));
  EXPECT_EQ(budget.enter(&two), reject_reason::connections);
  EXPECT_EQ(budget.connections(), 3U);
  budget.leave(&one);
  EXPECT_FALSE(budget.enter(&one));
  budget.leave(&one);
  // Behind a proxy the address comes later.
  EXPECT_FALSE(budget.enter(nullptr));
  EXPECT_FALSE(budget.name(one));
  budget.leave(&two);
  EXPECT_FALSE(budget.enter(nullptr));
  EXPECT_EQ(budget.name(one), reject_reason::address);
  budget.leave(nullptr);
  EXPECT_EQ(budget.connections(), 2U);
}

// Goal: programs of this machine share an address and are not bounded by it, only in all.
TEST(connection_budget, LoopbackHasABoundInAllOnly) {
  connection_budget budget(3, 1);
  const auto self = client("127.0.0.1");
  EXPECT_FALSE(budget.enter(&self));
  EXPECT_FALSE(budget.enter(&self));
  EXPECT_FALSE(budget.enter(nullptr));
  EXPECT_FALSE(budget.name(self));
  EXPECT_EQ(budget.enter(&self), reject_reason::connections);
}

} // namespace
} // namespace godwit::node
