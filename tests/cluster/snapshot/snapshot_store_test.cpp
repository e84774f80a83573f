// Streams between two real stores, whose threads read and import.

#include <chrono>
#include <thread>

#include "persistence/log/configuration_codec.hpp"
#include "persistence/state/mutation.hpp"
#include "tests/cluster/snapshot/fake_network.hpp"
#include "tests/persistence/lmdb/state_fixture.hpp"
#include "tests/support/test_loop.hpp"

#include <caf/actor_system_config.hpp>

#include "cluster/snapshot/snapshot_streams.hpp"

namespace godwit::persistence::lmdb::test {
namespace {

using cluster::snapshot_streams;
using godwit::test::fake_network;
using godwit::test::fake_wires;
using godwit::test::test_loop;

constexpr shard_id shard{5};

row_map rows_in(lmdb_state_store& store) {
  row_map out;
  EXPECT_TRUE(store.snapshot().value()->scan(shard, {}, [&](std::string_view key, std::string_view value) {
    out.emplace(key, value);
    return true;
  }));
  return out;
}

class snapshot_store : public ::testing::Test {
protected:
  struct node {
    node(snapshot_store& of, std::uint64_t number, const std::filesystem::path& folder)
        : on(folder), network(of.wires, node_id{number}) {
      snapshot_streams::options options;
      options.self = node_id{number};
      options.seed = number;
      options.leader_of = [](shard_id) { return node_id{1}; };
      options.address_of = [](node_id which) { return fake_wires::address_of(which); };
      options.chunk_bytes = 20'000;
      streams = std::make_unique<snapshot_streams>(of.loop, network, *on.store, std::move(options));
      network.take_with(
        [this](auto connection, auto, node_id certified) { streams->take(std::move(connection), certified); });
    }
    open_store on;
    fake_network network;
    std::unique_ptr<snapshot_streams> streams;
  };

  ~snapshot_store() override {
    for (auto* const each : {&from, &to}) {
      stop(*each);
    }
  }

  void stop(std::unique_ptr<node>& which) {
    if (which) {
      which->streams->stop({});
      loop.run();
      which.reset(); // streams, then the store with its threads
    }
  }

  /// Entries of 50 rows; a row of each is changed by a later one.
  static void fill(node& which, int entries, index_t first = 1) {
    shard_state state(shard, *which.on.store, which.on.store->recover(shard).value(), {});
    if (state.applied().index == 0) {
      const configuration alone{{{node_id{1}, member_role::voter}}};
      ASSERT_TRUE(state.apply(1, {1, entry_kind::change, slice::adopt(encode_configuration(alone))}));
    }
    for (int i = 0; i < entries; ++i) {
      std::vector<std::pair<std::string, std::optional<std::string>>> writes;
      for (int row = 0; row < 50; ++row) {
        const int number = static_cast<int>(first) * 1000 + i * 49 + row;
        writes.emplace_back(row_key(table_id{7}, entity_id{2}, std::to_string(number)),
                            std::string(static_cast<std::size_t>(100 + number % 400), static_cast<char>('a' + i % 26)));
      }
      ASSERT_TRUE(state.apply(state.applied().index + 1, entry_of(writes)));
    }
    ASSERT_TRUE(state.flush(1, state.applied().index, true));
    which.on.store->kick();
    flush_completion done;
    while (done.written.point.index != state.applied().index && which.on.sink.wait()) {
      for (const flush_completion& each : which.on.sink.take()) {
        state.flushed(each);
        done = each;
      }
    }
  }

  void fetch() {
    to->streams->fetch(shard, node_id{1}, {1, 1, {}, 0}, [this](const flushed_state& state) { arrived = state; });
  }

  /// Rounds of the loop, in real time, until `what` holds.
  template <class What>
  bool wait_for(What&& what) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!what()) {
      if (std::chrono::steady_clock::now() > end) {
        return false;
      }
      loop.advance(1);
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    return true;
  }

