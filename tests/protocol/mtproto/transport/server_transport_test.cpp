// How a server tells transports apart and what it keeps of them,
// https://core.telegram.org/mtproto/mtproto-transports.

#include <gtest/gtest.h>

#include <numeric>
#include <string_view>

#include "tests/protocol/mtproto/transport/transport_fixture.hpp"

namespace godwit::mtproto::test {
namespace {

bytes text(std::string_view value) { return {value.begin(), value.end()}; }

// Goal: each transport is told by its first bytes and carries packets both ways. Method: a client and a
// server of this folder, packets of sizes around the borders of the length fields.
TEST(server_transport, EveryTransportCarriesPacketsBothWays) {
  for (const transport_kind kind : every_kind()) {
    seeded_random random(11);
    client_transport client(kind, random, wide);
    server_transport server(true, wide);
    bytes to_server;
    bytes to_client;
    std::vector<bytes> sent;
    for (const std::size_t blocks : {1U, 2U, 29U, 30U, 31U, 32U, 1000U, 40000U}) {
      sent.push_back(encrypted_packet(blocks, random));
      client.append(to_server, sent.back());
    }
    outcome at_server;
    ASSERT_TRUE(feed(server, to_server, at_server)) << kind;
    EXPECT_EQ(server.kind(), kind);
    EXPECT_EQ(at_server.packets, sent) << kind;

    for (const bytes& packet : sent) {
      server.writer().append(to_client, packet, random);
    }
    server.seal(to_client);
    outcome at_client;
    ASSERT_TRUE(feed(client, to_client, at_client)) << kind;
    EXPECT_EQ(at_client.packets, sent) << kind;
  }
}

// Goal: a client gets tokens and errors in between packets. Method: each transport; the full one has no
// quick acknowledgements.
TEST(server_transport, QuickAcksAndErrorsReachTheClientBetweenPackets) {
  for (const transport_kind kind : every_kind()) {
    seeded_random random(12);
    client_transport client(kind, random, wide);
    server_transport server(true, wide);
    const bytes packet = encrypted_packet(3, random);
    bytes to_server;
    client.append(to_server, packet, kind.framing != framing::full);
    outcome at_server;
    ASSERT_TRUE(feed(server, to_server, at_server)) << kind;
    EXPECT_EQ(at_server.quick_acks_wanted, (std::vector<bool>{kind.framing != framing::full})) << kind;

    bytes to_client;
    server.writer().append_quick_ack(to_client, 0x12345678);
    server.writer().append(to_client, packet, random);
    server.writer().append_error(to_client, -429);
    server.seal(to_client);
    outcome at_client;
    ASSERT_TRUE(feed(client, to_client, at_client)) << kind;
    const std::vector<std::uint32_t> token = {0x92345678};
    EXPECT_EQ(at_client.tokens, kind.framing == framing::full ? std::vector<std::uint32_t>{} : token) << kind;
    ASSERT_EQ(at_client.packets.size(), 2U) << kind;
    EXPECT_EQ(at_client.packets[0], packet) << kind;
    EXPECT_EQ(transport_error_in(at_client.packets[1]), -429) << kind;
  }
}

// Goal: HTTP is told apart on a port, with all its bytes for whoever speaks it, and refused elsewhere.
// Method: the four methods in one piece and byte by byte.
TEST(server_transport, HttpIsToldApartWithAllItsBytes) {
  for (const std::string_view request : {"GET /apiws", "POST /api ", "HEAD / HTT", "OPTIONS * "}) {
    const bytes stream = text(request);
    server_transport server(true, wide);
    bytes fed = stream;
    ASSERT_EQ(server.feed(fed), server_transport::stage::http) << request;
    bytes seen(server.first_bytes().begin(), server.first_bytes().end());
    seen.insert(seen.end(), fed.begin() + static_cast<std::ptrdiff_t>(server.detection_taken()), fed.end());
    EXPECT_EQ(seen, stream);

    server_transport slow(true, wide);
    for (std::size_t i = 0; i < 3; ++i) {
      bytes one = {stream[i]};
      ASSERT_EQ(slow.feed(one), server_transport::stage::detecting);
    }
    bytes one = {stream[3]};
    EXPECT_EQ(slow.feed(one), server_transport::stage::http);
    EXPECT_EQ(slow.first_bytes().size(), 4U);

    EXPECT_EQ(read_stream(stream, wide, false).error, transport_errc::http);
  }
}

TEST(server_transport, ATlsGreetingIsRefused) {
  const auto out = read_stream({0x16, 0x03, 0x01, 0x02, 0x00});
  EXPECT_TRUE(out.failed);
  EXPECT_EQ(out.error, transport_errc::tls);
}

// Goal: a header that names no framing stands for the full one, whose first packet has to prove it. Method:
// 64 random bytes and 8 more: always refused.
TEST(server_transport, GarbageEndsWithinTheFirstPacketHeader) {
  seeded_random random(13);
  for (int i = 0; i < 1000; ++i) {
    bytes garbage(72);
    random.fill(garbage);
    garbage[0] = 0x42;
    EXPECT_TRUE(read_stream(garbage).failed);
  }
}

// Goal: packets that are whole in the caller's buffer are not copied. Method: where their bytes lie.
TEST(server_transport, WholePacketsLieInTheCallersBuffer) {
  for (const transport_kind kind : every_kind()) {
    seeded_random random(14);
    client_transport client(kind, random, wide);
    server_transport server(true, wide);
    bytes stream;
    client.append(stream, encrypted_packet(3, random));
    client.append(stream, encrypted_packet(3, random));
    ASSERT_TRUE(server.feed(stream));
    // The full transport is told by bytes of its first packet, which are kept.
    for (std::size_t i = 0; i < 2; ++i) {
      const auto next = server.next();
      ASSERT_TRUE(next && *next);
      const std::uint8_t* at = (*next)->bytes.data();
      const bool in_buffer = at >= stream.data() && at < stream.data() + stream.size();
      EXPECT_EQ(in_buffer, i == 1 || kind != (transport_kind{framing::full, false})) << kind;
    }
  }
}

// Goal: between packets a connection holds no memory, and within one no more than four times what came in,
// whatever was announced. Method: a packet of 8 MB announced, sent bit by bit; then its end.
TEST(server_transport, MemoryFollowsWhatCameInAndIsFreedWithThePacket) {
  server_transport server(true, wide);
  const std::size_t size = 8 << 20;
  outcome out;
  feed(server, joined({bytes(4, 0xEE), {0x00, 0x00, 0x80, 0x00}}), out);
  std::size_t sent = 4;
  for (const std::size_t piece : {1U, 1000U, 60000U, 100000U}) {
    ASSERT_TRUE(feed(server, bytes(piece, 1), out));
    sent += piece;
    EXPECT_EQ(server.reader().kept_bytes(), sent);
    EXPECT_LE(server.reader().kept_capacity(), std::max<std::size_t>(1024, 4 * sent));
    EXPECT_TRUE(server.is_amid_packet());
  }
  ASSERT_TRUE(feed(server, bytes(size - (sent - 4), 1), out));
  ASSERT_EQ(out.packets.size(), 1U);
  EXPECT_EQ(out.packets[0].size(), size);
  EXPECT_EQ(server.reader().kept_capacity(), 0U);
  EXPECT_FALSE(server.is_amid_packet());
}

// Goal: a reader that stops in between keeps what it did not read. Method: five packets, parked after the
// second, more bytes fed behind it, in every transport.
TEST(server_transport, WhatIsParkedIsReadLater) {
  for (const transport_kind kind : every_kind()) {
    seeded_random random(15);
    client_transport client(kind, random, wide);
    server_transport server(true, wide);
    std::vector<bytes> sent;
    bytes first;
    bytes second;
    for (int i = 0; i < 5; ++i) {
      sent.push_back(encrypted_packet(4, random));
      client.append(i < 4 ? first : second, sent.back());
    }
    outcome out;
    ASSERT_TRUE(server.feed(first));
    for (int i = 0; i < 2; ++i) {
      const auto next = server.next();
      ASSERT_TRUE(next && *next);
      out.packets.emplace_back((*next)->bytes.begin(), (*next)->bytes.end());
    }
    server.park();
    std::fill(first.begin(), first.end(), std::uint8_t{0});
    ASSERT_TRUE(read_all(server, out));
    ASSERT_TRUE(feed(server, second, out));
    EXPECT_EQ(out.packets, sent) << kind;
    EXPECT_EQ(server.reader().kept_capacity(), 0U);
  }
}

} // namespace
} // namespace godwit::mtproto::test
