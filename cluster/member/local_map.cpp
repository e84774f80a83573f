#include "cluster/member/local_map.hpp"

#include <limits>
#include <string_view>
#include <utility>

#include "cluster/member/member_records.hpp"
#include "persistence/state/state_store.hpp"

namespace godwit::cluster {

using namespace member_records;
using persistence::persistence_errc;

persistence::storage_result<cluster_map> read_local_map(persistence::state_store& store) {
  auto rows = store.snapshot();
  if (!rows) {
    return unexpected(rows.error());
  }
  cluster_map out;
  std::uint64_t last_node = 0;
  for (const persistence::table_id table : {settings_table, node_table, placement_table}) {
    persistence::row_range range;
    range.from = persistence::row_key(table, members_ref.id);
    range.to = persistence::prefix_end(range.from);
    range.rows_max = std::numeric_limits<std::uint32_t>::max();
    range.bytes_max = std::numeric_limits<std::size_t>::max();
    bool readable = true;
    const auto scanned = (*rows)->scan(meta_shard, range, [&](std::string_view, std::string_view value) {
      readable = readable && take_row(table, value, out, last_node);
      return readable;
    });
    if (!scanned) {
      return unexpected(scanned.error());
    }
    if (!readable) {
      return persistence::fail(
        persistence_errc::corrupt,
        "a row about the cluster's nodes cannot be read: a newer version of the program wrote it");
    }
  }
  return out;
}

} // namespace godwit::cluster
