// What connections send, and what they do not read meanwhile.

#include <algorithm>
#include <future>

#include "protocol/crypto/message_cipher.hpp"
#include "tests/node/edge/edge_fixture.hpp"

namespace godwit::node::test {
namespace {

using mtproto::framing;

class output : public edge_fixture {};

std::string text_of(const bytes& data) { return {data.begin(), data.end()}; }

// Goal: packets with a key are encrypted on the way out, each with its msg_key, several at once; those without
// go as they are. Method: a client that decrypts (MTProto 2.0, "Detailed description").
TEST_F(output, PacketsWithAKeyAreEncryptedOnTheWayOut) {
  const auto key = [] {
    auto made = std::make_shared<crypto::auth_key>();
    crypto::system_random().fill(made->bytes);
    return made;
  }();
  std::vector<bytes> plain;
  for (std::size_t blocks = 2; blocks < 40; ++blocks) {
    plain.emplace_back(16 * blocks);
    crypto::system_random().fill(plain.back());
  }
  gateway.on_packet = [&](const actors::connection_ptr& connection, std::span<std::uint8_t>, bool) {
    for (const bytes& each : plain) {
      connection->send({std::string(24, '\x11') + text_of(each), key});
    }
    connection->send({text_of(encrypted_packet(1)), nullptr});
  };
  begin();
  transport_client client(port(), {framing::padded_intermediate, true});
  client.send(encrypted_packet(1));
  for (const bytes& wanted : plain) {
    bytes got = client.receive();
    ASSERT_EQ(got.size(), 24 + wanted.size());
    EXPECT_EQ(bytes(got.begin(), got.begin() + 8), bytes(8, 0x11));
    crypto::cipher_job job;
    job.key = key.get();
    job.data = got.data() + 24;
    job.size = got.size() - 24;
    job.from = crypto::sender::server;
    std::copy_n(got.begin() + 8, 16, job.msg_key.begin());
    crypto::decrypt({&job, 1});
    EXPECT_TRUE(job.good);
    EXPECT_TRUE(std::equal(wanted.begin(), wanted.end(), got.begin() + 24));
  }
  EXPECT_EQ(client.receive(), encrypted_packet(1));
}

// Goal: all that a round gives a connection leaves in one send. Method: a hundred answers to one packet.
TEST_F(output, ARoundSendsOncePerConnection) {
  gateway.on_packet = [](const actors::connection_ptr& connection, std::span<std::uint8_t> data, bool) {
    for (int i = 0; i < 100; ++i) {
      connection->send({std::string(data.begin(), data.end()), nullptr});
    }
  };
  begin();
  transport_client client(port(), {framing::intermediate, false});
  client.send(encrypted_packet(4));
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(client.receive(), encrypted_packet(4));
  }
  EXPECT_TRUE(eventually([&] { return probe().sends.value() == 1; }));
}

// Goal: a client that does not read is closed at the bound, and others are served meanwhile. Method: a bound
// of 1 MB, answers of 64 KB.
TEST_F(output, AClientThatDoesNotReadIsClosedAtTheBound) {
  options.unread_bytes_max = 1 << 20;
  options.send_buffer_bytes = 4096;
  std::atomic<std::size_t> most{0};
  gateway.on_packet = [&](const actors::connection_ptr& connection, std::span<std::uint8_t> data, bool) {
    connection->send({std::string(data.size() > 100 ? 1 << 16 : data.size(), 'a'), nullptr});
    most = std::max(most.load(), connection->unsent_bytes());
  };
  begin();
  client_socket deaf(port(), "127.0.0.1", 4096);
  mtproto::client_transport transport({framing::intermediate, false}, crypto::system_random(), wide);
  for (int i = 0; i < 60; ++i) {
    bytes out;
    transport.append(out, encrypted_packet(10));
    if (!deaf.write(out)) {
      break;
    }
  }
  EXPECT_TRUE(eventually([&] { return closed(close_reason::slow_reader) == 1; }));
  EXPECT_TRUE(eventually([&] { return gateway.closed == 1; }));
  EXPECT_LE(most, (1U << 20) + (1U << 16) + 4);
  transport_client other(port(), {framing::intermediate, false});
  other.send(encrypted_packet(1));
  EXPECT_EQ(other.receive().size(), 40U);
}

// Goal: a client that takes nothing for the time limit is closed, below any bound of bytes.
TEST_F(output, AClientThatTakesNothingIsClosedInTime) {
  options.write_stall_ms = 150;
  options.send_buffer_bytes = 4096;
  gateway.on_packet = [](const actors::connection_ptr& connection, std::span<std::uint8_t>, bool) {
    connection->send({std::string(1 << 20, 'a'), nullptr});
  };
  begin();
  client_socket deaf(port(), "127.0.0.1", 4096);
  mtproto::client_transport transport({framing::intermediate, false}, crypto::system_random(), wide);
  bytes out;
  transport.append(out, encrypted_packet(1));
  ASSERT_TRUE(deaf.write(out));
  EXPECT_TRUE(eventually([&] { return closed(close_reason::slow_reader) == 1; }));
}

// Goal: a slow client gets everything in the end, and whoever listens hears when there is room again. Method:
// 4 MB to a client that begins to read later.
TEST_F(output, ASlowClientGetsEverythingAndTheListenerHearsOfIt) {
  options.send_buffer_bytes = 65536;
  gateway.on_packet = [](const actors::connection_ptr& connection, std::span<std::uint8_t>, bool) {
    for (int i = 0; i < 64; ++i) {
      connection->send({std::string(1 << 16, static_cast<char>('a' + i % 26)), nullptr});
    }
  };
  begin();
  for (const bool obfuscated : {false, true}) {
    transport_client client(port(), {framing::intermediate, obfuscated});
    client.send(encrypted_packet(1));
    ASSERT_TRUE(eventually([&] { return probe().packets_out.value() == (obfuscated ? 128U : 64U); }));
    EXPECT_EQ(gateway.drained, obfuscated ? 1 : 0);
    for (int i = 0; i < 64; ++i) {
      ASSERT_EQ(client.receive(), bytes(1 << 16, static_cast<std::uint8_t>('a' + i % 26))) << i;
    }
    EXPECT_TRUE(eventually([&] { return gateway.drained == (obfuscated ? 2 : 1); }));
  }
}

// Goal: what is appended while a backlog drains is never sent before the transport has readied it. Method: quick
// acknowledgements, posted all the time, on an obfuscated connection with 4 MB on the way; had one left as it
// was, nothing behind it could be read.
TEST_F(output, AQuickAckBehindABacklogIsObfuscatedLikeAllElse) {
  options.send_buffer_bytes = 16384;
  gateway.on_packet = [](const actors::connection_ptr& connection, std::span<std::uint8_t>, bool) {
    for (int i = 0; i < 64; ++i) {
      connection->send({std::string(1 << 16, static_cast<char>('a' + i % 26)), nullptr});
    }
  };
  begin();
  transport_client client(port(), {framing::intermediate, true});
  client.send(encrypted_packet(1));
  ASSERT_TRUE(eventually([&] { return probe().packets_out.value() == 64U; }));
  const auto connection = gateway.newest();
  std::atomic<bool> all_read{false};
  std::thread acknowledging([&] {
    while (!all_read) {
      loops_.front()->post([connection] { connection->send_quick_ack(0x01020304); });
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  });
  for (int i = 0; i < 64; ++i) {
    EXPECT_EQ(client.receive(), bytes(1 << 16, static_cast<std::uint8_t>('a' + i % 26))) << i;
  }
  all_read = true;
  acknowledging.join();
  // The acknowledgements stand behind the backlog, and before this.
  loops_.front()->post([connection] { connection->send({std::string(40, 'z'), nullptr}); });
  EXPECT_EQ(client.receive(), bytes(40, 'z'));
  EXPECT_FALSE(client.tokens.empty());
  for (const std::uint32_t token : client.tokens) {
    EXPECT_EQ(token, 0x81020304U);
  }
}

// Goal: backpressure: a paused connection gives no packets and is not read, so that the client's sends wait;
// resumed, it gives all of them in order. Method: numbered packets, far more than the buffers on the way hold.
TEST_F(output, APausedConnectionIsNotReadAndLosesNothing) {
  std::vector<std::uint8_t> seen;
  gateway.on_packet = [&](const actors::connection_ptr& connection, std::span<std::uint8_t> data, bool) {
    seen.push_back(data[0]);
    if (seen.size() == 3) {
      connection->pause();
    }
  };
  begin();
  client_socket socket(port());
  mtproto::client_transport transport({framing::intermediate, true}, crypto::system_random(), wide);
  auto writing = std::async(std::launch::async, [&] {
    for (int i = 1; i <= 250; ++i) {
      bytes out;
      transport.append(out, encrypted_packet(8000, static_cast<std::uint8_t>(i)));
      if (!socket.write(out)) {
        return false;
      }
    }
    return true;
  });
  // 32 MB do not fit on the way.
  ASSERT_EQ(writing.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout);
  EXPECT_EQ(gateway.packets, 3);
  const auto connection = gateway.newest();
  loops_.front()->post([connection] { connection->resume(); });
  EXPECT_TRUE(writing.get());
  ASSERT_TRUE(eventually([&] { return gateway.packets == 250; }));
  std::promise<void> in_order;
  loops_.front()->post([&] {
    for (std::size_t i = 0; i < seen.size(); ++i) {
      EXPECT_EQ(seen[i], static_cast<std::uint8_t>(i + 1));
    }
    in_order.set_value();
  });
  in_order.get_future().wait();
}

// Goal: pauses are counted, and packets already here are given after the last resume.
TEST_F(output, PausesAreCounted) {
  gateway.on_packet = [](const actors::connection_ptr& connection, std::span<std::uint8_t>, bool) {
    connection->pause();
    connection->pause();
  };
  begin();
  transport_client client(port(), {framing::abridged, false});
  bytes out;
  for (int i = 0; i < 3; ++i) {
    client.transport.append(out, encrypted_packet(1));
  }
  client.socket.write(out);
  for (int given = 1; given <= 3; ++given) {
    ASSERT_TRUE(eventually([&] { return gateway.packets == given; }));
    const auto connection = gateway.newest();
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(gateway.packets, given);
      std::promise<void> done;
      loops_.front()->post([&] {
        connection->resume();
        done.set_value();
      });
      done.get_future().wait();
    }
  }
}

// Goal: what was sent before close() arrives, and nothing after it.
TEST_F(output, CloseSendsWhatWaits) {
  gateway.on_packet = [](const actors::connection_ptr& connection, std::span<std::uint8_t> data, bool) {
    connection->send({std::string(1 << 20, 'a'), nullptr});
    connection->close();
    connection->send({std::string(data.begin(), data.end()), nullptr});
  };
  begin();
  transport_client client(port(), {framing::intermediate, false});
  client.send(encrypted_packet(1));
  EXPECT_EQ(client.receive().size(), 1U << 20);
  bool reset = true;
  EXPECT_TRUE(client.socket.read_all(&reset).empty());
  EXPECT_FALSE(reset);
}

// Goal: a connection that is closed in the course of another's packet sends its last packet and the error
// though its socket has room again in the very same round. Method: the loop is held until a packet of the
// second client and room for the first one's bytes are both there.
TEST_F(output, ACloseInTheCourseOfAnothersPacketLosesNothing) {
  actors::connection_ptr first;
  gateway.on_packet = [&](const actors::connection_ptr& connection, std::span<std::uint8_t>, bool) {
    if (!first) {
      first = connection;
      first->send({std::string(1 << 20, 'a'), nullptr});
      return;
    }
    first->send({std::string(40, 'b'), nullptr});
    first->close(actors::transport_error::flood);
    first = nullptr;
  };
  options.send_buffer_bytes = 256 << 10;
  begin();
  transport_client one(port(), {framing::intermediate, false});
  one.send(encrypted_packet(1));
  ASSERT_TRUE(eventually([&] { return probe().packets_out.value() == 1; }));
  transport_client two(port(), {framing::intermediate, false});
  ASSERT_TRUE(eventually([&] { return probe().open.value() == 2; }));

  std::promise<void> held;
  std::promise<void> hold;
  loops_.front()->post([&] {
    held.set_value();
    hold.get_future().wait();
  });
  held.get_future().wait();
  two.send(encrypted_packet(1));
  bytes in;
  for (bytes some = one.socket.read_some(); !some.empty(); some = one.socket.read_some(std::chrono::milliseconds(50))) {
    in.insert(in.end(), some.begin(), some.end());
  }
  hold.set_value();
  const bytes rest = one.socket.read_all();
  in.insert(in.end(), rest.begin(), rest.end());
  one.transport.feed(in);
  EXPECT_EQ(one.receive().size(), 1U << 20);
  EXPECT_EQ(one.receive(), bytes(40, 'b'));
  EXPECT_EQ(mtproto::transport_error_in(one.receive()), -429);
}

} // namespace
} // namespace godwit::node::test
