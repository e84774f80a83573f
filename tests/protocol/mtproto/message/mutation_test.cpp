#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "config/limits.hpp"
#include "protocol/mtproto/message/gzip.hpp"
#include "protocol/mtproto/message/little_endian.hpp"
#include "protocol/tl/writer.hpp"
#include "tests/protocol/mtproto/message/message_fixture.hpp"

namespace godwit::mtproto {
namespace {

using namespace testing;

/// Plaintexts of right packets, of every kind a client sends.
class packet_maker {
public:
  explicit packet_maker(server_end& server) : server_(server) {}

  std::vector<std::uint8_t> make(seeded_random& dice) {
    const std::string body = dice.chance(30) ? container(dice) : message(dice, 0);
    const std::uint32_t seqno =
      body.starts_with(body::bare(constructor::msg_container)) || dice.chance(20) ? server_.even() : server_.next_odd();
    std::vector<std::uint8_t> packet(packet_bytes(body.size()));
    const auto place = write_inner_header(packet, derive_salt(*server_.key, server_.now / 1'800'000),
                                          server_.session.id(), server_.next_id(), seqno, body.size(), dice);
    std::copy(body.begin(), body.end(), place.begin());
    return {packet.begin() + outer_header_bytes, packet.end()};
  }

private:
  std::string container(seeded_random& dice) {
    std::vector<flat_message> parts;
    for (std::uint64_t i = dice.pick(5); i > 0; --i) {
      parts.push_back({server_.next_id(), dice.chance(70) ? server_.next_odd() : server_.even(), message(dice, 0)});
    }
    return container_of(parts);
  }

  std::string message(seeded_random& dice, int depth) {
    const std::uint64_t some = dice.next_u64();
    const msg_id ids[] = {server_.next_id(), msg_id(some & ~std::uint64_t{3})};
    std::string body;
    tl::writer out(body);
    switch (dice.pick(depth > 3 ? 8 : 14)) {
    case 0: return body::with_long(constructor::ping, some);
    case 1:
      body = body::with_long(constructor::ping_delay_disconnect, some);
      out.write_int(60);
      return body;
    case 2: return body::with_ids(constructor::msgs_ack, ids);
    case 3: return body::with_ids(constructor::msgs_state_req, ids);
    case 4: return body::with_ids(constructor::msg_resend_req, ids);
    case 5:
      out.write_id(constructor::get_future_salts);
      out.write_int(3);
      return body;
    case 6: return body::with_long(constructor::rpc_drop_answer, ids[0].value() - 4 * dice.pick(20));
    case 7: return query(std::string(dice.pick(200), 'q'));
    case 8:
      return body::with_long(constructor::invoke_after_msg, ids[0].value() - 4 * dice.pick(20)) +
             message(dice, depth + 1);
    case 9: return body::bare(constructor::invoke_without_updates) + message(dice, depth + 1);
    case 10:
      out.write_id(constructor::invoke_with_layer);
      out.write_int(200);
      return body + message(dice, depth + 1);
    case 11:
      out.write_id(constructor::init_connection);
      out.write_int(0);
      out.write_int(4);
      for (int i = 0; i < 6; ++i) {
        out.write_bytes("text");
      }
      return body + message(dice, depth + 1);
    case 12: return body::with_long(constructor::destroy_session, some);
    default: {
      const std::string inner = message(dice, depth + 1) + std::string(200, '\0');
      return *pack_object({reinterpret_cast<const std::uint8_t*>(inner.data()), inner.size()});
    }
    }
  }

  server_end& server_;
};

void mutate(std::vector<std::uint8_t>& bytes, seeded_random& dice) {
  static constexpr std::uint32_t odd_numbers[] = {0, 1, 3, 4, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff};
  // Mostly behind the inner header, for nothing gets past a wrong one.
  const std::size_t from = dice.chance(90) && bytes.size() > 36 ? inner_header_bytes : 0;
  for (std::uint64_t times = 1 + dice.pick(3); times > 0 && bytes.size() > from + 4; --times) {
    const std::size_t at = from + dice.pick(bytes.size() - from);
    switch (dice.pick(4)) {
    case 0: bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ (1U << dice.pick(8))); break;
    case 1: bytes[at] = static_cast<std::uint8_t>(dice.next_u64()); break;
    case 2:
      store_u32(bytes.data() + std::min(at & ~std::size_t{3}, bytes.size() - 4), odd_numbers[dice.pick(8)]);
      break;
    default:
      if (const std::size_t cut = 4 * dice.pick(8); bytes.size() > from + cut + 4) {
        bytes.erase(bytes.end() - static_cast<std::ptrdiff_t>(cut), bytes.end());
      }
      break;
    }
  }
}

// Goal: nothing that a client with a key can send does harm or grows a session beyond its bounds.
// Method: a million right plaintexts of every kind, mutated, against sessions that live for a thousand
// packets each; some calls are answered, some output is read.
TEST(mutations, AMillionMutatedPacketsDoNoHarm) {
  constexpr std::size_t bound =
    limits::kept_bytes_max + limits::notices_bytes_hard_max + limits::waiting_calls_bytes_max + (std::size_t{2} << 20);
  const char* const given = std::getenv("GODWIT_MUTATIONS");
  const std::uint64_t wanted = given != nullptr ? std::strtoull(given, nullptr, 10) : 1'000'000;
  seeded_random dice(2024);
  std::uint64_t calls = 0;
  std::uint64_t accepted = 0;
  std::size_t most = 0;
  for (std::uint64_t done = 0; done < wanted;) {
    server_end server;
    packet_maker maker(server);
    packet_list sink;
    for (int i = 0; i < 1000 && done < wanted; ++i, ++done) {
      server.now += static_cast<unix_ms>(dice.pick(300));
      auto bytes = maker.make(dice);
      if (dice.chance(90)) {
        mutate(bytes, dice);
      }
      const auto packet = parse_inner(buffer_slice::copy_of(bytes));
      if (!packet || packet->session != server.session.id()) {
        continue;
      }
      ++accepted;
      server.out.clear();
      server.session.receive(connection_id(1 + dice.pick(2)), *packet, server.now, server.out);
      for (const call& one : std::vector<call>(server.out.calls)) {
        ++calls;
        if (dice.chance(80)) {
          server.session.answer(one.id, query("done"), server.now, server.out);
        }
      }
      if (dice.chance(30)) {
        server.session.push(query("push"), server.now);
        server.session.tick(server.now, server.out);
        sink.packets.clear();
        server.session.flush(connection_id(1 + dice.pick(2)), server.now, sink);
      }
      if (i % 16 == 0) {
        most = std::max(most, server.session.memory_bytes());
      }
    }
  }
  EXPECT_LT(most, bound);
  EXPECT_GT(accepted, wanted / 2);
  EXPECT_GT(calls, wanted / 10);
}

} // namespace
} // namespace godwit::mtproto
