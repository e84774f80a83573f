#include "config/node_config.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "config/config_fields.hpp"

namespace godwit::config {
namespace {

// Goal: a value out of bounds is found by its key, on both sides of each bound. Method: the table itself.
TEST(node_config, EveryNumberOutOfItsBoundsIsNamed) {
  for (const field& each : fields()) {
    node_config values;
    const field_slot slot = each.slot(values);
    const auto* number = std::get_if<std::uint64_t*>(&slot);
    if (number == nullptr) {
      continue;
    }
    **number = each.max + 1;
    ASSERT_TRUE(validate(values).has_value()) << each.key();
    EXPECT_EQ(validate(values)->key, each.key());
    if (each.min > 0) {
      **number = each.min - 1;
      ASSERT_TRUE(validate(values).has_value()) << each.key();
      EXPECT_EQ(validate(values)->key, each.key());
    }
  }
}

// Goal: what contradicts or cannot be read is refused with a remedy.
TEST(node_config, EachRuleNamesItsKeyAndARemedy) {
  const struct {
    const char* key;
    std::function<void(node_config&)> spoil;
  } cases[] = {
    {"cluster.shards", [](node_config& c) { c.cluster.shards = 12; }},
    {"cluster.id", [](node_config& c) { c.cluster.id = "0123"; }},
    {"cluster.id", [](node_config& c) { c.cluster.id = std::string(32, 'A'); }},
    {"listen.addresses", [](node_config& c) { c.listen.addresses = {}; }},
    {"listen.addresses",
     [](node_config& c) {
       c.listen.addresses = {"127.0.0.1", "localhost"};
     }},
    {"listen.proxy_sources", [](node_config& c) { c.listen.proxy_sources = {"10.0.0.1/8"}; }},
    {"metrics.address", [](node_config& c) { c.metrics.address = ""; }},
    {"metrics.port", [](node_config& c) { c.metrics.port = c.listen.port; }},
    {"peers.address", [](node_config& c) { c.peers.address = "localhost"; }},
    {"peers.advertised", [](node_config& c) { c.peers.advertised = "owl"; }},
    {"peers.advertised", [](node_config& c) { c.peers.advertised = "0.0.0.0"; }},
    {"peers.advertised", [](node_config& c) { c.peers.address = "::"; }},
    {"peers.port", [](node_config& c) { c.peers.port = c.listen.port; }},
    {"peers.port", [](node_config& c) { c.peers.port = c.metrics.port; }},
    {"peers.seeds",
     [](node_config& c) {
       c.peers.seeds = {"127.0.0.1:4431", "127.0.0.1"};
     }},
    {"peers.fixed", [](node_config& c) { c.peers.fixed = {"127.0.0.1:4431"}; }},
    {"peers.fixed", [](node_config& c) { c.peers.fixed = {"1=127.0.0.1:4431"}; }},
    {"peers.fixed",
     [](node_config& c) {
       c.peers.fixed = {"2=127.0.0.1:4431", "2=127.0.0.2:4431"};
     }},
    {"auth.invited", [](node_config& c) { c.auth.invited = {"0151 1234"}; }},
    {"auth.webhook_url", [](node_config& c) { c.auth.webhook_url = "ftp://x"; }},
    {"auth.webhook_secret", [](node_config& c) { c.auth.webhook_secret = "a\r\nb: c"; }},
    {"storage.map_bytes", [](node_config& c) { c.storage.map_bytes = c.storage.map_bytes_max + 1; }},
    {"log.levels", [](node_config& c) { c.log.levels = {"edge"}; }},
    {"log.levels", [](node_config& c) { c.log.levels = {"edge=loud"}; }},
    {"dc.address", [](node_config& c) { c.dc.address = "example.org"; }},
    {"dc.country", [](node_config& c) { c.dc.country = "de"; }},
  };
  for (const auto& each : cases) {
    node_config values;
    each.spoil(values);
    const auto bad = validate(values);
    ASSERT_TRUE(bad.has_value()) << each.key;
    EXPECT_EQ(bad->key, each.key);
    EXPECT_FALSE(bad->remedy.empty()) << each.key;
    EXPECT_EQ(bad->problem.find("0151"), std::string::npos) << "a phone number is no part of an error";
  }
}

// Goal: a test number, whose code everyone knows, never opens a node that others reach.
TEST(node_config, TestNumbersNeedANodeOnLoopbackAlone) {
  node_config values;
  values.auth.test_numbers = true;
  EXPECT_FALSE(validate(values).has_value());
  values.listen.addresses = {"127.0.0.3", "::1"};
  EXPECT_FALSE(validate(values).has_value());
  for (const char* each : {"0.0.0.0", "::", "192.0.2.1", "::ffff:192.0.2.1"}) {
    values.listen.addresses = {"127.0.0.1", each};
    ASSERT_TRUE(validate(values).has_value()) << each;
    EXPECT_EQ(validate(values)->key, "auth.test_numbers");
    EXPECT_FALSE(listens_on_loopback_alone(values));
  }
}

// Goal: nor does it open one that a proxy leads others to.
TEST(node_config, TestNumbersNeedANodeWithoutAProxy) {
  node_config values;
  values.auth.test_numbers = true;
  values.listen.proxy_sources = {"127.0.0.1"};
  ASSERT_TRUE(validate(values).has_value());
  EXPECT_EQ(validate(values)->key, "auth.test_numbers");
}

} // namespace
} // namespace godwit::config
