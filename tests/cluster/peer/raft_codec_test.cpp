#include "cluster/peer/raft_codec.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "persistence/log/configuration_codec.hpp"

namespace godwit::cluster {
namespace {

namespace raft = persistence::raft;
using persistence::configuration;
using persistence::entry_kind;
using persistence::log_entry;
using persistence::member_role;
using persistence::node_id;
using persistence::shard_id;
using persistence::slice;

const configuration members{{{node_id(3), member_role::voter}, {node_id(1), member_role::standby}}};

raft::append_entries some_entries() {
  raft::append_entries made;
  made.prev_index = 1'000'000'000'000;
  made.prev_term = 7;
  made.leader_commit = 999'999'999'999;
  made.sent_at = 123'456'789;
  made.entries.push_back({7, entry_kind::command, slice::copy_of("first")});
  made.entries.push_back({8, entry_kind::barrier, {}});
  made.entries.push_back({8, entry_kind::change, slice::copy_of(persistence::encode_configuration(members))});
  made.entries.push_back({8, entry_kind::command, slice::copy_of(std::string(100'000, '\0'))});
  return made;
}

std::vector<raft::message_body> every_kind() {
  return {
    raft::append_entries{},
    some_entries(),
    raft::append_result{41, 42, 43},
    raft::request_vote{51, 52, true, false},
    raft::request_vote{51, 52, false, true},
    raft::vote_result{true, false},
    raft::vote_result{false, true},
    raft::install_snapshot{{61, 62, members, 63}},
    raft::timeout_now{71, 72},
  };
}

struct equal_bodies {
  bool operator()(const raft::append_entries& a, const raft::append_entries& b) const {
    return a.prev_index == b.prev_index && a.prev_term == b.prev_term && a.leader_commit == b.leader_commit &&
           a.entries == b.entries && a.entries_missing == b.entries_missing && a.sent_at == b.sent_at;
  }
  bool operator()(const raft::append_result& a, const raft::append_result& b) const {
    return a.rejected == b.rejected && a.last_index == b.last_index && a.echo == b.echo;
  }
  bool operator()(const raft::request_vote& a, const raft::request_vote& b) const {
    return a.last_index == b.last_index && a.last_term == b.last_term && a.disrupt_leader == b.disrupt_leader &&
           a.pre_vote == b.pre_vote;
  }
  bool operator()(const raft::vote_result& a, const raft::vote_result& b) const {
    return a.granted == b.granted && a.pre_vote == b.pre_vote;
  }
  bool operator()(const raft::install_snapshot& a, const raft::install_snapshot& b) const { return a.point == b.point; }
  bool operator()(const raft::timeout_now& a, const raft::timeout_now& b) const {
    return a.last_index == b.last_index && a.last_term == b.last_term;
  }
  template <class A, class B>
  bool operator()(const A&, const B&) const {
    return false;
  }
};

std::string encoded(const raft::message_body& body) {
  std::string out = "what stands before";
  const std::size_t before = out.size();
  encode_raft(shard_id(0xFFFF), {node_id(1), node_id(2), 99, body}, out);
  return out.substr(before);
}

// Goal: each kind of message arrives as it left; who sent it is said by the link, not by the bytes.
TEST(RaftCodec, EveryKindOfMessageComesBackAsItWas) {
  for (const raft::message_body& body : every_kind()) {
    const auto read = decode_raft(node_id(11), node_id(12), slice::adopt(encoded(body)));
    ASSERT_TRUE(read) << body.index();
    EXPECT_EQ(read->shard, shard_id(0xFFFF));
    EXPECT_EQ(read->what.from, node_id(11));
    EXPECT_EQ(read->what.to, node_id(12));
    EXPECT_EQ(read->what.term, 99U);
    EXPECT_TRUE(std::visit(equal_bodies{}, read->what.body, body)) << body.index();
  }
}

// Goal: payloads are parts of the frame, without a copy.
TEST(RaftCodec, PayloadsAreParts) {
  const slice frame = slice::adopt(encoded(some_entries()));
  const auto read = decode_raft(node_id(1), node_id(2), frame);
  ASSERT_TRUE(read);
  const auto& append = std::get<raft::append_entries>(read->what.body);
  const log_entry& last = append.entries.back();
  EXPECT_EQ(last.payload.data() + last.payload.size(), frame.data() + frame.size());
  EXPECT_EQ(append.entries.front().payload.view(), "first");
}

// Goal: any bytes are taken, and what is read of them is nothing that a replica could not have made. Method: messages
// with bytes changed, cut and added at random; what passes is encoded again and read again.
TEST(RaftCodec, TakesAnyBytes) {
  std::mt19937 random(17);
  int passed = 0;
  int refused = 0;
  for (const raft::message_body& body : every_kind()) {
    std::string good = encoded(body);
    good.resize(std::min<std::size_t>(good.size(), 400));
    for (int i = 0; i < 5000; ++i) {
      std::string bytes = good;
      for (auto change = random() % 3; change > 0; --change) {
        bytes[random() % bytes.size()] = static_cast<char>(random());
      }
      if (random() % 4 == 0) {
        bytes.resize(random() % (bytes.size() + 8));
      }
      const slice frame = slice::adopt(std::move(bytes));
      const auto read = decode_raft(node_id(1), node_id(2), frame);
      ++(read ? passed : refused);
      if (!read) {
        continue;
      }
      std::string again;
      encode_raft(read->shard, read->what, again);
      const auto second = decode_raft(node_id(1), node_id(2), slice::adopt(std::move(again)));
      ASSERT_TRUE(second);
      EXPECT_TRUE(std::visit(equal_bodies{}, second->what.body, read->what.body));
    }
  }
  EXPECT_GT(passed, 1000);
  EXPECT_GT(refused, 1000);
}

// Goal: what no replica makes is refused before it gets to one.
TEST(RaftCodec, RefusesWhatNoReplicaMakes) {
  const auto refused = [](const raft::message_body& body) {
    return !decode_raft(node_id(1), node_id(2), slice::adopt(encoded(body)));
  };
  raft::append_entries append = some_entries();
  append.entries[0].kind = static_cast<entry_kind>(9);
  EXPECT_TRUE(refused(append));
  append = some_entries();
  append.entries[2].payload = slice::copy_of("no configuration");
  EXPECT_TRUE(refused(append));
  append = some_entries();
  append.entries[1].term = ~0ULL;
  EXPECT_TRUE(refused(append));
  append = some_entries();
  append.prev_index = ~0ULL;
  EXPECT_TRUE(refused(append));
  EXPECT_TRUE(refused(raft::append_result{0, ~0ULL - 1, 0}));
  EXPECT_TRUE(refused(raft::request_vote{0, ~0ULL, false, false}));
  EXPECT_TRUE(refused(raft::install_snapshot{{~0ULL, 1, members, 1}}));
  EXPECT_TRUE(refused(raft::timeout_now{~0ULL, 1}));
  const std::string whole = encoded(some_entries());
  EXPECT_FALSE(decode_raft(node_id(1), node_id(2), slice::copy_of(whole + "x")));
  EXPECT_FALSE(decode_raft(node_id(1), node_id(2), slice::copy_of(whole.substr(0, whole.size() - 1))));
  EXPECT_FALSE(decode_raft(node_id(1), node_id(2), slice::copy_of("")));
}

} // namespace
} // namespace godwit::cluster
