#include <gtest/gtest.h>

#include "config/limits.hpp"
#include "protocol/tl/writer.hpp"
#include "tests/protocol/mtproto/message/message_fixture.hpp"

namespace godwit::mtproto {
namespace {

using namespace testing;

std::string after(msg_id id, std::string_view inner) {
  return body::with_long(constructor::invoke_after_msg, id.value()) + std::string(inner);
}

class calls_after : public ::testing::Test {
protected:
  void done(msg_id id) { ASSERT_TRUE(server.session.answer(id, std::string("done"), server.now, server.out)); }
  void failed(msg_id id) {
    ASSERT_TRUE(server.session.answer(id, rpc_error(rpc_errc::peer_id_invalid), server.now, server.out));
  }
  std::string error_of(msg_id id) { return error_text(server.result_of(id)); }

  server_end server;
};

// https://core.telegram.org/api/invoking#waiting-for-other-queries: processed after the other one.
TEST_F(calls_after, ACallWaitsForAnother) {
  const msg_id first = server.call(query("a"));
  const msg_id second = server.call(after(first, query("b")));
  ASSERT_EQ(server.out.calls.size(), 1U);
  done(first);
  ASSERT_EQ(server.out.calls.size(), 2U);
  EXPECT_EQ(server.out.calls[1].id, second);
  EXPECT_EQ(server.out.calls[1].body.text(), query("b"));
  done(second);
}

TEST_F(calls_after, ACallWaitsForSeveral) {
  const msg_id first = server.call(query());
  const msg_id second = server.call(query());
  const msg_id ids[] = {first, second, first};
  server.call(body::with_ids(constructor::invoke_after_msgs, ids) + query("c"));
  done(second);
  EXPECT_EQ(server.out.calls.size(), 2U);
  done(first);
  EXPECT_EQ(server.out.calls.size(), 3U);
}

// What ended well already needs no waiting, also when its answer was acknowledged.
TEST_F(calls_after, ACallThatEndedIsNotWaitedFor) {
  const msg_id first = server.call(query());
  done(first);
  const auto sent = server.flushed(constructor::rpc_result);
  ASSERT_EQ(sent.size(), 1U);
  server.service(body::with_ids(constructor::msgs_ack, {&sent[0].id, 1}));
  server.call(after(first, query("b")));
  EXPECT_EQ(server.out.calls.size(), 2U);
}

// The same page: 400 MSG_WAIT_FAILED when the other one failed, or is not known.
TEST_F(calls_after, AFailureTakesAlongWhatWaits) {
  const msg_id first = server.call(query());
  const msg_id second = server.call(after(first, query()));
  const msg_id third = server.call(after(second, query()));
  failed(first);
  EXPECT_EQ(server.out.calls.size(), 1U);
  EXPECT_EQ(server.session.calls_in_flight(), 0U);
  int failures = 0;
  for (const flat_message& one : server.flushed(constructor::rpc_result)) {
    const auto view = as_result(one);
    failures += error_text(view->result) == "MSG_WAIT_FAILED" && (view->request == second || view->request == third);
  }
  EXPECT_EQ(failures, 2);
  EXPECT_EQ(error_of(server.call(after(first, query()))), "MSG_WAIT_FAILED");
  EXPECT_EQ(error_of(server.call(after(third, query()))), "MSG_WAIT_FAILED");
}

TEST_F(calls_after, AnUnknownCallIsNotWaitedFor) {
  EXPECT_EQ(error_of(server.call(after(msg_id(4), query()))), "MSG_WAIT_FAILED");
  const msg_id ping = server.service(body::with_long(constructor::ping, 1));
  EXPECT_EQ(error_of(server.call(after(ping, query()))), "MSG_WAIT_FAILED");
  const msg_id self = server.next_id();
  server.send(self, server.next_odd(), after(self, query()));
  EXPECT_EQ(error_of(self), "MSG_WAIT_FAILED");
  EXPECT_TRUE(server.out.calls.empty());
}

// Waiting ends.
TEST_F(calls_after, WaitingIsBoundedInTime) {
  const msg_id first = server.call(query());
  server.flush();
  const msg_id second = server.call(after(first, query()));
  const unix_ms end = server.now + limits::invoke_after_ms_max;
  server.now += limits::ack_delay_ms;
  server.flush();
  EXPECT_EQ(server.session.due(), end);
  server.now = end;
  server.session.tick(server.now, server.out);
  EXPECT_EQ(error_of(second), "MSG_WAIT_FAILED");
  EXPECT_EQ(server.session.calls_in_flight(), 1U);
}

TEST_F(calls_after, WaitingIsBoundedInBytes) {
  const msg_id first = server.call(query());
  const std::string large = query(std::string(limits::waiting_calls_bytes_max / 2 - 100, 'x'));
  server.call(after(first, large));
  server.call(after(first, large));
  const msg_id third = server.call(after(first, large));
  EXPECT_EQ(error_of(third), "MSG_WAIT_FAILED");
}

// Dependencies are bounded in number.
TEST_F(calls_after, TooManyIdsAreRefused) {
  const std::vector<msg_id> ids(limits::invoke_after_ids_max + 1, server.call(query()));
  EXPECT_EQ(error_of(server.call(body::with_ids(constructor::invoke_after_msgs, ids) + query())),
            "INPUT_REQUEST_INVALID");
}

// An answer finds its call once.
TEST(calls, ACallIsAnsweredOnce) {
  server_end server;
  const msg_id id = server.call(query());
  EXPECT_TRUE(server.session.answer(id, std::string("done"), server.now, server.out));
  EXPECT_FALSE(server.session.answer(id, std::string("more"), server.now, server.out));
  EXPECT_FALSE(server.session.answer(msg_id(4), std::string("more"), server.now, server.out));
  EXPECT_EQ(server.result_of(id), "done");
  EXPECT_EQ(server.result_of(id), "");
}

// Answers are content-related, and answers by their ids (description, "Message Identifier").
TEST(calls, AnAnswerIsAContentRelatedResponse) {
  server_end server;
  const msg_id id = server.call(query());
  server.session.answer(id, rpc_error(rpc_errc::flood_wait, 17), server.now, server.out);
  const auto results = server.flushed(constructor::rpc_result);
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].id.value() % 4, 1U);
  EXPECT_EQ(results[0].seqno % 2, 1U);
  EXPECT_EQ(as_result(results[0])->result, body::rpc_error(420, "FLOOD_WAIT_17"));
}

// At the bound packets wait unread; a packet that brings more all the same is not refused.
TEST(calls, CallsInFlightAreBounded) {
  server_end server;
  for (std::size_t i = 0; i < limits::session_calls_max; ++i) {
    EXPECT_FALSE(server.session.is_full());
    server.call(query());
  }
  EXPECT_TRUE(server.session.is_full());
  server.call(query());
  EXPECT_EQ(server.out.calls.size(), limits::session_calls_max + 1);
  for (const call& one : std::vector<call>(server.out.calls)) {
    server.session.answer(one.id, std::string("done"), server.now, server.out);
  }
  EXPECT_FALSE(server.session.is_full());
}

TEST(calls, FarBeyondTheBoundCallsAreSentAway) {
  server_end server;
  for (std::size_t i = 0; i < limits::session_calls_hard_max; ++i) {
    server.call(query());
    server.flush();
  }
  EXPECT_EQ(error_text(server.result_of(server.call(query()))), "FLOOD_WAIT_1");
}

} // namespace
} // namespace godwit::mtproto
