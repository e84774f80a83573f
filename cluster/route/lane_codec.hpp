#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/shard/lane_messages.hpp"
#include "cluster/shard/leader_board.hpp"

namespace godwit::cluster {

// What shards say to one another, and what nodes say of shards, as bodies of envelopes: cluster/wire/request_wire.proto.
// Encoders append to `out` alone; decoders take any bytes. Any thread.

/// A message of a lane on its way between nodes.
struct lane_envelope {
  lane_message what;
  std::uint8_t hops = 0; ///< how often it was sent on before
};

void encode_lane(std::string& out, const lane_message& what, std::uint8_t hops = 0);
std::optional<lane_envelope> decode_lane(std::string_view body);

/// Who leads a shard, as the sender can reach it; no_node: it takes back what it said.
struct leader_note {
  shard_id shard;
  leadership led;
};

void encode_leaders(std::string& out, const std::vector<leader_note>& what);
std::optional<std::vector<leader_note>> decode_leaders(std::string_view body);

} // namespace godwit::cluster
