#include <gtest/gtest.h>

#include "config/limits.hpp"
#include "tests/protocol/mtproto/message/message_fixture.hpp"

namespace godwit::mtproto {
namespace {

using namespace testing;

constexpr unix_ms second = 1000;

// https://core.telegram.org/mtproto/description#message-identifier-msg-id: unix time * 2^32, 1 for answers
// and 3 for others modulo 4, growing.
TEST(msg_ids, ServerIdsGrowWhateverTheClockDoes) {
  msg_id_source ids;
  msg_id last;
  for (const unix_ms now : {test_now, test_now, test_now + 1, test_now - 5000, test_now + 2000}) {
    for (const msg_origin origin : {msg_origin::server, msg_origin::server_response, msg_origin::server_response}) {
      const msg_id next = ids.next(now, origin);
      EXPECT_GT(next, last);
      EXPECT_EQ(next.value() & 3, static_cast<std::uint64_t>(origin));
      last = next;
    }
  }
  EXPECT_NEAR(static_cast<double>(time_of(last)), static_cast<double>(test_now + 2000), 1.0);
  EXPECT_EQ(last.value() >> 32, static_cast<std::uint64_t>(test_now / 1000 + 2));
}

// The same page: more than 300 s behind or 30 s ahead is refused; notices 16 and 17.
TEST(msg_ids, AClientsIdIsAtMost300SecondsBehindAnd30Ahead) {
  const auto check = [](unix_ms time) { return check_client_id(first_id_at(time, msg_origin::client), test_now); };
  EXPECT_EQ(check(test_now), bad_msg::none);
  EXPECT_EQ(check(test_now - 299 * second), bad_msg::none);
  EXPECT_EQ(check(test_now - 301 * second), bad_msg::id_too_low);
  EXPECT_EQ(check(test_now + 29 * second), bad_msg::none);
  EXPECT_EQ(check(test_now + 31 * second), bad_msg::id_too_high);
  EXPECT_EQ(check(0), bad_msg::id_too_low);
  EXPECT_EQ(check_client_id(msg_id(0xfffffffffffffffc), test_now), bad_msg::id_too_high);
}

// Notices 16 and 17 go out for the packet, and the query in it is not processed.
TEST(msg_ids, AQueryOutsideTheWindowIsRefused) {
  server_end server;
  server.send(first_id_at(test_now - 301 * second, msg_origin::client), 1, query());
  EXPECT_EQ(server.bad_code(), 16);
  server.send(first_id_at(test_now + 31 * second, msg_origin::client), 1, query());
  EXPECT_EQ(server.bad_code(), 17);
  EXPECT_TRUE(server.out.calls.empty());
  EXPECT_FALSE(server.session.is_established());
}

// Notice 18: the two lowest bits of a client's msg_id are 0.
TEST(msg_ids, AClientsIdIsDivisibleByFour) {
  server_end server;
  const msg_id id = server.next_id();
  for (std::uint64_t bits = 1; bits < 4; ++bits) {
    server.send(msg_id(id.value() | bits), 1, query());
    EXPECT_EQ(server.bad_code(), 18);
  }
  EXPECT_TRUE(server.out.calls.empty());
}

// A repeated packet does nothing twice (security guidelines, "Checking msg_id").
TEST(msg_ids, ARepeatedQueryIsNotAskedAgain) {
  server_end server;
  const msg_id id = server.call(query());
  server.send(id, 1, query());
  server.send(id, 1, query(), second_connection);
  EXPECT_EQ(server.out.calls.size(), 1U);
}

// The same with an id that was forgotten: "too old", 20, when it cannot be told from a received one. An id
// inside a container may be older than the window, for a message that waited long on the client.
TEST(msg_ids, WhatCannotBeToldFromAReceivedMessageIsTooOld) {
  server_end server;
  server.call(query());
  const msg_id never_sent = server.next_id();
  for (std::size_t i = 0; i < limits::received_ids_max + 100; ++i) {
    server.service(body::with_long(constructor::ping, i));
    server.flush();
  }
  server.send(never_sent, 3, query());
  EXPECT_EQ(server.bad_code(), 20);
  EXPECT_EQ(server.out.calls.size(), 1U);
}

TEST(msg_ids, AMessageThatWaitedLongIsTakenInAContainer) {
  server_end server;
  const msg_id old = first_id_at(test_now - 500 * second, msg_origin::client);
  server.send(server.next_id(), 2, container_of({{old, 1, query("late")}}));
  EXPECT_EQ(server.out.calls.size(), 1U);
  EXPECT_EQ(server.bad_code(), 0);
}

// https://core.telegram.org/mtproto/service_messages#new-session-creation-notification: the client asks again for
// messages below first_msg_id, so a packet with them that comes late is not taken. Some clients ask again under
// the old id, in a container.
TEST(msg_ids, APacketBelowTheFirstIdOfASessionIsDropped) {
  server_end server;
  const msg_id late = server.next_id();
  server.call(query());
  server.flush();
  server.send(late, 1, query());
  EXPECT_TRUE(server.flush().empty());
  EXPECT_EQ(server.out.calls.size(), 1U);
  server.send(server.next_id(), 2, container_of({{late, 0, body::with_long(constructor::ping, 1)}}));
  EXPECT_EQ(server.flushed(constructor::pong).size(), 1U);
}

// Ids are forgotten with the window, so that a session that lives for ever stays small.
TEST(msg_ids, IdsAreForgottenWithTheWindow) {
  server_end server;
  for (int i = 0; i < 2000; ++i) {
    server.now += 10 * second;
    server.service(body::with_long(constructor::ping, 1));
    server.flush();
  }
  // 330 s are 33 pings, forgotten 16 at once.
  EXPECT_LT(server.session.memory_bytes(), sizeof(server_session) + 2048);
}

// Notices 32 and 33: content-related messages count up as their ids do.
TEST(msg_ids, SeqnoGrowsWithTheId) {
  server_end server;
  server.service(body::with_long(constructor::ping, 1));
  const msg_id before = server.next_id();
  const msg_id first = server.next_id();
  const msg_id between = server.next_id();
  const msg_id second_id = server.next_id();
  server.send(first, 11, query());
  server.send(second_id, 15, query());
  server.send(server.next_id(), 15, query());
  EXPECT_EQ(server.bad_code(), 32);
  server.send(before, 11, query());
  EXPECT_EQ(server.bad_code(), 33);
  server.send(before, 13, query());
  EXPECT_EQ(server.bad_code(), 33);
  EXPECT_EQ(server.out.calls.size(), 2U);
  server.send(between, 13, query());
  server.send(before, 9, query());
  EXPECT_EQ(server.bad_code(), 0);
  EXPECT_EQ(server.out.calls.size(), 4U);
}

// A real client, mtcute, counts its acknowledgements as content-related, and gives its session up when one is
// refused.
TEST(msg_ids, AnAcknowledgementMayHaveAnOddSeqno) {
  server_end server;
  const msg_id some_id[] = {msg_id(1)};
  server.send(server.next_id(), 1, body::with_ids(constructor::msgs_ack, some_id));
  server.send(server.next_id(), 3, query());
  EXPECT_EQ(server.bad_code(), 0);
  EXPECT_EQ(server.out.calls.size(), 1U);
}

// Notices 34 and 35: containers are not content-related, queries are.
TEST(msg_ids, TheLowestBitOfSeqnoTellsWhetherAMessageIsContentRelated) {
  server_end server;
  server.send(server.next_id(), 1, container_of({}));
  EXPECT_EQ(server.bad_code(), 34);
  server.send(server.next_id(), 2, query());
  EXPECT_EQ(server.bad_code(), 35);
  EXPECT_TRUE(server.out.calls.empty());
  // Clients differ in how they count a ping.
  server.send(server.next_id(), 1, body::with_long(constructor::ping, 5));
  server.send(server.next_id(), 2, body::with_long(constructor::ping, 6));
  EXPECT_EQ(server.flushed(constructor::pong).size(), 2U);
}

// A client that sends nothing right any more is let go.
TEST(msg_ids, ManyRefusedMessagesInARowEndTheConnection) {
  server_end server;
  for (std::uint32_t i = 1; i < limits::bad_messages_max; ++i) {
    server.send(server.next_id(), 2, query());
  }
  EXPECT_FALSE(server.out.close);
  server.call(query());
  for (std::uint32_t i = 0; i < limits::bad_messages_max; ++i) {
    EXPECT_FALSE(server.out.close);
    server.send(server.next_id(), 2, query());
  }
  EXPECT_EQ(server.out.close, close_reason::too_many_bad_messages);
}

} // namespace
} // namespace godwit::mtproto
