#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <zlib.h>

#include "config/limits.hpp"
#include "protocol/mtproto/message/gzip.hpp"
#include "protocol/tl/writer.hpp"
#include "tests/protocol/mtproto/message/message_fixture.hpp"

namespace godwit::mtproto {
namespace {

using namespace testing;

std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// A stream as zlib makes it: window bits 15 for zlib, 31 for gzip.
std::string deflated(const std::string& content, int window_bits) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(deflateBound(&stream, static_cast<uLong>(content.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string object(const std::string& packed) {
  std::string body = body::bare(constructor::gzip_packed);
  tl::writer(body).write_bytes(packed);
  return body;
}

// https://core.telegram.org/mtproto/service_messages#packed-object; clients send gzip and zlib streams.
TEST(gzip, BothKindsOfStreamsAreUnpacked) {
  for (const std::string& content : {std::string("x"), std::string(100'000, 'y'), query("z")}) {
    for (const int window_bits : {15, 31, 9}) {
      const auto unpacked = unpack(bytes_of(deflated(content, window_bits)), 100'000);
      ASSERT_TRUE(unpacked);
      EXPECT_EQ(unpacked->text(), content);
    }
  }
}

TEST(gzip, ContentAboveTheBoundIsRefusedWithoutUnpackingIt) {
  const std::string bomb = deflated(std::string(64 << 20, '\0'), 31);
  EXPECT_LT(bomb.size(), 70'000U);
  EXPECT_EQ(unpack(bytes_of(bomb), 1 << 20).error(), unpack_errc::too_large);
  EXPECT_EQ(unpack(bytes_of(deflated("abcd", 31)), 3).error(), unpack_errc::too_large);
  EXPECT_TRUE(unpack(bytes_of(deflated("abcd", 31)), 4));
}

TEST(gzip, BrokenStreamsAreRefused) {
  const std::string good = deflated(std::string(1000, 'a') + "the end", 31);
  EXPECT_EQ(unpack({}, 100).error(), unpack_errc::corrupt);
  EXPECT_EQ(unpack(bytes_of("no stream at all"), 100).error(), unpack_errc::corrupt);
  EXPECT_EQ(unpack(bytes_of(good.substr(0, good.size() - 1)), 2000).error(), unpack_errc::corrupt);
  EXPECT_EQ(unpack(bytes_of(good + "x"), 2000).error(), unpack_errc::corrupt);
  std::string wrong_sum = good;
  wrong_sum[wrong_sum.size() - 6] ^= 1;
  EXPECT_EQ(unpack(bytes_of(wrong_sum), 2000).error(), unpack_errc::corrupt);
}

TEST(gzip, OnlyWhatShrinksIsPacked) {
  seeded_random random;
  std::string noise(5000, '\0');
  random.fill({reinterpret_cast<std::uint8_t*>(noise.data()), noise.size()});
  EXPECT_FALSE(pack_object(bytes_of(noise)));
  for (const std::size_t size : {300U, 1024U, 70'000U}) {
    const std::string content(size, 'q');
    const auto made = pack_object(bytes_of(content));
    ASSERT_TRUE(made);
    EXPECT_LT(made->size(), size);
    EXPECT_EQ(unpack_object(bytes_of(*made), size)->text(), content);
  }
}

// A query may be packed, around its wrappers and inside them.
TEST(gzip, APackedQueryIsUnpacked) {
  server_end server;
  const std::string inner = query(std::string(500, 'a'));
  server.call(object(deflated(inner, 15)));
  server.call(object(deflated(body::bare(constructor::invoke_without_updates) + inner, 31)));
  server.call(body::bare(constructor::invoke_without_updates) + object(deflated(inner, 31)));
  ASSERT_EQ(server.out.calls.size(), 3U);
  for (const call& one : server.out.calls) {
    EXPECT_EQ(one.body.text(), inner);
  }
  EXPECT_FALSE(server.out.calls[0].without_updates);
  EXPECT_TRUE(server.out.calls[1].without_updates);
  EXPECT_TRUE(server.out.calls[2].without_updates);
}

// A service message may be packed like any other object.
TEST(gzip, APackedServiceMessageIsUnderstood) {
  server_end server;
  server.service(object(deflated(body::with_long(constructor::ping, 3), 31)));
  EXPECT_EQ(server.flushed(constructor::pong).size(), 1U);
}

// A bomb is answered with an error of its own and costs no more than the bound.
TEST(gzip, ABombIsAnsweredWithAnError) {
  server_end server;
  const msg_id bomb = server.call(object(deflated(std::string(64 << 20, '\0'), 31)));
  EXPECT_EQ(error_text(server.result_of(bomb)), "INPUT_REQUEST_TOO_LONG");
  const msg_id corrupt = server.call(object("nothing packed here"));
  EXPECT_EQ(error_text(server.result_of(corrupt)), "INPUT_REQUEST_INVALID");
  EXPECT_TRUE(server.out.calls.empty());
}

// All the messages of a packet share one budget.
TEST(gzip, ManyBombsInOnePacketShareOneBudget) {
  server_end server;
  const std::string bomb = object(deflated(query(std::string(limits::unpacked_bytes_max / 2, '\0')), 31));
  std::vector<flat_message> messages;
  for (std::uint32_t i = 0; i < 20; ++i) {
    messages.push_back({server.next_id(), 2 * i + 1, bomb});
  }
  server.send(server.next_id(), 40, container_of(messages));
  EXPECT_EQ(server.out.calls.size(), 1U);
  int too_long = 0;
  for (const flat_message& one : server.flush()) {
    const auto view = as_result(one);
    too_long += view && error_text(view->result) == "INPUT_REQUEST_TOO_LONG" ? 1 : 0;
  }
  EXPECT_EQ(too_long, 19);
}

// Packed within packed within packed ends, too.
TEST(gzip, NestingIsBounded) {
  std::string nested = query();
  for (unsigned i = 0; i < limits::wrappers_max + 4; ++i) {
    nested = object(deflated(nested, 31));
  }
  server_end server;
  const msg_id id = server.call(nested);
  EXPECT_EQ(error_text(server.result_of(id)), "INPUT_REQUEST_INVALID");
}

// Results that shrink are packed on the way out, others are not.
TEST(gzip, LargeResultsArePackedInsideRpcResult) {
  server_end server;
  const std::string large = query(std::string(10'000, 'r'));
  const msg_id packed = server.call(query());
  server.session.answer(packed, large, server.now, server.out);
  const std::string result = server.result_of(packed);
  EXPECT_LT(result.size(), 500U);
  EXPECT_EQ(unpack_object(bytes_of(result), large.size())->text(), large);

  const msg_id plain = server.call(query());
  server.session.answer(plain, large, server.now, server.out, packing::never);
  EXPECT_EQ(server.result_of(plain), large);
  const msg_id small = server.call(query());
  server.session.answer(small, query("r"), server.now, server.out);
  EXPECT_EQ(server.result_of(small), query("r"));
}

} // namespace
} // namespace godwit::mtproto
