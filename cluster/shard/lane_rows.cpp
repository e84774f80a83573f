#include "cluster/shard/lane_rows.hpp"

#include <limits>

#include "persistence/records/lane.pb.h"

namespace godwit::cluster {

using persistence::mutation_writer;
using persistence::table_id;
using persistence::records::table;

namespace {

constexpr table_id id_of(table which) { return table_id{static_cast<std::uint8_t>(which)}; }
constexpr entity_id lane_id(shard_id lane) { return entity_id{lane.value()}; }

std::string big_endian(std::uint64_t number) {
  std::string out(sizeof number, '\0');
  for (std::size_t i = out.size(); i-- > 0; number >>= 8) {
    out[i] = static_cast<char>(number & 0xff);
  }
  return out;
}

std::uint64_t number_of(std::string_view bytes) {
  std::uint64_t out = 0;
  for (const char each : bytes) {
    out = out << 8 | static_cast<unsigned char>(each);
  }
  return out;
}

void put_item(mutation_writer& into, table in, shard_id lane, lane_item& item) {
  // Kept, because most mutations of accounts have such a row.
  thread_local persistence::records::LaneItem record;
  thread_local std::string value;
  record.set_kind(static_cast<std::uint32_t>(item.to.kind));
  record.set_entity(item.to.id.value());
  record.set_date(item.date);
  record.mutable_body()->swap(item.body);
  record.SerializeToString(&value);
  record.mutable_body()->swap(item.body);
  into.put(id_of(in), lane_id(lane), big_endian(item.position), value);
}

std::optional<shard_id> lane_of(std::string_view key) {
  if (key.size() < persistence::row_key_prefix_bytes) {
    return std::nullopt;
  }
  const std::uint64_t number = number_of(key.substr(1, sizeof(std::uint64_t)));
  if (number > std::numeric_limits<std::uint16_t>::max()) {
    return std::nullopt;
  }
  return shard_id{static_cast<std::uint16_t>(number)};
}

} // namespace

void put_outbox(mutation_writer& into, shard_id to, lane_item& item) { put_item(into, table::lane_outbox, to, item); }

void erase_outbox(mutation_writer& into, shard_id to, std::uint64_t position) {
  into.erase(id_of(table::lane_outbox), lane_id(to), big_endian(position));
}

void put_inbox(mutation_writer& into, const lane_accept& done) {
  persistence::records::LanePosition record;
  record.set_position(done.position);
  into.put(id_of(table::lane_inbox), lane_id(done.lane), {}, record.SerializeAsString());
}

void put_refused(mutation_writer& into, shard_id from, lane_item& item) {
  put_item(into, table::lane_refused, from, item);
}

std::string outbox_key(shard_id to, std::uint64_t position) {
  return persistence::row_key(id_of(table::lane_outbox), lane_id(to), big_endian(position));
}

std::string lane_prefix(table of) { return std::string(1, static_cast<char>(of)); }

std::string lane_prefix(table of, shard_id lane) { return persistence::row_key(id_of(of), lane_id(lane)); }

std::optional<lane_place> lane_place_of(std::string_view key) {
  const std::optional<shard_id> lane = lane_of(key);
  if (!lane || key.size() != persistence::row_key_prefix_bytes + sizeof(std::uint64_t)) {
    return std::nullopt;
  }
  return lane_place{*lane, number_of(key.substr(persistence::row_key_prefix_bytes))};
}

std::optional<lane_accept> read_inbox(std::string_view key, std::string_view value) {
  persistence::records::LanePosition record;
  const std::optional<shard_id> lane = lane_of(key);
  if (!lane || !record.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
    return std::nullopt;
  }
  return lane_accept{*lane, record.position()};
}

std::optional<lane_item> read_outbox(std::string_view key, std::string_view value) {
  persistence::records::LaneItem record;
  const std::optional<lane_place> place = lane_place_of(key);
  if (!place || !record.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
    return std::nullopt;
  }
  lane_item out;
  out.position = place->position;
  out.to = {static_cast<entity_kind>(record.kind()), entity_id{record.entity()}};
  out.date = record.date();
  out.body = std::move(*record.mutable_body());
  return out;
}

} // namespace godwit::cluster
