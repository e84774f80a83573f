#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>
#include <utility>
#include <variant>

#include "cluster/peer/raft_codec.hpp"
#include "cluster/route/peer_replicas.hpp"

namespace godwit::cluster {
namespace {

namespace raft = persistence::raft;
using persistence::shard_id;

/// Keeps what was sent last, and how.
class noting_port final : public envelope_port {
public:
  void on(envelope_kind, peer_hub::receiver) override {}
  void on_change(peer_hub::listener) override {}
  bool send(node_id, envelope_kind, const peer_hub::body_writer&) override { throw std::logic_error("in no order"); }
  bool send_as(node_id to, envelope_kind, peer_order how, const peer_hub::body_writer& write) override {
    std::string body;
    write(body);
    last = decode_raft(node_id(1), to, persistence::slice::adopt(std::move(body)));
    order = how;
    return true;
  }
  void refuse(node_id, std::string_view) override {}
  [[nodiscard]] bool up(node_id) const override { return true; }
  [[nodiscard]] std::vector<node_id> all_up() const override { return {}; }
  [[nodiscard]] home_loop& loop() const override { throw std::logic_error("there is none"); }

  std::optional<raft_envelope> last;
  peer_order order;
};

// Goal: votes, heartbeats and answers go before entries, and of one shard no heartbeat before its entries. Method: what is
// asked of the port for each kind of message.
TEST(PeerReplicas, WhatSaysThatSomebodyIsAliveGoesFirst) {
  noting_port port;
  peer_replicas::options with;
  with.self = node_id(1);
  peer_replicas replicas(port, with);
  const auto order_of = [&](std::uint16_t shard, raft::message_body body) {
    replicas.send(shard_id(shard), {node_id(1), node_id(2), 3, std::move(body)});
    EXPECT_TRUE(port.last && port.last->shard == shard_id(shard));
    return port.order;
  };
  EXPECT_TRUE(order_of(4, raft::request_vote{}).first);
  EXPECT_TRUE(order_of(4, raft::vote_result{}).first);
  EXPECT_TRUE(order_of(4, raft::append_result{}).first);
  EXPECT_TRUE(order_of(4, raft::timeout_now{}).first);
  raft::append_entries append;
  const peer_order heartbeat = order_of(0, append);
  EXPECT_TRUE(heartbeat.first);
  append.entries.push_back({3, persistence::entry_kind::command, persistence::slice::adopt("rows")});
  const peer_order entries = order_of(0, append);
  EXPECT_FALSE(entries.first);
  EXPECT_EQ(heartbeat.stream, entries.stream);
  EXPECT_NE(entries.stream, 0U);
  EXPECT_NE(order_of(1, append).stream, entries.stream);
}

} // namespace
} // namespace godwit::cluster
