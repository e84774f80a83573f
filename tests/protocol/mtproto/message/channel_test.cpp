#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "config/limits.hpp"
#include "protocol/tl/reader.hpp"
#include "tests/protocol/mtproto/message/message_fixture.hpp"

namespace godwit::mtproto {
namespace {

using namespace testing;

/// A client and a server with a network between them that loses, repeats, delays, reorders and cuts.
class world {
public:
  explicit world(std::uint64_t seed)
      : dice_(seed),
        client_random_(seed + 1),
        client_({.id = session_id(77),
                 .key = test_key(),
                 .salt = 0,
                 .random = &client_random_,
                 .resend_after_ms = 4000,
                 .pack_above_bytes = seed % 2 == 0 ? 128U : 0U}) {}

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      step();
    }
    // From here on nothing is lost any more.
    calm_ = true;
    for (int i = 0; i < 300 && !is_done(); ++i) {
      if (i % 40 == 0) {
        reconnect();
      }
      step();
    }
  }

  void check() const {
    EXPECT_EQ(client_.calls_in_flight(), 0U);
    for (const auto& [token, times] : executed_) {
      EXPECT_EQ(times, 1) << "query " << token;
    }
    EXPECT_EQ(executed_.size() + refused_, asked_.size());
    EXPECT_EQ(answered_.size(), asked_.size());
    EXPECT_EQ(pushes_seen_, pushes_sent_);
    EXPECT_FALSE(broken_);
    EXPECT_FALSE(server_.out.close);
  }

  [[nodiscard]] std::size_t calls() const { return asked_.size(); }

private:
  struct in_flight {
    connection_id connection;
    std::vector<std::uint8_t> packet;
  };

  bool is_done() const {
    return client_.calls_in_flight() == 0 && running_.empty() && pushes_seen_.size() == pushes_sent_.size() &&
           server_.session.kept_messages() == 0;
  }

  void step() {
    now_ += static_cast<unix_ms>(dice_.pick(calm_ ? 2000 : 600));
    if (!calm_ && dice_.chance(40)) {
      ask();
    }
    if (!calm_ && dice_.chance(10) && server_.session.is_established()) {
      const std::string body = query("push " + std::to_string(pushes_sent_.size()));
      if (server_.session.push(body, now_) == push_result::queued) {
        pushes_sent_.insert(body);
      }
    }
    if (calm_ || dice_.chance(60)) {
      answer_some();
    }
    if (calm_ || dice_.chance(50)) {
      client_.tick(now_);
      server_.session.tick(now_, server_.out);
      collect();
    }
    if (calm_ || dice_.chance(50)) {
      send();
    }
    for (int i = 0; i < 4; ++i) {
      deliver(to_server_, [&](const in_flight& one) {
        server_.session.receive(one.connection, opened(one.packet), now_, server_.out);
        collect();
      });
      deliver(to_client_, [&](const in_flight& one) {
        // What is still on its way over a connection that the client closed never arrives.
        if (one.connection == connection_) {
          client_.receive(opened(one.packet), now_, out_);
          hear();
        }
      });
    }
    if (!calm_ && dice_.chance(3)) {
      reconnect();
    }
    if (dice_.chance(10)) {
      // The server learns of closed connections some time later.
      for (const connection_id gone : std::exchange(closed_, {})) {
        server_.session.detach(gone);
      }
    }
  }

  void ask() {
    const std::string token = std::to_string(asked_.size());
    std::optional<client_call> after;
    if (!asked_.empty() && dice_.chance(20)) {
      after = asked_.rbegin()->first;
    }
    const client_call made = client_.call(query(token + std::string(dice_.pick(4) * 150, '.')), after);
    asked_[made] = token;
    if (dice_.chance(10)) {
      client_.ping(now_, 75);
    }
  }

  void collect() {
    for (const call& one : std::exchange(server_.out.calls, {})) {
      tl::reader in(one.body.bytes());
      in.read_id();
      ++executed_[std::string(in.read_bytes())];
      running_.push_back(one.id);
    }
    server_.out.events.clear();
  }

