#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>

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
  probe::counter passed_on;      ///< another node leads: back to the router, or to the node that asked
  probe::counter barriers;       ///< proposed for answers that no lease covered
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

  // Lanes: deliveries to other shards, and from them.
  probe::gauge lane_depth;       ///< applied here and not acknowledged
  probe::gauge lane_oldest;      ///< age of the oldest of these, in seconds; a tick old
  probe::counter lane_sent;      ///< repeated ones each time
  probe::counter lane_acked;     ///< acknowledged
  probe::counter lane_resumes;   ///< fresh starts, after a change of leader or a loss on the way
  probe::counter lane_accepted;  ///< taken by their entities
  probe::counter lane_retries;   ///< given to their entity again
  probe::counter lane_put_aside; ///< which no entity could take
  probe::gauge lane_waiting;     ///< arrived and not taken

  /// The loop's own: age of the oldest delivery by shard.
  std::map<std::uint16_t, std::int64_t> lane_oldest_of;

  [[nodiscard]] probe::gauge& entities_of(entity_kind kind) { return entities[static_cast<std::size_t>(kind) % kinds]; }
};

} // namespace godwit::cluster
