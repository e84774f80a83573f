#include <iostream>
#include <map>

#include <gtest/gtest.h>

#include "config/limits.hpp"
#include "protocol/tl/reader.hpp"
#include "protocol/tl/writer.hpp"
#include "tests/protocol/mtproto/message/message_fixture.hpp"

namespace godwit::mtproto {
namespace {

using namespace testing;

/// Keeping and sending again, https://core.telegram.org/mtproto/service_messages_about_messages.
class answers : public ::testing::Test {
protected:
  msg_id answered(std::string result, packing pack = packing::never) {
    const msg_id id = server.call(query());
    server.session.answer(id, std::move(result), server.now, server.out, pack);
    return id;
  }
  void acknowledge_all() {
    std::vector<msg_id> ids;
    for (const flat_message& one : server.flush()) {
      if (one.seqno % 2 == 1) {
        ids.push_back(one.id);
      }
    }
    server.service(body::with_ids(constructor::msgs_ack, ids));
    server.flush();
  }

  server_end server;
};

TEST_F(answers, AreKeptUntilTheyAreAcknowledged) {
  answered("done");
  EXPECT_EQ(server.session.kept_messages(), 2U);
  acknowledge_all();
  EXPECT_EQ(server.session.kept_messages(), 0U);
}

// Clients that throw at an error drop the rest of its container.
TEST_F(answers, NothingStandsBehindAnErrorInItsContainer) {
  std::string error;
  tl::writer out(error);
  out.write_id(constructor::rpc_error);
  out.write_int(400);
  out.write_bytes("MESSAGE_ID_INVALID");
  const msg_id refused = answered(error);
  const msg_id done = answered("done");
  server.flush();
  ASSERT_EQ(server.sink.packets.size(), 2U) << "the second answer goes in a packet of its own";
  const auto holds = [&](std::size_t packet, msg_id request) {
    const auto bytes = opened(server.sink.packets.at(packet)).body.text();
    const std::string wanted = body::with_long(constructor::rpc_result, request.value());
    return bytes.find(wanted) != std::string_view::npos;
  };
  EXPECT_TRUE(holds(0, refused));
  EXPECT_FALSE(holds(0, done));
  EXPECT_TRUE(holds(1, done));
}

TEST_F(answers, AreSentAgainOnANewConnection) {
  answered("done");
  ASSERT_EQ(server.session.push(std::string("news"), server.now), push_result::queued);
  std::vector<flat_message> sent = server.flush();
  std::erase_if(sent, [](const flat_message& one) { return one.seqno % 2 == 0; });
  ASSERT_EQ(sent.size(), 3U);
  server.session.detach(first_connection);
  EXPECT_FALSE(server.session.has_output(first_connection, server.now));
  server.now += 400'000;
  server.service(body::with_long(constructor::ping, 1), second_connection);
  std::vector<flat_message> again = server.flush(second_connection);
  std::erase_if(again, [](const flat_message& one) { return one.seqno % 2 == 0; });
  ASSERT_EQ(again.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(again[i].id, sent[i].id);
    EXPECT_EQ(again[i].seqno, sent[i].seqno);
    EXPECT_EQ(again[i].body, sent[i].body);
  }
  // Old ids travel inside a container whose own id is new.
  EXPECT_GT(opened(server.sink.packets.at(0)).id, first_id_at(server.now - 1, msg_origin::server));
}

// Even a single message that is sent again stands in a container.
TEST_F(answers, ARepeatedMessageNeverIsThePacketItself) {
  answered("done");
  acknowledge_all();
  const msg_id id = answered("more");
  server.flush();
  server.send(id, 3, query());
  ASSERT_EQ(server.flush().size(), 1U);
  const inner_message packet = opened(server.sink.packets.at(0));
  EXPECT_EQ(tl::reader(packet.body.bytes()).read_id(), constructor::msg_container);
}

// An answer that is made while the client is elsewhere goes where it is.
TEST_F(answers, GoWhereTheClientIs) {
  const msg_id id = server.call(query(), first_connection);
  server.service(body::with_long(constructor::ping, 1), second_connection);
  server.flush(second_connection);
  server.session.answer(id, std::string("done"), server.now, server.out);
  EXPECT_FALSE(server.session.has_output(first_connection, server.now));
  EXPECT_EQ(server.result_of(id, second_connection), "done");
}

// Bytes that were on their way when the client went elsewhere do not call it back.
TEST_F(answers, AreNotCalledBackByOldPackets) {
  server.call(query(), first_connection);
  const msg_id early = server.next_id();
  const msg_id id = server.call(query(), second_connection);
  server.send(early, 0, body::with_long(constructor::ping, 1), first_connection);
  server.session.answer(id, std::string("done"), server.now, server.out);
  EXPECT_EQ(server.session.current_connection(), second_connection);
  EXPECT_EQ(server.result_of(id, second_connection), "done");
}

// Whoever saw a packet can send it once more on a connection of his own; that moves nothing there and is not
// refused, whatever the time and the salt are by then (Albrecht et al., "Four Attacks and a Proof for Telegram").
TEST_F(answers, AreNotCalledAwayByAReplayedPacket) {
  const msg_id id = server.call(query());
  server.flush();
  server.now += 400'000;
  server.send_with_salt(5, id, 1, query(), second_connection);
  EXPECT_EQ(server.session.current_connection(), first_connection);
  EXPECT_TRUE(server.flush(second_connection).empty());
  server.session.answer(id, std::string("done"), server.now, server.out);
  EXPECT_EQ(server.result_of(id), "done");
}

TEST_F(answers, OfARepeatedQueryAreSentAgain) {
  const msg_id id = answered("done");
  EXPECT_EQ(server.result_of(id), "done");
  server.send(id, 1, query());
  EXPECT_EQ(server.result_of(id), "done");
  EXPECT_EQ(server.out.calls.size(), 1U);
}

// "Extended voluntary communication of status of one message": a large one is announced and sent on request.
TEST_F(answers, LargeOnesAreAnnouncedAfterAReconnect) {
  const std::string large(limits::announced_bytes_min, 'x');
  const msg_id id = answered(large);
  server.session.push(large, server.now);
  EXPECT_EQ(server.result_of(id), large);
  server.session.detach(first_connection);
  server.service(body::with_long(constructor::ping, 1), second_connection);
  std::vector<msg_id> wanted;
  for (const flat_message& one : server.flush(second_connection)) {
    tl::reader in(one.body);
    const std::uint32_t constructor = in.read_id();
    if (constructor == constructor::msg_detailed_info) {
      EXPECT_EQ(static_cast<std::uint64_t>(in.read_long()), id.value());
      wanted.emplace_back(static_cast<std::uint64_t>(in.read_long()));
      EXPECT_EQ(in.read_int(), static_cast<std::int32_t>(large.size() + 12));
    } else if (constructor == constructor::msg_new_detailed_info) {
      wanted.emplace_back(static_cast<std::uint64_t>(in.read_long()));
      EXPECT_EQ(in.read_int(), static_cast<std::int32_t>(large.size()));
    }
    EXPECT_LT(one.body.size(), 100U);
  }
  ASSERT_EQ(wanted.size(), 2U);
  server.service(body::with_ids(constructor::msg_resend_req, wanted), second_connection);
  EXPECT_EQ(server.result_of(id, second_connection), large);
}

TEST_F(answers, AreBoundedInBytes) {
  const std::string large(limits::kept_bytes_max / 4, 'x');
  std::vector<msg_id> ids;
  for (int i = 0; i < 12; ++i) {
    ids.push_back(answered(large));
    EXPECT_EQ(server.result_of(ids.back()), large);
    EXPECT_LT(server.session.memory_bytes(), limits::kept_bytes_max + 10'000);
  }
  // One that was given up cannot be sent again, so the client has to ask anew: notice 20.
  server.send(ids.front(), 1, query());
  EXPECT_EQ(server.bad_code(), 20);
  server.send(ids.back(), 23, query());
  EXPECT_EQ(server.result_of(ids.back()), large);
}

// A reader that is too slow for what it asks is told to wait; nothing is lost without a word.
TEST_F(answers, ThatDoNotFitBecomeFloodWaits) {
  const std::string large(limits::kept_bytes_max / 4, 'x');
  std::vector<msg_id> ids;
  for (int i = 0; i < 8; ++i) {
    ids.push_back(answered(large));
  }
  EXPECT_TRUE(server.session.is_full());
  EXPECT_LT(server.session.memory_bytes(), limits::kept_bytes_max + 10'000);
  std::map<msg_id, std::string> results;
  for (const flat_message& one : server.flush()) {
    if (const auto view = as_result(one)) {
      results[view->request] = view->result;
    }
  }
  ASSERT_EQ(results.size(), 8U);
  EXPECT_EQ(results[ids.front()], large);
  EXPECT_EQ(error_text(results[ids.back()]), "FLOOD_WAIT_1");
}

TEST_F(answers, AreBoundedInNumber) {
  for (std::size_t i = 0; i < 3 * limits::kept_messages_max; ++i) {
    answered("done");
    server.flush();
  }
  EXPECT_LE(server.session.kept_messages(), limits::kept_messages_max + 1);
}

TEST_F(answers, AreBoundedInTime) {
  answered("done");
  server.flush();
  EXPECT_EQ(server.session.due(), server.now + limits::kept_ms_max);
  server.now += limits::kept_ms_max;
  server.session.tick(server.now, server.out);
  EXPECT_EQ(server.session.kept_messages(), 0U);
  EXPECT_FALSE(server.session.take_pushes_lost());
}

TEST_F(answers, PushesAreBounded) {
  server.call(query());
  std::size_t pushed = 0;
  while (server.session.push(std::string("news"), server.now) == push_result::queued) {
    ++pushed;
  }
  EXPECT_EQ(pushed, limits::kept_pushes_max);
  EXPECT_EQ(server.session.push(std::string("too long"), server.now, true), push_result::queued);
  EXPECT_EQ(server.session.push(std::string("news"), server.now), push_result::full);
  acknowledge_all();
  EXPECT_EQ(server.session.push(std::string("news"), server.now), push_result::queued);
}

TEST_F(answers, PushesAreBoundedInBytes) {
  const std::string large(limits::kept_pushes_bytes_max / 2, 'x');
  EXPECT_EQ(server.session.push(large, server.now), push_result::queued);
  EXPECT_EQ(server.session.push(large, server.now), push_result::queued);
  EXPECT_EQ(server.session.push(std::string("news"), server.now), push_result::full);
}

// Updates for a client that stayed away are given up; the caller learns that the client needs the difference.
TEST_F(answers, PushesThatGrewOldAreReported) {
  server.call(query());
  server.session.detach(first_connection);
  server.session.push(std::string("news"), server.now);
  server.now += limits::kept_ms_max;
  server.session.tick(server.now, server.out);
  EXPECT_TRUE(server.session.take_pushes_lost());
  EXPECT_FALSE(server.session.take_pushes_lost());
}

// A slow connection is given as much as it takes.
TEST_F(answers, AFlushStopsAtItsBound) {
  for (int i = 0; i < 100; ++i) {
    answered(std::string(10'000, 'x'));
  }
  const std::size_t made = server.session.flush(first_connection, server.now, server.sink, 100'000);
  EXPECT_GE(made, 100'000U);
  EXPECT_LE(made, 100'000U + limits::container_bytes_max + 1000);
  EXPECT_TRUE(server.session.has_output(first_connection, server.now));
}

// The aim is 8 KB of process memory for all of an idle session; this part of it takes under one.
TEST_F(answers, AnIdleSessionIsSmall) {
  answered("done");
  acknowledge_all();
  for (int i = 0; i < 1000; ++i) {
    server.now += 60'000;
    server.service(body::with_long(constructor::ping, 1));
    server.flush();
    server.session.tick(server.now, server.out);
  }
  std::cout << "sizeof(server_session) " << sizeof(server_session) << ", idle with heap "
            << server.session.memory_bytes() << "\n";
  RecordProperty("session_bytes", static_cast<int>(sizeof(server_session)));
  RecordProperty("idle_bytes", static_cast<int>(server.session.memory_bytes()));
  EXPECT_LT(server.session.memory_bytes(), 1536U);
}

} // namespace
} // namespace godwit::mtproto
