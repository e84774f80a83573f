#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cluster/member/cluster_map.hpp"
#include "persistence/records/members.pb.h"
#include "persistence/state/row_key.hpp"

namespace godwit::cluster::wire {
class Map;
}

namespace godwit::cluster {

/// Between cluster_map and the records that rows and other nodes have of it. Reading takes any bytes: nothing comes of
/// what breaks a bound, names no node or shard, or has a state or role that this version does not know.
namespace member_records {

inline constexpr persistence::table_id settings_table{128};
inline constexpr persistence::table_id node_table{129};
inline constexpr persistence::table_id placement_table{130};

/// The one members entity.
inline constexpr entity_ref members_ref{entity_kind::members, entity_id{1}};
entity_ref steward_ref(shard_id of);

std::string sub_key(node_id which);  ///< 8 bytes, most significant first
std::string sub_key(shard_id which); ///< 2 bytes, likewise

persistence::records::ClusterNode to_record(const node_entry& from);
std::optional<node_entry> from_record(const persistence::records::ClusterNode& from);

persistence::records::ShardPlacement to_record(shard_id which, const shard_entry& from);
struct placement {
  shard_id shard;
  shard_entry entry;
};
std::optional<placement> from_record(const persistence::records::ShardPlacement& from);

/// `last_node` is not in a map.
persistence::records::ClusterSettings settings_record(const cluster_map& from, std::uint64_t last_node);

void to_wire(const cluster_map& from, wire::Map& into);
std::optional<cluster_map> from_wire(const wire::Map& from);

/// Takes one row into `into`, and the settings' last_node. False: it cannot be read.
bool take_row(persistence::table_id table, std::string_view value, cluster_map& into, std::uint64_t& last_node);

/// Whether a cluster may have so many shards.
bool good_shards(std::uint32_t shards);

} // namespace member_records

} // namespace godwit::cluster