  void answer_some() {
    while (!running_.empty() && dice_.chance(70)) {
      const auto at = running_.begin() + static_cast<std::ptrdiff_t>(dice_.pick(running_.size()));
      const msg_id id = *at;
      running_.erase(at);
      const bool known = dice_.chance(5)
                           ? server_.session.answer(id, rpc_error(rpc_errc::peer_id_invalid), now_, server_.out)
                           : server_.session.answer(id, query(std::string(dice_.pick(3000), 'r')), now_, server_.out);
      EXPECT_TRUE(known);
      collect();
    }
  }

  void send() {
    packet_list sent;
    client_.flush(now_, sent);
    for (auto& packet : sent.packets) {
      put(to_server_, {connection_, std::move(packet)});
    }
    sent.packets.clear();
    for (std::uint64_t i = connection_.value(); i + 3 > connection_.value() && i > 0; --i) {
      server_.session.flush(connection_id(i), now_, sent);
      for (auto& packet : sent.packets) {
        put(to_client_, {connection_id(i), std::move(packet)});
      }
      sent.packets.clear();
    }
  }

  void put(std::vector<in_flight>& way, in_flight one) {
    if (!calm_ && dice_.chance(10)) {
      return;
    }
    if (!calm_ && dice_.chance(5)) {
      way.push_back(one);
    }
    way.push_back(std::move(one));
  }

  template <class Arrive>
  void deliver(std::vector<in_flight>& way, Arrive arrive) {
    if (way.empty() || (!calm_ && dice_.chance(20))) {
      return;
    }
    const std::size_t which = dice_.chance(20) ? dice_.pick(way.size()) : 0;
    const in_flight one = std::move(way[which]);
    way.erase(way.begin() + static_cast<std::ptrdiff_t>(which));
    arrive(one);
  }

  void reconnect() {
    closed_.push_back(connection_);
    connection_ = connection_id(connection_.value() + 1);
    // Some of what the old connection carried still arrives at the server, some does not.
    std::erase_if(to_server_, [&](const in_flight&) { return dice_.chance(50); });
    std::erase_if(to_client_, [&](const in_flight& one) { return one.connection != connection_; });
    client_.reconnected();
    client_.ping(now_);
  }

  void hear() {
    for (const client_answer& answer : out_.answers) {
      EXPECT_TRUE(answered_.insert(answer.call).second) << "answered twice";
      refused_ += answer.error_text == "MSG_WAIT_FAILED" ? 1 : 0;
    }
    for (const buffer_slice& push : out_.pushes) {
      EXPECT_TRUE(pushes_seen_.insert(std::string(push.text())).second) << "pushed twice";
    }
    broken_ = broken_ || out_.broken;
    out_.clear();
  }

  seeded_random dice_;
  seeded_random client_random_;
  server_end server_;
  client_session client_;
  client_output out_;
  unix_ms now_ = test_now;
  connection_id connection_{1};
  std::vector<connection_id> closed_;
  std::vector<in_flight> to_server_;
  std::vector<in_flight> to_client_;
  std::vector<msg_id> running_;
  std::map<client_call, std::string> asked_;
  std::map<std::string, int> executed_;
  std::set<client_call> answered_;
  std::size_t refused_ = 0;
  std::set<std::string> pushes_sent_;
  std::set<std::string> pushes_seen_;
  bool calm_ = false;
  bool broken_ = false;
};

// Goal: over any network each query has its effect once and its answer once, and each push arrives once.
// Method: seeded loss, repetition, delay and reordering of packets, reconnects that the server hears of late,
// answers in any order, calls that wait for others; then a calm time, in which everything must come right.
TEST(channel, EveryCallIsAnsweredOnceWhateverTheNetworkDoes) {
  const char* const given = std::getenv("GODWIT_SEED");
  const std::uint64_t from = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
  const std::uint64_t worlds = given != nullptr ? 1 : 300;
  std::size_t calls = 0;
  for (std::uint64_t seed = from; seed < from + worlds && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("GODWIT_SEED=" + std::to_string(seed));
    world one(seed);
    one.run(400);
    one.check();
    calls += one.calls();
  }
  EXPECT_GT(calls, worlds * 50);
  RecordProperty("calls", static_cast<int>(calls));
}

} // namespace
} // namespace godwit::mtproto
