#include "cluster/member/member_records.hpp"

#include <algorithm>
#include <utility>

#include "cluster/wire/member_commands.pb.h"
#include "config/cluster_limits.hpp"
#include "persistence/log/configuration_codec.hpp"
#include "persistence/records/tables.hpp"

namespace godwit::cluster::member_records {

namespace records = persistence::records;

static_assert(settings_table.value() == static_cast<std::uint8_t>(records::table::cluster_settings));
static_assert(node_table.value() == static_cast<std::uint8_t>(records::table::cluster_node));
static_assert(placement_table.value() == static_cast<std::uint8_t>(records::table::shard_placement));

namespace {

constexpr std::uint32_t shards_max = 4096;
constexpr std::uint32_t port_max = 65'535;

std::string big_endian(std::uint64_t number, unsigned bytes) {
  std::string out;
  for (unsigned i = bytes; i > 0; --i) {
    out.push_back(static_cast<char>(number >> (8 * (i - 1)) & 0xFF));
  }
  return out;
}

void put(records::NodeAddress& into, const peer_address& from) {
  into.set_host(from.host);
  into.set_port(from.port);
}

/// Nothing stands for an address that a node does not have.
bool take(peer_address& into, const records::NodeAddress& from) {
  into = {from.host(), static_cast<std::uint16_t>(from.port())};
  return from.port() <= port_max && from.host().size() <= limits::node_host_bytes_max &&
         from.host().empty() == (from.port() == 0);
}

bool good_node(std::uint64_t id) { return id >= 1 && id <= limits::node_id_max; }

} // namespace

bool good_shards(std::uint32_t shards) { return shards >= 1 && shards <= shards_max && (shards & (shards - 1)) == 0; }

entity_ref steward_ref(shard_id of) { return {entity_kind::steward, entity_id{of.value()}}; }

std::string sub_key(node_id which) { return big_endian(which.value(), 8); }
std::string sub_key(shard_id which) { return big_endian(which.value(), 2); }

records::ClusterNode to_record(const node_entry& from) {
  records::ClusterNode out;
  out.set_id(from.id.value());
  out.set_name(from.name);
  out.set_state(static_cast<std::uint32_t>(from.state));
  put(*out.mutable_peer(), from.peer);
  for (const peer_address& each : from.clients) {
    put(*out.add_clients(), each);
  }
  put(*out.mutable_metrics(), from.metrics);
  out.set_incarnation(from.incarnation);
  out.set_wire_version(from.wire_version);
  out.set_folder(from.folder);
  out.set_replaced_by(from.replaced_by.value());
  return out;
}

std::optional<node_entry> from_record(const records::ClusterNode& from) {
  node_entry out;
  out.id = node_id{from.id()};
  out.name = from.name();
  out.state = static_cast<node_state>(from.state());
  out.incarnation = from.incarnation();
  out.wire_version = from.wire_version();
  out.folder = from.folder();
  out.replaced_by = node_id{from.replaced_by()};
  const bool known_state = from.state() >= static_cast<std::uint32_t>(node_state::member) &&
                           from.state() <= static_cast<std::uint32_t>(node_state::removed);
  if (!good_node(from.id()) || !known_state || from.name().size() > limits::node_name_bytes_max ||
      from.replaced_by() > limits::node_id_max ||
      static_cast<std::size_t>(from.clients_size()) > limits::node_client_addresses_max ||
      !take(out.peer, from.peer()) || !take(out.metrics, from.metrics())) {
    return std::nullopt;
  }
  for (const records::NodeAddress& each : from.clients()) {
    peer_address address;
    if (!take(address, each) || address.host.empty()) {
      return std::nullopt;
    }
    out.clients.push_back(std::move(address));
  }
  return out;
}

records::ShardPlacement to_record(shard_id which, const shard_entry& from) {
  records::ShardPlacement out;
  out.set_shard(which.value());
  out.set_members(persistence::encode_configuration(from.members));
  out.set_leader(from.leader.value());
  return out;
}

std::optional<placement> from_record(const records::ShardPlacement& from) {
  auto members = persistence::decode_configuration(from.members());
  if (from.shard() > meta_shard.value() || !members || from.leader() > limits::node_id_max ||
      std::any_of(members->members.begin(), members->members.end(),
                  [](const persistence::member& each) { return !good_node(each.id.value()); }) ||
      std::none_of(members->members.begin(), members->members.end(),
                   [](const persistence::member& each) { return each.role == persistence::member_role::voter; })) {
    return std::nullopt;
  }
  return placement{shard_id{static_cast<std::uint16_t>(from.shard())}, {std::move(*members), node_id{from.leader()}}};
}

records::ClusterSettings settings_record(const cluster_map& from, std::uint64_t last_node) {
  records::ClusterSettings out;
  out.set_cluster_id(from.cluster_id);
  out.set_name(from.name);
  out.set_shards(from.shards);
  out.set_version(from.version);
  out.set_last_node(last_node);
  return out;
}

namespace {

bool take_settings(const records::ClusterSettings& from, cluster_map& into) {
  if (!good_shards(from.shards()) || from.version() == 0) {
    return false;
  }
  into.cluster_id = from.cluster_id();
  into.name = from.name();
  into.shards = static_cast<std::uint16_t>(from.shards());
  into.version = from.version();
  return true;
}

template <class Record>
bool parse(Record& into, std::string_view value) {
  return into.ParseFromArray(value.data(), static_cast<int>(value.size()));
}

} // namespace

void to_wire(const cluster_map& from, wire::Map& into) {
  *into.mutable_settings() = settings_record(from, 0);
  for (const auto& [id, each] : from.nodes) {
    *into.add_node() = to_record(each);
  }
  for (const auto& [shard, each] : from.placed) {
    *into.add_placed() = to_record(shard, each);
  }
}

std::optional<cluster_map> from_wire(const wire::Map& from) {
  cluster_map out;
  if (!take_settings(from.settings(), out)) {
    return std::nullopt;
  }
  for (const records::ClusterNode& each : from.node()) {
    auto node = from_record(each);
    if (!node) {
      return std::nullopt;
    }
    out.nodes[node->id] = std::move(*node);
  }
  for (const records::ShardPlacement& each : from.placed()) {
    auto placed = from_record(each);
    if (!placed) {
      return std::nullopt;
    }
    out.placed[placed->shard] = std::move(placed->entry);
  }
  return out;
}

bool take_row(persistence::table_id table, std::string_view value, cluster_map& into, std::uint64_t& last_node) {
  if (table == settings_table) {
    records::ClusterSettings settings;
    if (!parse(settings, value) || !take_settings(settings, into)) {
      return false;
    }
    last_node = settings.last_node();
  } else if (table == node_table) {
    records::ClusterNode record;
    auto node = parse(record, value) ? from_record(record) : std::nullopt;
    if (!node) {
      return false;
    }
    into.nodes[node->id] = std::move(*node);
  } else if (table == placement_table) {
    records::ShardPlacement record;
    auto placed = parse(record, value) ? from_record(record) : std::nullopt;
    if (!placed) {
      return false;
    }
    into.placed[placed->shard] = std::move(placed->entry);
  }
  return true;
}

} // namespace godwit::cluster::member_records
