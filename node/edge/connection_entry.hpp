#pragma once

#include <optional>

#include "node/edge/edge_connection.hpp"
#include "node/edge/http_upgrade.hpp"
#include "protocol/mtproto/transport/proxy_header.hpp"

namespace godwit::node {

/// What a connection needs before its packets begin, and only then.
struct edge_connection::entry {
  std::optional<mtproto::proxy_header_reader> proxy;
  std::optional<http_upgrade> http;
};

} // namespace godwit::node
