#include "config/peer_text.hpp"

#include <gtest/gtest.h>

namespace godwit::config {
namespace {

// Goal: what is written is read, and reads the same again.
TEST(peer_text, AddressesWithPortsAreReadAndWritten) {
  for (const char* text : {"192.0.2.1:4431", "127.0.0.3:1", "[2001:db8::1]:65535", "[::1]:4431"}) {
    const auto parsed = parse_host_port(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(parsed->text(), text);
  }
  EXPECT_EQ(parse_host_port("[::1]:4431")->host, "::1");
  EXPECT_EQ(parse_host_port("[::1]:4431")->port, 4431);
}

// Goal: names, missing or impossible ports, addresses without their brackets, and those that mean every machine are
// none.
TEST(peer_text, WhatIsNoAddressOfOneMachineIsRefused) {
  for (const char* text :
       {"", ":", "127.0.0.1", "127.0.0.1:", ":4431", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:44x",
        "127.0.0.1: 4431", "owl:4431", "::1:4431", "[::1]", "[::1]4431", "[127.0.0.1]:4431", "[]:4431", "0.0.0.0:4431",
        "[::]:4431", "127.0.0.1:99999999999999999999"}) {
    EXPECT_FALSE(parse_host_port(text)) << text;
  }
}

// Goal: a number of a node, and where it is.
TEST(peer_text, FixedPeersNameANode) {
  const auto fixed = parse_fixed_peer("3=[::1]:4431");
  ASSERT_TRUE(fixed);
  EXPECT_EQ(fixed->node, 3U);
  EXPECT_EQ(fixed->address, (host_port{"::1", 4431}));
  EXPECT_TRUE(parse_fixed_peer("4095=127.0.0.1:1"));
  for (const char* text : {"", "=", "3=", "=127.0.0.1:4431", "0=127.0.0.1:4431", "4096=127.0.0.1:4431",
                           "x=127.0.0.1:4431", "3=127.0.0.1", "3 =127.0.0.1:4431", "127.0.0.1:4431"}) {
    EXPECT_FALSE(parse_fixed_peer(text)) << text;
  }
}

} // namespace
} // namespace godwit::config
