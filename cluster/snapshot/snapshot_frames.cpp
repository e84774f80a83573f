#include "cluster/snapshot/snapshot_frames.hpp"

#include "config/cluster_limits.hpp"
#include "persistence/base/crc32c.hpp"
#include "persistence/state/snapshot_rows.hpp"

namespace godwit::cluster {

using persistence::member_role;
using persistence::node_id;
using persistence::snapshot_point;

stream_sums::stream_sums(persistence::shard_id shard, const snapshot_point& point) {
  std::string text;
  const auto number = [&text](std::uint64_t value) {
    for (int shift = 0; shift < 64; shift += 8) {
      text.push_back(static_cast<char>(value >> shift));
    }
  };
  number(shard.value());
  number(point.index);
  number(point.term);
  number(point.configuration_index);
  for (const persistence::member& each : point.members.members) {
    number(each.id.value());
    number(static_cast<std::uint64_t>(each.role));
  }
  checksum = persistence::crc32c(text);
}

void stream_sums::add(std::string_view chunk, std::uint64_t row_count) {
  ++chunks;
  rows += row_count;
  bytes += chunk.size();
  checksum = persistence::crc32c(chunk, checksum);
}

std::optional<std::uint64_t> count_snapshot_rows(std::string_view chunk, std::string_view after) {
  persistence::snapshot_row_reader reader(chunk, after);
  std::string_view key;
  std::string_view value;
  std::uint64_t rows = 0;
  while (reader.next(key, value)) {
    ++rows;
  }
  return reader.ok() ? std::optional(rows) : std::nullopt;
}

std::string pack(const wire::SnapshotFrame& frame) { return frame.SerializeAsString(); }

std::string pack_chunk(const persistence::state_chunk& chunk, std::uint64_t row_count, const stream_sums& totals) {
  wire::SnapshotFrame frame;
  wire::SnapshotChunk& out = *frame.mutable_chunk();
  out.set_number(chunk.number);
  out.set_last_key(chunk.last_key);
  out.set_rows(chunk.rows.data(), chunk.rows.size());
  out.set_crc(chunk.crc);
  out.set_row_count(row_count);
  if (chunk.last) {
    out.mutable_totals()->set_chunks(totals.chunks);
    out.mutable_totals()->set_rows(totals.rows);
    out.mutable_totals()->set_bytes(totals.bytes);
    out.mutable_totals()->set_checksum(totals.checksum);
  }
  return pack(frame);
}

void write_point(const snapshot_point& point, wire::SnapshotPoint& out) {
  out.set_index(point.index);
  out.set_term(point.term);
  out.set_configuration_index(point.configuration_index);
  for (const persistence::member& each : point.members.members) {
    wire::SnapshotMember& one = *out.add_members();
    one.set_node(each.id.value());
    one.set_role(static_cast<std::uint32_t>(each.role));
  }
}

std::optional<snapshot_point> read_point(const wire::SnapshotPoint& in) {
  if (in.index() == 0 || in.term() == 0 || in.members().empty() ||
      static_cast<std::size_t>(in.members_size()) > limits::peers_max) {
    return std::nullopt;
  }
  snapshot_point out;
  out.index = in.index();
  out.term = in.term();
  out.configuration_index = in.configuration_index();
  for (const wire::SnapshotMember& each : in.members()) {
    if (each.node() == 0 || each.role() < static_cast<std::uint32_t>(member_role::voter) ||
        each.role() > static_cast<std::uint32_t>(member_role::spare)) {
      return std::nullopt;
    }
    out.members.members.push_back({node_id{each.node()}, static_cast<member_role>(each.role())});
  }
  return out;
}

} // namespace godwit::cluster
