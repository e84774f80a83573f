// WebSocket on the client port (https://core.telegram.org/mtproto/transports#websocket), with Beast as client.

#include <utility>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>

#include "tests/node/edge/edge_fixture.hpp"

namespace godwit::node::test {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using mtproto::framing;

/// Blocking; every wait is bounded by the time limit of the test.
class websocket_client {
public:
  explicit websocket_client(std::uint16_t port, const std::string& path = "/apiws",
                            const std::string& protocol = "binary") {
    stream.next_layer().connect({asio::ip::make_address("127.0.0.1"), port});
    stream.set_option(beast::websocket::stream_base::decorator([protocol](beast::websocket::request_type& request) {
      request.set(beast::http::field::origin, "https://anywhere.example");
      request.set(beast::http::field::sec_websocket_protocol, protocol);
    }));
    stream.handshake(response, "127.0.0.1", path);
    stream.binary(true);
  }

  bytes read() {
    beast::flat_buffer buffer;
    beast::error_code error;
    stream.read(buffer, error);
    const auto data = static_cast<const std::uint8_t*>(buffer.data().data());
    return error ? bytes{} : bytes(data, data + buffer.size());
  }

  asio::io_context io;
  beast::websocket::stream<asio::ip::tcp::socket> stream{io};
  beast::websocket::response_type response;
};

class websocket : public edge_fixture {
protected:
  /// The whole answer to some bytes of HTTP.
  std::string ask(std::string_view request) {
    client_socket socket(port());
    socket.write(request);
    bool reset = true;
    const bytes answer = socket.read_all(&reset);
    EXPECT_FALSE(reset);
    return {answer.begin(), answer.end()};
  }
};

// Goal: the transports inside a WebSocket, whatever the messages they are cut into. Method: an echo of several
// packets in each transport; message borders in the middle of headers and of packets.
TEST_F(websocket, EveryTransportEchoesPacketsWhateverTheMessages) {
  begin();
  for (const auto framing : {framing::abridged, framing::intermediate, framing::padded_intermediate, framing::full}) {
    for (const std::size_t piece : {1U << 20, 1000U, 13U}) {
      websocket_client client(port());
      EXPECT_EQ(client.response[beast::http::field::sec_websocket_protocol], "binary");
      mtproto::client_transport transport({framing, true}, crypto::system_random(), wide);
      bytes out;
      std::vector<bytes> sent;
      for (const std::size_t blocks : {1U, 60U, 600U}) {
        sent.push_back(encrypted_packet(blocks));
        transport.append(out, sent.back());
      }
      for (std::size_t at = 0; at < out.size(); at += piece) {
        client.stream.write(asio::buffer(out.data() + at, std::min(piece, out.size() - at)));
      }
      std::vector<bytes> got;
      while (got.size() < sent.size()) {
        bytes in = client.read();
        ASSERT_FALSE(in.empty());
        transport.feed(in);
        for (auto next = transport.next(); next && *next; next = transport.next()) {
          got.emplace_back((*next)->bytes.begin(), (*next)->bytes.end());
        }
      }
      EXPECT_EQ(got, sent);
    }
  }
  EXPECT_EQ(probe().websockets.value(), 12U);
  EXPECT_EQ(probe().transports[mtproto::index_of({framing::full, true})].value(), 3U);
}

// Goal: sections 5.5.1 and 5.5.2: a ping gets its pong, and closing is answered.
TEST_F(websocket, PingsAndClosingAreAnswered) {
  begin();
  websocket_client client(port());
  std::string pong;
  client.stream.control_callback([&](beast::websocket::frame_type type, beast::string_view text) {
    if (type == beast::websocket::frame_type::pong) {
      pong = std::string(text);
    }
  });
  client.stream.ping("are you there");
  mtproto::client_transport transport({framing::abridged, true}, crypto::system_random(), wide);
  bytes out;
  transport.append(out, encrypted_packet(1));
  client.stream.write(asio::buffer(out));
  EXPECT_FALSE(client.read().empty());
  EXPECT_EQ(pong, "are you there");
  beast::error_code error;
  client.stream.close(beast::websocket::close_code::normal, error);
  EXPECT_FALSE(error) << error.message();
  EXPECT_TRUE(eventually([&] { return gateway.closed == 1; }));
  EXPECT_EQ(closed(close_reason::by_client), 1U);
}

// Goal: a session that closes tells why inside, and closes the WebSocket in order.
TEST_F(websocket, AClosedSessionClosesTheWebSocketInOrder) {
  gateway.on_packet = [](const actors::connection_ptr& connection, std::span<std::uint8_t>, bool) {
    connection->close(actors::transport_error::auth_key_not_found);
  };
  begin();
  websocket_client client(port());
  mtproto::client_transport transport({framing::intermediate, true}, crypto::system_random(), wide);
  bytes out;
  transport.append(out, encrypted_packet(1));
  client.stream.write(asio::buffer(out));
  bytes in = client.read();
  transport.feed(in);
  const auto next = transport.next();
  ASSERT_TRUE(next && *next);
  EXPECT_EQ(mtproto::transport_error_in((*next)->bytes), -404);
  beast::flat_buffer buffer;
  beast::error_code error;
  client.stream.read(buffer, error);
  EXPECT_EQ(error, beast::websocket::error::closed);
  EXPECT_EQ(client.stream.reason().code, beast::websocket::close_code::normal);
}

// Goal: a broken rule is answered with its status, HTTP inside a WebSocket is no transport.
TEST_F(websocket, BrokenRulesCloseTheWebSocketWithTheirStatus) {
  begin();
  websocket_client text(port());
  text.stream.text(true);
  text.stream.write(asio::buffer(std::string("hello")));
  beast::flat_buffer buffer;
  beast::error_code error;
  text.stream.read(buffer, error);
  EXPECT_EQ(error, beast::websocket::error::closed);
  EXPECT_EQ(text.stream.reason().code, beast::websocket::close_code::unknown_data);
  EXPECT_TRUE(eventually([&] { return closed(close_reason::websocket) == 1; }));

  websocket_client http(port());
  http.stream.write(asio::buffer(std::string("GET /apiws HTTP/1.1\r\n\r\n")));
  EXPECT_TRUE(http.read().empty());
  EXPECT_EQ(probe().framing_errors[static_cast<std::size_t>(mtproto::transport_errc::http)].value(), 1U);
}

// Goal: backpressure holds inside a WebSocket. Method: a pause at the first packet of many; all come in order
// after the resume.
TEST_F(websocket, APausedConnectionLosesNothing) {
  std::vector<std::uint8_t> seen;
  gateway.on_packet = [&](const actors::connection_ptr& connection, std::span<std::uint8_t> data, bool) {
    seen.push_back(data[0]);
    if (seen.size() == 1) {
      connection->pause();
    }
  };
  begin();
  websocket_client client(port());
  mtproto::client_transport transport({framing::intermediate, true}, crypto::system_random(), wide);
  for (int i = 1; i <= 100; ++i) {
    bytes out;
    transport.append(out, encrypted_packet(20, static_cast<std::uint8_t>(i)));
    client.stream.write(asio::buffer(out));
  }
  ASSERT_TRUE(eventually([&] { return gateway.packets == 1; }));
  const auto connection = gateway.newest();
  loops_.front()->post([connection] { connection->resume(); });
  ASSERT_TRUE(eventually([&] { return gateway.packets == 100; }));
  for (std::size_t i = 0; i < seen.size(); ++i) {
    EXPECT_EQ(seen[i], i + 1);
  }
}

// Goal: other requests get HTTP's own answers and then the end, in order, though a body was sent too. Method:
// what Telegram Desktop tries beside TCP, a browser, and a WebSocket at another path.
TEST_F(websocket, OtherRequestsGetAnAnswerOfHttp) {
  begin();
  EXPECT_TRUE(ask("POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n0123456789012345678901234567890123456789")
                .starts_with("HTTP/1.1 404 "));
  EXPECT_TRUE(ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 404 "));
  EXPECT_TRUE(ask("GET /apiws HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 426 "));
  EXPECT_TRUE(ask("GET /" + std::string(9000, 'a')).starts_with("HTTP/1.1 431 "));
  EXPECT_THROW(websocket_client(port(), "/elsewhere"), beast::system_error);
  EXPECT_THROW(websocket_client(port(), "/apiws", "chat"), beast::system_error);
  EXPECT_TRUE(eventually([&] { return closed(close_reason::http) == 6U; }));
  EXPECT_EQ(gateway.accepted_count, 0);
}

} // namespace
} // namespace godwit::node::test
