// The PROXY protocol, https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt.

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "protocol/mtproto/transport/proxy_header.hpp"
#include "tests/protocol/mtproto/transport/transport_fixture.hpp"

namespace godwit::mtproto::test {
namespace {

struct proxy_outcome {
  bool complete = false;
  bool failed = false;
  std::optional<proxied_source> source;
  std::string left;
};

proxy_outcome read(std::string stream) {
  proxy_header_reader reader;
  auto left = std::span(reinterpret_cast<std::uint8_t*>(stream.data()), stream.size());
  const auto fed = reader.feed(left);
  return {fed && *fed, !fed, reader.source(), std::string(left.begin(), left.end())};
}

proxied_source v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d, std::uint16_t port) {
  return {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, a, b, c, d}, port};
}

std::string binary(std::uint8_t command, std::uint8_t family, std::string_view addresses) {
  std::string header("\r\n\r\n\0\r\nQUIT\n", 12);
  header += static_cast<char>(command);
  header += static_cast<char>(family);
  header += static_cast<char>(addresses.size() >> 8);
  header += static_cast<char>(addresses.size());
  header += addresses;
  return header;
}

using namespace std::string_view_literals;

// Goal: section 2.1, both families, and what stands behind the line is the client's. Method: lines like the
// section's.
TEST(proxy_header, ALineTellsTheSource) {
  const auto tcp4 = read("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\nGET / HTTP/1.1\r\n");
  EXPECT_TRUE(tcp4.complete);
  EXPECT_EQ(tcp4.source, v4(192, 168, 0, 1, 56324));
  EXPECT_EQ(tcp4.left, "GET / HTTP/1.1\r\n");

  const auto tcp6 = read("PROXY TCP6 2001:db8::1 ::1 1 65535\r\n\xEF");
  EXPECT_TRUE(tcp6.complete);
  EXPECT_EQ(tcp6.source, (proxied_source{{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 1}));
  EXPECT_EQ(tcp6.left, "\xEF");
}

// Goal: section 2.1: whatever follows UNKNOWN up to the end of the line is ignored, up to 107 bytes.
TEST(proxy_header, AnUnknownSourceIsNone) {
  const std::string longest = "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535";
  for (const std::string& line :
       {std::string("PROXY UNKNOWN"), longest, longest + std::string(105 - longest.size(), 'x')}) {
    const auto out = read(line + "\r\nrest");
    EXPECT_TRUE(out.complete) << line;
    EXPECT_FALSE(out.source) << line;
    EXPECT_EQ(out.left, "rest") << line;
  }
}

TEST(proxy_header, ALineThatTheSpecificationDoesNotAllowIsRefused) {
  for (const std::string line : {
         "PROXY TCP4 192.168.0.1 192.168.0.11 56324\r\n",
         "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443 1\r\n",
         "PROXY TCP4 192.168.0.256 192.168.0.11 56324 443\r\n",
         "PROXY TCP4 192.168.0.1 nowhere 56324 443\r\n",
         "PROXY TCP4 192.168.0.1 192.168.0.11 65536 443\r\n",
         "PROXY TCP4 192.168.0.1 192.168.0.11 -1 443\r\n",
         "PROXY TCP4 ::1 ::1 56324 443\r\n",
         "PROXY TCP6 192.168.0.1 192.168.0.11 56324 443\r\n",
         "PROXY TCP4  192.168.0.1 192.168.0.11 56324 443\r\n",
         "PROXY UDP4 192.168.0.1 192.168.0.11 56324 443\r\n",
         "PROXY UNKNOWNS\r\n",
         "PROXY \r\n",
         "PROXYTCP4 192.168.0.1 192.168.0.11 56324 443\r\n",
         "GET / HTTP/1.1\r\n",
         "\xEF",
       }) {
    EXPECT_TRUE(read(line).failed) << line;
  }
}

// Goal: section 2.1: "a 108-byte buffer is always enough": a longer line is refused, not waited for.
TEST(proxy_header, ALineWithoutAnEndIsRefusedAt107Bytes) {
  const std::string line = "PROXY UNKNOWN " + std::string(200, 'x');
  EXPECT_FALSE(read(line.substr(0, 106)).failed);
  EXPECT_TRUE(read(line.substr(0, 107)).failed);
}

// Goal: section 2.2, TCP over both families, with and without fields behind the addresses.
TEST(proxy_header, ABinaryHeaderTellsTheSource) {
  const std::string four("\xC0\x00\x02\x01\xC6\x33\x64\x02\xDC\x04\x01\xBB", 12);
  for (const std::string& fields : {std::string(), std::string("\x04\x00\x01\x00", 4), std::string(4096 - 28, 'x')}) {
    const auto out = read(binary(0x21, 0x11, four + fields) + "rest");
    EXPECT_TRUE(out.complete) << fields.size();
    EXPECT_EQ(out.source, v4(192, 0, 2, 1, 56324));
    EXPECT_EQ(out.left, "rest");
  }
  std::string six(32, '\1');
  six += "\x00\x07\x00\x08"sv;
  const auto out = read(binary(0x21, 0x21, six));
  proxied_source wanted;
  wanted.address.fill(1);
  wanted.port = 7;
  EXPECT_TRUE(out.complete);
  EXPECT_EQ(out.source, wanted);
}

// Goal: section 2.2: LOCAL and families without addresses leave the connection's own.
TEST(proxy_header, ABinaryHeaderMayLeaveTheConnectionsOwnAddress) {
  for (const std::string& header :
       {binary(0x20, 0x00, ""), binary(0x20, 0x11, std::string(12, '\1')), binary(0x21, 0x00, "xyz"),
        binary(0x21, 0x12, std::string(12, '\1')), binary(0x21, 0x31, std::string(216, '\1'))}) {
    const auto out = read(header + "rest");
    EXPECT_TRUE(out.complete);
    EXPECT_FALSE(out.source);
    EXPECT_EQ(out.left, "rest");
  }
}

TEST(proxy_header, ABinaryHeaderThatTheSpecificationDoesNotAllowIsRefused) {
  EXPECT_TRUE(read(binary(0x11, 0x11, std::string(12, '\1'))).failed) << "another version";
  EXPECT_TRUE(read(binary(0x22, 0x11, std::string(12, '\1'))).failed) << "an unknown command";
  EXPECT_TRUE(read(binary(0x21, 0x11, std::string(11, '\1'))).failed) << "too few addresses";
  EXPECT_TRUE(read(binary(0x21, 0x21, std::string(35, '\1'))).failed) << "too few addresses";
  EXPECT_TRUE(read(binary(0x21, 0x11, std::string(4081, '\1')).substr(0, 16)).failed) << "above the bound";
  EXPECT_TRUE(read("\r\n\r\n\r\r\nQUIT\n").failed) << "another signature";
}

} // namespace
} // namespace godwit::mtproto::test
