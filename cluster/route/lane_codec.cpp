#include "cluster/route/lane_codec.hpp"

#include <limits>
#include <utility>

#include "cluster/wire/request_wire.pb.h"
#include "config/cluster_limits.hpp"

namespace godwit::cluster {

namespace {

constexpr std::uint32_t shard_max = std::numeric_limits<std::uint16_t>::max();

template <class Message>
bool parse(Message& into, std::string_view body) {
  return body.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()) &&
         into.ParseFromArray(body.data(), static_cast<int>(body.size()));
}

shard_id shard_from(std::uint32_t number) { return shard_id{static_cast<std::uint16_t>(number)}; }

} // namespace

void encode_lane(std::string& out, const lane_message& what, std::uint8_t hops) {
  thread_local wire::Lane record;
  record.Clear();
  record.set_step(static_cast<std::uint32_t>(what.step));
  record.set_from(what.from.value());
  record.set_to(what.to.value());
  record.set_term(what.term);
  record.set_stream(what.stream);
  record.set_position(what.position);
  record.set_applied(what.applied);
  record.set_resume(what.resume);
  record.set_hops(hops);
  for (const lane_item& each : what.items) {
    wire::LaneItem& item = *record.add_items();
    item.set_position(each.position);
    item.set_kind(static_cast<std::uint32_t>(each.to.kind));
    item.set_entity(each.to.id.value());
    item.set_date(each.date);
    item.set_body(each.body);
  }
  record.AppendToString(&out);
}

std::optional<lane_envelope> decode_lane(std::string_view body) {
  thread_local wire::Lane record;
  if (!parse(record, body) || record.from() > shard_max || record.to() > shard_max ||
      record.step() < static_cast<std::uint32_t>(lane_step::items) ||
      record.step() > static_cast<std::uint32_t>(lane_step::ready) ||
      record.hops() > std::numeric_limits<std::uint8_t>::max()) {
    return std::nullopt;
  }
  lane_envelope read;
  read.hops = static_cast<std::uint8_t>(record.hops());
  lane_message& out = read.what;
  out.step = static_cast<lane_step>(record.step());
  out.from = shard_from(record.from());
  out.to = shard_from(record.to());
  out.term = record.term();
  out.stream = record.stream();
  out.position = record.position();
  out.applied = record.applied();
  out.resume = record.resume();
  out.items.reserve(static_cast<std::size_t>(record.items_size()));
  std::uint64_t before = 0;
  for (wire::LaneItem& each : *record.mutable_items()) {
    if (each.kind() == 0 || each.kind() > std::numeric_limits<std::uint8_t>::max() || each.position() <= before) {
      return std::nullopt;
    }
    before = each.position();
    lane_item item;
    item.position = each.position();
    item.to = {static_cast<entity_kind>(each.kind()), entity_id{each.entity()}};
    item.date = each.date();
    item.body.swap(*each.mutable_body());
    out.items.push_back(std::move(item));
  }
  return read;
}

void encode_leaders(std::string& out, const std::vector<leader_note>& what) {
  wire::Leaders record;
  for (const leader_note& each : what) {
    wire::Leadership& led = *record.add_led();
    led.set_shard(each.shard.value());
    led.set_term(each.led.term);
    led.set_node(each.led.node.value());
  }
  record.AppendToString(&out);
}

std::optional<std::vector<leader_note>> decode_leaders(std::string_view body) {
  wire::Leaders record;
  if (!parse(record, body)) {
    return std::nullopt;
  }
  std::vector<leader_note> out;
  for (const wire::Leadership& each : record.led()) {
    if (each.shard() > shard_max || each.term() == 0 || each.term() >> 52 != 0 || each.node() > limits::node_id_max) {
      return std::nullopt;
    }
    out.push_back({shard_from(each.shard()), {node_id{each.node()}, each.term()}});
  }
  return out;
}

} // namespace godwit::cluster
