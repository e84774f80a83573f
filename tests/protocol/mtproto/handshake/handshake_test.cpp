#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include <gtest/gtest.h>

#include "config/limits.hpp"
#include "protocol/mtproto/handshake/client_handshake.hpp"
#include "protocol/mtproto/handshake/connection_handshakes.hpp"
#include "protocol/mtproto/handshake/server_handshake.hpp"
#include "protocol/tl/reader.hpp"
#include "tests/protocol/mtproto/handshake/handshake_support.hpp"

// Rules of https://core.telegram.org/mtproto/auth_key, in the order of its steps.

namespace godwit::mtproto {
namespace {

using test::answer_in;
using test::drive;
using test::exchange;
using test::next_query;
using test::plain_client;
using test::server_clock;

std::uint32_t id_of(std::string_view body) { return tl::reader(body).peek_id(); }

std::string variant_name(const client_handshake_options& options) {
  return std::string(options.multi ? "req_pq_multi" : "req_pq") + (options.rsa_pad ? " RSA_PAD" : " SHA-1") +
         (options.dc ? " dc " + std::to_string(*options.dc) : "") +
         (options.expires_in_seconds ? " temporary" : " permanent");
}

// Goal: every kind of client gets a key and both sides have the same. Method: all combinations of query, RSA scheme,
// dc (none, ordinary, media, test) and kind; the client checks every answer as the security guidelines say.
TEST(handshake, EveryKindOfClientGetsTheKeyThatTheServerCommits) {
  std::uint64_t seed = test::seed_or(100);
  for (const bool multi : {true, false}) {
    for (const bool rsa_pad : {true, false}) {
      for (const std::optional<std::int32_t> dc :
           {std::optional<std::int32_t>(), std::optional<std::int32_t>(2), std::optional<std::int32_t>(-4),
            std::optional<std::int32_t>(10002), std::optional<std::int32_t>(-10003)}) {
        for (const std::optional<std::int32_t> expires :
             {std::optional<std::int32_t>(), std::optional<std::int32_t>(86400)}) {
          client_handshake_options options = plain_client();
          options.multi = multi;
          options.rsa_pad = rsa_pad;
          options.dc = dc;
          options.expires_in_seconds = expires;
          const std::string name = variant_name(options);
          exchange both(++seed, options);
          const std::optional<new_auth_key> server_key = both.to_commit();
          ASSERT_TRUE(server_key.has_value()) << name;
          EXPECT_FALSE(both.server.done());
          const std::string answer = answer_in(both.server.key_committed(commit_outcome::durable));
          EXPECT_TRUE(both.server.done());
          const auto outcome = both.client.handle(answer);
          ASSERT_TRUE(outcome.has_value()) << name << ": " << to_string(outcome.error());
          const auto* client_key = std::get_if<new_auth_key>(&*outcome);
          ASSERT_NE(client_key, nullptr) << name;
          EXPECT_EQ(server_key->key.bytes, client_key->key.bytes) << name;
          EXPECT_EQ(server_key->id, client_key->id);
          EXPECT_EQ(server_key->id, server_key->key.id());
          EXPECT_EQ(server_key->server_salt, client_key->server_salt);
          EXPECT_EQ(server_key->kind, expires ? key_kind::temporary : key_kind::permanent) << name;
          EXPECT_EQ(server_key->expires_in_seconds, expires.value_or(0));
          EXPECT_EQ(server_key->dc, dc) << name;
          EXPECT_EQ(both.client.server_time(), server_clock);
        }
      }
    }
  }
}

// Step 2: resPQ repeats the nonce, offers every key of the server and a product of eight bytes.
TEST(handshake, ResPqOffersAllKeysOfTheServer) {
  exchange both(1);
  both.to_req_dh_params();
  tl::reader query(both.req_pq);
  query.read_id();
  tl::reader reader(both.res_pq);
  EXPECT_EQ(reader.read_id(), ids::res_pq);
  EXPECT_EQ(reader.read_int128(), query.read_int128());
  reader.read_int128();
  EXPECT_EQ(reader.read_bytes().size(), 8U);
  ASSERT_EQ(reader.read_vector(8), 2U);
  for (const crypto::rsa_private_key& each : *test::keys_of_server()) {
    EXPECT_EQ(static_cast<std::uint64_t>(reader.read_long()), each.fingerprint());
  }
  EXPECT_TRUE(reader.finish().has_value());
}

// Each exchange has a server_nonce and a pq of its own.
TEST(handshake, TwoExchangesHaveDifferentNumbers) {
  test::seeded_random random(5);
  server_handshake server(test::keys_of_server(), random);
  client_handshake first(plain_client(), random);
  client_handshake second(plain_client(), random);
  const std::string one = answer_in(drive(server, first.start()));
  const std::string other = answer_in(drive(server, second.start()));
  EXPECT_NE(one.substr(20, 16), other.substr(20, 16));
  EXPECT_NE(one.substr(36, 12), other.substr(36, 12));
}

// A temporary key lives as long as was asked, at most what the server allows, and at least a second.
TEST(handshake, TheLifeOfATemporaryKeyIsBounded) {
  for (const auto& [asked, granted] : {std::pair{1, 1}, std::pair{3600, 3600},
                                       std::pair{limits::temp_key_seconds_max + 1, limits::temp_key_seconds_max},
                                       std::pair{INT32_MAX, limits::temp_key_seconds_max}}) {
    client_handshake_options options = plain_client();
    options.expires_in_seconds = asked;
    const std::optional<new_auth_key> key = exchange(7, options).to_commit();
    ASSERT_TRUE(key.has_value());
    EXPECT_EQ(key->expires_in_seconds, granted);
  }
  for (const std::int32_t asked : {0, -1, INT32_MIN}) {
    client_handshake_options options = plain_client();
    options.expires_in_seconds = asked;
    exchange both(8, options);
    both.to_req_dh_params();
    EXPECT_EQ(drive(both.server, both.req_dh_params).error(), handshake_errc::bad_inner_data);
  }
}

// "If the server has already sent a response to this query ... the server simply re-sends the same response." ("Error
// Handling"): each of the three queries, twice; while the work is out, nothing.
TEST(handshake, ARepeatedQueryGetsTheSameAnswerAgain) {
  exchange both(9);
  both.to_req_dh_params();
  EXPECT_EQ(answer_in(drive(both.server, both.req_pq)), both.res_pq);

  handshake_result step = both.server.handle(both.req_dh_params, server_clock);
  ASSERT_TRUE(step && std::holds_alternative<handshake_work>(*step));
  const handshake_result meanwhile = both.server.handle(both.req_dh_params, server_clock);
  EXPECT_TRUE(meanwhile && std::holds_alternative<nothing_to_do>(*meanwhile));
  both.dh_params = answer_in(test::run_work(both.server, std::move(step)));
  EXPECT_EQ(id_of(both.dh_params), ids::server_dh_params_ok);
  EXPECT_EQ(answer_in(drive(both.server, both.req_dh_params)), both.dh_params);

  both.set_client_dh_params = next_query(both.client, both.dh_params);
  ASSERT_TRUE(exchange::commit_in(drive(both.server, both.set_client_dh_params)));
  const handshake_result waiting = both.server.handle(both.set_client_dh_params, server_clock);
  EXPECT_TRUE(waiting && std::holds_alternative<nothing_to_do>(*waiting));
  const std::string ok = answer_in(both.server.key_committed(commit_outcome::durable));
  EXPECT_EQ(id_of(ok), ids::dh_gen_ok);
  EXPECT_EQ(answer_in(drive(both.server, both.set_client_dh_params)), ok);
}

// dh_gen_ok is a promise: before the key is durable nothing of it is sent, and a commit that nobody asked for does
// nothing.
TEST(handshake, NoAnswerGoesBeforeTheKeyIsDurable) {
  exchange both(10);
  both.to_set_client_dh_params();
  const handshake_result early = both.server.key_committed(commit_outcome::durable);
  EXPECT_TRUE(early && std::holds_alternative<nothing_to_do>(*early));
  const handshake_result step = drive(both.server, both.set_client_dh_params);
  ASSERT_TRUE(exchange::commit_in(step).has_value());
  EXPECT_TRUE(answer_in(step).empty());
  EXPECT_EQ(id_of(answer_in(both.server.key_committed(commit_outcome::durable))), ids::dh_gen_ok);
  const handshake_result again = both.server.key_committed(commit_outcome::durable);
  EXPECT_TRUE(again && std::holds_alternative<nothing_to_do>(*again));
}

// Step 9, dh_gen_retry: another key has the id. The client comes with another number and retry_id; the exchange ends with
// another key.
TEST(handshake, ATakenIdMakesTheClientTryAgainWithAnotherNumber) {
  exchange both(11);
  const std::optional<new_auth_key> first = both.to_commit();
  ASSERT_TRUE(first.has_value());
  const std::string retry = answer_in(both.server.key_committed(commit_outcome::id_taken));
  EXPECT_EQ(id_of(retry), ids::dh_gen_retry);
  const std::string again = next_query(both.client, retry);
  ASSERT_FALSE(again.empty());
  const std::optional<new_auth_key> second = exchange::commit_in(drive(both.server, again));
  ASSERT_TRUE(second.has_value());
  EXPECT_NE(first->id, second->id);
  const auto outcome = both.client.handle(answer_in(both.server.key_committed(commit_outcome::durable)));
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(std::get<new_auth_key>(*outcome).key.bytes, second->key.bytes);
}

// The same number of retries on both sides; then dh_gen_fail.
TEST(handshake, TooManyTakenIdsEndInDhGenFail) {
  exchange both(12);
  ASSERT_TRUE(both.to_commit().has_value());
  for (std::uint32_t i = 0; i < limits::dh_retries_max; ++i) {
    const std::string retry = answer_in(both.server.key_committed(commit_outcome::id_taken));
    ASSERT_EQ(id_of(retry), ids::dh_gen_retry);
    ASSERT_TRUE(exchange::commit_in(drive(both.server, next_query(both.client, retry))));
  }
  const std::string fail = answer_in(both.server.key_committed(commit_outcome::id_taken));
  EXPECT_EQ(id_of(fail), ids::dh_gen_fail);
  EXPECT_FALSE(both.server.done());
  EXPECT_EQ(both.client.handle(fail).error(), handshake_errc::failed);
}

TEST(handshake, AFailedCommitEndsInDhGenFail) {
  exchange both(13);
  ASSERT_TRUE(both.to_commit().has_value());
  const std::string fail = answer_in(both.server.key_committed(commit_outcome::failed));
  EXPECT_EQ(id_of(fail), ids::dh_gen_fail);
  EXPECT_FALSE(both.server.done());
  EXPECT_EQ(both.client.handle(fail).error(), handshake_errc::failed);
}

// Queries of a step that is not due end the exchange; after that only a new req_pq is heard.
TEST(handshake, AQueryOutOfOrderEndsTheExchange) {
  exchange other(14);
  other.to_set_client_dh_params();
  {
    exchange both(15);
    EXPECT_EQ(drive(both.server, other.req_dh_params).error(), handshake_errc::out_of_order);
  }
  {
    exchange both(16);
    both.to_req_dh_params();
    EXPECT_EQ(drive(both.server, other.set_client_dh_params).error(), handshake_errc::out_of_order);
    EXPECT_EQ(drive(both.server, both.req_dh_params).error(), handshake_errc::out_of_order);
    both.to_set_client_dh_params();
    EXPECT_TRUE(exchange::commit_in(drive(both.server, both.set_client_dh_params)).has_value());
  }
  {
    exchange both(17); // a second, different req_DH_params
    both.to_set_client_dh_params();
    EXPECT_EQ(drive(both.server, other.req_dh_params).error(), handshake_errc::out_of_order);
    EXPECT_EQ(drive(both.server, both.set_client_dh_params).error(), handshake_errc::out_of_order);
  }
}

// After dh_gen_ok nothing but a repeat of the last query is heard: no second key comes out of one exchange.
TEST(handshake, AFinishedExchangeMakesNoSecondKey) {
  exchange both(18);
  ASSERT_TRUE(both.to_commit().has_value());
  (void)both.server.key_committed(commit_outcome::durable);
  EXPECT_EQ(drive(both.server, both.req_dh_params).error(), handshake_errc::out_of_order);
}

// Work that comes back late belongs to nobody.
TEST(handshake, WorkOfADroppedExchangeChangesNothing) {
  exchange both(19);
  both.to_req_dh_params();
  handshake_result step = both.server.handle(both.req_dh_params, server_clock);
  auto* work = std::get_if<handshake_work>(&*step);
  ASSERT_NE(work, nullptr);
  work->run();
  const std::string begun_anew = both.client.start();
  const std::string res_pq = answer_in(both.server.handle(begun_anew, server_clock));
  ASSERT_EQ(id_of(res_pq), ids::res_pq);
  const handshake_result late = both.server.finish(std::move(*work));
  EXPECT_TRUE(late && std::holds_alternative<nothing_to_do>(*late));
  const std::string query = next_query(both.client, res_pq);
  EXPECT_EQ(id_of(answer_in(drive(both.server, query))), ids::server_dh_params_ok);
}

// A caller that hands work back without running it gets an error, not a key.
TEST(handshake, WorkThatWasNotRunFails) {
  exchange both(20);
  both.to_req_dh_params();
  handshake_result step = both.server.handle(both.req_dh_params, server_clock);
  EXPECT_EQ(both.server.finish(std::move(std::get<handshake_work>(*step))).error(), handshake_errc::failed);
}

// A client may make its permanent and its temporary key side by side: two exchanges on one connection do not disturb
// each other, a fifth drops the oldest.
TEST(connection_handshakes, ExchangesOfOneConnectionAreToldApartByTheirNonces) {
  test::seeded_random random(21);
  connection_handshakes connection(test::keys_of_server(), random);
  const auto drive_both = [&connection](std::string_view query) {
    connection_handshakes::result result = connection.handle(query, server_clock);
    if (result.step && std::holds_alternative<handshake_work>(*result.step)) {
      handshake_work work = std::move(std::get<handshake_work>(*result.step));
      work.run();
      result = connection.finish(std::move(work));
    }
    return result;
  };
  client_handshake_options options = plain_client();
  client_handshake permanent(options, random);
  options.expires_in_seconds = 100;
  client_handshake temporary(options, random);
  const std::string first = next_query(permanent, answer_in(drive_both(permanent.start()).step));
  const std::string second = next_query(temporary, answer_in(drive_both(temporary.start()).step));
  const std::string third = next_query(permanent, answer_in(drive_both(first).step));
  const std::string fourth = next_query(temporary, answer_in(drive_both(second).step));
  const connection_handshakes::result one = drive_both(third);
  const connection_handshakes::result two = drive_both(fourth);
  ASSERT_TRUE(exchange::commit_in(one.step) && exchange::commit_in(two.step));
  EXPECT_NE(one.exchange, two.exchange);
  EXPECT_EQ(exchange::commit_in(one.step)->kind, key_kind::permanent);
  EXPECT_EQ(exchange::commit_in(two.step)->kind, key_kind::temporary);
  const auto answer_two = connection.key_committed(two.exchange, commit_outcome::durable);
  const auto answer_one = connection.key_committed(one.exchange, commit_outcome::durable);
  EXPECT_TRUE(permanent.handle(answer_in(answer_one.step)).has_value());
  EXPECT_TRUE(temporary.handle(answer_in(answer_two.step)).has_value());

  EXPECT_EQ(connection.size(), 2U);
  for (std::size_t i = 0; i < 2 * limits::handshakes_per_connection_max; ++i) {
    client_handshake more(plain_client(), random);
    EXPECT_EQ(id_of(answer_in(connection.handle(more.start(), server_clock).step)), ids::res_pq);
  }
  EXPECT_EQ(connection.size(), limits::handshakes_per_connection_max);
  const auto forgotten = connection.key_committed(one.exchange, commit_outcome::durable);
  EXPECT_TRUE(forgotten.step && std::holds_alternative<nothing_to_do>(*forgotten.step));
  EXPECT_EQ(connection.handle("no query", server_clock).step.error(), handshake_errc::malformed);
}

} // namespace
} // namespace godwit::mtproto
