// Three nodes of one process over real storage, each with a loop and thread of its own: shards replicated between them,
// requests from any node. The links are the only part that is not real.

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <future>
#include <thread>

#include "cluster/route/cluster_router.hpp"
#include "cluster/route/peer_replicas.hpp"
#include "cluster/shard/local_router.hpp"
#include "cluster/shard/shard_counters.hpp"
#include "cluster/shard/shard_set.hpp"
#include "persistence/lmdb/storage.hpp"
#include "tests/cluster/route/envelope_net.hpp"
#include "tests/cluster/shard/asker.hpp"
#include "tests/cluster/shard/counter_entity.hpp"
#include "tests/cluster/shard/lane_entity.hpp"
#include "tests/support/thread_loop.hpp"

namespace godwit::test {
namespace {

using namespace cluster; // NOLINT: the subject
using persistence::member_role;
using persistence::raft::role;
namespace lmdb = persistence::lmdb;
using namespace std::chrono_literals;

constexpr std::uint16_t shards = 4;

lmdb::storage_options small_maps() {
  lmdb::storage_options out;
  out.map_bytes = 1 << 20;
  return out;
}

/// One node, from the opening of its folder to its closing.
struct live_node {
  live_node(envelope_net& net, const std::filesystem::path& folder, node_id self, bool founder,
            entity_factories factories)
      : id(self) {
    if (!std::filesystem::exists(folder / "lock")) {
      EXPECT_TRUE(lmdb::storage::create(folder, {self, shards}));
    }
    auto opened = lmdb::storage::open(folder, events, events, small_maps());
    EXPECT_TRUE(opened);
    storage = std::move(*opened);
    loop = std::make_unique<thread_loop>(system);
    port = std::make_unique<envelope_net::port>(net, self, *loop);
    cluster_router::options routing;
    routing.self = self;
    routing.shards = shards;
    router = std::make_unique<cluster_router>(system, *port, board, routing);
    peer_replicas::options replicas;
    replicas.self = self;
    peers = std::make_unique<peer_replicas>(*port, replicas);
    shard_set_options options;
    options.self = self;
    options.shards = shards;
    options.founder = founder;
    options.members = {{{self, member_role::voter}}};
    options.board = &board;
    options.router = router.get();
    options.failed = [](shard_id shard, const persistence::storage_error& why) {
      ADD_FAILURE() << "shard " << shard.value() << ": " << why.message;
    };
    home_loop* const home = loop.get();
    set = std::make_unique<shard_set>(system, std::span(&home, 1), storage->log(), storage->state(), events,
                                      std::move(factories), std::move(options), peers.get());
    router->attach(set->local());
    peers->attach([this](shard_id shard, persistence::raft::message what) { set->receive(shard, std::move(what)); });
    EXPECT_TRUE(set->start());
  }
  ~live_node() {
    set->stop();
    std::promise<void> closed;
    router->close([&] { closed.set_value(); });
    closed.get_future().wait();
    port.reset();
    loop.reset();
  }

  std::string ask_once(std::uint64_t user, const std::string& what) {
    caf::scoped_actor self{system};
    router->send(command(user, what, caf::actor_cast<caf::actor>(self)));
    entity_reply got;
    self->receive([&](const entity_reply& reply) { got = reply; });
    return got.status == reply_status::ok ? got.body : "unavailable";
  }
  /// Of what may be asked again.
  std::string ask(std::uint64_t user, const std::string& what) {
    const auto until = std::chrono::steady_clock::now() + 8s;
    std::string got = ask_once(user, what);
    while (got == "unavailable" && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(20ms);
      got = ask_once(user, what);
    }
    return got;
  }
  /// Makes that user send its next delivery, which is of that number, once.
  std::string send(std::uint64_t user, std::uint64_t number) {
    for (std::string sent = ask(user, "sent"); sent == std::to_string(number - 1); sent = ask(user, "sent")) {
      if (const std::string got = ask_once(user, "send 9"); got != "unavailable") {
        return got;
      }
    }
    return ask(user, "sent");
  }

