#pragma once

#include <cstdint>

#include "protocol/strong_id.hpp"

namespace godwit::persistence {

/// A slice of the key space with its own replicated log. Shards are numbered from 0.
using shard_id = strong_id<struct shard_id_tag, std::uint16_t>;

/// One process of the cluster. 0 is no node.
using node_id = strong_id<struct node_id_tag, std::uint64_t>;

inline constexpr node_id no_node{0};

/// Raft's election period. 0 is before the first one.
using term_t = std::uint64_t;

/// A position in a shard's log. The first entry has index 1; 0 is before it.
using index_t = std::uint64_t;

/// Milliseconds of a monotonic clock. Only differences mean anything.
using monotonic_ms = std::uint64_t;

/// Names one write to the log store. Counts up per shard while the process lives and is never reused,
/// which (index, term) is not: the same pair can be written, replaced and written again.
using write_generation = std::uint64_t;

} // namespace godwit::persistence
