#include <gtest/gtest.h>

#include "config/limits.hpp"
#include "protocol/tl/reader.hpp"
#include "tests/protocol/mtproto/message/message_fixture.hpp"

namespace godwit::mtproto {
namespace {

using namespace testing;

constexpr std::int64_t half_hour_ms = 1'800'000;
/// The beginning of a half-hour.
constexpr unix_ms begin = test_now / half_hour_ms * half_hour_ms;

std::uint64_t salt_at(const crypto::auth_key& key, unix_ms time) { return derive_salt(key, time / half_hour_ms); }

unix_time seconds(unix_ms time) { return static_cast<unix_time>(time / 1000); }

// https://core.telegram.org/mtproto/description#server-salt: a new one every half-hour; the old one is
// accepted for as long again.
TEST(salts, ASaltIsGoodForAnHour) {
  const auto key = test_key();
  server_salts salts;
  const std::uint64_t salt = salt_at(*key, begin);
  EXPECT_EQ(salts.current(*key, seconds(begin)), salt);
  for (const std::int64_t later : {std::int64_t{0}, half_hour_ms - 1000, half_hour_ms, 2 * half_hour_ms - 1000}) {
    EXPECT_TRUE(salts.accepts(*key, salt, seconds(begin + later))) << later;
  }
  EXPECT_FALSE(salts.accepts(*key, salt, seconds(begin + 2 * half_hour_ms)));
  EXPECT_NE(salts.current(*key, seconds(begin + half_hour_ms)), salt);
  EXPECT_FALSE(salts.accepts(*key, 0, seconds(begin)));
}

// The next one is taken a little early, for a client's idea of the clock.
TEST(salts, TheNextSaltIsTakenAMinuteEarly) {
  const auto key = test_key();
  server_salts salts;
  const std::uint64_t next = salt_at(*key, begin + half_hour_ms);
  EXPECT_FALSE(salts.accepts(*key, next, seconds(begin + half_hour_ms - 61'000)));
  EXPECT_TRUE(salts.accepts(*key, next, seconds(begin + half_hour_ms - 59'000)));
}

TEST(salts, EachKeyHasItsOwn) {
  EXPECT_NE(salt_at(*test_key(1), begin), salt_at(*test_key(2), begin));
  EXPECT_EQ(salt_at(*test_key(1), begin), salt_at(*test_key(1), begin));
}

// https://core.telegram.org/mtproto/auth_key: the salt of the key exchange is the first one.
TEST(salts, TheSaltOfTheKeyExchangeIsGoodForAWhile) {
  const auto key = test_key();
  server_salts salts(first_salt{42, seconds(begin + 600'000)});
  EXPECT_TRUE(salts.accepts(*key, 42, seconds(begin)));
  EXPECT_FALSE(salts.accepts(*key, 42, seconds(begin + 600'000)));
  EXPECT_FALSE(server_salts().accepts(*key, 0, seconds(begin)));
}

// https://core.telegram.org/mtproto/service_messages#request-for-several-future-salts, at most 64; they are
// the ones that will be accepted.
TEST(salts, FutureSaltsAreThoseThatWillBeAccepted) {
  const auto key = test_key();
  for (const auto& [wanted, given] : {std::pair{1, 1}, {64, 64}, {1000, 64}, {0, 1}, {-5, 1}}) {
    const std::string body = server_salts::future_salts(*key, msg_id(8), wanted, seconds(begin + 5000));
    tl::reader in(body);
    EXPECT_EQ(in.read_id(), constructor::future_salts);
    EXPECT_EQ(in.read_long(), 8);
    EXPECT_EQ(in.read_int(), seconds(begin + 5000));
    const std::size_t count = in.read_count(16);
    ASSERT_EQ(count, static_cast<std::size_t>(given));
    for (std::size_t i = 0; i < count; ++i) {
      const std::int32_t since = in.read_int();
      const std::int32_t until = in.read_int();
      const auto salt = static_cast<std::uint64_t>(in.read_long());
      server_salts salts;
      EXPECT_EQ(until - since, 3600);
      EXPECT_TRUE(salts.accepts(*key, salt, since));
      EXPECT_TRUE(salts.accepts(*key, salt, until - 1));
      EXPECT_FALSE(salts.accepts(*key, salt, until));
    }
    EXPECT_TRUE(in.finish());
  }
}

// Notice 48 gives the salt to go on with; the message is not processed, and the session not begun.
TEST(salts, AWrongSaltIsAnsweredWithTheRightOne) {
  server_end server;
  const msg_id id = server.next_id();
  server.send_with_salt(1234, id, 1, query());
  EXPECT_TRUE(server.out.calls.empty());
  EXPECT_FALSE(server.session.is_established());
  const auto messages = server.flush();
  ASSERT_EQ(messages.size(), 1U);
  const auto bad = as_bad_msg(messages[0]);
  ASSERT_TRUE(bad);
  EXPECT_EQ(bad->code, 48);
  EXPECT_EQ(bad->id, id);
  EXPECT_EQ(bad->seqno, 1U);
  server.send_with_salt(bad->salt, server.next_id(), 1, query());
  EXPECT_EQ(server.out.calls.size(), 1U);
}

TEST(salts, TheFirstPacketAfterAKeyExchangeIsTaken) {
  server_end server(first_salt{99, seconds(test_now) + limits::first_salt_seconds});
  server.send_with_salt(99, server.next_id(), 1, query());
  EXPECT_EQ(server.out.calls.size(), 1U);
}

// Each salt costs a hash: one request of a packet gets what it wants, the others one.
TEST(salts, ManyRequestsInOnePacketAreCheap) {
  server_end server;
  std::string request = body::bare(constructor::get_future_salts);
  request += std::string("\x40\0\0\0", 4);
  std::vector<flat_message> messages;
  for (int i = 0; i < 10; ++i) {
    messages.push_back({server.next_id(), 0, request});
  }
  server.send(server.next_id(), 0, container_of(messages));
  const auto answers = server.flushed(constructor::future_salts);
  ASSERT_EQ(answers.size(), 10U);
  EXPECT_EQ(answers[0].body.size(), 20U + 64 * 16);
  EXPECT_EQ(answers[1].body.size(), 20U + 16);
}

} // namespace
} // namespace godwit::mtproto