  caf::actor_system_config config;
  caf::actor_system system{config};
  test_loop loop{system};
  fake_wires wires{loop};
  temporary_folder from_folder;
  temporary_folder to_folder;
  std::unique_ptr<node> from = std::make_unique<node>(*this, 1, from_folder.path());
  std::unique_ptr<node> to = std::make_unique<node>(*this, 2, to_folder.path());
  std::optional<flushed_state> arrived;
};

// Goal: the receiver's store holds the sender's rows, durably, and nothing of what it held before, while the sender's
// rows change meanwhile.
TEST_F(snapshot_store, TheRowsBecomeThoseOfTheSender) {
  fill(*from, 100);
  fill(*to, 3, 90);
  const row_map rows = rows_in(*from->on.store);
  ASSERT_GT(rows.size(), 4000U);
  int chunks = 0;
  wires.on_frame = [&](node_id sender, node_id, std::string&) {
    if (sender == node_id{1} && ++chunks == 10) {
      fill(*from, 5, 70); // not in the picture
    }
    return true;
  };
  fetch();
  ASSERT_TRUE(wait_for([&] { return arrived.has_value(); }));
  EXPECT_GT(chunks, 30);
  EXPECT_EQ(arrived->point.index, 101U);
  EXPECT_TRUE(rows_in(*to->on.store) == rows);
  EXPECT_NE(rows_in(*from->on.store).size(), rows.size());
  const auto expected = arrived->point;
  stop(to);
  to = std::make_unique<node>(*this, 2, to_folder.path());
  EXPECT_EQ(to->on.store->recover(shard)->point, expected);
  EXPECT_TRUE(rows_in(*to->on.store) == rows);
}

// Goal: the same with a connection that breaks at every fifth frame.
TEST_F(snapshot_store, BreaksAreGoneOnBehind) {
  fill(*from, 60);
  int frames = 0;
  wires.on_frame = [&](node_id, node_id, std::string&) { return ++frames % 5 != 0; };
  fetch();
  ASSERT_TRUE(wait_for([&] { return arrived.has_value(); }));
  EXPECT_TRUE(rows_in(*to->on.store) == rows_in(*from->on.store));
  EXPECT_GT(to->streams->counters().resumed.value(), 3U);
}

// Goal: a receiver that ends in the middle, wherever, recovers what it held before; then the whole of it arrives.
TEST_F(snapshot_store, AReceiverThatEndsInTheMiddleHoldsWhatItHeld) {
  fill(*from, 40);
  fill(*to, 2, 90);
  const row_map before = rows_in(*to->on.store);
  for (const int at : {3, 8, 15, 25}) {
    int frames = 0;
    wires.on_frame = [&](node_id, node_id, std::string&) { return ++frames <= at; };
    fetch();
    ASSERT_TRUE(wait_for([&] { return frames > at; })) << at;
    stop(to);
    to = std::make_unique<node>(*this, 2, to_folder.path());
    EXPECT_EQ(to->on.store->recover(shard)->point.index, 3U);
    EXPECT_TRUE(rows_in(*to->on.store) == before);
    EXPECT_FALSE(arrived);
  }
  wires.on_frame = {};
  fetch();
  ASSERT_TRUE(wait_for([&] { return arrived.has_value(); }));
  EXPECT_TRUE(rows_in(*to->on.store) == rows_in(*from->on.store));
}

// Goal: both ends may stop at any moment: stores close without a picture of theirs left open.
TEST_F(snapshot_store, StoresMayCloseAtAnyMoment) {
  fill(*from, 40);
  for (int rounds = 0; rounds < 40; rounds += 2) {
    fetch();
    for (int i = 0; i < rounds; ++i) {
      loop.advance(1);
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    stop(rounds % 4 == 0 ? from : to);
    loop.advance(10);
    if (!from) {
      from = std::make_unique<node>(*this, 1, from_folder.path());
    } else {
      to = std::make_unique<node>(*this, 2, to_folder.path());
    }
  }
  arrived.reset();
  fetch();
  ASSERT_TRUE(wait_for([&] { return arrived.has_value(); }));
  EXPECT_TRUE(rows_in(*to->on.store) == rows_in(*from->on.store));
}

} // namespace
} // namespace godwit::persistence::lmdb::test
