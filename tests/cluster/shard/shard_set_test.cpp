// All shards of a node over its real storage, on loops with threads of their own.

#include "cluster/shard/shard_set.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <future>
#include <map>

#include "cluster/shard/router.hpp"
#include "cluster/shard/shard_counters.hpp"
#include "persistence/lmdb/storage.hpp"
#include "tests/cluster/shard/asker.hpp"
#include "tests/cluster/shard/counter_entity.hpp"
#include "tests/cluster/shard/lane_entity.hpp"
#include "tests/support/thread_loop.hpp"

namespace godwit::test {
namespace {

using namespace cluster; // NOLINT: the subject
using persistence::node_id;
namespace lmdb = persistence::lmdb;

constexpr std::uint16_t shards = 4;

lmdb::storage_options small_maps() {
  lmdb::storage_options out;
  out.map_bytes = 1 << 20;
  return out;
}

/// A node's shards, from the opening of the folder to its closing.
struct small_node {
  explicit small_node(const std::filesystem::path& folder, std::size_t loops_count = 2,
                      entity_factories factories = counter_entity::factories(), bool founder = true,
                      bool resigned = false) {
    if (!std::filesystem::exists(folder / "lock")) {
      EXPECT_TRUE(lmdb::storage::create(folder, {node_id{1}, shards}));
    }
    auto opened = lmdb::storage::open(folder, events, events, small_maps());
    EXPECT_TRUE(opened);
    storage = std::move(*opened);
    for (std::size_t i = 0; i < loops_count; ++i) {
      loops.push_back(std::make_unique<thread_loop>(system));
      pointers.push_back(loops.back().get());
    }
    shard_set_options options;
    options.shards = shards;
    options.founder = founder;
    options.resigned = resigned;
    options.ready = [this] { all_ready.set_value(); };
    set = std::make_unique<shard_set>(system, pointers, storage->log(), storage->state(), events, std::move(factories),
                                      std::move(options));
    const auto started = set->start();
    EXPECT_TRUE(started);
  }

  /// Sends to one entity and waits for all answers, in the order of their arrival.
  std::vector<entity_reply> ask(std::uint64_t user, const std::string& what, std::size_t times = 1) {
    caf::scoped_actor self{system};
    for (std::size_t i = 0; i < times; ++i) {
      set->router().send(command(user, what, caf::actor_cast<caf::actor>(self), i));
    }
    std::vector<entity_reply> out;
    while (out.size() < times) {
      self->receive([&](const entity_reply& reply) { out.push_back(reply); });
    }
    return out;
  }
  std::string ask_one(std::uint64_t user, const std::string& what) {
    const entity_reply reply = ask(user, what).front();
    return reply.status == reply_status::ok ? reply.body : "unavailable";
  }

