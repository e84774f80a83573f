#include "node/edge/http_upgrade.hpp"

#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>

#include <algorithm>
#include <array>
#include <string_view>

#include "config/limits.hpp"
#include "protocol/crypto/hash.hpp"

namespace godwit::node {

namespace {

namespace http = boost::beast::http;
using request = http::request_parser<http::empty_body>::value_type;

constexpr std::string_view websocket_path = "/apiws";
constexpr std::string_view subprotocol = "binary";

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

std::string base64(std::span<const std::uint8_t> bytes) {
  static constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (j < count ? bytes[i + j] : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      out += j <= count ? digits[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  return out;
}

/// Section 4.2.2: the proof that the handshake was read.
std::string accept_of(std::string_view key) {
  static constexpr std::string_view fixed = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  return base64(crypto::sha1({crypto::as_bytes(key), crypto::as_bytes(fixed)}));
}

std::string refusal(std::string_view status, std::string_view body, std::string_view more_fields = {}) {
  std::string response = "HTTP/1.1 ";
  response.append(status).append("\r\nServer: godwit\r\nConnection: close\r\nContent-Type: text/plain\r\n");
  response.append(more_fields).append("Content-Length: ").append(std::to_string(body.size()));
  return response.append("\r\n\r\n").append(body);
}

std::string upgrade_required(std::string_view body) {
  return refusal("426 Upgrade Required", body, "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
}

bool offers(const request& asked, http::field name, std::string_view token) {
  return http::token_list{asked[name]}.exists({token.data(), token.size()});
}

/// 16 bytes in base64.
bool is_key(std::string_view key) { return key.size() == 24 && key.ends_with("=="); }

} // namespace

http_upgrade::verdict http_upgrade::feed(std::span<std::uint8_t>& bytes) {
  static constexpr std::string_view end_of_head = "\r\n\r\n";
  const std::size_t room = limits::http_head_bytes_max - head_.size();
  const std::size_t count = std::min(room, bytes.size());
  const std::size_t searched = head_.size() < end_of_head.size() ? 0 : head_.size() - end_of_head.size();
  const std::size_t before = head_.size();
  head_.append(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
  const auto end = head_.find(end_of_head, searched);
  if (end == std::string::npos) {
    bytes = bytes.subspan(count);
    if (head_.size() < limits::http_head_bytes_max) {
      return verdict::more;
    }
    response_ = refusal("431 Request Header Fields Too Large", "The head of the request is too long.\n");
    return verdict::refused;
  }
  head_.resize(end + end_of_head.size());
  bytes = bytes.subspan(head_.size() - before);
  const verdict decided = decide();
  head_ = std::string();
  return decided;
}

http_upgrade::verdict http_upgrade::decide() {
  http::request_parser<http::empty_body> parser;
  parser.header_limit(static_cast<std::uint32_t>(limits::http_head_bytes_max));
  boost::beast::error_code error;
  parser.put(boost::asio::buffer(head_), error);
  // A body may be announced; nobody waits for it.
  if (!parser.is_header_done()) {
    response_ = refusal("400 Bad Request", "This is not a request.\n");
    return verdict::refused;
  }
  const request& asked = parser.get();
  const std::string_view target = view(asked.target());
  const std::string_view path = target.substr(0, target.find('?'));
  if (path != websocket_path) {
    response_ = refusal("404 Not Found", asked.method() == http::verb::head ? "" : "Nothing is here.\n");
  } else if (asked.method() != http::verb::get || asked.version() < 11 ||
             !offers(asked, http::field::connection, "upgrade") || !offers(asked, http::field::upgrade, "websocket")) {
    response_ = upgrade_required("This path speaks WebSocket.\n");
  } else if (view(asked[http::field::sec_websocket_version]) != "13") {
    response_ = upgrade_required("This path speaks version 13 of WebSocket.\n");
  } else if (!is_key(view(asked[http::field::sec_websocket_key]))) {
    response_ = refusal("400 Bad Request", "The handshake has no key.\n");
  } else if (asked.count(http::field::sec_websocket_protocol) != 0 &&
             !offers(asked, http::field::sec_websocket_protocol, subprotocol)) {
    response_ = refusal("400 Bad Request", "The subprotocol of this path is binary.\n");
  } else {
    response_ = "HTTP/1.1 101 Switching Protocols\r\nServer: godwit\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    response_ += "Sec-WebSocket-Accept: " + accept_of(view(asked[http::field::sec_websocket_key])) + "\r\n";
    if (asked.count(http::field::sec_websocket_protocol) != 0) {
      response_.append("Sec-WebSocket-Protocol: ").append(subprotocol).append("\r\n");
    }
    response_ += "\r\n";
    return verdict::upgraded;
  }
  return verdict::refused;
}

} // namespace godwit::node
