#include <gtest/gtest.h>

#include "config/limits.hpp"
#include "protocol/tl/reader.hpp"
#include "protocol/tl/writer.hpp"
#include "tests/protocol/mtproto/message/message_fixture.hpp"

namespace godwit::mtproto {
namespace {

using namespace testing;

std::string ping_delay(std::uint64_t id, std::int32_t delay) {
  std::string body = body::with_long(constructor::ping_delay_disconnect, id);
  tl::writer(body).write_int(delay);
  return body;
}

/// The states that a msgs_state_info brings, one byte each.
std::string states_in(const std::vector<flat_message>& messages) {
  EXPECT_EQ(messages.size(), 1U);
  if (messages.empty()) {
    return "";
  }
  tl::reader in(messages[0].body);
  in.read_id();
  in.read_long();
  return std::string(in.read_bytes());
}

// https://core.telegram.org/mtproto/service_messages#ping-messages-ping-pong: the pong names the message
// and the ping, and stands alone.
TEST(service, APingIsAnsweredBare) {
  server_end server;
  const msg_id id = server.service(body::with_long(constructor::ping, 0x1234));
  const auto pongs = server.flushed(constructor::pong);
  ASSERT_EQ(pongs.size(), 1U);
  EXPECT_EQ(pongs[0].body, body::pong(id, 0x1234));
  EXPECT_EQ(pongs[0].id.value() % 4, 1U);
  EXPECT_EQ(pongs[0].seqno % 2, 0U);
}

// #deferred-connection-closure-ping: the connection ends unless another such ping comes in time.
TEST(service, ADelayedPingEndsASilentConnection) {
  server_end server;
  server.service(ping_delay(1, 30));
  EXPECT_EQ(server.flushed(constructor::pong).size(), 1U);
  server.now += 20'000;
  server.service(ping_delay(2, 30));
  server.flush();
  server.now += 20'000;
  server.session.tick(server.now, server.out);
  EXPECT_TRUE(server.out.events.empty());
  EXPECT_EQ(server.session.due(), server.now + 10'000);
  server.now += 10'000;
  server.session.tick(server.now, server.out);
  ASSERT_EQ(server.out.events.size(), 1U);
  EXPECT_EQ(server.out.events[0].what, session_event::kind::connection_timed_out);
  EXPECT_EQ(server.out.events[0].connection, first_connection);
  server.session.tick(server.now + 1, server.out);
  EXPECT_EQ(server.out.events.size(), 1U);
}

// A client that counts milliseconds does not keep a dead connection for 16 hours.
TEST(service, TheDelayOfAPingIsCut) {
  server_end server;
  server.service(ping_delay(1, 60'000));
  server.flush();
  server.now += std::int64_t{1000} * limits::ping_disconnect_seconds_max;
  server.session.tick(server.now, server.out);
  EXPECT_EQ(server.out.events.size(), 1U);
}

TEST(service, APingOnOneConnectionDoesNotEndAnother) {
  server_end server;
  server.service(body::with_long(constructor::ping, 1), first_connection);
  server.service(ping_delay(1, 1), second_connection);
  server.now += 2000;
  server.session.tick(server.now, server.out);
  ASSERT_EQ(server.out.events.size(), 1U);
  EXPECT_EQ(server.out.events[0].connection, second_connection);
}

// #new-session-creation-notification: sent once, names the lowest id of the first packet, needs an
// acknowledgement, and carries the salt.
TEST(service, ANewSessionIsAnnouncedOnceWithItsLowestId) {
  server_end server;
  const msg_id low = server.next_id();
  const msg_id high = server.next_id();
  server.send(server.next_id(), 4, container_of({{high, 3, query()}, {low, 1, query()}}));
  const auto created = server.flushed(constructor::new_session_created);
  ASSERT_EQ(created.size(), 1U);
  tl::reader in(created[0].body);
  in.read_id();
  EXPECT_EQ(static_cast<std::uint64_t>(in.read_long()), low.value());
  in.read_long();
  EXPECT_EQ(static_cast<std::uint64_t>(in.read_long()), derive_salt(*server.key, server.now / 1'800'000));
  EXPECT_EQ(created[0].seqno % 2, 1U);
  EXPECT_EQ(created[0].id.value() % 4, 3U);
  server.call(query());
  EXPECT_TRUE(server.flushed(constructor::new_session_created).empty());
}

// #acknowledgment-of-receipt in service_messages_about_messages: content-related messages are acknowledged,
// together, after a short while, when nothing else goes.
TEST(service, ContentRelatedMessagesAreAcknowledgedTogether) {
  server_end server;
  server.service(body::with_long(constructor::ping, 1));
  server.flush();
  const msg_id ids[] = {server.call(query()), server.call(query())};
  EXPECT_FALSE(server.session.has_output(first_connection, server.now));
  EXPECT_EQ(server.session.due(), server.now + limits::ack_delay_ms);
  server.now += limits::ack_delay_ms;
  EXPECT_TRUE(server.session.has_output(first_connection, server.now));
  const auto acks = server.flush();
  ASSERT_EQ(acks.size(), 1U);
  EXPECT_EQ(acks[0].body, body::with_ids(constructor::msgs_ack, ids));
  EXPECT_EQ(acks[0].seqno % 2, 0U);
  EXPECT_FALSE(server.session.has_output(first_connection, server.now));
}

TEST(service, ManyAcknowledgementsDoNotWait) {
  server_end server;
  server.service(body::with_long(constructor::ping, 1));
  server.flush();
  for (std::size_t i = 0; i < limits::acks_waiting_max; ++i) {
    EXPECT_FALSE(server.session.has_output(first_connection, server.now));
    server.call(query());
  }
  EXPECT_TRUE(server.session.has_output(first_connection, server.now));
}

TEST(service, AcknowledgementsRideAlong) {
  server_end server;
  server.call(query());
  EXPECT_EQ(server.flushed(constructor::msgs_ack).size(), 1U);
}

// #request-for-message-status-information: one byte for each id.
TEST(service, StatesTellWhatBecameOfMessages) {
  server_end server;
  const msg_id before = server.next_id();
  const msg_id pinged = server.service(body::with_long(constructor::ping, 1));
  const msg_id skipped = server.next_id();
  const msg_id running = server.call(query());
  const msg_id answered = server.call(query());
  server.session.answer(answered, std::string("done"), server.now, server.out);
  server.flush();
  const msg_id fresh = server.call(query());
  const msg_id ids[] = {msg_id(server.next_id().value() + 4000), skipped, pinged, running, answered, fresh, before};
  server.service(body::with_ids(constructor::msgs_state_req, ids));
  const std::string states = states_in(server.flushed(constructor::msgs_state_info));
  ASSERT_EQ(states.size(), 7U);
  EXPECT_EQ(states[0], 3);
  EXPECT_EQ(states[1], 2);
  EXPECT_EQ(states[2], 4 + 16);
  EXPECT_EQ(states[3], 4 + 8 + 32);
  EXPECT_EQ(states[4], 4 + 8 + 32 + 64);
  EXPECT_EQ(states[5], 4 + 32);
  EXPECT_EQ(states[6], 2);
}

TEST(service, MoreIdsThanTheProtocolAllowsAreRefused) {
  server_end server;
  const std::vector<msg_id> ids(limits::ids_per_message_max + 1, msg_id(4));
  const msg_id id = server.next_id();
  server.send(id, server.next_odd(), body::with_ids(constructor::msgs_state_req, ids));
  EXPECT_EQ(error_text(server.result_of(id)), "INPUT_REQUEST_INVALID");
}

// #voluntary-communication-of-status-of-messages: what the client says it received needs no more care.
TEST(service, AllInfoCountsAsAcknowledgement) {
  server_end server;
  server.call(query());
  const auto created = server.flushed(constructor::new_session_created);
  ASSERT_EQ(created.size(), 1U);
  EXPECT_EQ(server.session.kept_messages(), 1U);
  std::string info = body::with_ids(constructor::msgs_all_info, {&created[0].id, 1});
  std::string unknown = info;
  tl::writer(unknown).write_bytes("\x02");
  server.service(unknown);
  EXPECT_EQ(server.session.kept_messages(), 1U);
  tl::writer(info).write_bytes("\x04");
  server.service(info);
  EXPECT_EQ(server.session.kept_messages(), 0U);
}

// #explicit-request-to-re-send-messages: what is there goes again under its id; for what is not, states.
TEST(service, AMessageIsSentAgainOnRequest) {
  server_end server;
  const msg_id call = server.call(query());
  server.session.answer(call, std::string("done"), server.now, server.out);
  const auto sent = server.flushed(constructor::rpc_result);
  ASSERT_EQ(sent.size(), 1U);
  server.service(body::with_ids(constructor::msg_resend_req, {&sent[0].id, 1}));
  const auto again = server.flush();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].id, sent[0].id);
  EXPECT_EQ(again[0].seqno, sent[0].seqno);
  EXPECT_EQ(again[0].body, sent[0].body);
  // By the query's id as well.
  server.service(body::with_ids(constructor::msg_resend_ans_req, {&call, 1}));
  EXPECT_EQ(server.flushed(constructor::rpc_result).size(), 1U);
  const msg_id both[] = {sent[0].id, msg_id(sent[0].id.value() + 400)};
  server.service(body::with_ids(constructor::msg_resend_req, both));
  const auto half = server.flush();
  ASSERT_EQ(half.size(), 2U);
  EXPECT_EQ(half[0].constructor(), constructor::msgs_state_info);
  EXPECT_EQ(half[1].id, sent[0].id);
}

// #destroying-a-session (service_messages): another one is the caller's matter, the present one stays.
TEST(service, DestroySessionIsAskedOfTheCaller) {
  server_end server;
  server.service(body::with_long(constructor::destroy_session, 5));
  ASSERT_EQ(server.out.events.size(), 1U);
  EXPECT_EQ(server.out.events[0].what, session_event::kind::destroy_session);
  EXPECT_EQ(server.out.events[0].session, session_id(5));
  server.session.answer_destroy_session(first_connection, session_id(5), true);
  EXPECT_EQ(server.flushed(constructor::destroy_session_ok).size(), 1U);
  server.service(body::with_long(constructor::destroy_session, server.session.id().value()));
  EXPECT_EQ(server.out.events.size(), 1U);
  EXPECT_EQ(server.flushed(constructor::destroy_session_none).size(), 1U);
}

// https://core.telegram.org/mtproto/auth_key#auth-key-destruction: the answer stands alone.
TEST(service, DestroyAuthKeyIsAskedOfTheCaller) {
  server_end server;
  server.call(body::bare(constructor::destroy_auth_key));
  ASSERT_EQ(server.out.events.size(), 1U);
  EXPECT_EQ(server.out.events[0].what, session_event::kind::destroy_auth_key);
  EXPECT_TRUE(server.out.calls.empty());
  server.session.answer_destroy_auth_key(first_connection, destroy_result::ok);
  EXPECT_EQ(server.flushed(constructor::destroy_auth_key_ok).size(), 1U);
}

// #cancellation-of-an-rpc-query: running, known, unknown.
TEST(service, ARunningCallIsDropped) {
  server_end server;
  const msg_id call = server.call(query());
  const msg_id drop = server.call(body::with_long(constructor::rpc_drop_answer, call.value()));
  ASSERT_EQ(server.out.events.size(), 1U);
  EXPECT_EQ(server.out.events[0].what, session_event::kind::call_dropped);
  EXPECT_EQ(server.out.events[0].id, call);
  int running = 0;
  for (const flat_message& one : server.flushed(constructor::rpc_result)) {
    const auto view = as_result(one);
    EXPECT_TRUE(view->request == call || view->request == drop);
    running += view->result == body::bare(constructor::rpc_answer_dropped_running) ? 1 : 0;
  }
  EXPECT_EQ(running, 2);
  EXPECT_FALSE(server.session.answer(call, std::string("late"), server.now, server.out));
}

TEST(service, AKnownAnswerIsDropped) {
  server_end server;
  const msg_id call = server.call(query());
  server.session.answer(call, std::string("done"), server.now, server.out);
  const auto sent = server.flushed(constructor::rpc_result);
  ASSERT_EQ(sent.size(), 1U);
  const msg_id drop = server.call(body::with_long(constructor::rpc_drop_answer, call.value()));
  EXPECT_EQ(server.result_of(drop), body::rpc_answer_dropped(sent[0].id, sent[0].seqno, sent[0].body.size()));
  // Gone: a repeated query is not answered any more.
  server.send(call, 1, query());
  EXPECT_TRUE(server.result_of(call).empty());
  const msg_id again = server.call(body::with_long(constructor::rpc_drop_answer, call.value()));
  EXPECT_EQ(server.result_of(again), body::bare(constructor::rpc_answer_unknown));
}

// Functions that are cut short are answered, other service messages ignored; none does harm.
TEST(service, BrokenServiceMessagesDoNoHarm) {
  server_end server;
  for (const std::uint32_t id :
       {constructor::ping, constructor::ping_delay_disconnect, constructor::msgs_state_req, constructor::msg_resend_req,
        constructor::get_future_salts, constructor::destroy_session, constructor::rpc_drop_answer}) {
    EXPECT_EQ(error_text(server.result_of(server.call(body::bare(id)))), "INPUT_REQUEST_INVALID");
  }
  for (const std::uint32_t id :
       {constructor::msgs_ack, constructor::msgs_all_info, constructor::msgs_state_info, constructor::pong,
        constructor::http_wait, constructor::bad_msg_notification, constructor::new_session_created}) {
    server.service(body::bare(id));
    EXPECT_TRUE(server.flushed(constructor::rpc_result).empty());
  }
  EXPECT_TRUE(server.out.calls.empty());
  EXPECT_TRUE(server.out.events.empty());
}

// Who asks and reads nothing is first left unread, then let go.
TEST(service, AnswersThatNobodyReadsAreBounded) {
  server_end server;
  const std::vector<msg_id> ids(limits::ids_per_message_max, msg_id(4));
  const std::string request = body::with_ids(constructor::msgs_state_req, ids);
  while (!server.session.is_full()) {
    server.service(request);
  }
  EXPECT_FALSE(server.out.close);
  EXPECT_LE(server.session.memory_bytes(), 2 * limits::notices_bytes_max);
  for (int i = 0; i < 1000; ++i) {
    server.service(request);
  }
  EXPECT_EQ(server.out.close, close_reason::output_flood);
  EXPECT_LE(server.session.memory_bytes(), 2 * limits::notices_bytes_hard_max);
}

} // namespace
} // namespace godwit::mtproto
