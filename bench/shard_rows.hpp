#pragma once

#include <cstddef>
#include <filesystem>

#include "persistence/base/types.hpp"

namespace godwit::bench {

/// Puts rows that nobody asks for into a shard of a stopped node, of an account that nobody has, and takes the log
/// before them away: whoever lacks the rows needs a snapshot. The same rows for the same arguments, so that a cluster
/// whose nodes are all treated alike is whole. `storage`: the folder of that name in a data folder. Throws
/// std::runtime_error.
void add_rows(const std::filesystem::path& storage, persistence::shard_id shard, std::size_t bytes,
              std::size_t row_bytes);

} // namespace godwit::bench
