// Every transport over real sockets, and what is no transport
// (https://core.telegram.org/mtproto/mtproto-transports).

#include "tests/node/edge/edge_fixture.hpp"

namespace godwit::node::test {
namespace {

using mtproto::framing;
using mtproto::transport_kind;

class transports : public edge_fixture {};

std::vector<transport_kind> every_kind() {
  std::vector<transport_kind> kinds;
  for (const auto framing : {framing::abridged, framing::intermediate, framing::padded_intermediate, framing::full}) {
    kinds.push_back({framing, false});
    kinds.push_back({framing, true});
  }
  return kinds;
}

// Goal: packets of all sizes go in and come back through each transport on one port. Method: an echo; several
// packets at once, and one larger than the buffers on the way.
TEST_F(transports, EveryTransportEchoesPackets) {
  begin();
  for (const transport_kind kind : every_kind()) {
    transport_client client(port(), kind);
    std::vector<bytes> sent;
    for (const std::size_t blocks : {1U, 30U, 31U, 500U, 40'000U}) {
      sent.push_back(encrypted_packet(blocks, static_cast<std::uint8_t>(blocks)));
      ASSERT_TRUE(client.send(sent.back()));
    }
    for (const bytes& packet : sent) {
      ASSERT_EQ(client.receive(), packet) << mtproto::name_of(kind);
    }
    EXPECT_EQ(probe().transports[mtproto::index_of(kind)].value(), 1U);
  }
  EXPECT_EQ(probe().packets_in.value(), 40U);
  EXPECT_EQ(probe().packets_out.value(), 40U);
  EXPECT_GT(probe().bytes_in.value(), 8U * 640'000);
  EXPECT_TRUE(eventually([&] { return probe().bytes_out.value() > 8U * 640'000; }));
}

// Goal: IPv6 is served, and the address is told as text.
TEST_F(transports, IPv6IsServed) {
  begin(1, "::1");
  client_socket socket(port(), "::1");
  mtproto::client_transport transport({framing::intermediate, false}, crypto::system_random(), wide);
  bytes out;
  transport.append(out, encrypted_packet(2));
  ASSERT_TRUE(socket.write(out));
  EXPECT_EQ(socket.read_some().size(), 4 + 56U);
  EXPECT_EQ(gateway.newest()->address_text(), "::1");
  EXPECT_TRUE(gateway.newest()->address().loopback);
}

// Goal: a quick acknowledgement reaches the client before the answer ("Quick ack").
TEST_F(transports, AQuickAckComesFirst) {
  gateway.on_packet = [](const actors::connection_ptr& connection, std::span<std::uint8_t> data, bool quick_ack) {
    connection->send({std::string(data.begin(), data.end()), nullptr});
    if (quick_ack) {
      connection->send_quick_ack(0x01020304);
    }
  };
  begin();
  for (const transport_kind kind : every_kind()) {
    if (kind.framing != framing::full) {
      transport_client client(port(), kind);
      client.send(encrypted_packet(4), true);
      EXPECT_EQ(client.receive(), encrypted_packet(4));
      EXPECT_EQ(client.tokens, (std::vector<std::uint32_t>{0x81020304})) << mtproto::name_of(kind);
    }
  }
}

// Goal: a transport error arrives whole, then the connection ends in order, even though the client goes on
// sending ("Transport errors"). Method: each transport; a megabyte behind the packet that is refused.
TEST_F(transports, ATransportErrorArrivesThoughTheClientGoesOnSending) {
  gateway.on_packet = [](const actors::connection_ptr& connection, std::span<std::uint8_t>, bool) {
    connection->close(actors::transport_error::auth_key_not_found);
  };
  begin();
  int refused = 0;
  for (const transport_kind kind : every_kind()) {
    transport_client client(port(), kind);
    client.send(encrypted_packet(4));
    client.send(encrypted_packet(60'000));
    EXPECT_EQ(mtproto::transport_error_in(client.receive()), -404) << mtproto::name_of(kind);
    bool reset = true;
    EXPECT_TRUE(client.socket.read_all(&reset).empty());
    EXPECT_FALSE(reset);
    ++refused;
    // The packets behind the refused one are not given.
    EXPECT_EQ(gateway.packets, refused);
    EXPECT_TRUE(eventually([&] { return gateway.closed == refused; }));
  }
  EXPECT_EQ(closed(close_reason::by_session), 8U);
  EXPECT_TRUE(eventually([&] { return probe().open.value() == 0; }));
}

// Goal: bytes of no transport end the connection without an answer, and are counted by kind. Method: random
// bytes, a TLS greeting, packets that are too long, a wrong checksum.
TEST_F(transports, WhatIsNoTransportEndsTheConnection) {
  begin();
  const auto count = [&](mtproto::transport_errc error) {
    return probe().framing_errors[static_cast<std::size_t>(error)].value();
  };
  const auto ends = [&](const bytes& stream) {
    client_socket socket(port());
    socket.write(stream);
    return socket.read_all().empty();
  };
  bytes garbage(200);
  for (int i = 0; i < 20; ++i) {
    crypto::system_random().fill(garbage);
    garbage[0] = 0x42;
    EXPECT_TRUE(ends(garbage));
  }
  EXPECT_TRUE(ends({0x16, 0x03, 0x01, 0x02, 0x00, 0x01}));
  EXPECT_EQ(count(mtproto::transport_errc::tls), 1U);
  const auto before = count(mtproto::transport_errc::too_long);
  EXPECT_TRUE(ends({0xEE, 0xEE, 0xEE, 0xEE, 0x00, 0x00, 0x00, 0x02}));
  // An unencrypted packet has a bound of its own.
  EXPECT_TRUE(ends({0xEE, 0xEE, 0xEE, 0xEE, 0x04, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(count(mtproto::transport_errc::too_long), before + 2);
  EXPECT_EQ(gateway.packets, 0);
  EXPECT_EQ(closed(close_reason::framing_error), 23U);
}

// Goal: large packets are for clients with a key. Method: one above the bound of first packets, before and
// after authenticated().
TEST_F(transports, TheBoundOfPacketsGrowsWithAKnownKey) {
  gateway.on_packet = [](const actors::connection_ptr& connection, std::span<std::uint8_t> data, bool) {
    connection->authenticated();
    connection->send({std::string(data.begin(), data.begin() + 40), nullptr});
  };
  begin();
  const transport_kind kind = {framing::abridged, true};
  transport_client early(port(), kind);
  early.send(encrypted_packet(limits::first_packet_bytes_max / 16));
  EXPECT_TRUE(early.receive().empty());
  transport_client late(port(), kind);
  late.send(encrypted_packet(1));
  EXPECT_EQ(late.receive(), encrypted_packet(1));
  late.send(encrypted_packet(limits::first_packet_bytes_max / 16));
  EXPECT_EQ(late.receive(), encrypted_packet(1));
}

// Goal: PROXY headers of both versions are understood from listed networks, and required of them. Method: the
// address that actors see.
TEST_F(transports, AListedProxyTellsTheClientsAddress) {
  options.proxy_sources = {*config::parse_network("127.0.0.0/8")};
  begin();
  const bytes packet = {0xEF, 0x0A};
  const auto connect = [&](const std::string& header) {
    client_socket socket(port());
    socket.write(header);
    socket.write(packet);
    socket.write(encrypted_packet(1));
    return socket.read_some().size() == 41 ? gateway.newest()->address_text() : "nothing";
  };
  EXPECT_EQ(connect("PROXY TCP4 192.0.2.7 198.51.100.2 5 443\r\n"), "192.0.2.7");
  EXPECT_FALSE(gateway.newest()->address().loopback);
  EXPECT_EQ(connect("PROXY TCP6 2001:db8::7 2001:db8::1 5 443\r\n"), "2001:db8::7");
  EXPECT_EQ(connect(std::string("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xC0\0\x02\x09\xC6\x33\x64\x02\0\x05\x01\xBB", 28)),
            "192.0.2.9");
  EXPECT_EQ(connect(std::string("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16)), "127.0.0.1");
  EXPECT_EQ(connect("PROXY UNKNOWN\r\n"), "127.0.0.1");
  EXPECT_EQ(connect(""), "nothing");
  EXPECT_EQ(probe().framing_errors[static_cast<std::size_t>(mtproto::transport_errc::bad_proxy_header)].value(), 1U);
}

// Goal: from anywhere else a PROXY header is garbage, so that no client chooses its address.
TEST_F(transports, AnUnlistedProxyIsNotBelieved) {
  options.proxy_sources = {*config::parse_network("192.0.2.0/24")};
  begin();
  client_socket socket(port());
  socket.write("PROXY TCP4 192.0.2.7 198.51.100.2 5 443\r\n");
  socket.write(bytes{0xEF, 0x0A});
  socket.write(encrypted_packet(1));
  EXPECT_TRUE(socket.read_all().empty());
  EXPECT_EQ(gateway.packets, 0);
}

// Goal: nothing is read of a connection that nobody wants.
TEST_F(transports, AConnectionThatNobodyListensToIsClosed) {
  gateway.on_accepted = [](const actors::connection_ptr&) { return false; };
  begin();
  transport_client client(port(), {framing::intermediate, false});
  client.send(encrypted_packet(1));
  EXPECT_TRUE(client.socket.ended());
  EXPECT_EQ(closed(close_reason::refused), 1U);
}

} // namespace
} // namespace godwit::node::test