  caf::actor_system_config config;
  caf::actor_system system{config};
  storage_events events;
  std::unique_ptr<lmdb::storage> storage;
  std::vector<std::unique_ptr<thread_loop>> loops;
  std::vector<home_loop*> pointers;
  std::promise<void> all_ready;
  std::unique_ptr<shard_set> set; // first to go: the loops have to run
};

class shard_set_test : public ::testing::Test {
protected:
  shard_set_test() {
    std::string name = (std::filesystem::temp_directory_path() / "godwit_test_XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    folder = name;
  }
  ~shard_set_test() override { std::filesystem::remove_all(folder); }

  /// Every entry of every log is in the state.
  void expect_nothing_to_replay() {
    storage_events nobody;
    auto opened = lmdb::storage::open(folder, nobody, nobody, small_maps());
    ASSERT_TRUE(opened);
    for (std::uint16_t i = 0; i < shards; ++i) {
      const auto point = (*opened)->state().recover(shard_id{i});
      ASSERT_TRUE(point);
      const auto log = (*opened)->log().recover(shard_id{i}, point->point.index);
      ASSERT_TRUE(log);
      EXPECT_EQ(point->point.index + 1, log->first + log->entries.size()) << "shard " << i;
    }
  }

  std::filesystem::path folder;
};

// Goal: the whole way: router, host, entity, replica, log; every shard gets a leader; order is kept per entity.
TEST_F(shard_set_test, CountersCountOnEveryShard) {
  small_node node(folder);
  for (std::uint64_t user = 1; user <= 20; ++user) {
    const std::vector<entity_reply> answers = node.ask(user, "add", 50);
    for (std::size_t i = 0; i < answers.size(); ++i) {
      ASSERT_EQ(answers[i].token, i);
      ASSERT_EQ(answers[i].body, std::to_string(i + 1));
    }
  }
  EXPECT_EQ(node.all_ready.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_TRUE(node.set->ready());
  EXPECT_EQ(node.set->shards_ready(), shards);
  EXPECT_EQ(node.set->counters(0).applied.value() + node.set->counters(1).applied.value(), 1000U);
  EXPECT_EQ(node.set->counters(0).entities_started.value(), 10U) << "shards are dealt out to both loops";
  EXPECT_EQ(node.events.health(), storage_health::good);
}

// Goal: after an orderly stop the next start finds everything, and has nothing to replay.
TEST_F(shard_set_test, AnOrderlyStopKeepsEverythingAndLeavesNothingToReplay) {
  for (int round = 1; round <= 3; ++round) {
    small_node node(folder, round % 2 == 0 ? 1 : 2);
    for (std::uint64_t user = 1; user <= 10; ++user) {
      ASSERT_EQ(node.ask_one(user, "add"), std::to_string(round));
    }
    node.set->stop();
    EXPECT_TRUE(node.set->stopped());
    EXPECT_EQ(node.ask_one(1, "get"), "unavailable") << "a stopped router answers";
    node.set.reset();
    node.storage.reset();
    expect_nothing_to_replay();
  }
}

// Goal: an entity with more rows than a page holds loads them all, from the store as well as from memory.
TEST_F(shard_set_test, AnEntityLoadsItsRowsPageByPage) {
  constexpr std::size_t rows = 1000;
  static_assert(rows > 3 * limits::entity_page_rows_max);
  {
    small_node node(folder);
    EXPECT_EQ(node.ask(5, "log", rows).back().body, std::to_string(rows));
    EXPECT_EQ(node.ask_one(5, "throw"), "unavailable");
    EXPECT_EQ(node.ask_one(5, "rows"), std::to_string(rows + 1)) << "from memory";
    EXPECT_EQ(node.ask_one(6, "rows"), "0") << "a neighbour's rows are not its own";
  }
  small_node node(folder);
  EXPECT_EQ(node.ask_one(5, "rows"), std::to_string(rows + 1)) << "from the store";
  EXPECT_EQ(node.ask_one(5, "get"), std::to_string(rows + 1)) << "the proposal of the handler that threw was applied";
}

// Goal: many entities asked from several threads at once get every answer once and in order.
TEST_F(shard_set_test, ManyAskersGetTheirAnswersInOrder) {
  small_node node(folder);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (std::uint64_t part = 0; part < 4; ++part) {
    threads.emplace_back([&, part] {
      caf::scoped_actor self{node.system};
      const caf::actor me = caf::actor_cast<caf::actor>(self);
      constexpr std::uint64_t users = 50;
      constexpr std::uint64_t each = 20;
      for (std::uint64_t i = 0; i < users * each; ++i) {
        const std::uint64_t user = part * users + i % users;
        node.set->router().send(command(user, "add", me, user));
      }
      std::map<std::uint64_t, std::uint64_t> counted;
      for (std::uint64_t i = 0; i < users * each; ++i) {
        self->receive([&](const entity_reply& reply) {
          wrong += reply.status != reply_status::ok || reply.body != std::to_string(++counted[reply.token]);
        });
      }
    });
  }
  for (std::thread& each : threads) {
    each.join();
  }
  EXPECT_EQ(wrong, 0);
}

// Goal: a stop in the middle of work answers what it took and loses nothing that it acknowledged.
TEST_F(shard_set_test, AStopUnderLoadLosesNothingAcknowledged) {
  std::uint64_t acknowledged = 0;
  {
    small_node node(folder);
    caf::scoped_actor self{node.system};
    constexpr std::size_t requests = 2000;
    for (std::size_t i = 0; i < requests; ++i) {
      node.set->router().send(command(3, "add", caf::actor_cast<caf::actor>(self), i));
    }
    self->receive([&](const entity_reply& reply) { acknowledged += reply.status == reply_status::ok ? 1U : 0U; });
    node.set->stop();
    for (std::size_t i = 1; i < requests; ++i) {
      self->receive([&](const entity_reply& reply) { acknowledged += reply.status == reply_status::ok ? 1U : 0U; });
    }
  }
  small_node node(folder);
  EXPECT_GE(std::stoull(node.ask_one(3, "get")), acknowledged);
  EXPECT_GT(acknowledged, 0U);
}

// Goal: deliveries between shards on two loops, with threads of their own, arrive exactly once; also those that a stop
// of the node finds on their way. Method: every account counts what it sent and what came.
TEST_F(shard_set_test, DeliveriesCrossLoopsAndRestarts) {
  constexpr std::uint64_t users = 16;
  constexpr std::uint64_t requests = 100;
  constexpr std::uint64_t lives = 3;
  for (std::uint64_t life = 0; life < lives; ++life) {
    small_node node(folder, life == 1 ? 1 : 2, lane_entity::factories());
    caf::scoped_actor self{node.system};
    for (std::uint64_t i = 0; i < users * requests; ++i) {
      const std::string what = "send " + std::to_string(i * 7 % users) + ' ' + std::to_string(i * 5 % users + users);
      node.set->router().send(command(i % users, what, caf::actor_cast<caf::actor>(self)));
    }
    std::uint64_t answered = 0;
    for (std::uint64_t i = 0; i < users * requests; ++i) {
      self->receive([&](const entity_reply& reply) { answered += reply.status == reply_status::ok ? 1 : 0; });
    }
    EXPECT_EQ(answered, users * requests);
  }
  small_node node(folder, 2, lane_entity::factories());
  std::uint64_t came = 0;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (came < 2 * users * requests * lives && std::chrono::steady_clock::now() < until) {
    came = 0;
    for (std::uint64_t user = 0; user < 2 * users; ++user) {
      came += std::stoull(node.ask_one(user, "get"));
    }
  }
  EXPECT_EQ(came, 2 * users * requests * lives);
}

/// Waits for what the ticks of the loops bring about.
bool comes_true(const std::function<bool()>& what) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!what() && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return what();
}

// Goal: the cluster's own shard is one more, begun, led and kept as the others are.
TEST_F(shard_set_test, TheClustersOwnShardIsOneMore) {
  for (const persistence::term_t at_least : {1, 2}) {
    small_node node(folder);
    EXPECT_TRUE(comes_true([&] {
      const std::vector<shard_status> all = node.set->status();
      return all.size() == shards + 1U && all.back().shard == meta_shard && all.back().ready_term >= at_least;
    }));
    EXPECT_EQ(node.set->shards_ready(), shards) << "it is not one of the key space";
    std::promise<shard_id> told;
    node.set->on_shard(meta_shard, [&](shard_port& port) { told.set_value(port.shard()); });
    EXPECT_EQ(told.get_future().get(), meta_shard);
  }
}

// Goal: a node that joins begins nothing of its own, not at its second start either; what a node began it goes on with,
// whether it is told to begin or not.
TEST_F(shard_set_test, AJoinerBeginsNothing) {
  for (int life = 0; life < 2; ++life) {
    small_node node(folder, 2, counter_entity::factories(), false);
    // Longer than any election takes.
    std::this_thread::sleep_for(std::chrono::milliseconds(2500));
    for (const shard_status& each : node.set->status()) {
      EXPECT_EQ(each.last, 0U);
      EXPECT_EQ(each.term, 0U);
      EXPECT_EQ(each.role, persistence::raft::role::follower);
      EXPECT_TRUE(each.members.members.empty());
    }
    EXPECT_FALSE(node.set->ready());
  }
  {
    small_node node(folder);
    EXPECT_EQ(node.ask_one(3, "add"), "1");
  }
  small_node node(folder, 2, counter_entity::factories(), false);
  EXPECT_EQ(node.ask_one(3, "get"), "1");
}

// Goal: a replica whose snapshot cannot be had is made again with what the disks hold, over the real storage; one that
// waits for none goes on. Method: a node that joins is offered snapshots by a leader that the test plays.
TEST_F(shard_set_test, AReplicaIsMadeAgainFromTheDisks) {
  constexpr shard_id which{1};
  small_node node(folder, 2, counter_entity::factories(), false);
  const auto status = [&] { return node.set->status().at(which.value()); };
  for (persistence::term_t term = 5; term < 10; ++term) {
    persistence::raft::install_snapshot offer;
    offer.point.index = 100 * term;
    offer.point.term = term;
    offer.point.members.members = {{node_id{2}, persistence::member_role::voter},
                                   {node_id{1}, persistence::member_role::standby}};
    offer.point.configuration_index = 1;
    node.set->receive(which, {node_id{2}, node_id{1}, term, offer});
    ASSERT_TRUE(comes_true([&] { return status().installing && status().term == term; }));
    node.set->make_again(which);
    node.set->make_again(which); // once is enough
    ASSERT_TRUE(comes_true([&] { return !status().installing && status().term == term; }));
    EXPECT_EQ(status().last, 0U);
    EXPECT_FALSE(status().failed);
    EXPECT_TRUE(status().members.members.empty());
  }
}

// Goal: a replica that waits for no snapshot is not ended by who says late that there is none.
TEST_F(shard_set_test, AReplicaThatInstallsNothingIsNotMadeAgain) {
  small_node node(folder);
  ASSERT_EQ(node.ask_one(1, "add"), "1");
  for (int i = 0; i < 20; ++i) {
    node.set->make_again(shard_id{1});
    ASSERT_EQ(node.ask_one(1, "get"), "1");
  }
}

// Goal: a node may begin resigned, and serves when it is told that it may.
TEST_F(shard_set_test, ANodeMayBeginResigned) {
  small_node node(folder, 2, counter_entity::factories(), true, true);
  EXPECT_TRUE(comes_true([&] {
    const std::vector<shard_status> all = node.set->status();
    return all.front().role == persistence::raft::role::leader && all.front().resigned;
  }));
  EXPECT_EQ(node.set->shards_ready(), 0U);
  EXPECT_EQ(node.ask_one(1, "add"), "unavailable");
  node.set->resign(false);
  EXPECT_TRUE(comes_true([&] { return node.ask_one(1, "get") == "0"; }));
  EXPECT_EQ(node.ask_one(1, "add"), "1");
}

// Goal: a sole voter that is to lead nothing has nobody to give to: it serves nothing, until it may lead.
TEST_F(shard_set_test, ANodeThatResignsAloneServesNothing) {
  small_node node(folder);
  ASSERT_EQ(node.ask_one(1, "add"), "1");
  node.set->resign(true);
  EXPECT_TRUE(comes_true([&] { return node.set->shards_ready() == 0; }));
  EXPECT_EQ(node.ask_one(1, "get"), "unavailable");
  node.set->resign(false);
  EXPECT_TRUE(comes_true([&] { return node.ask_one(1, "get") == "1"; }));
}

// Goal: storage troubles reach the operator with their health, the worse of the two stores.
TEST(storage_events, TellsTheOperatorOfTheWorseStore) {
  std::vector<storage_health> heard;
  storage_events events([&](storage_health health, const persistence::storage_error&) { heard.push_back(health); });
  events.log_failed({persistence::persistence_errc::no_space, "full"});
  events.state_failed({persistence::persistence_errc::no_space, "full"});
  events.log_recovered();
  events.state_recovered();
  events.state_failed({persistence::persistence_errc::io_error, "gone"});
  events.log_failed({persistence::persistence_errc::no_space, "full"});
  using enum storage_health;
  EXPECT_EQ(heard, (std::vector{no_space, no_space, no_space, good, failed, failed}));
  EXPECT_EQ(events.failures().value(), 4U);
  EXPECT_EQ(events.health(), failed);
}

} // namespace
} // namespace godwit::test
