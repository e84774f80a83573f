#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/member/cluster_map.hpp"
#include "persistence/state/row_key.hpp"

namespace godwit::cluster::wire {
class Announce;
class Announced;
class NextNodeId;
class NodeId;
} // namespace godwit::cluster::wire

namespace godwit::cluster {

/// Why a node is not let in. Crosses between nodes: never renumber.
enum class refusal_kind : std::uint8_t {
  malformed = 1,    ///< what it says of itself breaks a bound
  foreign = 2,      ///< it is of another cluster
  other_shards = 3, ///< its folder was made for another number of shards
  removed = 4,      ///< its number was taken out of the cluster
  replaced = 5,     ///< another process with its number began later
  wire_version = 6, ///< it, or another node, is too old
  too_many_nodes = 7,
  another_folder = 8, ///< its number belongs to a node with another data folder
};

/// The rules about a cluster's nodes, over the rows of the cluster's own shard. Knows neither clock nor I/O.
///
/// A node becomes a member by its first announcement; the very first one makes the settings. Of two processes with the
/// same number the one that began later counts. A node that was lost is removed in the moment in which the one that was
/// invited in its place announces itself; one that shows before that it lives, by a new start or by having heard of the
/// invitation, is not. Whenever the set of nodes changes, shards are placed anew.
class members_logic {
public:
  struct row_put {
    persistence::table_id table;
    std::string sub_key;
    std::string value;
  };
  struct outcome {
    std::string body;          ///< of the answer
    std::vector<row_put> rows; ///< what has to be committed before it leaves
  };

  /// Before the first command, each row. False: it cannot be read, and nothing can be decided.
  bool load(persistence::table_id table, std::string_view value);

  /// Body of a command: wire::MembersCommand. Nothing: it is none.
  std::optional<outcome> handle(std::string_view command);

  [[nodiscard]] const cluster_map& map() const { return map_; }

private:
  struct refusal {
    refusal_kind kind{};
    std::string text;
  };

  void announce(const wire::Announce& what, wire::Announced& answer, outcome& out);
  void next_node_id(const wire::NextNodeId& what, wire::NodeId& answer, outcome& out);
  [[nodiscard]] std::optional<refusal> refuse(const wire::Announce& what, const std::optional<node_entry>& who) const;
  [[nodiscard]] std::optional<refusal> refuse_process(const node_entry& who) const;
  [[nodiscard]] std::optional<refusal> refuse_version(const node_entry& who) const;
  /// `known_version`: of the newest map that the node has heard of.
  void put_node(node_entry who, std::uint64_t known_version, outcome& out);
  static void put_row(const node_entry& who, outcome& out);
  void place_again(outcome& out);
  void put_settings(outcome& out) const;

  cluster_map map_;
  std::uint64_t last_node_ = 0;
};

} // namespace godwit::cluster