  node_id id;
  caf::actor_system_config config;
  caf::actor_system system{config};
  storage_events events;
  std::unique_ptr<lmdb::storage> storage;
  leader_board board{shards};
  std::unique_ptr<thread_loop> loop;
  std::unique_ptr<envelope_net::port> port;
  std::unique_ptr<cluster_router> router;
  std::unique_ptr<peer_replicas> peers;
  std::unique_ptr<shard_set> set;
};

class three_nodes_test : public ::testing::Test {
protected:
  three_nodes_test() {
    std::string name = (std::filesystem::temp_directory_path() / "godwit_test_XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    folder = name;
    for (std::uint64_t i = 1; i <= 3; ++i) {
      start(i);
    }
  }
  ~three_nodes_test() override {
    for (auto& each : nodes) {
      each.reset();
    }
    std::filesystem::remove_all(folder);
  }

  void start(std::uint64_t which) {
    nodes[which] = std::make_unique<live_node>(net, folder / std::to_string(which), node_id{which}, which == 1,
                                               lane_entity::factories());
    for (std::uint64_t other = 1; other <= 3; ++other) {
      if (other != which && nodes[other]) {
        net.set_link(node_id{which}, node_id{other}, true);
      }
    }
  }
  void stop(std::uint64_t which) {
    for (std::uint64_t other = 1; other <= 3; ++other) {
      if (other != which) {
        net.set_link(node_id{which}, node_id{other}, false);
      }
    }
    nodes[which].reset();
  }

  static bool wait(const std::function<bool()>& until, std::chrono::seconds at_most = 60s) {
    const auto end = std::chrono::steady_clock::now() + at_most;
    while (!until()) {
      if (std::chrono::steady_clock::now() > end) {
        return false;
      }
      std::this_thread::sleep_for(10ms);
    }
    return true;
  }

  /// How a slot stands on all nodes, for messages.
  std::string stand(std::uint16_t slot) {
    std::string out;
    for (std::uint64_t i = 1; i <= 3; ++i) {
      const shard_status is = status(i, slot);
      out += "node " + std::to_string(i) + ": role " + std::to_string(static_cast<int>(is.role)) + " term " +
             std::to_string(is.term) + " ready " + std::to_string(is.ready_term) + " leader " +
             std::to_string(is.leader.value()) + " applied " + std::to_string(is.applied) + " commit " +
             std::to_string(is.commit) + " last " + std::to_string(is.last) + " members " +
             std::to_string(is.members.members.size()) + "; board " +
             std::to_string(nodes[i]->board.find(shard_at(slot)).node.value()) + "\n";
    }
    return out;
  }

  static shard_id shard_at(std::uint16_t slot) { return slot == shards ? meta_shard : shard_id{slot}; }

  shard_status status(std::uint64_t node, std::uint16_t slot) {
    const std::vector<shard_status> all = nodes[node]->set->status();
    return slot < all.size() ? all[slot] : shard_status{};
  }

  /// Makes all three nodes voters of every shard, by the leader's port, one step at a time.
  void join_all() {
    for (std::uint16_t slot = 0; slot <= shards; ++slot) {
      ASSERT_TRUE(wait([&] { return status(1, slot).ready_term != 0; })) << "slot " << slot;
      for (const std::uint64_t joiner : {2, 3}) {
        add(slot, node_id{joiner});
      }
    }
  }

  void add(std::uint16_t slot, node_id joiner) {
    for (const member_role as : {member_role::standby, member_role::voter}) {
      ASSERT_TRUE(wait([&] {
        std::promise<bool> done;
        nodes[1]->set->on_shard(shard_at(slot), [&](shard_port& port) {
          persistence::configuration next = port.members();
          auto found =
            std::find_if(next.members.begin(), next.members.end(), [&](const auto& each) { return each.id == joiner; });
          if (found != next.members.end() && found->role == as) {
            done.set_value(!port.change_pending());
            return;
          }
          if (found == next.members.end()) {
            next.members.push_back({joiner, as});
          } else {
            found->role = as;
          }
          const bool caught_up = as == member_role::standby || port.match_index(joiner) >= port.commit_index();
          if (!port.change_pending() && caught_up) {
            (void)port.change_members(next);
          }
          done.set_value(false);
        });
        const bool there = done.get_future().get();
        if (!there) {
          std::this_thread::sleep_for(20ms);
        }
        return there;
      }))
        << "slot " << slot << " node " << joiner.value();
    }
  }

  std::filesystem::path folder;
  envelope_net net;
  std::array<std::unique_ptr<live_node>, 4> nodes;
};

// Goal: nodes without any log take part in nothing, join what the first one began, and any of them is asked and answers.
// The cluster's own shard goes along with the others.
TEST_F(three_nodes_test, JoinersTakePartInWhatTheFounderBegan) {
  ASSERT_TRUE(wait([&] { return nodes[1]->set->ready(); }));
  for (const std::uint64_t joiner : {2, 3}) {
    for (const shard_status& each : nodes[joiner]->set->status()) {
      EXPECT_EQ(each.last, 0U);
      EXPECT_EQ(each.role, role::follower);
    }
  }
  EXPECT_EQ(nodes[2]->ask(5, "send 6"), "1") << "a node without any replica still reaches the leader";
  join_all();
  for (std::uint64_t node = 1; node <= 3; ++node) {
    EXPECT_TRUE(wait([&] { return nodes[node]->set->ready(); }));
    ASSERT_EQ(nodes[node]->set->status().size(), shards + 1U);
    for (std::uint16_t slot = 0; slot <= shards; ++slot) {
      EXPECT_TRUE(wait([&] {
        const shard_status is = status(node, slot);
        return is.leader == node_id{1} && is.members.members.size() == 3 && is.applied == is.commit &&
               is.last == status(1, slot).last;
      }))
        << "node " << node << " slot " << slot;
    }
  }
  EXPECT_EQ(nodes[3]->ask(5, "send 6"), "2");
  EXPECT_TRUE(wait([&] { return nodes[2]->ask(6, "get") == "2"; })) << "deliveries arrive";
}

// Goal: any node may go; the others go on, what was acknowledged stays, and it comes back. Method: each node in turn is
// stopped and started while another counts.
TEST_F(three_nodes_test, AnyNodeMayGoAndComeBack) {
  join_all();
  std::uint64_t counted = 0;
  for (const std::uint64_t gone : {1, 2, 3}) {
    const std::uint64_t at = gone % 3 + 1;
    for (std::uint64_t user = 0; user < shards; ++user) {
      EXPECT_EQ(nodes[at]->send(user, counted + 1), std::to_string(counted + 1));
    }
    stop(gone);
    for (std::uint64_t user = 0; user < shards; ++user) {
      EXPECT_EQ(nodes[at]->send(user, counted + 2), std::to_string(counted + 2)) << "without node " << gone;
    }
    start(gone);
    counted += 2;
    for (std::uint64_t user = 0; user < shards; ++user) {
      EXPECT_TRUE(wait([&] { return nodes[gone]->ask(user, "sent") == std::to_string(counted); }))
        << nodes[gone]->ask(user, "sent");
    }
  }
  EXPECT_TRUE(wait([&] { return nodes[2]->ask(9, "get") == std::to_string(counted * shards); }))
    << "deliveries survive, each once: " << nodes[2]->ask(9, "get");
}

// Goal: leadership goes where it is told, and requests follow. Method: one node asks without a pause meanwhile.
TEST_F(three_nodes_test, LeadershipMovesWhileOthersAsk) {
  join_all();
  std::uint64_t asked = 0;
  for (const std::uint64_t to : {2, 3, 1}) {
    // A hand-over under load may be given up, and is asked for again then.
    const auto hand_over = [&] {
      for (std::uint64_t node = 1; node <= 3; ++node) {
        nodes[node]->set->on_shard(shard_id{1}, [to](shard_port& port) {
          if (port.role() == role::leader && !port.transferring()) {
            (void)port.transfer(node_id{to});
          }
        });
      }
    };
    auto asked_at = std::chrono::steady_clock::time_point{};
    EXPECT_TRUE(wait(
      [&] {
        if (const auto now = std::chrono::steady_clock::now(); now - asked_at > 3s) {
          asked_at = now;
          hand_over();
        }
        ++asked;
        EXPECT_EQ(nodes[1]->send(1, asked), std::to_string(asked)) << stand(1);
        return status(to, 1).ready_term != 0;
      },
      20s))
      << stand(1);
  }
}

// Goal: two nodes that lose their link with one another serve on by way of the third: askers on either reach what the
// other leads, deliveries between such shards arrive, each once, and nobody else is elected; the same when the link is
// back. Method: one shard led by each of the two, a user of either sends to one of the other.
TEST_F(three_nodes_test, ACutBetweenTwoIsBridgedByTheThird) {
  join_all();
  const auto user_of = [](std::uint16_t slot) {
    std::uint64_t user = 1;
    while (shard_of({entity_kind::user, entity_id{user}}, shards) != shard_id{slot}) {
      ++user;
    }
    return user;
  };
  const std::uint64_t near = user_of(0); // led by node 1
  const std::uint64_t far = user_of(1);  // led by node 2
  nodes[1]->set->on_shard(shard_id{1}, [](shard_port& port) { EXPECT_TRUE(port.transfer(node_id{2})); });
  ASSERT_TRUE(wait([&] { return status(2, 1).ready_term != 0; })) << stand(1);
  ASSERT_TRUE(wait([&] { return nodes[1]->board.find(shard_id{1}).node == node_id{2}; }));
  const auto term = status(2, 1).ready_term;
  const auto deliver = [&](std::uint64_t at, std::uint64_t from, std::uint64_t to, const std::string& number) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(nodes[at]->ask(from, "send " + std::to_string(to)), number);
    EXPECT_TRUE(wait([&] { return nodes[at]->ask(to, "get") == number; }, 20s)) << nodes[at]->ask(to, "get");
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
  };
  deliver(1, near, far, "1");
  deliver(2, far, near, "1");
  net.set_link(node_id{1}, node_id{2}, false);
  for (const char* number : {"2", "3", "4"}) {
    deliver(1, near, far, number);
    deliver(2, far, near, number);
  }
  EXPECT_EQ(status(2, 1).ready_term, term) << "nobody else was elected";
  EXPECT_NE(status(1, 0).ready_term, 0U);
  EXPECT_GT(nodes[3]->router->counters().relayed.value(), 0U);
  EXPECT_GT(nodes[3]->router->counters().lanes_relayed.value(), 0U);
  net.set_link(node_id{1}, node_id{2}, true);
  deliver(1, near, far, "5");
  deliver(2, far, near, "5");
}

// Goal: a node that is to lead nothing gives everything away, and takes nothing back until it may; alone it serves
// nothing.
TEST_F(three_nodes_test, ANodeThatResignsLeadsNothing) {
  join_all();
  ASSERT_EQ(nodes[2]->send(1, 1), "1");
  nodes[1]->set->resign(true);
  EXPECT_TRUE(wait([&] {
    for (std::uint16_t slot = 0; slot <= shards; ++slot) {
      if (status(1, slot).role == role::leader || status(1, slot).leader == persistence::no_node) {
        return false;
      }
    }
    return true;
  }));
  EXPECT_EQ(nodes[1]->send(1, 2), "2");
  EXPECT_EQ(nodes[1]->set->shards_ready(), 0U);
  nodes[1]->set->resign(false);
}

} // namespace
} // namespace godwit::test
