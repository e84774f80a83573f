// The handshake of WebSocket, RFC 6455 section 4, at the path and with the subprotocol of
// https://core.telegram.org/mtproto/transports#websocket.

#include <gtest/gtest.h>

#include <string>

#include "config/limits.hpp"
#include "node/edge/http_upgrade.hpp"

namespace godwit::node {
namespace {

struct answer {
  http_upgrade::verdict verdict{};
  std::string response;
  std::string left;
};

answer ask(std::string stream, std::size_t piece = 1 << 20) {
  http_upgrade upgrade;
  std::span<std::uint8_t> all(reinterpret_cast<std::uint8_t*>(stream.data()), stream.size());
  answer out;
  while (!all.empty() && out.verdict == http_upgrade::verdict::more) {
    auto part = all.first(std::min(piece, all.size()));
    const std::size_t size = part.size();
    out.verdict = upgrade.feed(part);
    all = all.subspan(size - part.size());
  }
  out.response = upgrade.response();
  out.left = std::string(all.begin(), all.end());
  return out;
}

std::string handshake(const std::string& path = "/apiws", const std::string& protocol = "binary") {
  return "GET " + path +
         " HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://example.com\r\n" +
         (protocol.empty() ? "" : "Sec-WebSocket-Protocol: " + protocol + "\r\n") + "Sec-WebSocket-Version: 13\r\n\r\n";
}

std::string without(std::string request, const std::string& field) {
  const auto begin = request.find(field);
  return request.erase(begin, request.find("\r\n", begin) + 2 - begin);
}

// Goal: section 1.3's key is answered with section 1.3's proof, and what follows is the client's. Method: whole
// and byte by byte.
TEST(http_upgrade, TheHandshakeOfTheSpecificationIsAnswered) {
  for (const std::size_t piece : {1U << 20, 1U}) {
    const auto out = ask(handshake() + "\x82rest", piece);
    EXPECT_EQ(out.verdict, http_upgrade::verdict::upgraded);
    EXPECT_TRUE(out.response.starts_with("HTTP/1.1 101 ")) << out.response;
    EXPECT_NE(out.response.find("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), std::string::npos);
    EXPECT_NE(out.response.find("\r\nSec-WebSocket-Protocol: binary\r\n"), std::string::npos);
    EXPECT_EQ(out.left, "\x82rest");
  }
}

// Goal: a subprotocol is named in the answer only if it was offered (section 4.2.2), and `binary` is chosen from
// several.
TEST(http_upgrade, TheSubprotocolIsBinaryOrNone) {
  EXPECT_EQ(ask(handshake("/apiws", "chat, binary")).verdict, http_upgrade::verdict::upgraded);
  const auto none = ask(handshake("/apiws", ""));
  EXPECT_EQ(none.verdict, http_upgrade::verdict::upgraded);
  EXPECT_EQ(none.response.find("Sec-WebSocket-Protocol"), std::string::npos);
  EXPECT_TRUE(ask(handshake("/apiws", "chat")).response.starts_with("HTTP/1.1 400 "));
}

// Goal: everything else gets HTTP's own answer, complete and with its length.
TEST(http_upgrade, OtherRequestsAreRefusedWithHttpsOwnAnswers) {
  const std::pair<std::string, std::string> cases[] = {
    {handshake("/"), "404"},
    {handshake("/apiws_test"), "404"},
    {handshake("/apiws/x"), "404"},
    {"POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n", "404"},
    {"HEAD / HTTP/1.0\r\n\r\n", "404"},
    {"OPTIONS * HTTP/1.1\r\n\r\n", "404"},
    {"GET /apiws HTTP/1.1\r\nHost: a\r\n\r\n", "426"},
    {without(handshake(), "Upgrade:"), "426"},
    {without(handshake(), "Connection:"), "426"},
    {without(handshake(), "Sec-WebSocket-Version:"), "426"},
    {without(handshake(), "Sec-WebSocket-Key:"), "400"},
    {"POST /apiws HTTP/1.1\r\nHost: a\r\n\r\n", "426"},
    {"GET / nonsense\r\n\r\n", "400"},
    {"GET\r\n\r\n", "400"},
    {std::string("GET / HTTP/1.1\r\nA\0: b\r\n\r\n", 26), "400"},
  };
  for (const auto& [request, status] : cases) {
    const auto out = ask(request);
    EXPECT_EQ(out.verdict, http_upgrade::verdict::refused) << request;
    EXPECT_TRUE(out.response.starts_with("HTTP/1.1 " + status + " ")) << request << out.response;
    const auto body = out.response.find("\r\n\r\n") + 4;
    const auto length = "\r\nContent-Length: " + std::to_string(out.response.size() - body) + "\r\n";
    EXPECT_NE(out.response.find(length), std::string::npos) << out.response;
  }
  EXPECT_TRUE(ask(handshake("/apiws?x=1")).response.starts_with("HTTP/1.1 101 "));
}

// Goal: a head without an end is refused at the bound. Method: one byte less waits, the bound is refused.
TEST(http_upgrade, AnEndlessHeadIsRefusedAtTheBound) {
  const std::string head = "GET /apiws HTTP/1.1\r\nA: " + std::string(limits::http_head_bytes_max, 'x');
  EXPECT_EQ(ask(head.substr(0, limits::http_head_bytes_max - 1)).verdict, http_upgrade::verdict::more);
  const auto out = ask(head.substr(0, limits::http_head_bytes_max));
  EXPECT_EQ(out.verdict, http_upgrade::verdict::refused);
  EXPECT_TRUE(out.response.starts_with("HTTP/1.1 431 "));
}

// Goal: no bytes do harm, and the answer does not depend on how they are cut. Method: 20 000 mutations.
TEST(http_upgrade, MutatedRequestsAreAnsweredTheSameWayHoweverTheyAreCut) {
  std::uint64_t state = 1;
  const auto next = [&state] { return (state = state * 6364136223846793005ULL + 1442695040888963407ULL) >> 33; };
  for (int i = 0; i < 20'000; ++i) {
    std::string request = handshake();
    for (std::uint64_t n = 1 + next() % 3; n > 0; --n) {
      request[next() % request.size()] = static_cast<char>(next());
    }
    const auto whole = ask(request);
    const auto cut = ask(request, 1 + next() % 50);
    ASSERT_EQ(cut.verdict, whole.verdict);
    ASSERT_EQ(cut.response, whole.response);
  }
}

} // namespace
} // namespace godwit::node
