// Time limits of connections: who keeps the server waiting is closed.

#include <thread>

#include "tests/node/edge/edge_fixture.hpp"

namespace godwit::node::test {
namespace {

using mtproto::framing;

class limits_of_time : public edge_fixture {};

/// Writes a byte every few milliseconds until the connection ends; false: it never did.
bool drips_until_closed(client_socket& socket, const bytes& stream) {
  for (const std::uint8_t byte : stream) {
    if (!socket.write(bytes{byte})) {
      return true;
    }
    if (!socket.read_some(std::chrono::milliseconds(5)).empty()) {
      return false;
    }
  }
  return socket.ended();
}

// Goal: slow loris: a first packet that never ends, whatever it begins with. Method: a byte every 5 ms, a limit
// of 100 ms; in a transport, an obfuscation header, an HTTP head and a PROXY header's place.
TEST_F(limits_of_time, AFirstPacketThatDripsIsNotWaitedFor) {
  options.first_packet_ms = 100;
  begin();
  bytes abridged = {0xEF, 0x7F, 0x00, 0x10, 0x00};
  abridged.resize(3000, 1);
  bytes http = {'G', 'E', 'T', ' ', '/'};
  http.resize(3000, 'a');
  std::uint64_t closed_so_far = 0;
  for (const bytes& stream : {bytes{}, abridged, bytes(3000, 0x42), http}) {
    client_socket socket(port());
    EXPECT_TRUE(drips_until_closed(socket, stream));
    ++closed_so_far;
    EXPECT_TRUE(eventually([&] { return closed(close_reason::first_packet) == closed_so_far; }));
  }
}

// Goal: half a packet later on has a limit too, which starts with the packet. Method: whole packets for longer
// than the limit, then half of one.
TEST_F(limits_of_time, HalfAPacketIsNotWaitedFor) {
  options.packet_ms = 150;
  begin();
  transport_client client(port(), {framing::intermediate, true});
  const auto begin_of_silence = std::chrono::steady_clock::now() + std::chrono::milliseconds(400);
  while (std::chrono::steady_clock::now() < begin_of_silence) {
    client.send(encrypted_packet(1));
    ASSERT_EQ(client.receive(), encrypted_packet(1));
  }
  bytes out;
  client.transport.append(out, encrypted_packet(1));
  out.pop_back();
  client.socket.write(out);
  EXPECT_TRUE(client.socket.ended());
  EXPECT_EQ(closed(close_reason::packet_time), 1U);
}

// Goal: a client that never shows a known key is closed however busy it is; one that does is not.
TEST_F(limits_of_time, AClientWithoutAKnownKeyIsClosed) {
  options.known_key_ms = 150;
  gateway.on_packet = [](const actors::connection_ptr& connection, std::span<std::uint8_t> data, bool) {
    if (data[0] == 2) {
      connection->authenticated();
    }
    connection->send({std::string(data.begin(), data.end()), nullptr});
  };
  begin();
  transport_client known(port(), {framing::intermediate, true});
  known.send(encrypted_packet(1, 2));
  ASSERT_EQ(known.receive(), encrypted_packet(1, 2));
  transport_client stranger(port(), {framing::intermediate, true});
  int exchanged = 0;
  while (stranger.send(encrypted_packet(1, 1)) && !stranger.receive().empty()) {
    ++exchanged;
  }
  EXPECT_GT(exchanged, 1);
  EXPECT_EQ(closed(close_reason::known_key), 1U);
  known.send(encrypted_packet(1, 2));
  EXPECT_EQ(known.receive(), encrypted_packet(1, 2));
}

// Goal: silence ends a connection, but not while the server itself does not read.
TEST_F(limits_of_time, SilenceEndsAConnectionUnlessItIsPaused) {
  options.idle_ms = 150;
  begin();
  gateway.on_packet = [](const actors::connection_ptr& connection, std::span<std::uint8_t> data, bool) {
    if (data[0] == 2) {
      connection->pause();
    }
    connection->send({std::string(data.begin(), data.end()), nullptr});
  };
  transport_client paused(port(), {framing::intermediate, false});
  paused.send(encrypted_packet(1, 2));
  ASSERT_FALSE(paused.receive().empty());
  transport_client silent(port(), {framing::intermediate, false});
  silent.send(encrypted_packet(1, 1));
  ASSERT_FALSE(silent.receive().empty());
  EXPECT_TRUE(silent.socket.ended());
  EXPECT_EQ(closed(close_reason::idle), 1U);
  EXPECT_TRUE(eventually([&] { return probe().open.value() == 1; }));
}

// Goal: the end of a connection is not waited for without limit. Method: a client that neither reads the error
// nor closes.
TEST_F(limits_of_time, AClosedConnectionThatStaysIsForgotten) {
  options.linger_ms = 100;
  gateway.on_packet = [](const actors::connection_ptr& connection, std::span<std::uint8_t>, bool) {
    connection->close(actors::transport_error::flood);
  };
  begin();
  transport_client client(port(), {framing::intermediate, false});
  client.send(encrypted_packet(1));
  EXPECT_TRUE(eventually([&] { return gateway.closed == 1; }));
  EXPECT_TRUE(eventually([&] { return probe().open.value() == 0; }));
  EXPECT_EQ(setting_->budget.connections(), 0U);
}

} // namespace
} // namespace godwit::node::test
