#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/expected.hpp"

namespace godwit::node {

/// Where a POST goes.
struct http_address {
  bool tls = false;
  std::string host;
  std::string port;
  std::string target = "/";
};

/// Reads http://host[:port][/path] or https://…; the error tells what is wrong with it.
expected<http_address, std::string> parse_http_address(std::string_view url);

struct http_header {
  std::string name;
  std::string value;
};

/// One POST over a connection of its own; blocks at most `timeout`. TLS checks the server's certificate
/// and name against the system's authorities. Returns the status; errors say in a few words what failed.
expected<int, std::string> http_post(const http_address& address, std::string_view body,
                                     const std::vector<http_header>& headers, std::chrono::milliseconds timeout);

} // namespace godwit::node
