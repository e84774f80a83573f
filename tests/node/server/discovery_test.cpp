#include "node/server/discovery.hpp"

#include <gtest/gtest.h>

namespace godwit::test {
namespace {

using namespace cluster; // NOLINT: speaks of little else
using node::discovery_json;

cluster_map two_nodes() {
  cluster_map map;
  map.name = "godwit";
  map.nodes[node_id{1}] = {.id = node_id{1}, .name = "one", .peer = {}, .clients = {}, .metrics = {"127.0.0.1", 9430}};
  map.nodes[node_id{2}] = {.id = node_id{2}, .name = "", .peer = {}, .clients = {}, .metrics = {"::1", 9431}};
  return map;
}

// Goal: exactly what Prometheus' HTTP service discovery reads. Method: two nodes, one with an IPv6 address and no name.
TEST(Discovery, ListsTheMetricsAddressOfEveryNode) {
  EXPECT_EQ(discovery_json(two_nodes()),
            R"([{"targets":["127.0.0.1:9430"],"labels":{"node":"one","cluster":"godwit"}},)"
            R"({"targets":["[::1]:9431"],"labels":{"node":"node-2","cluster":"godwit"}}])");
}

TEST(Discovery, LeavesOutNodesThatWereRemovedOrHaveNoMetrics) {
  cluster_map map = two_nodes();
  map.nodes[node_id{1}].state = node_state::removed;
  map.nodes[node_id{2}].metrics = {};
  EXPECT_EQ(discovery_json(map), "[]");
  map.nodes[node_id{1}].state = node_state::leaving;
  EXPECT_NE(discovery_json(map), "[]");
}

TEST(Discovery, NamesAreTextsOfJsonWhateverIsInThem) {
  cluster_map map = two_nodes();
  map.nodes.erase(node_id{2});
  map.name = "a\"b\\c\n\x01";
  EXPECT_EQ(discovery_json(map),
            R"([{"targets":["127.0.0.1:9430"],"labels":{"node":"one","cluster":"a\"b\\c\n\u0001"}}])");
}

} // namespace
} // namespace godwit::test
