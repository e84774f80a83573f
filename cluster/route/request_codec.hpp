#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cluster/shard/entity_push.hpp"
#include "cluster/shard/entity_request.hpp"

namespace godwit::cluster {

// Requests, replies and pushes as bodies of envelopes: cluster/wire/request_wire.proto. Encoders append to `out` alone;
// decoders take any bytes. All on one loop.

/// A request of another node.
struct request_envelope {
  std::uint64_t number = 0;   ///< the asking node's own
  std::uint64_t asker = 0;    ///< an actor there
  bool relay = false;         ///< to be sent on to the leader, to which that node has no link
  entity_request_ptr request; ///< without reply_to, token and origin
};

void encode_request(std::string& out, const entity_request& what, std::uint64_t number, std::uint64_t asker,
                    std::uint8_t hops, bool relay = false);
std::optional<request_envelope> decode_request(std::string_view body);

/// `token` is the number of the request.
void encode_reply(std::string& out, const entity_reply& what);
std::optional<entity_reply> decode_reply(std::string_view body);

/// `subscription` is the number of the request that listens; `from` does not travel.
void encode_push(std::string& out, const entity_push& what);
std::optional<entity_push> decode_push(std::string_view body);

/// An asker of the sending node does not listen any more, as far as the request of that number goes.
struct listener_gone {
  std::uint64_t number = 0;
  std::uint64_t asker = 0;
  entity_ref entity;
};

void encode_listener_gone(std::string& out, const listener_gone& what);
std::optional<listener_gone> decode_listener_gone(std::string_view body);

} // namespace godwit::cluster
