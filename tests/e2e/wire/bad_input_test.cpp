#include "tests/e2e/wire/bad_input.hpp"

#include <chrono>
#include <iostream>
#include <thread>
#include <vector>

#include <sys/resource.h>

#include "protocol/mtproto/message/envelope.hpp"
#include "protocol/tl/api/config.hpp"
#include "protocol/tl/api/config_fn.hpp"

namespace godwit::test {

using namespace std::chrono_literals;
using mtproto::framing;
using mtproto::transport_kind;

namespace {

/// Beside what the node needs anyway: buffers and sessions that it may keep for a while, and the allocator's own.
#ifdef __SANITIZE_ADDRESS__
constexpr std::size_t memory_slack_bytes = std::size_t{2} << 30; // what was freed stays in quarantine
#else
constexpr std::size_t memory_slack_bytes = 96 << 20;
#endif
/// A few lines are fine; a line for each event is not.
constexpr std::size_t log_bytes_per_thousand = 1000;
constexpr std::size_t log_slack_bytes = 4000;
constexpr auto patience = 10s;

void raise_file_limit() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

} // namespace

std::unique_ptr<wire_node> bad_input::node_;
std::unique_ptr<witness> bad_input::witness_;
std::size_t bad_input::calm_bytes_ = 0;

std::vector<transport_kind> all_transports() {
  std::vector<transport_kind> all;
  for (const framing each : {framing::abridged, framing::intermediate, framing::padded_intermediate, framing::full}) {
    all.push_back({each, false});
    all.push_back({each, true});
  }
  return all;
}

void bad_input::SetUpTestSuite() {
  raise_file_limit();
  node_ = std::make_unique<wire_node>(
    std::vector<std::string>{"limits.first_packet_seconds=" + std::to_string(first_packet_seconds)});
  witness_ = std::make_unique<witness>(*node_);
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (witness_->rounds() == 0 && witness_->complaint().empty() && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(5ms);
  }
  calm_bytes_ = node_->resident_bytes();
}

void bad_input::TearDownTestSuite() {
  std::cout << "witness: " << witness_->rounds() << " rounds, slowest " << witness_->slowest_ms() << " ms; memory "
            << (calm_bytes_ >> 10) << " KB, now " << (node_->resident_bytes() >> 10) << " KB; log "
            << node_->log_text().size() << " bytes\n";
  EXPECT_EQ(witness_->complaint(), "");
  witness_.reset();
  EXPECT_EQ(node_->stop(), 0);
  node_.reset();
}

wire_node& bad_input::node() { return *node_; }

void bad_input::SetUp() {
  ASSERT_EQ(witness_->complaint(), "");
  log_before_ = node_->log_text().size();
  rounds_before_ = witness_->rounds();
}

void bad_input::TearDown() {
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (witness_->rounds() < rounds_before_ + 3 && witness_->complaint().empty() &&
         std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(5ms);
  }
  EXPECT_EQ(witness_->complaint(), "");
  EXPECT_GE(witness_->rounds(), rounds_before_ + 3) << "the witness was starved";
  EXPECT_TRUE(node_->is_running());
  EXPECT_LE(node_->resident_bytes(), calm_bytes_ + memory_slack_bytes);
  EXPECT_GT(events_, 0U);
  const std::string log = node_->log_text();
  EXPECT_LE(log.size() - log_before_, log_slack_bytes + events_ * log_bytes_per_thousand / 1000)
    << log.substr(log_before_, 2000);
  for (const std::string& secret : {std::to_string(canary::number), std::string("Canary"), std::string("99966")}) {
    EXPECT_EQ(log.find(secret), std::string::npos) << secret;
  }
}

std::string bad_input::noise(std::size_t size) {
  std::string made(size, '\0');
  for (char& each : made) {
    each = static_cast<char>(random_());
  }
  return made;
}

std::unique_ptr<socket_client> bad_input::stranger(transport_kind transport) {
  socket_client_options options = canary_options(node());
  options.transport = transport;
  auto made = std::make_unique<socket_client>(options);
  const auto key = made->exchange(node().exchange_options());
  EXPECT_TRUE(key);
  made->open(*key);
  EXPECT_FALSE(made->call(tl::fn::help_getConfig(), true).is_error);
  return made;
}

std::unique_ptr<socket_client> bad_input::member(std::uint64_t number) {
  auto made = std::make_unique<socket_client>(canary_options(node()));
  EXPECT_TRUE(sign_up(node(), *made, number));
  return made;
}

namespace {

// Goal: bytes of no transport at all, and none that may become one, do not hold a connection.
TEST_F(bad_input, NoiseIsNotKept) {
  constexpr int connections = 400;
  std::vector<std::unique_ptr<socket_connection>> all;
  for (int i = 0; i < connections; ++i) {
    all.push_back(std::make_unique<socket_connection>(node().address(), transport_kind{}));
    all.back()->send_raw(noise(1 + dice(2000)));
  }
  for (auto& each : all) {
    EXPECT_TRUE(each->wait_closed(patience));
  }
  did(connections);
}

// Goal: a right transport with noise in its packets. What is formed as a packet of a key ends with -404, for that
// key is really unknown; what is not formed so ends without a word.
// Method: https://core.telegram.org/mtproto/mtproto-transports#transport-errors
TEST_F(bad_input, NoiseInEveryFramingEndsTheConnection) {
  constexpr int rounds = 25;
  for (const transport_kind kind : all_transports()) {
    SCOPED_TRACE(mtproto::name_of(kind));
    std::vector<std::unique_ptr<socket_connection>> formed;
    std::vector<std::unique_ptr<socket_connection>> unformed;
    for (int i = 0; i < rounds; ++i) {
      formed.push_back(std::make_unique<socket_connection>(node().address(), kind));
      formed.back()->send(noise(mtproto::outer_header_bytes + 16 * (3 + dice(60))));
      unformed.push_back(std::make_unique<socket_connection>(node().address(), kind));
      unformed.back()->send(std::string(8, '\0') + noise(4 * (1 + dice(250))));
    }
    for (auto& each : formed) {
      EXPECT_TRUE(each->wait_closed(patience));
      EXPECT_EQ(each->error(), -404);
    }
    for (auto& each : unformed) {
      EXPECT_TRUE(each->wait_closed(patience));
    }
    did(2 * rounds);
  }
}

// Goal: noise behind a right packet does no more harm than noise before.
TEST_F(bad_input, NoiseBehindARightPacketEndsTheConnection) {
  for (const transport_kind kind : all_transports()) {
    SCOPED_TRACE(mtproto::name_of(kind));
    auto client = stranger(kind);
    // A length that no framing allows, for whichever it is; obfuscation makes noise of it.
    client->connection->send_raw(std::string(4, '\xff') + noise(600));
    client->connection->send_raw(noise(4000));
    client->connection->shut_down();
    EXPECT_TRUE(client->connection->wait_closed(patience));
    did(1);
  }
}

// Goal: a packet longer than allowed is refused by its header, not collected: the connection ends although the
// node was sent a few bytes of it. Method: the bounds of the page of transports, and those of the key exchange.
TEST_F(bad_input, OversizedFramesEndTheConnectionAtOnce) {
  const std::vector<std::pair<std::string, std::string>> openings = {
    {"abridged, 64 MB", std::string("\xef\x7f\xff\xff\xff", 5)},
    {"intermediate, 17 MB", std::string("\xee\xee\xee\xee\x00\x00\x10\x01", 8)},
    {"intermediate, 2 GB", std::string("\xee\xee\xee\xee\xff\xff\xff\x7f", 8)},
    {"padded, 64 MB", std::string("\xdd\xdd\xdd\xdd\x00\x00\x00\x04", 8)},
    {"full, 2 GB", std::string("\xf0\xff\xff\x7f\x00\x00\x00\x00", 8)},
    {"unencrypted, 64 KB", std::string("\xee\xee\xee\xee\x00\x00\x01\x00", 8) + std::string(16, '\0')}};
  for (const auto& [name, bytes] : openings) {
    SCOPED_TRACE(name);
    for (int i = 0; i < 20; ++i) {
      socket_connection connection(node().address(), {});
      const auto begin = std::chrono::steady_clock::now();
      connection.send_raw(bytes + std::string(64, '\0'));
      EXPECT_TRUE(connection.wait_closed(patience));
      EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(first_packet_seconds));
      did(1);
    }
  }
}

// Goal: exchanges that stop half way, at each step, or that go wrong there, cost the node nothing it keeps: a right
// one succeeds at once afterwards.
TEST_F(bad_input, HalfHandshakesAreForgotten) {
  constexpr int rounds = 60;
  for (int i = 0; i < rounds; ++i) {
    // The first answer is waited for, so that the exchange has begun.
    mtproto::client_handshake handshake(node().exchange_options(), crypto::system_random());
    socket_connection connection(node().address(), {framing::intermediate, false});
    mtproto::msg_id_source ids;
    const auto say = [&](std::string body) {
      connection.send(mtproto::make_plain(ids.next(socket_client::now(), mtproto::msg_origin::client),
                                          {reinterpret_cast<const std::uint8_t*>(body.data()), body.size()}));
      return connection.receive(patience);
    };
    std::string query = handshake.start();
    for (int step = 0; step < i % 3; ++step) {
      const auto packet = say(query);
      ASSERT_TRUE(packet);
      const auto plain = mtproto::parse_plain({reinterpret_cast<const std::uint8_t*>(packet->data()), packet->size()});
      ASSERT_TRUE(plain);
      auto next = handshake.handle({reinterpret_cast<const char*>(plain->body.data()), plain->body.size()});
      ASSERT_TRUE(next);
      query = std::move(std::get<mtproto::handshake_query>(*next).body);
    }
    if (i % 2 == 0) {
      // The step that is due, broken: refused like every other mistake.
      query[query.size() - 1 - dice(query.size() - 4)] ^= static_cast<char>(1 + dice(255));
      const auto answer = say(query);
      EXPECT_TRUE(answer || connection.wait_closed(patience));
    }
    did(1);
  }
  EXPECT_NE(stranger(), nullptr);
}

// Goal: a client that sends a byte now and then does not hold a connection longer than one that sends nothing.
// https://en.wikipedia.org/wiki/Slowloris_(cyber_attack)
TEST_F(bad_input, SlowClientsAreEnded) {
  constexpr int connections = 100;
  std::vector<std::unique_ptr<socket_connection>> all;
  std::vector<std::string> rest;
  for (int i = 0; i < connections; ++i) {
    const transport_kind kind = all_transports()[static_cast<std::size_t>(i) % mtproto::transport_kinds];
    all.push_back(std::make_unique<socket_connection>(node().address(), kind));
    rest.push_back(all.back()->framed(noise(1024)));
  }
  const auto until = std::chrono::steady_clock::now() + patience;
  std::size_t open = all.size();
  for (std::size_t at = 0; open > 0 && std::chrono::steady_clock::now() < until; ++at) {
    open = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i]->receive_now();
      all[i]->send_raw(std::string_view(rest[i]).substr(at, 1));
      open += all[i]->is_open() ? 1 : 0;
    }
    std::this_thread::sleep_for(50ms);
  }
  EXPECT_EQ(open, 0U);
  did(connections);
}

// Goal: thousands of connections that say nothing end in time; meanwhile others are served.
TEST_F(bad_input, SilentConnectionsAreEnded) {
  constexpr int connections = 2000;
  std::vector<std::unique_ptr<socket_connection>> all;
  for (int i = 0; i < connections; ++i) {
    all.push_back(std::make_unique<socket_connection>(node().address(), transport_kind{}));
    ASSERT_TRUE(all.back()->is_open()) << i;
  }
  EXPECT_NE(stranger(), nullptr);
  for (auto& each : all) {
    EXPECT_TRUE(each->wait_closed(patience));
  }
  did(connections);
}

} // namespace
} // namespace godwit::test
