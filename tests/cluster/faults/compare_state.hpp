#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace godwit::cluster_faults {

/// What a comparison found.
struct state_comparison {
  std::vector<std::string> differences; ///< the first ones, one line each; empty: all is equal
  std::uint64_t shards = 0;             ///< with anything in them
  std::uint64_t rows = 0;               ///< compared, on each node
  std::uint64_t entries = 0;            ///< of logs that were applied for it, on all nodes together
};

/// Opens the storage folders of stopped nodes of one cluster and compares the rows of every shard, the cluster's own
/// among them, at one index: the furthest that any node's rows have reached. Nodes whose rows are behind get the
/// entries up to there from their own log, or from another one's. Where two logs hold an entry of that range, it has to
/// be the same. Nothing in the folders is changed but what opening one changes. Throws std::runtime_error when a folder
/// cannot be read.
state_comparison compare_states(std::span<const std::filesystem::path> folders);

} // namespace godwit::cluster_faults
