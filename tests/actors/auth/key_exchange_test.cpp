#include <caf/send.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <vector>

#include "actors/auth/key_exchange.hpp"
#include "protocol/mtproto/message/envelope.hpp"
#include "tests/actors/support/gateway_node.hpp"

namespace godwit::test {
namespace {

using actors::transport_error;

mtproto::client_handshake_options with(std::optional<std::int32_t> dc, std::optional<std::int32_t> expires, bool pad) {
  mtproto::client_handshake_options options = gateway_node::exchange_options();
  options.dc = dc;
  options.expires_in_seconds = expires;
  options.rsa_pad = pad;
  return options;
}

// https://core.telegram.org/mtproto/auth_key: what the clients in the field send, permanent and temporary.
TEST(key_exchange, EveryKindOfExchangeMakesAKeyThatIsCommitted) {
  gateway_node node;
  std::uint64_t made = 0;
  for (const auto& options : {with({}, {}, false), with({}, {}, true), with(2, {}, true), with(2, 86'400, true)}) {
    wire_client client(node);
    ASSERT_TRUE(client.exchange(options));
    ++made;
    EXPECT_EQ(node.part().auth().exchanges_finished.value(), made);
    EXPECT_EQ(node.router.world.with_rows(cluster::entity_kind::auth_key, persistence::records::table::auth_key).size(),
              made);
  }
  EXPECT_EQ(node.part().auth().exchanges.value(), 0);
}

/// A key exchange by hand on a client's connection.
class by_hand {
public:
  by_hand(gateway_node& node, fake_connection& connection) : node_(node), connection_(connection) {
    say(hand_.start());
  }

  void say(const std::string& body) {
    connection_.deliver(
      mtproto::make_plain(ids_.next(node_.loop.wall_time(), mtproto::msg_origin::client), crypto::as_bytes(body)));
  }
  /// Takes what was answered, and goes on. Returns true for convenience.
  bool hear() {
    for (const auto& each : connection_.take_sent()) {
      auto step = hand_.handle(crypto::as_text(mtproto::parse_plain(crypto::as_bytes(each.bytes))->body));
      if (!step) {
        failed = true;
      } else if (std::holds_alternative<mtproto::new_auth_key>(*step)) {
        done = true;
      } else {
        say(std::get<mtproto::handshake_query>(*step).body);
      }
    }
    return true;
  }

  bool done = false;
  bool failed = false;

private:
  gateway_node& node_;
  fake_connection& connection_;
  mtproto::client_handshake hand_{gateway_node::exchange_options(), crypto::system_random()};
  mtproto::msg_id_source ids_;
};

// dh_gen_ok promises the key: it must not go out before the key is durable.
TEST(key_exchange, DhGenOkWaitsForTheKeyToBeCommitted) {
  gateway_node node;
  wire_client client(node);
  bool asked = false;
  node.router.hold = [&](const auto&) { return asked = true; };
  by_hand exchange(node, *client.connection);
  ASSERT_TRUE(node.loop.run_until([&] { return exchange.hear() && asked; }));
  EXPECT_TRUE(client.connection->sent.empty()) << "the key is not durable yet";
  EXPECT_EQ(client.connection->pauses, 1);
  node.router.release();
  node.loop.run();
  exchange.hear();
  EXPECT_TRUE(exchange.done);
  EXPECT_EQ(client.connection->pauses, 0);
}

TEST(key_exchange, AKeyIsOfferedAgainWhileItsShardIsUnavailable) {
  gateway_node node;
  wire_client client(node);
  int asked = 0;
  node.router.unavailable = [&](const auto&) { return ++asked < 4; };
  by_hand exchange(node, *client.connection);
  ASSERT_TRUE(node.loop.run_until([&] { return exchange.hear() && asked == 1; }));
  node.loop.advance(7 * limits::ask_again_ms);
  exchange.hear();
  EXPECT_EQ(asked, 4);
  EXPECT_TRUE(exchange.done);
}

TEST(key_exchange, AKeyThatCannotBeCommittedFailsItsExchange) {
  gateway_node node;
  wire_client client(node);
  bool asked = false;
  node.router.unavailable = [&](const auto&) { return asked = true; };
  by_hand exchange(node, *client.connection);
  ASSERT_TRUE(node.loop.run_until([&] { return exchange.hear() && asked; }));
  node.loop.advance(limits::key_commit_ms_max + limits::ask_again_ms_max);
  exchange.hear();
  EXPECT_FALSE(exchange.done);
  EXPECT_TRUE(exchange.failed || client.connection->is_closed());
  EXPECT_EQ(node.part().auth().commits_failed.value(), 1U);
  EXPECT_EQ(node.part().auth().exchanges.value(), 0);
}

// Each error looks the same: -404 and the end of the connection.
TEST(key_exchange, BytesThatAreNoExchangeEndInMinus404) {
  gateway_node node;
  for (const std::string& body : {std::string("\x01\x02\x03\x04", 4), std::string(40, 'x')}) {
    wire_client client(node);
    client.connection->deliver(mtproto::make_plain(msg_id(4), crypto::as_bytes(body)));
    node.loop.run();
    EXPECT_EQ(client.connection->error, transport_error::auth_key_not_found);
    EXPECT_TRUE(client.connection->sent.empty());
  }
  EXPECT_EQ(node.part().auth().exchanges.value(), 0);
}

TEST(key_exchange, HalfOfOneEndsInTime) {
  gateway_node node;
  wire_client client(node);
  mtproto::client_handshake hand(gateway_node::exchange_options(), crypto::system_random());
  client.connection->deliver(mtproto::make_plain(msg_id(4), crypto::as_bytes(hand.start())));
  node.loop.run();
  EXPECT_EQ(client.connection->sent.size(), 1U);
  EXPECT_EQ(node.part().auth().exchanges.value(), 1);
  node.loop.advance(limits::exchange_begun_ms_max - 1);
  EXPECT_FALSE(client.connection->is_closed());
  node.loop.advance(1);
  EXPECT_TRUE(client.connection->is_closed());
  EXPECT_EQ(node.part().auth().exchanges.value(), 0);
  EXPECT_EQ(node.part().auth().exchanges_expired.value(), 1U);
}

// Past its first stage an exchange is waited for, and has its whole time.
TEST(key_exchange, OneThatWentOnHasItsWholeTime) {
  gateway_node node;
  wire_client client(node);
  bool asked = false;
  node.router.hold = [&](const auto&) { return asked = true; };
  by_hand exchange(node, *client.connection);
  ASSERT_TRUE(node.loop.run_until([&] { return exchange.hear() && asked; }));
  node.loop.advance(limits::exchange_ms_max - 1);
  EXPECT_FALSE(client.connection->is_closed());
  node.loop.advance(1);
  EXPECT_TRUE(client.connection->is_closed());
  EXPECT_EQ(node.part().auth().exchanges.value(), 0);
  node.router.release();
  node.loop.run();
}

// The first question costs nothing: whoever sends it and no more must not keep others from making keys.
TEST(key_exchange, TheOldestThatOnlyBeganMakesRoom) {
  gateway_node node([](actors::gateway_options& options) { options.exchanges_max = 2; });
  std::vector<std::unique_ptr<wire_client>> idle;
  for (int i = 0; i < 2; ++i) {
    idle.push_back(std::make_unique<wire_client>(node));
    mtproto::client_handshake hand(gateway_node::exchange_options(), crypto::system_random());
    idle.back()->connection->deliver(mtproto::make_plain(msg_id(4), crypto::as_bytes(hand.start())));
    node.loop.run();
  }
  wire_client honest(node);
  EXPECT_TRUE(honest.exchange());
  EXPECT_TRUE(idle[0]->connection->is_closed());
  EXPECT_FALSE(idle[1]->connection->is_closed());
  EXPECT_EQ(node.part().auth().exchanges.value(), 1);
}

TEST(key_exchange, OneMoreThanMayBeUnderWayIsRefused) {
  gateway_node node([](actors::gateway_options& options) { options.exchanges_max = 1; });
  wire_client first(node);
  bool asked = false;
  node.router.hold = [&](const auto&) { return asked = true; };
  by_hand exchange(node, *first.connection);
  ASSERT_TRUE(node.loop.run_until([&] { return exchange.hear() && asked; }));
  wire_client second(node);
  by_hand refused(node, *second.connection);
  node.loop.run();
  EXPECT_FALSE(first.connection->is_closed());
  EXPECT_EQ(second.connection->error, transport_error::flood);
  node.router.release();
  node.loop.run();
  first.hang_up();
  wire_client third(node);
  EXPECT_TRUE(third.exchange()) << "there is room again";
}

TEST(key_exchange, AnAddressMayBeginSoManyInAMinute) {
  gateway_node node([](actors::gateway_options& options) { options.exchanges_per_address_minute = 2; });
  for (int i = 0; i < 2; ++i) {
    wire_client client(node);
    EXPECT_TRUE(client.exchange());
  }
  wire_client over(node);
  EXPECT_FALSE(over.exchange());
  EXPECT_EQ(over.connection->error, transport_error::flood);
  EXPECT_EQ(node.part().auth().exchanges_refused.value(), 1U);
  node.loop.advance(60'000);
  wire_client later(node);
  EXPECT_TRUE(later.exchange());
}

// One limit for the node: an address must not get it once for each loop.
TEST(key_exchange, AnAddressIsCountedOverAllLoops) {
  gateway_node node([](actors::gateway_options& options) { options.exchanges_per_address_minute = 1; },
                    second_loop::present);
  // The second loop has the real clock: the first must not be behind it.
  const auto real =
    std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch());
  if (const auto ms = static_cast<cluster::monotonic_ms>(real.count()); ms > node.loop.time()) {
    node.loop.advance(ms - node.loop.time());
  }
  wire_client client(node);
  EXPECT_TRUE(client.exchange());
  auto elsewhere = caf::make_counted<fake_connection>(*node.second);
  auto error = transport_error::none;
  node.on_second([&] {
    node.gate->accepted(elsewhere);
    mtproto::client_handshake hand(gateway_node::exchange_options(), crypto::system_random());
    elsewhere->deliver(mtproto::make_plain(msg_id(4), crypto::as_bytes(hand.start())));
    error = elsewhere->error;
  });
  EXPECT_EQ(error, transport_error::flood);
  node.on_second([] {});
}

// A key that nobody logs in with is a row for a day: an address may make so many of them in that time.
TEST(key_exchange, AnAddressMayMakeSoManyKeysInADayAndTheLoopbackAnyNumber) {
  gateway_node node([](actors::gateway_options& options) { options.keys_per_address_day = 2; });
  for (int i = 0; i < 2; ++i) {
    wire_client client(node);
    EXPECT_TRUE(client.exchange());
  }
  node.loop.advance(3'600'000);
  wire_client over(node);
  EXPECT_FALSE(over.exchange());
  EXPECT_EQ(over.connection->error, transport_error::flood);
  EXPECT_EQ(node.router.world.with_rows(cluster::entity_kind::auth_key, persistence::records::table::auth_key).size(),
            2U);
  wire_client local(node);
  local.connection->come_from_loopback();
  EXPECT_TRUE(local.exchange());
  node.loop.advance(86'400'000);
  wire_client later(node);
  EXPECT_TRUE(later.exchange());
}

TEST(key_exchange, WithoutTheMailboxOfItsKeysAnExchangeFailsAtOnce) {
  gateway_node node;
  caf::anon_send_exit(node.auth[0], caf::exit_reason::kill);
  node.loop.run();
  wire_client client(node);
  EXPECT_FALSE(client.exchange());
  EXPECT_EQ(node.part().auth().commits_failed.value(), 1U);
  EXPECT_EQ(node.part().auth().exchanges.value(), 0);
}

// The queue of the pool is bounded; a full one refuses the exchange and keeps nothing of it.
TEST(key_exchange, AFullPoolRefusesTheStep) {
  gateway_node node([](actors::gateway_options& options) { options.handshakes_waiting_max = 0; });
  wire_client client(node);
  EXPECT_FALSE(client.exchange());
  EXPECT_EQ(client.connection->error, transport_error::flood);
  EXPECT_EQ(node.part().auth().exchanges.value(), 0);
}

TEST(key_exchange, AClientThatLeavesWhileAStepIsUnderWayHurtsNobody) {
  gateway_node node;
  for (int i = 0; i < 4; ++i) {
    wire_client client(node);
    mtproto::client_handshake hand(gateway_node::exchange_options(), crypto::system_random());
    client.connection->deliver(mtproto::make_plain(msg_id(4), crypto::as_bytes(hand.start())));
    node.loop.run();
    const auto sent = client.connection->take_sent();
    ASSERT_EQ(sent.size(), 1U);
    auto step = hand.handle(crypto::as_text(mtproto::parse_plain(crypto::as_bytes(sent[0].bytes))->body));
    ASSERT_TRUE(step.has_value());
    client.connection->deliver(
      mtproto::make_plain(msg_id(8), crypto::as_bytes(std::get<mtproto::handshake_query>(*step).body)));
    client.hang_up();
  }
  EXPECT_EQ(node.part().auth().exchanges.value(), 0);
  wire_client client(node);
  EXPECT_TRUE(client.exchange());
}

} // namespace
} // namespace godwit::test
