#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "cluster/base/entity.hpp"
#include "cluster/base/probe.hpp"

namespace godwit::cluster {

/// What the shards of one loop do. Written on that loop, read from any thread.
struct shard_counters {
  static constexpr std::size_t kinds = 16;

  probe::counter requests;       ///< that arrived
  probe::counter replies;        ///< sent by entities, errors included
  probe::counter unavailable;    ///< answers of that status, whatever the reason
  probe::counter timed_out;      ///< of these: took longer than limits::request_timeout_ms
  probe::counter refused;        ///< of these: a bound was reached
  probe::gauge requests_open;    ///< arrived and not answered
  probe::gauge requests_waiting; ///< of these: no leader yet, or no room for proposals

  probe::counter proposals;          ///< handed to replicas
  probe::counter applied;            ///< of these
  probe::counter lost;               ///< refused, lost or of unknown end
  probe::gauge proposals_open;       ///< handed over and not ended
  probe::gauge proposals_kept_bytes; ///< that wait for room in the replica

  std::array<probe::gauge, kinds> entities; ///< running, by entity_kind
  probe::counter entities_started;
  probe::counter entities_rested; ///< ended for idleness
  probe::counter entities_failed; ///< ended by themselves

  probe::gauge shards_ready; ///< led by this node, in a term that entities may load in
  probe::counter terms;      ///< begun

  [[nodiscard]] probe::gauge& entities_of(entity_kind kind) { return entities[static_cast<std::size_t>(kind) % kinds]; }
};

} // namespace godwit::cluster
