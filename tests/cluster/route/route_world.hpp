#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cluster/route/cluster_router.hpp"
#include "cluster/shard/local_router.hpp"
#include "cluster/shard/messages.hpp"
#include "cluster/shard/shard_host.hpp"
#include "tests/cluster/route/envelope_net.hpp"
#include "tests/cluster/route/told_entity.hpp"
#include "tests/cluster/shard/fake_replica.hpp"
#include "tests/support/test_loop.hpp"

namespace godwit::test {

/// Keeps what it hears, replies and pushes in one order.
class hearer final : public cluster::pinned_actor {
public:
  struct heard {
    bool push = false;
    std::uint64_t token = 0; ///< or subscription
    std::string what;        ///< body, or what else it was
  };

  hearer(caf::actor_config& config, cluster::home_loop& home, std::vector<heard>* into)
      : cluster::pinned_actor(config, home), into_(into) {}

  caf::behavior make_behavior() override {
    return {
      [this](const cluster::entity_reply& reply) {
        const bool ok = reply.status == cluster::reply_status::ok;
        into_->push_back({false, reply.token, ok ? reply.body : status_name(reply)});
      },
      [this](const cluster::entity_push& push) {
        into_->push_back({true, push.subscription, push.kind == cluster::push_kind::gone ? "gone" : *push.body});
      },
    };
  }

private:
  static std::string status_name(const cluster::entity_reply& reply) {
    switch (reply.status) {
    case cluster::reply_status::error: return "error " + text_of(reply.error);
    case cluster::reply_status::unavailable: return "unavailable";
    case cluster::reply_status::moved: return "moved";
    case cluster::reply_status::ok: break;
    }
    return "ok";
  }

  std::vector<heard>* into_;
};

/// Three nodes with one shard each, on one loop and virtual time. Who leads is what the test says.
class route_world : public ::testing::Test {
protected:
  using node_id = cluster::node_id;

  struct node {
    node(route_world& in, node_id self)
        : id(self), board(1), port(in.net, self, in.loop), router(in.system, port, board, options_of(self)), local(1) {
      cluster::shard_host::setup setup;
      setup.self = self;
      setup.factories = &in.factories;
      setup.router = &router;
      setup.board = &board;
      setup.counters = &counters;
      setup.ended = [this](bool) { ended = true; };
      host = in.system.spawn<cluster::shard_host>(in.loop, replica, std::move(setup));
      local.attach({host});
      router.attach(local);
      board.on_change(
        [this](cluster::shard_id, cluster::leadership) { caf::anon_send(host, cluster::shard_leader_known{}); });
      asker = in.system.spawn<hearer>(in.loop, &heard);
    }
    static cluster::cluster_router::options options_of(node_id self) {
      cluster::cluster_router::options out;
      out.self = self;
      out.shards = 1;
      return out;
    }

    node_id id;
    cluster::leader_board board;
    envelope_net::port port;
    cluster::cluster_router router;
    cluster::local_router local;
    cluster::shard_counters counters;
    fake_replica replica;
    bool ended = false;
    std::vector<hearer::heard> heard;
    caf::actor host;
    caf::actor asker;
  };

  route_world() {
    for (std::uint64_t i = 1; i <= 3; ++i) {
      nodes[i] = std::make_unique<node>(*this, node_id{i});
    }
    loop.run();
    for (const auto& [a, b] : {std::pair(1, 2), std::pair(1, 3), std::pair(2, 3)}) {
      link(a, b, true);
    }
  }
  ~route_world() override {
    for (const auto& [i, each] : nodes) {
      caf::anon_send_exit(each->asker, caf::exit_reason::kill);
      each->router.close({});
      caf::anon_send(each->host, cluster::shard_stop{});
    }
    loop.advance(10'000);
    for (const auto& [i, each] : nodes) {
      EXPECT_TRUE(each->ended);
      EXPECT_EQ(each->router.counters().pending.value(), 0);
      EXPECT_EQ(each->router.counters().taken.value(), 0);
      EXPECT_EQ(each->router.counters().listeners.value(), 0);
      EXPECT_EQ(each->router.counters().listening.value(), 0);
    }
    nodes.clear();
    loop.run();
  }

  void link(int a, int b, bool on) {
    net.set_link(node_id{static_cast<std::uint64_t>(a)}, node_id{static_cast<std::uint64_t>(b)}, on);
    loop.run();
  }

  /// That node leads from now on, and all others know; nobody tells them but the leaders' envelopes.
  void lead(std::uint64_t which, cluster::term_t term) {
    for (const auto& [i, each] : nodes) {
      if (i != which && each->replica.ready_term() != 0) {
        each->replica.lead(0);
      }
    }
    nodes[which]->board.note(shard, {node_id{which}, term});
    nodes[which]->replica.lead(term);
    loop.run();
  }

  cluster::entity_request_ptr ask(std::uint64_t from, const std::string& what, std::uint64_t token = 0,
                                  bool listens = false) {
    auto out = caf::make_counted<cluster::entity_request>();
    out->to = {cluster::entity_kind::user, cluster::entity_id{7}};
    out->body = what;
    out->reply_to = nodes[from]->asker;
    out->token = token;
    out->listens = listens;
    nodes[from]->router.send(out);
    return out;
  }
  /// Commits what that node's replica was given, until nobody proposes any more.
  void commit(std::uint64_t which) {
    fake_replica& replica = nodes[which]->replica;
    for (loop.run(); !replica.proposed.empty(); loop.run()) {
      replica.commit(replica.proposed.size());
    }
  }
  /// What the asker of that node heard since the last time: "token body", pushes with an asterisk.
  std::vector<std::string> heard(std::uint64_t at) {
    std::vector<std::string> out;
    for (const hearer::heard& each : std::exchange(nodes[at]->heard, {})) {
      out.push_back((each.push ? "*" : "") + std::to_string(each.token) + ' ' + each.what);
    }
    return out;
  }
  using strings = std::vector<std::string>;

  static constexpr cluster::shard_id shard{0};

  caf::actor_system_config config;
  caf::actor_system system{config};
  test_loop loop{system};
  envelope_net net;
  const cluster::entity_factories factories = told_entity::factories();
  std::map<std::uint64_t, std::unique_ptr<node>> nodes;
};

} // namespace godwit::test
