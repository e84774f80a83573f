#include <gtest/gtest.h>

#include <vector>

#include "protocol/tl/api/config_fn.hpp"
#include "protocol/tl/api/help_fn.hpp"
#include "tests/actors/support/gateway_node.hpp"

namespace godwit::test {
namespace {

// A session stays on the loop of its first connection; one that comes elsewhere is served all the same, by posts
// between the loops, and its end is heard of.
TEST(two_loops, ASessionIsReachedFromAConnectionOnAnotherLoop) {
  gateway_node node({}, second_loop::present);
  wire_client client(node);
  ASSERT_TRUE(client.exchange());
  client.open(7);
  ASSERT_FALSE(client.call(tl::fn::help_getConfig{}, true).is_error);

  auto elsewhere = caf::make_counted<fake_connection>(*node.second);
  node.on_second([&] { node.gate->accepted(elsewhere); });
  const auto call = client.session->call(client.bytes(tl::fn::help_getNearestDc{}));
  const std::vector<std::string> packets = client.take_packets();
  node.on_second([&] {
    for (const std::string& each : packets) {
      elsewhere->deliver(each);
    }
  });
  for (int tries = 0; tries < 1000 && !client.answers.contains(call); ++tries) {
    node.loop.run();
    node.on_second([&] {
      for (auto& each : elsewhere->take_sent()) {
        client.connection->sent.push_back(std::move(each));
      }
    });
    client.pump();
  }
  ASSERT_TRUE(client.answers.contains(call));
  EXPECT_FALSE(client.answers[call].is_error);
  EXPECT_EQ(client.new_sessions, 1);
  EXPECT_EQ(node.gate->sessions(), 1U);

  node.on_second([&] { elsewhere->hang_up(); });
  EXPECT_FALSE(client.call(tl::fn::help_getConfig{}).is_error) << "the connection that stays has the session";
  client.hang_up();
  std::vector<actors::session_info> listed;
  bool done = false;
  node.gate->list_sessions([&](std::vector<actors::session_info> found) {
    listed = std::move(found);
    done = true;
  });
  for (int tries = 0; tries < 10; ++tries) {
    node.loop.run();
    node.on_second([] {});
  }
  ASSERT_TRUE(done);
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].connections, 0U);
}

} // namespace
} // namespace godwit::test
