#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/actors/support/gateway_node.hpp"

namespace godwit::test {

inline const std::string too_long("\x7e\xaf\x17\xe3", 4); // updatesTooLong
inline const std::string an_update("\x7e\xaf\x17\xe3"
                                   "0123",
                                   8); // of no kind; the session looks at none

class session_updates : public ::testing::Test {
protected:
  session_updates() {
    EXPECT_TRUE(client.exchange());
    client.open(7);
    answer_subscriptions_with(40); // the first push stands behind it, without a hole
    user = user_id(client.sign_up(9996612345));
    settle();
    node.router.change = nullptr;
  }
  void settle() {
    node.loop.run();
    client.pump();
  }
  std::vector<std::string> pushes() {
    settle();
    std::vector<std::string> found;
    for (const auto& each : std::exchange(client.seen.pushes, {})) {
      found.emplace_back(each.text());
    }
    return found;
  }

  static std::string update(std::int32_t pts) { return an_update.substr(0, 4) + std::to_string(1000 + pts); }
  void push(std::int32_t pts) { node.router.push(user, update(pts), pts); }
  static bool is_subscription(const cluster::entity_request& request) {
    command::UserCommand what;
    return request.to.kind == cluster::entity_kind::user && request.type == cluster::request_type::command &&
           what.ParseFromString(request.body) && what.has_subscribe();
  }
  /// The box is at `pts` when sessions subscribe from now on.
  void answer_subscriptions_with(std::int32_t pts) {
    node.router.change = [pts](const cluster::entity_request& request, cluster::entity_reply& reply) {
      if (is_subscription(request) && reply.status == cluster::reply_status::ok) {
        command::Subscribed what;
        what.set_pts(pts);
        reply.body = what.SerializeAsString();
      }
    };
  }
  /// The account fails, and the session listens to the next one.
  void lose_account(std::int32_t pts = 1) {
    answer_subscriptions_with(pts);
    node.router.lose_account(user);
    node.loop.run();
    node.loop.advance(limits::ask_again_ms);
  }
  /// Calls are answered with this position from now on; they changed so much themselves.
  void answer_with(std::int32_t pts, std::int32_t pts_count = 0) {
    node.router.change = [pts, pts_count](const cluster::entity_request& request, cluster::entity_reply& reply) {
      const bool call = request.type == cluster::request_type::call;
      reply.pts = call ? pts : 0;
      reply.pts_count = call ? pts_count : 0;
    };
  }
  /// A call that is not answered before the router releases it.
  void begin_call() {
    node.router.hold = [](const auto& request) { return request.type == cluster::request_type::call; };
    (void)client.send_self();
    node.loop.run();
    node.router.hold = nullptr;
  }

  gateway_node node;
  wire_client client{node};
  user_id user;
};

} // namespace godwit::test
