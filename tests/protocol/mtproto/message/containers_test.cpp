#include <gtest/gtest.h>

#include "config/limits.hpp"
#include "protocol/mtproto/message/gzip.hpp"
#include "protocol/tl/writer.hpp"
#include "tests/protocol/mtproto/message/message_fixture.hpp"

namespace godwit::mtproto {
namespace {

using namespace testing;

std::string ping(std::uint64_t id) { return body::with_long(constructor::ping, id); }

std::string packed(const std::string& content) {
  return pack_object({reinterpret_cast<const std::uint8_t*>(content.data()), content.size()}).value();
}

// https://core.telegram.org/mtproto/service_messages#simple-container: its messages are processed one by
// one, each under its own id.
TEST(containers, MessagesOfAContainerAreProcessedInTheirOrder) {
  server_end server;
  const msg_id first = server.next_id();
  const msg_id second = server.next_id();
  const msg_id third = server.next_id();
  server.send(server.next_id(), 4,
              container_of({{first, 1, query("a")}, {second, 2, ping(9)}, {third, 3, query("b")}}));
  ASSERT_EQ(server.out.calls.size(), 2U);
  EXPECT_EQ(server.out.calls[0].id, first);
  EXPECT_EQ(server.out.calls[0].body.text(), query("a"));
  EXPECT_EQ(server.out.calls[1].id, third);
  EXPECT_EQ(server.flushed(constructor::pong).size(), 1U);
}

// The same page: a container holds no container; the whole of it is refused, 64.
TEST(containers, AContainerInAContainerIsRefused) {
  server_end server;
  const msg_id inner = server.next_id();
  const msg_id id = server.next_id();
  server.send(id, 2, container_of({{inner, 1, query()}, {msg_id(inner.value() + 4), 2, container_of({})}}));
  const auto refused = server.flush();
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_EQ(as_bad_msg(refused[0])->code, 64);
  EXPECT_EQ(as_bad_msg(refused[0])->id, id);
  EXPECT_TRUE(server.out.calls.empty());
}

TEST(containers, APackedContainerInAContainerIsRefused) {
  server_end server;
  const msg_id inner = server.next_id();
  const std::string hidden = packed(container_of({{inner, 1, query(std::string(400, 'a'))}}));
  const msg_id middle = server.next_id();
  server.send(server.next_id(), 2, container_of({{middle, 1, hidden}}));
  EXPECT_EQ(server.bad_code(), 64);
  EXPECT_TRUE(server.out.calls.empty());
}

// A client may pack a whole container all the same.
TEST(containers, APackedContainerIsTaken) {
  server_end server;
  const msg_id inner = server.next_id();
  server.send(server.next_id(), 2, packed(container_of({{inner, 1, query(std::string(400, 'a'))}})));
  ASSERT_EQ(server.out.calls.size(), 1U);
  EXPECT_EQ(server.out.calls[0].id, inner);
  EXPECT_EQ(server.bad_code(), 0);
}

// The same page: only messages with lower ids than the container's.
TEST(containers, AContainerHoldsOnlyLowerIds) {
  server_end server;
  const msg_id id = server.next_id();
  server.send(id, 2, container_of({{server.next_id(), 1, query()}}));
  EXPECT_EQ(server.bad_code(), 64);
  const msg_id same = server.next_id();
  server.send(same, 2, container_of({{same, 1, query()}}));
  EXPECT_EQ(server.bad_code(), 64);
  EXPECT_TRUE(server.out.calls.empty());
}

// Lengths that do not fit, bytes behind the end, too many messages: 64, and nothing of it is processed.
TEST(containers, ABrokenContainerIsRefusedWhole) {
  server_end server;
  const msg_id inner = server.next_id();
  const std::string good = container_of({{inner, 1, query()}});
  std::string more_than_there_is = good;
  tl::writer(more_than_there_is).patch_int(4, 2);
  std::string trailing = good + std::string(4, '\0');
  std::string odd_length = good;
  tl::writer(odd_length).patch_int(8 + 12, 6);
  std::string long_length = good;
  tl::writer(long_length).patch_int(8 + 12, 4000);
  std::string negative = good;
  tl::writer(negative).patch_int(4, -1);
  for (const std::string& bad :
       {more_than_there_is, trailing, odd_length, long_length, negative, body::bare(constructor::msg_container)}) {
    server.send(server.next_id(), 2, bad);
    EXPECT_EQ(server.bad_code(), 64);
  }
  std::vector<flat_message> many(limits::container_messages_max + 1, {inner, 2, ping(1)});
  server.send(server.next_id(), 2, container_of(many));
  EXPECT_EQ(server.bad_code(), 64);
  EXPECT_TRUE(server.out.calls.empty());
  many.pop_back();
  server.send(server.next_id(), 2, container_of(many));
  EXPECT_EQ(server.bad_code(), 0);
}

// Notice 19: the id of a container is that of no other message.
TEST(containers, TheIdOfAContainerIsItsOwn) {
  server_end server;
  const msg_id inner = server.next_id();
  const msg_id id = server.service(ping(1));
  server.send(id, 2, container_of({{inner, 1, query()}}));
  EXPECT_EQ(server.bad_code(), 19);
  EXPECT_TRUE(server.out.calls.empty());
}

// A container that comes twice as it was comes from the network: a refusal would make the client ask again.
TEST(containers, ARepeatedContainerIsNotRefused) {
  server_end server;
  const msg_id inner = server.next_id();
  const msg_id id = server.next_id();
  server.send(id, 2, container_of({{inner, 1, query()}}));
  server.send(id, 2, container_of({{inner, 1, query()}}));
  EXPECT_EQ(server.bad_code(), 0);
  EXPECT_EQ(server.out.calls.size(), 1U);
}

// A message that came before is recognised inside a container, too: clients repeat so.
TEST(containers, AMessageThatCameBeforeIsRecognisedInAContainer) {
  server_end server;
  const msg_id id = server.call(query());
  server.send(server.next_id(), 2, container_of({{id, 1, query()}}));
  EXPECT_EQ(server.out.calls.size(), 1U);
  EXPECT_EQ(server.bad_code(), 0);
}

// The parity of each message counts for itself.
TEST(containers, OneBadMessageDoesNotSpoilTheOthers) {
  server_end server;
  const msg_id bad = msg_id(server.next_id().value() | 1);
  const msg_id good = server.next_id();
  server.send(server.next_id(), 4, container_of({{bad, 1, query()}, {good, 3, query()}}));
  ASSERT_EQ(server.out.calls.size(), 1U);
  EXPECT_EQ(server.out.calls[0].id, good);
  EXPECT_EQ(server.bad_code(), 18);
}

// What is sent shares a packet; a container's id is above those of its messages.
TEST(containers, OutgoingMessagesShareAContainer) {
  server_end server;
  const msg_id call = server.call(query());
  server.service(ping(1));
  server.session.answer(call, std::string("done"), server.now, server.out);
  server.session.push(std::string("news"), server.now);
  server.sink.packets.clear();
  server.session.flush(first_connection, server.now, server.sink);
  ASSERT_EQ(server.sink.packets.size(), 1U);
  const inner_message packet = opened(server.sink.packets[0]);
  const auto messages = flatten(packet);
  // pong, new_session_created, result, update; the result acknowledges its query.
  ASSERT_EQ(messages.size(), 4U);
  EXPECT_EQ(packet.seqno % 2, 0U);
  msg_id last;
  for (const flat_message& one : messages) {
    EXPECT_LT(one.id, packet.id);
    EXPECT_GT(one.id, last);
    last = one.id;
  }
}

// More than a container takes goes into several packets, a large message alone.
TEST(containers, MuchOutputIsSpreadOverPackets) {
  server_end server;
  server.service(ping(0));
  server.flush();
  std::vector<msg_id> calls;
  for (int i = 0; i < 100; ++i) {
    calls.push_back(server.call(query()));
  }
  for (const msg_id id : calls) {
    server.session.answer(id, std::string(4000, 'x'), server.now, server.out, packing::never);
  }
  EXPECT_EQ(server.flushed(constructor::rpc_result).size(), 100U);
  EXPECT_GE(server.sink.packets.size(), 6U);
  EXPECT_LE(server.sink.packets.size(), 8U);
  for (const auto& packet : server.sink.packets) {
    EXPECT_LE(packet.size(), limits::container_bytes_max + 4096);
  }
}

} // namespace
} // namespace godwit::mtproto
