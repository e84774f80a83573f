// Packets that are encrypted rightly, or nearly, and break the rules of messages.

#include <algorithm>
#include <chrono>
#include <optional>

#include "config/limits.hpp"
#include "protocol/mtproto/message/constructors.hpp"
#include "protocol/mtproto/message/gzip.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/users.hpp"
#include "protocol/tl/api/users_fn.hpp"
#include "tests/e2e/wire/bad_input.hpp"

namespace godwit::test {
namespace {

namespace constructor = mtproto::constructor;
using namespace std::chrono_literals;
using mtproto::bad_msg;

constexpr std::uint64_t first_number = 99'966'820'000;

std::string self_query(const socket_client& client) {
  tl::fn::users_getUsers self;
  self.id.push_back(tl::make<tl::inputUserSelf>());
  return client.bytes(self);
}

std::string ping_body(std::uint64_t id) {
  std::string body;
  tl::writer out(body);
  out.write_id(constructor::ping);
  out.write_long(static_cast<std::int64_t>(id));
  return body;
}

/// Waits for the refusal of a message.
bad_msg refusal_of(socket_client& client, msg_id id) {
  std::optional<bad_msg> found;
  client.wait_until([&] {
    for (const mtproto::buffer_slice& each : client.seen.service) {
      tl::reader in(each.bytes());
      const std::uint32_t what = in.read_id();
      const bool notice = what == constructor::bad_msg_notification || what == constructor::bad_server_salt;
      if (notice && static_cast<std::uint64_t>(in.read_long()) == id.value()) {
        in.read_int();
        found = static_cast<bad_msg>(in.read_int());
      }
    }
    return found.has_value();
  });
  return found.value_or(bad_msg::none);
}

// Goal: -404 makes clients throw their login away: only a key that is really unknown gets it, and never a known
// one whose packet was tampered with. https://core.telegram.org/mtproto/mtproto-transports#transport-errors
TEST_F(bad_input, OnlyAnUnknownKeyIsSaidNotToBeFound) {
  auto client = member(first_number);
  for (int i = 0; i < 60; ++i) {
    std::string packet = client->sealed(client->session->next_id(socket_client::now()), 0, ping_body(dice(1000)));
    switch (i % 3) {
    case 0: packet[24 + dice(packet.size() - 24)] ^= static_cast<char>(1 + dice(255)); break;
    case 1: packet[8 + dice(16)] ^= static_cast<char>(1 + dice(255)); break;
    default: packet.resize(packet.size() - 4); break;
    }
    client->connection->send(packet);
    EXPECT_TRUE(client->connection->wait_closed(5s));
    EXPECT_EQ(client->connection->error(), 0);
    ASSERT_TRUE(client->connect());
    did(1);
  }
  EXPECT_FALSE(client->call(self_query(*client)).is_error);

  for (int i = 0; i < 60; ++i) {
    std::string packet = client->sealed(client->session->next_id(socket_client::now()), 0, ping_body(1));
    packet[dice(8)] ^= static_cast<char>(1 + dice(255));
    socket_connection other(node().address(), client->options.transport);
    other.send(packet);
    EXPECT_TRUE(other.wait_closed(5s));
    EXPECT_EQ(other.error(), -404);
    did(1);
  }
}

// Goal: a packet that somebody took down and plays again is neither executed nor refused, on its connection or on
// another; and it draws no answers away. https://core.telegram.org/mtproto/security_guidelines#checking-msg-id
TEST_F(bad_input, ReplayedPacketsDoNothing) {
  auto client = member(first_number + 1);
  const msg_id query = client->session->next_id(socket_client::now());
  const std::string packet = client->sealed(query, client->session->next_seqno(true), self_query(*client));
  client->expect_result(query);
  client->connection->send(packet);
  ASSERT_TRUE(client->wait_result(query));
  client->seen.clear();
  for (int i = 0; i < 100; ++i) {
    client->connection->send(packet);
    socket_connection thief(node().address(), client->options.transport);
    thief.send(packet);
    if (i % 10 == 0) {
      EXPECT_TRUE(client->ping()) << i;
    }
    did(2);
  }
  EXPECT_FALSE(client->call(self_query(*client)).is_error);
  for (const mtproto::buffer_slice& each : client->seen.service) {
    EXPECT_NE(tl::reader(each.bytes()).peek_id(), constructor::bad_msg_notification);
  }
}

// Goal: bad_server_salt tells the right salt, under which the same message is then taken.
// https://core.telegram.org/mtproto/service_messages_about_messages#notice-of-ignored-error-message
TEST_F(bad_input, AWrongSaltIsToldAndTheMessageThenTaken) {
  auto client = member(first_number + 2);
  for (int i = 0; i < 30; ++i) {
    const std::uint64_t wrong = dice(UINT64_MAX);
    client->session->set_salt(wrong);
    client->seen.clear();
    EXPECT_FALSE(client->call(self_query(*client)).is_error);
    EXPECT_NE(client->session->salt(), wrong);
    const bool told =
      std::any_of(client->seen.service.begin(), client->seen.service.end(), [](const mtproto::buffer_slice& each) {
        return tl::reader(each.bytes()).peek_id() == constructor::bad_server_salt;
      });
    EXPECT_TRUE(told);
    did(1);
  }
}

// Goal: a container in a container is refused as a whole with 64, and nothing in it is done.
// https://core.telegram.org/mtproto/service_messages#containers
TEST_F(bad_input, AContainerInAContainerIsRefused) {
  auto client = member(first_number + 3);
  for (int i = 0; i < 30; ++i) {
    auto& session = *client->session;
    const unix_ms now = socket_client::now();
    const std::string inner = container_of({{session.next_id(now), 0, ping_body(77)}});
    const contained_message first{session.next_id(now), 0, ping_body(78)};
    const contained_message second{session.next_id(now), 0, inner};
    const msg_id outer = session.next_id(now);
    client->seen.clear();
    client->send_message(outer, session.next_seqno(false), container_of({first, second}));
    EXPECT_EQ(refusal_of(*client, outer), bad_msg::container);
    EXPECT_TRUE(client->ping());
    EXPECT_EQ(client->seen.pongs.size(), 1U);
    did(1);
  }
}

// Goal: each rule of msg_id and seqno has its code, and breaking it ends nothing; doing nothing else does.
TEST_F(bad_input, BrokenIdsAreRefusedByTheirCodes) {
  auto client = member(first_number + 4);
  const auto id_at = [&](std::int64_t seconds, std::uint64_t bits) {
    return msg_id((static_cast<std::uint64_t>(socket_client::now() / 1000 + seconds) << 32 | dice(1 << 30) << 2) +
                  bits);
  };
  const auto refused = [&](msg_id id) {
    client->send_message(id, 0, ping_body(1));
    did(1);
    const bad_msg code = refusal_of(*client, id);
    // The client's bookkeeping follows what it was told about its clock, which is right as it was.
    client->session->set_clock_offset(0);
    return code;
  };
  for (int i = 0; i < 10; ++i) {
    client->seen.clear();
    // A session that has begun leaves what is older than its beginning without an answer.
    client->open(*client->key);
    EXPECT_EQ(refused(id_at(-400, 0)), bad_msg::id_too_low);
    EXPECT_EQ(refused(id_at(+100, 0)), bad_msg::id_too_high);
    EXPECT_EQ(refused(id_at(+5, 1 + dice(3))), bad_msg::id_bits);
    EXPECT_TRUE(client->ping());
  }
  // Without end, and nothing right in between: the connection ends, the session does not.
  for (std::uint32_t i = 0; i < limits::bad_messages_max + 10; ++i) {
    client->send_message(id_at(+100, 0), 0, ping_body(1));
    did(1);
  }
  EXPECT_TRUE(client->connection->wait_closed(5s));
  EXPECT_EQ(client->connection->error(), 0);
  ASSERT_TRUE(client->connect());
  EXPECT_FALSE(client->call(self_query(*client)).is_error);
}

// Goal: what unpacks to more than is allowed is a bad request, and the node does not unpack it. Method: bombs of
// 64 MB, bombs in bombs, and many in one container.
TEST_F(bad_input, ZipBombsAreNotUnpacked) {
  auto client = member(first_number + 5);
  const auto bomb = mtproto::pack_object(std::vector<std::uint8_t>(64 << 20));
  ASSERT_TRUE(bomb);
  const auto twice = mtproto::pack_object({reinterpret_cast<const std::uint8_t*>(bomb->data()), bomb->size()});
  ASSERT_TRUE(twice);
  for (const std::string* each : {&*bomb, &*twice}) {
    for (int i = 0; i < 10; ++i) {
      const mtproto::client_answer answer = client->call(*each);
      EXPECT_EQ(answer.error_code, 400) << answer.error_text;
      did(1);
    }
  }
  auto& session = *client->session;
  const unix_ms now = socket_client::now();
  std::vector<contained_message> many;
  for (int i = 0; i < 100; ++i) {
    many.push_back({session.next_id(now), session.next_seqno(true), *bomb});
    client->expect_result(many.back().id);
    did(1);
  }
  client->send_message(session.next_id(now), session.next_seqno(false), container_of(many));
  for (const contained_message& each : many) {
    const auto result = client->wait_result(each.id);
    ASSERT_TRUE(result);
    tl::reader in(*result);
    EXPECT_EQ(in.read_id(), constructor::rpc_error);
    EXPECT_EQ(in.read_int(), 400);
  }
  EXPECT_FALSE(client->call(self_query(*client)).is_error);
}

} // namespace
} // namespace godwit::test
