#include "config/ip_address.hpp"

#include <gtest/gtest.h>

namespace godwit::config {
namespace {

// Goal: numbers are read, names and rubbish are not.
TEST(ip_address, NumbersAreReadAndNamesAreNot) {
  EXPECT_TRUE(parse_ip("192.0.2.1")->is_v4());
  EXPECT_FALSE(parse_ip("2001:db8::1")->is_v4());
  EXPECT_EQ(parse_ip("::ffff:192.0.2.1"), parse_ip("192.0.2.1"));
  for (const char* each : {"", "localhost", "192.0.2", "192.0.2.256", "1.2.3.4 ", "[::1]", "::1%lo", "1:2:3"}) {
    EXPECT_FALSE(parse_ip(each).has_value()) << each;
  }
  EXPECT_FALSE(parse_ip(std::string_view("1.2.3.4\0x", 9)).has_value());
}

// Goal: test numbers hang on this question. RFC 1122, 3.2.1.3 (127/8) and RFC 4291, 2.5.3 (::1).
TEST(ip_address, LoopbackIsTheWholeOf127AndOneAddressOfIpv6) {
  for (const char* each : {"127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(parse_ip(each)->is_loopback()) << each;
  }
  for (const char* each : {"0.0.0.0", "::", "128.0.0.1", "126.255.255.255", "::2", "1::1"}) {
    EXPECT_FALSE(parse_ip(each)->is_loopback()) << each;
  }
  EXPECT_TRUE(parse_ip("0.0.0.0")->is_any());
  EXPECT_TRUE(parse_ip("::")->is_any());
  EXPECT_FALSE(parse_ip("::1")->is_any());
}

// Goal: a network holds its first and last address and neither neighbour, also where the prefix ends
// inside a byte.
TEST(ip_network, HoldsWhatSharesItsPrefix) {
  const struct {
    const char* network;
    const char* inside[2];
    const char* outside[2];
  } cases[] = {
    {"192.0.2.0/24", {"192.0.2.0", "192.0.2.255"}, {"192.0.1.255", "192.0.3.0"}},
    {"10.16.0.0/12", {"10.16.0.0", "10.31.255.255"}, {"10.15.255.255", "10.32.0.0"}},
    {"2001:db8::/33", {"2001:db8::", "2001:db8:7fff::1"}, {"2001:db8:8000::", "2001:db7::"}},
    {"192.0.2.1", {"192.0.2.1", "::ffff:192.0.2.1"}, {"192.0.2.0", "192.0.2.2"}},
    {"0.0.0.0/0", {"0.0.0.0", "255.255.255.255"}, {"::1", "2001:db8::1"}},
  };
  for (const auto& each : cases) {
    const auto network = parse_network(each.network);
    ASSERT_TRUE(network.has_value()) << each.network;
    for (const char* address : each.inside) {
      EXPECT_TRUE(network->contains(*parse_ip(address))) << each.network << " " << address;
    }
    for (const char* address : each.outside) {
      EXPECT_FALSE(network->contains(*parse_ip(address))) << each.network << " " << address;
    }
  }
}

// Goal: a slip in a list of trusted addresses is refused and not rounded.
TEST(ip_network, RefusesBitsBehindThePrefixAndPrefixesThatAreTooLong) {
  for (const char* each :
       {"192.0.2.1/24", "192.0.2.0/33", "::/129", "192.0.2.0/", "192.0.2.0/x", "192.0.2.0/-1", "/8", "192.0.2.0/24 "}) {
    EXPECT_FALSE(parse_network(each).has_value()) << each;
  }
}

} // namespace
} // namespace godwit::config
